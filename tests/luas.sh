#!/bin/sh
# SPDX-License-Identifier: MIT
#
# luas.sh BUILD VERSION LUA: the module that was built for Lua VERSION works in
# each Lua of that version, of which LUA is one, and tells each other one that
# is installed what is wrong. The builds for all Luas together try all pairs.
set -u
build=$1
version=$2
broken=0

for lua in "$3" lua5.1 luajit lua5.2 lua5.3 lua5.4 lua5.5; do
  command -v "$lua" >/dev/null || continue
  if ! answer=$(LUA_PATH="lua/?.lua" LUA_CPATH="$build/?.so" \
    "$lua" tests/luas.lua "$version" 2>&1); then
    printf '%s, with the module for Lua %s:\n%s\n' "$lua" "$version" "$answer"
    broken=$((broken + 1))
  fi
done
[ "$broken" -eq 0 ]
