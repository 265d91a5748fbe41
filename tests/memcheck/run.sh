#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh BUILD [TEST...]: tests under valgrind's memcheck, which alone of our
# tools sees the use of values that were never written, and needs no build of
# its own. A test is tests/NAME or spec/NAME; without any, all of them. Run from
# the source directory. Each gets LIMIT seconds (1800).
#
# There are no suppressions. Memory that is "possibly lost" or "still
# reachable" is none of our business: threads that run when a process ends, and
# what is kept for the next message, are that on purpose.
set -u
build=$1
shift
lua=lua5.4
limit=${LIMIT:-1800}
logs=$build/memcheck
mkdir -p "$logs"

# Everything is fifty times slower, and what waits must know.
export CHECK_PATIENCE=600 LLTHREADS2_PATIENCE=300
export LUA_PATH="$PWD/lua/?.lua;$PWD/?.lua;;" LUA_CPATH="$build/?.so;;"

# What cannot be done in here, and why.
excluded() {
  case $1 in
  spec/costs | spec/bench) echo "measures, and starts valgrind itself" ;;
  spec/channel_memory | spec/state | spec/scale)
    echo "limits the memory of a process, of which valgrind needs much" ;;
  *) return 1 ;;
  esac
}

# One thread at a time runs, in turn: without that a thread that waits awake
# keeps the one it waits for from running.
check() {
  timeout "$limit" valgrind -q --leak-check=full --keep-debuginfo=yes \
    --fair-sched=yes --show-leak-kinds=definite \
    --errors-for-leak-kinds=definite --error-exitcode=99 "$@" </dev/null
}

run() {
  case $1 in
  tests/*) check "$build/tests/test_${1#tests/}" ;;
  spec/*) check "$lua" "$(command -v busted)" \
    --helper=spec/support/harness.lua -o plainTerminal "$1_spec.lua" ;;
  esac
}

if [ $# -eq 0 ]; then
  for file in "$build"/tests/test_*; do set -- "$@" "tests/${file##*/test_}"; done
  for file in spec/*_spec.lua; do set -- "$@" "${file%_spec.lua}"; done
fi

good=0
bad=0
left_out=0
start=$(date +%s)
for test; do
  if why=$(excluded "$test"); then
    echo "$test: left out: $why"
    left_out=$((left_out + 1))
    continue
  fi
  log=$logs/$(echo "$test" | tr / _).log
  before=$(date +%s)
  run "$test" >"$log" 2>&1
  status=$?
  if [ "$status" -eq 0 ]; then
    good=$((good + 1))
    echo "$test: clean, $(($(date +%s) - before)) s"
  else
    bad=$((bad + 1))
    echo "$test: FAILED (status $status), $(($(date +%s) - before)) s; $log"
    grep -E '^==[0-9]+== ' "$log" | head -n 30
  fi
done
echo "$good clean, $bad FAILED, $left_out left out," \
  "$(($(date +%s) - start)) s"
[ "$bad" -eq 0 ] && [ "$good" -gt 0 ]
