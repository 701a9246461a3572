# shellcheck shell=bash
# Finds or installs what comes from npm: wasm-opt for release builds, Playwright for the browser tests.

NODE_FLOOR=20
NODE_WANTED=22
BINARYEN_VERSION=132.0.0
WASM_OPT_FLOOR=120

node_fits() { have node && have npm && is_at_least "$(node --version | tr -d v)" "$NODE_FLOOR"; }

# Debian 12's and Ubuntu 24.04's Node.js is 18; with its npm a current one can be had from npm's registry.
node_by_npm() {
  have npm || return 1
  mkdir -p "$TOOLS/node"
  logged node-npm 300 npm install --prefix "$TOOLS/node" --no-save --no-audit --no-fund "node@$NODE_WANTED" || return 1
  ln -sf "$TOOLS/node/node_modules/.bin/node" "$TOOLS/bin/node"
  hash -r
  node_fits
}

setup_node() {
  if ! node_fits; then
    note "installing Node.js"
    if have brew; then logged brew-node 600 brew install node; else apt_install nodejs npm; fi || true
    hash -r
    node_fits || node_by_npm || fail "Node.js $NODE_FLOOR or newer is needed$(have node && printf ', found %s' "$(node --version)")." \
      "Get it from https://nodejs.org (or with nvm, fnm, mise), then start this script again."
  fi
  note "Node.js $(node --version | tr -d v)"
}

wasm_opt_fits() {
  have wasm-opt && is_at_least "$(wasm-opt --version 2>/dev/null | sed -n 's/.*version \([0-9][0-9]*\).*/\1/p')" "$WASM_OPT_FLOOR"
}

# Only release builds use it. Debian's own (108) does not know what today's Rust emits; npm's is current and
# needs no compiler.
setup_wasm_opt() {
  if ! wasm_opt_fits; then
    setup_node
    note "installing wasm-opt (npm package binaryen $BINARYEN_VERSION)"
    mkdir -p "$TOOLS/binaryen"
    logged binaryen 300 npm install --prefix "$TOOLS/binaryen" --no-save --no-audit --no-fund "binaryen@$BINARYEN_VERSION" \
      || fail "wasm-opt could not be installed." "Put a wasm-opt of version $WASM_OPT_FLOOR or newer on PATH (package binaryen)."
    ln -sf "$TOOLS/binaryen/node_modules/.bin/wasm-opt" "$TOOLS/bin/wasm-opt"
    hash -r
    wasm_opt_fits || fail "wasm-opt was installed, but does not run: $(command -v wasm-opt)"
  fi
  note "wasm-opt $(wasm-opt --version | sed 's/wasm-opt //')"
}

setup_playwright() {
  note "Playwright, Plain's SDK and the rest of end2end/package-lock.json"
  PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 logged npm-ci 300 npm ci --prefix "$ROOT/end2end" --no-audit --no-fund \
    || fail "npm ci in end2end/ did not succeed." "Is the npm registry reachable? npm ping tells."
}

find_chromium() {
  local path
  for path in "${HOTLINE_CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable \
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" "/Applications/Chromium.app/Contents/MacOS/Chromium"; do
    # Ubuntu's chromium-browser may be a stub that only says "snap install chromium".
    if [ -n "$path" ] && have "$path" && "$path" --version >/dev/null 2>&1; then
      command -v "$path"
      return
    fi
  done
  return 1
}

# playwright_chromium : whether Playwright has downloaded its own already.
playwright_chromium() {
  (cd "$ROOT/end2end" && node -e 'process.exit(require("fs").existsSync(require("playwright-core").chromium.executablePath()) ? 0 : 1)' 2>/dev/null)
}

# After setup_playwright. Leaves HOTLINE_CHROMIUM set unless Playwright uses its own.
setup_chromium() {
  local path
  if path=$(find_chromium); then
    export HOTLINE_CHROMIUM=$path
    note "$("$path" --version 2>/dev/null | head -n 1)"
    return
  fi
  playwright_chromium && { note "Playwright's own Chromium"; return; }
  note "installing Chromium for Playwright (about 150 MB)"
  local playwright=$ROOT/end2end/node_modules/.bin/playwright
  if reachable https://cdn.playwright.dev/ && logged playwright-chromium 600 "$playwright" install chromium; then
    # The libraries that it links to; only apt knows them, and a desktop has them anyway.
    if can_apt && is_root; then logged playwright-deps 600 "$playwright" install-deps chromium || true; fi
    return
  fi
  note "taking Chromium from the distribution's archive instead"
  apt_install chromium || true
  hash -r
  path=$(find_chromium) || fail "No Chromium." "Install Chromium or Chrome, or set HOTLINE_CHROMIUM to its program."
  export HOTLINE_CHROMIUM=$path
  note "$("$path" --version 2>/dev/null | head -n 1)"
}
