#!/bin/sh
# SPDX-License-Identifier: MIT
#
# house.sh MODULE COMPILER OPTIONS...: the rules of the house that a program
# can check. Run from the source directory; MODULE is the finished core.so, and
# the options let the compiler find the headers of Lua.
set -u
module=$1
shift
compiler="$* -std=gnu11 -D_GNU_SOURCE -Iruntime -Ichannels"
broken=0

# rule SENTENCE COMMAND...: what the command prints are offences against it.
rule() {
  sentence=$1
  shift
  offences=$("$@")
  if [ -n "$offences" ]; then
    printf 'Broken: %s\n%s\n' "$sentence" "$offences"
    broken=$((broken + 1))
  fi
}

# Those of the files that include the headers of Lua, however indirectly: the
# compiler prints a rule for each, with all it includes.
including_lua() {
  $compiler -M "$@" | sed -e ':more' -e '/\\$/N; s/\\\n//; t more' |
    awk '/\/(lua|lauxlib|lualib)\.h( |$)/ { print $2 }'
}

binding_without_lua() {
  set -- runtime/lua_*.c channels/lua_*.c core/lua_*.c
  printf '%s\n' "$@" | grep -vxF "$(including_lua "$@")"
}

engine_with_lua() {
  set --
  for file in runtime/*.[ch] channels/*.[ch] core/*.[ch]; do
    case ${file##*/} in lua_*) ;; *) set -- "$@" "$file" ;; esac
  done
  including_lua "$@"
}

binding_with_atomics() {
  grep -nEw 'ck_[a-z0-9_]+' runtime/lua_* channels/lua_* core/lua_*
}

atomics_of_our_own() {
  grep -nEw '__(atomic|sync)_[a-z0-9_]+|(__)?asm(__)?|_Atomic|stdatomic\.h' \
    runtime/* channels/* core/*
}

not_alone() {
  $compiler -Wall -Wextra -Werror -fsyntax-only -x c \
    runtime/*.h channels/*.h 2>&1
}

# In the first line, or in the second after that of a script's interpreter.
without_licence() {
  find . -path './build*' -prune -o -path './.git' -prune -o -type f \
    \( -name '*.[ch]' -o -name '*.lua' -o -name '*.sh' \) -print |
    while read -r file; do
      head -n 2 "$file" | grep -Eq 'SPDX-License-Identifier: MIT( \*/)?$' ||
        echo "$file"
    done
}

other_exports() {
  nm -D --defined-only "$module" | awk '{ print $NF }' |
    grep -vx luaopen_llthreads2_core
}

no_export() {
  nm -D --defined-only "$module" | grep -qw luaopen_llthreads2_core ||
    echo "$module"
}

wrong_links() {
  readelf -d "$module" | grep -E 'NEEDED.*liblua'
  readelf -d "$module" | grep -q 'NODELETE' || echo "can be unloaded"
}

rule "each file named lua_*.c includes lua.h" binding_without_lua
rule "no other file includes lua.h" engine_with_lua
rule "no file named lua_* calls ck_*" binding_with_atomics
rule "all atomics are those of Concurrency Kit" atomics_of_our_own
rule "each header can be included alone" not_alone
rule "each source file names its licence" without_licence
rule "the module exports nothing but luaopen_llthreads2_core" other_exports
rule "the module exports luaopen_llthreads2_core" no_export
rule "the module stays loaded and brings no Lua" wrong_links
[ "$broken" -eq 0 ]
