# shellcheck shell=bash
# Ports and HTTP with nothing but bash.

# port_open HOST PORT : whether something listens there.
port_open() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

# A port that nothing listens on, above those that are given out for outgoing connections.
free_port() {
  local port
  while :; do
    port=$((10000 + RANDOM % 20000))
    port_open 127.0.0.1 "$port" || break
  done
  printf '%s' "$port"
}

# http_ok HOST PORT PATH : whether GET answers 200 within five seconds.
http_ok() {
  case $(http_status_line "$@" 2>/dev/null) in "HTTP/1."?" 200"*) return 0 ;; *) return 1 ;; esac
}

http_status_line() {
  local line
  exec 3<>"/dev/tcp/$1/$2" || return 1
  printf 'GET %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n' "$3" "$1" "$2" >&3
  IFS= read -r -t 5 line <&3 && printf '%s' "$line"
}

# wait_until SECONDS COMMAND… : asks five times a second.
wait_until() {
  local tries=$(($1 * 5))
  shift
  until "$@"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 1
    sleep 0.2
  done
}
