#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh FOLDER LUA...: builds for each of the Luas with counters for each line,
# below the folder, runs the tests that meet the library, and reports which
# lines none of them has reached. Fails if there is one that unreached.txt does
# not know, or if a test has failed.
set -u

folder=$1
shift
jobs=${JOBS:-$(nproc)}
root=$PWD
# Some tests run programs as other users, and their counts count.
umask 0
# Neither models nor the builds of others, and what is measured in time, memory
# or system calls is not the same here. The explorer and the planted bugs are
# programs of other sources.
tests='^(tests|spec|fuzz|oom)/'
others='^tests/(costs|house|install|luas|rocks)$|^spec/(bench|costs|types)$|canary'

for lua in "$@"; do
  build=$folder/$lua
  cmake --preset coverage -B "$build" -D LUA="$lua" >/dev/null &&
    cmake --build "$build" -j "$jobs" --target coverage || exit 1
done
find "$folder" -name '*.gcda' -exec rm -f {} +

# The modules of Lua are measured once, with the Lua that takes its path from
# here and not from the tests.
COVERAGE_NOTES=$root/$folder/notes
LUA_PATH_5_4="$root/$folder/modules/?.lua;$root/lua/?.lua;$root/?.lua;;"
export COVERAGE_NOTES LUA_PATH_5_4
rm -f "$COVERAGE_NOTES"
lua5.4 tests/coverage/instrument.lua "$folder/modules" || exit 1

failed=
# What takes long and depends little on the Lua runs with the first.
slow=
for lua in "$@"; do
  ctest --test-dir "$folder/$lua" -j $((jobs + 1)) -R "$tests" -E "$others" \
    ${slow:+-LE slow} --output-on-failure || failed=yes
  slow=no
done

unset LUA_PATH_5_4
lua5.4 tests/coverage/report.lua "$folder" || failed=yes
[ -z "$failed" ]
