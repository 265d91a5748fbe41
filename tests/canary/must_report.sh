#!/bin/sh
# SPDX-License-Identifier: MIT
#
# must_report.sh PATTERN COMMAND...: runs the command and succeeds if it fails
# and prints what the extended regular expression matches. A tool that reports
# but lets the command succeed would report in vain.
set -u
pattern=$1
shift

output=$("$@" 2>&1 </dev/null)
status=$?

if [ "$status" -eq 0 ]; then
  problem="the command succeeded"
elif ! printf '%s\n' "$output" | grep -Eq -e "$pattern"; then
  problem="nothing was printed that matches $pattern (status $status)"
else
  exit 0
fi
printf '%s\nThe bug was not reported: %s.\n' "$output" "$problem"
exit 1
