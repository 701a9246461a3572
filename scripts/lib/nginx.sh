# shellcheck shell=bash
# An nginx for the browser tests, which start it themselves with a configuration of their own. Never one that runs as a
# service: from Debian's archive only the program is taken, nothing is installed.

nginx_runs() { have nginx && nginx -v >/dev/null 2>&1; }

# Debian 12 and Ubuntu 24.04 keep the program in `nginx`; older ones in `nginx-light`.
nginx_from_archive() {
  local package folder=$TOOLS/nginx
  have apt-get && have dpkg-deb || return 1
  if [ -z "${APT_UPDATED:-}" ] && can_apt; then
    is_root || sudo -v || return 1
    apt apt-update 180 update || warn "going on with the package lists at hand"
    APT_UPDATED=yes
  fi
  for package in nginx nginx-light; do
    rm -rf "$folder" && mkdir -p "$folder"
    (cd "$folder" && logged "$package" 120 apt-get -q download "$package") || continue
    dpkg-deb -x "$folder/$package"_*.deb "$folder" || continue
    [ -x "$folder/usr/sbin/nginx" ] || continue
    ln -sf "$folder/usr/sbin/nginx" "$TOOLS/bin/nginx"
    hash -r
    nginx_runs && return
  done
  return 1
}

setup_nginx() {
  # Not on the path of everybody who is not root.
  case :$PATH: in *:/usr/sbin:*) ;; *) PATH=$PATH:/usr/sbin ;; esac
  if ! nginx_runs; then
    note "fetching nginx"
    if have brew; then logged brew-nginx 600 brew install nginx; else nginx_from_archive; fi || true
    hash -r
    nginx_runs || fail "No nginx for the browser tests." "Put the program nginx on PATH (Debian: nginx-light, Homebrew: nginx); it need not run."
  fi
  note "$(nginx -v 2>&1 | sed 's/^nginx version: //')"
}
