#!/bin/sh
# SPDX-License-Identifier: MIT
#
# mutate.sh FILE MUTANT EXPRESSION: a copy of the file in which the expression
# for sed has changed a line. What is no bug any more would be no canary, so
# exactly one line must have changed.
set -eu
mkdir -p "$(dirname "$2")"
sed "$3" "$1" >"$2"
changed=$(diff "$1" "$2" | grep -c '^>') || true
if [ "$changed" -ne 1 ]; then
  echo "canary: '$3' changes $changed lines of $1" >&2
  rm "$2"
  exit 1
fi
