# shellcheck shell=bash
# The program that the tests start by themselves, each on a free port and in a folder of its own.

setup_redis() {
  if ! have redis-server && ! have valkey-server; then
    note "installing Redis"
    if have brew; then logged brew-redis 600 brew install redis; else apt_install redis-server; fi || true
    hash -r
  fi
  have redis-server || have valkey-server || fail "No redis-server for the Redis tests." "Install Redis 7 or Valkey."
}
