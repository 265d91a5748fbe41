#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh FOLDER LUA...: builds for each of the Luas, below the folder, with a
# counter for each line; runs the tests that meet the library; and reports what
# they have not reached. Fails if there is a line that unreached.txt does not
# know, or if a test has failed. The first Lua is 5.4.
#
# The preset's -D_exit=exit is for children that are forked: they write what
# they have counted when they leave by exit().
set -u

folder=$1
shift
root=$PWD
failed=
# Some tests run programs as other users, whose counts count, too.
umask 0

# What lies beside the library, tests the tests, or measures time, memory or
# system calls, which are others here.
others='^tests/(costs|house|install|rocks)$|^spec/(bench.*|costs|harness|types)$'
others="$others|^oom/canary_"

for lua; do
  cmake --preset coverage -B "$folder/$lua" -D LUA="$lua" >/dev/null &&
    cmake --build "$folder/$lua" -j "$JOBS" || exit 1
done
find "$folder" \( -name '*.gcda' -o -name notes \) -exec rm -f {} +
LUA_PATH="$root/?.lua;;" \
lua5.4 tests/coverage/instrument.lua "$folder/modules" "$root/$folder/notes" ||
  exit 1

for lua; do
  interpreter=lua$lua
  [ "$lua" = luajit ] && interpreter=luajit
  # What is labelled depends little on the Lua, and runs with the first. Threads
  # share the counters, and are so slow that a patient test may lose patience.
  ctest --test-dir "$folder/$lua" -j "$JOBS" --repeat until-pass:2 \
    -R '^(tests|spec|fuzz|hostile|oom)/' -E "$others" -LE slow --output-on-failure ||
    failed=yes
  # Again, with the modules that note their lines.
  LUA_PATH="$root/$folder/modules/?.lua;$root/?.lua;;" \
  LUA_CPATH="$root/$folder/$lua/?.so;;" \
  "$interpreter" "$(command -v busted)" --helper=spec/support/harness.lua \
    -o plainTerminal spec/channel_spec.lua spec/ex_spec.lua \
    spec/ex_errors_spec.lua spec/facade_spec.lua spec/hostile_objects_spec.lua ||
    failed=yes
done

# Of what a process does once, each allocation fails: the tests above leave some
# out.
LUA_PATH="$root/lua/?.lua;;" LUA_CPATH="$root/$folder/5.4/?.so;;"
export LUA_PATH LUA_CPATH
set -- tests/oom/run.lua --only 'in the process$'
"$folder/5.4/tests/oom/oom_linked" "$@" || failed=yes
LD_PRELOAD="$root/$folder/5.4/faults.so" lua5.4 "$@" || failed=yes

LUA_PATH="$root/?.lua;;" \
lua5.4 tests/coverage/report.lua "$folder" || failed=yes
[ -z "$failed" ]
