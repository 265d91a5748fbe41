#!/bin/sh
# SPDX-License-Identifier: MIT
#
# mutate.sh FROM TO FILE EXPRESSION: copies the codec to the directory TO and
# changes a line of one file. A canary that is no bug any more would be no
# canary, so exactly one line must have changed.
set -eu
mkdir -p "$2"
cp "$1"/lua_codec*.[ch] "$2"
sed "$4" "$1/$3" >"$2/$3"
changed=$(diff "$1/$3" "$2/$3" | grep -c '^>') || true
if [ "$changed" -ne 1 ]; then
  echo "canary: '$4' changes $changed lines of $3" >&2
  rm -r "$2"
  exit 1
fi
