# Runs the steps of scripts/setup: one line each, the log on failure.

# run_step NAME FUNCTION: stops the set-up when FUNCTION fails. FUNCTION runs with errexit in a
# subshell, prints to the step's log, and may say by `report` what it did.
run_step() {
  local name=$1 function=$2 log="$TOOLCHAIN/logs/$1.log" started=$SECONDS status
  printf '  %-12s ' "$name"
  REPORT="$TOOLCHAIN/logs/$name.report"
  echo "ready" > "$REPORT"
  (set -e; "$function") < /dev/null > "$log" 2>&1
  status=$?
  if [ "$status" -eq 0 ]; then
    printf '%s (%d s)\n' "$(cat "$REPORT")" $((SECONDS - started))
    return
  fi
  printf 'FAILED after %d s\n' $((SECONDS - started))
  {
    echo
    tail -n 30 "$log"
    echo
    echo "scripts/setup stopped in the step '$name'; its whole log is ${log#"$ROOT"/}."
    echo "Mend what it says above and run scripts/setup again: it goes on from there."
  } >&2
  exit 1
}

# report TEXT: what the step's line will say.
report() {
  echo "$*" > "$REPORT"
}

# stamp_is NAME VALUE / set_stamp NAME VALUE: remembers what a step was last done for.
stamp_is() {
  [ -f "$TOOLCHAIN/stamps/$1" ] && [ "$(cat "$TOOLCHAIN/stamps/$1")" = "$2" ]
}

set_stamp() {
  echo "$2" > "$TOOLCHAIN/stamps/$1"
}

# is_debian VERSION…: whether this is one of these releases of Debian.
is_debian() {
  local id version wanted
  id=$(. /etc/os-release 2> /dev/null && echo "${ID:-}")
  version=$(. /etc/os-release 2> /dev/null && echo "${VERSION_ID:-}")
  [ "$id" = debian ] || return 1
  for wanted in "$@"; do
    [ "$version" = "$wanted" ] && return 0
  done
  return 1
}
