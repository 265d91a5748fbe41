#!/bin/sh
# SPDX-License-Identifier: MIT
#
# rocks.sh VERSION LUA SETTING...: what luarocks makes of the rockspec for Lua
# VERSION works in LUA, from a tree of its own, and takes no network to make.
# The settings are for luarocks.
set -eu
version=$1
lua=$2
shift 2

if ! command -v luarocks >/dev/null; then
  echo "luarocks is missing."
  exit 77
fi

offline=$PWD/tests/offline.sh
number() { sed -n "s/^#define VERSION_$1 //p" runtime/version.h; }
release=$(number MAJOR).$(number MINOR).$(number PATCH)

# What luarocks builds, it builds beside the rockspec.
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir "$stage/source" "$stage/home"
cp -R ./*.rockspec CMakeLists.txt cmake runtime channels core lua docs \
  examples "$stage/source"
cd "$stage/source"

# No settings of somebody's own, and no servers.
unset LUA_PATH LUA_CPATH
export HOME="$stage/home" LUAROCKS_CONFIG="$stage/config.lua"
echo 'rocks_servers = {}' >"$LUAROCKS_CONFIG"
if command -v ninja >/dev/null; then
  echo 'cmake_generator = "Ninja"' >>"$LUAROCKS_CONFIG"
fi
CMAKE_BUILD_PARALLEL_LEVEL=$(nproc)
export CMAKE_BUILD_PARALLEL_LEVEL

# What it prints is shown if it fails.
quietly() {
  "$@" >"$stage/log" 2>&1 || {
    cat "$stage/log"
    exit 1
  }
}

for rockspec in *.rockspec; do quietly luarocks lint "$rockspec"; done

# As docs/packaging.md has it.
quietly luarocks new_version llthreads2-mailbox-scm-1.rockspec "$release" \
  --tag "v$release" --dir "$stage"
quietly luarocks lint "$stage/llthreads2-mailbox-$release-1.rockspec"

quietly sh "$offline" luarocks make --lua-version "$version" \
  --tree "$stage/tree" llthreads2-mailbox-scm-1.rockspec "$@"

cd "$stage/home"
answer=$(LUA_PATH="$stage/tree/share/lua/$version/?.lua" \
  LUA_CPATH="$stage/tree/lib/lua/$version/?.so" "$lua" -e '
  local code = "return require(\"llthreads2.channel\").new and 6 * 7"
  assert(require("llthreads.ex") == require("llthreads2.ex"))
  print(require("llthreads").new(code):start():join())')
[ "$answer" = "true	42" ] || {
  echo "The installed library answers: $answer"
  exit 1
}
