#!/bin/sh
# SPDX-License-Identifier: MIT
#
# setup.sh [test|bench|fuzz|clang|aarch64]: sees to it that what is needed to
# build, or to build and test, measure, fuzz, or test elsewhere, is there. On
# Debian and its relatives root gets what is missing installed; everybody else
# is told what it is.
set -u

lua=${LUA:-lua5.4}
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

lua_headers() {
  for name in lua5.4 lua-5.4 lua54 'lua >= 5.4 lua < 5.5'; do
    pkg-config --exists "$name" && return
  done
  return 1
}

check() {
  missing=
  packages=
  need "a C compiler (cc)" gcc command -v cc
  need "the headers of the C library" libc6-dev c_headers
  need "make" make command -v make
  need "CMake" cmake command -v cmake
  need "pkg-config" pkg-config command -v pkg-config
  need "Lua 5.4 ($lua)" lua5.4 command -v "$lua"
  need "the headers of Lua 5.4" liblua5.4-dev lua_headers
  need "Concurrency Kit, with its headers" libck-dev pkg-config --exists ck
  if [ "${1-}" = test ]; then
    need "Ninja" ninja-build command -v ninja
    need "busted" lua-busted command -v busted
    need "luacheck" lua-check command -v luacheck
    need "LuaSocket for Lua 5.4" lua-socket "$lua" -e 'require "socket"'
    need "cqueues for Lua 5.4" lua-cqueues "$lua" -e 'require "cqueues"'
    need "luv for Lua 5.4" lua-luv "$lua" -e 'require "luv"'
    need "Spin" spin command -v spin
    need "strace" strace command -v strace
    need "valgrind" valgrind command -v valgrind
    need "lua-cjson for Lua 5.4" lua-cjson "$lua" -e 'require "cjson"'
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
    need "lua-cjson for Lua 5.4" lua-cjson "$lua" -e 'require "cjson"'
    need "cqueues for Lua 5.4" lua-cqueues "$lua" -e 'require "cqueues"'
    need "luv for Lua 5.4" lua-luv "$lua" -e 'require "luv"'
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
