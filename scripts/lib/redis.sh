# shellcheck shell=bash
# A Redis of the tests' own: on a free port, keeping nothing, ended with the tests.

setup_redis() {
  if ! have redis-server && ! have valkey-server; then
    note "installing Redis"
    if have brew; then logged brew-redis 600 brew install redis; else apt_install redis-server; fi || true
    hash -r
  fi
  have redis-server || have valkey-server || fail "No redis-server for the Redis tests." "Install Redis 7 or Valkey."
}

# Sets HOTLINE_TEST_REDIS_URL and REDIS_PID.
start_redis() {
  local program=redis-server port
  have redis-server || program=valkey-server
  port=$(free_port)
  "$program" --port "$port" --bind 127.0.0.1 --save "" --appendonly no --dir "$TOOLS" >"$LOGS/redis.log" 2>&1 </dev/null &
  REDIS_PID=$!
  wait_until 15 port_open 127.0.0.1 "$port" || fail "$program did not start." "Its log: $LOGS/redis.log"
  export HOTLINE_TEST_REDIS_URL=redis://127.0.0.1:$port
  note "$program on port $port for this run"
}

stop_redis() {
  [ -n "${REDIS_PID:-}" ] || return 0
  kill "$REDIS_PID" 2>/dev/null || true
  wait "$REDIS_PID" 2>/dev/null || true
  REDIS_PID=
}
