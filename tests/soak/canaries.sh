#!/bin/sh
# SPDX-License-Identifier: MIT
#
# canaries.sh COMMAND...: the soak must find what is wrong, or its silence means
# nothing. Each fault (tests/soak/calls.lua) is planted into a soak of its own,
# which the command runs, and must be reported for what it is.
set -u
missed=0

# must_find FAULT PATTERN [SETTING=VALUE...] -- COMMAND...
must_find() {
  fault=$1
  pattern=$2
  shift 2
  settings="SOAK_CANARY=$fault SOAK_SEED=1 SOAK_SECONDS=30 SOAK_SCALE=0.1"
  while [ "$1" != -- ]; do
    settings="$settings $1"
    shift
  done
  shift
  output=$(env $settings "$@" 2>&1 </dev/null)
  status=$?
  if [ "$status" -eq 0 ]; then
    problem="the soak passed"
  elif ! printf '%s\n' "$output" | grep -Eq "FAILED.*$pattern"; then
    problem="it was not reported as /$pattern/ (status $status)"
  else
    return
  fi
  printf '%s\nThe fault "%s" was missed: %s.\n' "$output" "$fault" "$problem"
  missed=$((missed + 1))
}

must_find lost "[0-9]+ lost on channel" -- "$@"
must_find doubled "doubled: message" -- "$@"
must_find reordered "out of order: message" -- "$@"
must_find changed "changed: message" -- "$@"
must_find mixed_up "changed: message" -- "$@"
must_find refused "refused, and received: message" -- "$@"
must_find unsent "[0-9]+ lost on channel" -- "$@"
must_find miscounted "more were cleared on channel" SOAK_SEED=15 -- "$@"

# What a round leaves behind, in small rounds.
left_behind() {
  fault=$1
  pattern="left behind: $2"
  shift 2
  must_find "$fault" "$pattern" SOAK_SETTLE=0.2 SOAK_SCALE=0.02 -- "$@"
}
left_behind thread "1 messages, 1 threads" "$@"
left_behind detached ".*1 threads of the system" "$@"
left_behind descriptor "1 descriptors" "$@"
left_behind handle "1 handles" "$@"
left_behind message "1 handles, .*1 messages" "$@"

must_find memory "KB more are (allocated|resident) than before" \
  SOAK_SECONDS=0 SOAK_ROUNDS=20 SOAK_SCALE=0.001 SOAK_READING=0 -- "$@"
must_find hang "no progress for 5 seconds: SEED=1 ROUND=[1-9]" \
  SOAK_PATIENCE=5 -- "$@"
[ "$missed" -eq 0 ]
