# shellcheck shell=bash
# Shared by scripts/start and scripts/test: words on the screen, bounded commands, places.
# Runs under bash 3.2 too (macOS), so no associative arrays, no mapfile.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
TOOLS=${HOTLINE_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/hotline/tools}
LOGS=$TOOLS/logs
TARGET_DIR=${CARGO_TARGET_DIR:-$ROOT/target}
case $TARGET_DIR in /*) ;; *) TARGET_DIR=$ROOT/$TARGET_DIR ;; esac

mkdir -p "$TOOLS/bin" "$LOGS"
PATH=$TOOLS/bin:$PATH
[ -d "${CARGO_HOME:-$HOME/.cargo}/bin" ] && PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
export PATH

say() { printf '%s\n' "$*"; }
note() { printf '  %s\n' "$*"; }
warn() { printf '  ! %s\n' "$*" >&2; }

# Ends the script with a sentence and, on the following lines, what to do.
fail() {
  printf '\nFAILED: %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '        %s\n' "$@" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# is_at_least 1.96.0 1.96 → true when the first version is not older than the second.
is_at_least() {
  [ "$(printf '%s\n%s\n' "$2" "$1" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)" = "$2" ] || [ "$1" = "$2" ]
}

# minutes 754 → 12 min 34 s
minutes() {
  if [ "$1" -lt 60 ]; then printf '%s s' "$1"; else printf '%s min %s s' $(($1 / 60)) $(($1 % 60)); fi
}

# bounded SECONDS COMMAND… : ends a command that takes longer (macOS has no timeout(1)).
bounded() {
  local seconds=$1
  shift
  if have timeout; then
    timeout --kill-after=10 "$seconds" "$@"
  elif have gtimeout; then
    gtimeout --kill-after=10 "$seconds" "$@"
  else
    perl -e 'alarm shift; exec @ARGV or exit 127' "$seconds" "$@"
  fi
}

# logged NAME SECONDS COMMAND… : runs quietly with a log in the tools folder; a line every half minute shows
# that it lives; on failure the end of the log is shown and its place named.
logged() {
  local name=$1 seconds=$2 log=$LOGS/$1.log started=$SECONDS told=$SECONDS pid code=0
  shift 2
  bounded "$seconds" "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  LOGGED_PID=$pid
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    [ $((SECONDS - told)) -ge 30 ] || continue
    told=$SECONDS
    note "… $name: $(minutes $((SECONDS - started))), $(tail -n 1 "$log" | cut -c 1-90)"
  done
  wait "$pid" || code=$?
  LOGGED_PID=
  if [ "$code" -ne 0 ]; then
    [ "$code" -ne 124 ] || warn "$name took longer than $(minutes "$seconds") and was ended."
    warn "$name did not succeed (exit $code). The end of $log:"
    tail -n 15 "$log" | sed 's/^/    | /' >&2
    return "$code"
  fi
  note "$name: done in $(minutes $((SECONDS - started)))"
}

# Ends what `logged` is running, for the traps of the scripts.
end_logged() { [ -z "${LOGGED_PID:-}" ] || kill "$LOGGED_PID" 2>/dev/null || true; }

# reachable URL : whether a server answers at all within ten seconds. Asked before downloads that would hang
# on a machine that reaches only package registries.
reachable() { have curl && curl -sS --head --location --max-time 10 --output /dev/null "$1" 2>/dev/null; }

is_root() { [ "$(id -u)" -eq 0 ]; }

can_apt() { have apt-get && { is_root || have sudo; }; }

# apt PROGRAM-LOG-NAME SECONDS ARGUMENT… : apt-get without questions, as root.
apt() {
  local name=$1 seconds=$2 sudo=
  shift 2
  is_root || sudo=sudo
  # shellcheck disable=SC2086 # empty for root
  logged "$name" "$seconds" $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@"
}

# apt_install PACKAGE… : from Debian's or Ubuntu's archive; reads the lists first, once.
apt_install() {
  can_apt || return 1
  # Asks for the password here, where a person can still answer.
  is_root || sudo -v || return 1
  if [ -z "${APT_UPDATED:-}" ]; then
    apt apt-update 180 update || warn "going on with the package lists at hand"
    APT_UPDATED=yes
  fi
  apt "apt-$1" 900 install --no-install-recommends "$@"
}
