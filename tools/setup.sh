#!/bin/sh
# SPDX-License-Identifier: MIT
#
# setup.sh [test|bench|fuzz|lint|clang|aarch64]: sees to it that what is needed
# to build, or to build and test, measure, fuzz, lint, or test elsewhere, is
# there, for the Lua that $LUA names (5.1, 5.2, 5.3, 5.4 or luajit). On Debian
# and its relatives root gets what is missing installed; everybody else is told
# what it is.
set -u

version=${LUA:-5.4}
case $version in
  luajit) lua=luajit title=LuaJIT headers=libluajit-5.1-dev ;;
  5.1) lua=lua5.1 title="Lua 5.1" headers=liblua5.1-0-dev ;;
  5.[2-4]) lua=lua$version title="Lua $version" headers=liblua$version-dev ;;
  *)
    echo "LUA: 5.1, 5.2, 5.3, 5.4 or luajit expected, got '$version'." >&2
    exit 1
    ;;
esac
missing=
packages=

# need WHAT PACKAGE COMMAND...: the command succeeds if it is there.
need() {
  what=$1
  package=$2
  shift 2
  if ! "$@" >/dev/null 2>&1; then
    missing="$missing  $what
"
    packages="$packages $package"
  fi
}

c_headers() { echo '#include <stdlib.h>' | cc -E -; }

# Clang may be there without the runtime of its sanitizers.
libfuzzer() {
  program=$(mktemp) || return 1
  echo 'int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void)
    { return 0; }' | clang -fsanitize=fuzzer,address -x c -o "$program" -
  status=$?
  rm -f "$program"
  return $status
}

# Distributors disagree on the name.
lua_headers() {
  minor=${version#5.}
  for name in "$lua" "lua-$version" "lua5$minor" \
    "lua >= $version lua < 5.$((${minor%luajit} + 1))"; do
    pkg-config --exists "$name" && return
  done
  return 1
}

# Beside those of Lua, on Debian; those of LuaJIT lie elsewhere.
compat_headers() {
  includes=$(pkg-config --cflags-only-I "$lua") || return
  for folder in $includes -I/usr/include/lua5.1; do
    [ -e "${folder#-I}/compat-5.3.h" ] && return
  done
  return 1
}

# need_module NAME PACKAGE: a module of Lua.
need_module() {
  need "$1 for $title" "$2" "$lua" -e "require '$1'"
}

check() {
  missing=
  packages=
  need "a C compiler (cc)" gcc command -v cc
  need "the headers of the C library" libc6-dev c_headers
  need "make" make command -v make
  need "CMake" cmake command -v cmake
  need "pkg-config" pkg-config command -v pkg-config
  need "$title ($lua)" "$lua" command -v "$lua"
  need "the headers of $title" "$headers" lua_headers
  case $version in
    5.1 | 5.2 | luajit)
      need "lua-compat-5.3, with its headers" lua-compat53-dev compat_headers
      ;;
  esac
  need "Concurrency Kit, with its headers" libck-dev pkg-config --exists ck
  if [ "${1-}" = test ]; then
    need "Ninja" ninja-build command -v ninja
    need "busted" lua-busted command -v busted
    need "luacheck" lua-check command -v luacheck
    need "luarocks" luarocks command -v luarocks
    # Each build is loaded into each of them: tests/luas.sh.
    for other in lua5.1 lua5.2 lua5.3 lua5.4 luajit; do
      need "$other" "$other" command -v "$other"
    done
    need_module socket lua-socket
    need_module cqueues lua-cqueues
    need_module luv lua-luv
    need_module cjson lua-cjson
    need "Spin" spin command -v spin
    need "strace" strace command -v strace
    need "valgrind" valgrind command -v valgrind
  fi
  if [ "${1-}" = lint ]; then
    need "clang-format" clang-format command -v clang-format
    need "clang-tidy" clang-tidy command -v clang-tidy
    need "cppcheck" cppcheck command -v cppcheck
  fi
  if [ "${1-}" = clang ]; then
    need "Ninja" ninja-build command -v ninja
    need "Clang" clang command -v clang
  fi
  if [ "${1-}" = aarch64 ]; then
    need "Ninja" ninja-build command -v ninja
    need "a C compiler for aarch64" gcc-aarch64-linux-gnu \
      command -v aarch64-linux-gnu-gcc
    need "the C library for aarch64" libc6-dev-arm64-cross \
      test -e /usr/aarch64-linux-gnu/lib/libc.so
    need "QEMU's emulation of aarch64" qemu-user command -v qemu-aarch64
  fi
  if [ "${1-}" = bench ]; then
    need_module cjson lua-cjson
    need_module cqueues lua-cqueues
    need_module luv lua-luv
    need "gnuplot" gnuplot-nox command -v gnuplot
  fi
  if [ "${1-}" = fuzz ]; then
    need "clang" clang command -v clang
    need "libFuzzer and AddressSanitizer for clang" libclang-rt-dev libfuzzer
  fi
  [ -z "$missing" ]
}

install() {
  export DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes
  echo "Installing:$packages"
  apt-get update -qq </dev/null >/dev/null &&
    apt-get install -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 \
      $packages </dev/null >/dev/null
}

check "$@" && exit 0

if [ -e /etc/debian_version ] && command -v apt-get >/dev/null; then
  if [ "$(id -u)" -eq 0 ]; then
    install && check "$@" && exit 0
  fi
  advice="
Install it with

  sudo apt-get install --no-install-recommends$packages"
fi

printf 'Missing:\n%s%s\n' "$missing" "${advice-}" >&2
exit 1
