#!/bin/sh
# SPDX-License-Identifier: MIT
#
# canary.sh PROGRAM DIRECTORY [CORPUS]: lets a program fuzz until it finds its
# bug, beginning with nothing, or with a corpus.
set -eu
program=$1
directory=$2
shift 2
rm -rf "$directory/corpus"
mkdir -p "$directory/corpus"
export ASAN_OPTIONS=symbolize=0
exec "$program" -seed=1 -max_total_time=100 -max_len=256 -len_control=10 \
  -detect_leaks=0 -artifact_prefix="$directory/" "$directory/corpus" "$@"
