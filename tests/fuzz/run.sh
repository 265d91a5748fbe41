#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh BUILD SECONDS SEED: fuzzes for so many seconds, both programs at the
# same time, with copies of the corpus in BUILD/tests/fuzz/. The seed goes with
# the build: it repeats a run as far as the clock lets it.
#
# KEEP=1 in the environment puts what has been learnt into the corpus: as few and
# as small inputs as reach all that is reached. What has a name there stays.
set -u
programs=$1/tests/fuzz
seconds=$2
seed=$3
corpus=$(dirname "$0")/corpus
dictionary=$(dirname "$0")/bytes.dict
failed=0

options_of() {
  case $1 in
  graphs) echo "-max_len=256" ;;
  bytes) echo "-max_len=512 -dict=$dictionary" ;;
  esac
}

# Leaks are seen by the programs themselves, and at their end.
fuzz() {
  work=$programs/work/$1
  mkdir -p "$work" "$programs/findings"
  cp "$corpus/$1"/* "$work"
  "$programs/fuzz_$1" -seed="$seed" -max_total_time="$seconds" \
    -len_control=10 -timeout=20 -rss_limit_mb=1024 -detect_leaks=0 \
    -print_final_stats=1 -artifact_prefix="$programs/findings/$1-" \
    $(options_of "$1") "$work" >"$programs/$1.log" 2>&1
}

stat_of() {
  sed -n "s/^stat::$2: *//p" "$programs/$1.log"
}

# The last line that libFuzzer has written about what it has reached.
coverage_of() {
  sed -n 's/.* cov: \([0-9]*\) ft: \([0-9]*\) corp: \([0-9]*\).*/\1 edges, \2 features, \3 inputs/p' \
    "$programs/$1.log" | tail -n 1
}

report() {
  if [ "$2" -eq 0 ]; then
    printf '%s: %s executions, %s per second; %s\n' "$1" \
      "$(stat_of "$1" number_of_executed_units)" \
      "$(stat_of "$1" average_exec_per_sec)" "$(coverage_of "$1")"
    return
  fi
  failed=1
  grep -v '^#[0-9]' "$programs/$1.log" | tail -n 60
  input=$(sed -n 's/.*Test unit written to //p' "$programs/$1.log" | tail -n 1)
  printf '%s: FAILED (status %s). Replay it with\n\n  %s %s\n\n' "$1" "$2" \
    "$programs/fuzz_$1" "$input"
  printf 'or in a build for GCC with fuzz_%s_corpus.\n' "$1"
}

keep() {
  rm -rf "$programs/few"
  mkdir -p "$programs/few"
  "$programs/fuzz_$1" -merge=1 -use_counters=0 -detect_leaks=0 \
    $(options_of "$1") "$programs/few" "$programs/work/$1" \
    >"$programs/merge.log" 2>&1 || exit 1
  find "$corpus/$1" -type f -name '????????????????????????????????????????' \
    -exec rm {} +
  cp -n "$programs/few"/* "$corpus/$1"
}

rm -rf "$programs/work"
fuzz graphs &
graphs=$!
fuzz bytes
bytes_status=$?
wait "$graphs"
graphs_status=$?

report graphs "$graphs_status"
report bytes "$bytes_status"
if [ "$failed" -eq 0 ] && [ -n "${KEEP:-}" ]; then
  keep graphs
  keep bytes
fi
echo "fuzz: SEED=$seed"
exit "$failed"
