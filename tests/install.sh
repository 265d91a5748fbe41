#!/bin/sh
# SPDX-License-Identifier: MIT
#
# install.sh BUILD LUADIR CDIR LUA: what is installed is complete, is all that
# is written, and works from there; installing it takes no network. The folders
# are those below /prefix.
set -eu
build=$1
luadir=$2
cdir=$3
lua=$4
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

DESTDIR="$stage" sh tests/offline.sh \
  cmake --install "$build" --prefix /prefix >/dev/null

expected() {
  echo "$cdir/llthreads2/core.so"
  (cd lua && find . -name '*.lua') | sed "s|^\.|$luadir|"
}
found=$(cd "$stage" && find . ! -type d | sed 's|^\.||' | sort)
if [ "$found" != "$(expected | sort)" ]; then
  printf 'Installed:\n%s\nExpected:\n%s\n' "$found" "$(expected | sort)"
  exit 1
fi

cd "$stage"
answer=$(LUA_PATH="$stage$luadir/?.lua" LUA_CPATH="$stage$cdir/?.so" "$lua" -e '
  local code = "return require(\"llthreads2.ex\") and 6 * 7"
  print(require("llthreads").new(code):start():join())')
[ "$answer" = "true	42" ] || {
  echo "The installed library answers: $answer"
  exit 1
}
