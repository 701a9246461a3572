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
  # What is shipped is compressed once, as well as can be, and not for each visitor.
  [ "$1" = debug ] || release='--release --precompress'
  # Or a build would be served with the compressed files of the one before.
  [ ! -d "$SITE_ROOT" ] || find "$SITE_ROOT" \( -name '*.br' -o -name '*.gz' \) -delete
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
