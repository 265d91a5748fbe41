#!/bin/sh
# SPDX-License-Identifier: MIT
#
# hunt.sh FOLDER SEED: each program in the folder has a bug that was planted
# (mutants.sh), and must find it.
set -u
sh "${0%/*}/mutants.sh" | {
  missed=0
  hunted=0
  while read -r name _ only; do
    "$1/$name" --hunt="$name" --only="$only" --seed="$2" ||
      missed=$((missed + 1))
    hunted=$((hunted + 1))
  done
  echo "planted bugs: $((hunted - missed)) of $hunted found; SEED=$2"
  [ "$missed" -eq 0 ] && [ "$hunted" -gt 0 ]
}
