#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh COMMAND...: runs the soak and watches over it. The program writes what
# it is at into the file SOAK_BEAT; when that has been the same for
# SOAK_PATIENCE seconds (60), it hangs: what its threads are doing is printed,
# and it is killed.
set -u

SOAK_BEAT=$(mktemp) || exit 1
export SOAK_BEAT
patience=${SOAK_PATIENCE:-60}
pid_file=$SOAK_BEAT.pid
watchdog=
clean_up() {
  [ -z "$watchdog" ] || kill "$watchdog" 2>/dev/null
  rm -f "$SOAK_BEAT" "$pid_file"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A debugger's view of the threads, or at least the kernel's.
show_threads() {
  if command -v gdb >/dev/null; then
    env -u LD_PRELOAD timeout -k 5 60 gdb -p "$1" -batch -nx \
      -ex 'set pagination off' -ex 'thread apply all bt 16' 2>&1 |
      grep -Ev '^\[New LWP|^warning:|^Download|^$'
  else
    for task in /proc/"$1"/task/*; do
      grep -E '^(Name|State|Pid)' "$task/status"
      cat "$task/wchan" && echo
    done
  fi
}

watch() {
  last=
  same=0
  while sleep 1 >/dev/null 2>&1; do
    beat=$(cat "$SOAK_BEAT")
    if [ "$beat" != "$last" ]; then
      last=$beat
      same=0
    elif [ $((same += 1)) -ge "$patience" ]; then
      echo "soak: FAILED: no progress for $patience seconds: $beat"
      show_threads "$(cat "$pid_file")"
      kill -KILL "$(cat "$pid_file")"
      echo "To repeat it: $beat"
      return
    fi
  done
}

watch &
watchdog=$!
# The number stays the same when the shell becomes the program.
sh -c 'echo $$ >"$1" && shift && exec "$@"' sh "$pid_file" "$@"
exit "$?"
