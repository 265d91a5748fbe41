#!/bin/sh
# SPDX-License-Identifier: MIT
#
# lint.sh BUILD: all C as clang-format, clang-tidy and cppcheck see it. Run from
# the source directory; BUILD/compile_commands.json says how files are compiled.
# What is not answered in lint.answers is printed, one line each, and is an
# error.
set -u
build=$1
folders="runtime channels core tests bench"
at_once=$(nproc)

formatted() {
  find $folders -name '*.[ch]' -exec clang-format --dry-run {} + 2>&1
}

tidy() {
  find $folders -name '*.c' | sort |
    xargs -P "$at_once" -n 4 clang-tidy -quiet -p "$build" 2>/dev/null
}

# Without the headers of Lua, which nothing here depends on, but with macros that
# look like statements.
check() {
  cppcheck -q -j "$at_once" --std=c11 --library=posix \
    --enable=warning,performance,portability,style \
    -D_GNU_SOURCE -DLUA_VERSION_NUM=504 \
    --include="$(pkg-config --variable=includedir ck)/ck_queue.h" \
    -Iruntime -Ichannels -Itests -Itests/schedules -Ibench \
    --template='{file}:{line}:{column}: warning: {message} [{id}]' $folders 2>&1
}

# A finding begins with its place and ends with its check; what else these tools
# print explains it, or counts. Headers are met more than once.
unanswered() {
  sed "s,^$PWD/,," | sort -u | awk '
    NR == FNR {
      if ($0 !~ /^(#|$)/)
        answers[++count] = $0
      next
    }
    !/^[^ ]+:[0-9]+:[0-9]+: (warning|error): / { next }
    {
      check = $NF
      gsub(/^\[|(,[^\]]*)?\]$/, "", check)
      for (i = 1; i <= count; i++) {
        split(answers[i], answer, " ")
        if (answer[1] == check && index($0, answer[2]) == 1) {
          used[i] = 1
          next
        }
      }
      print
      bad = 1
    }
    END {
      for (i = 1; i <= count; i++)
        if (!used[i]) {
          print "tests/lint.answers: an answer to nothing: " answers[i]
          bad = 1
        }
      exit bad
    }' tests/lint.answers -
}

for tool in clang-format clang-tidy cppcheck; do
  command -v "$tool" >/dev/null || { echo "$tool is missing." >&2; exit 1; }
done
{ formatted; tidy; check; } | unanswered
