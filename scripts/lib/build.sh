# shellcheck shell=bash
# Builds server and browser bundle, and names what came out.

SITE_ROOT=$ROOT/target/site

# setup_build debug|release
setup_build() {
  fetch_cargo_leptos
  setup_rust
  setup_cargo_leptos
  setup_wasm_bindgen
  [ "$1" = debug ] || setup_wasm_opt
}

# build debug|release : sets HOTLINE_BIN.
build() {
  local release=
  [ "$1" = debug ] || release=--release
  # shellcheck disable=SC2086 # empty for debug
  (cd "$ROOT" && cargo leptos build --split $release) || fail "The build did not succeed; the compiler's words are above."
  HOTLINE_BIN=$TARGET_DIR/$1/hotline
  [ -x "$HOTLINE_BIN" ] || fail "The build left no program at $HOTLINE_BIN."
  export HOTLINE_BIN
}

# What cargo-leptos tells a server that it starts itself.
export_leptos() {
  export LEPTOS_OUTPUT_NAME=hotline LEPTOS_SITE_ROOT=$SITE_ROOT LEPTOS_SITE_PKG_DIR=pkg
}
