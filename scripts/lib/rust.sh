# shellcheck shell=bash
# Finds or installs Rust with the browser's target, and the two tools that make the browser bundle.

CARGO_LEPTOS_VERSION=0.3.11
# What building cargo-leptos itself needs; the crate's own floor is `rust-version` in Cargo.toml.
CARGO_LEPTOS_RUST=1.96
WASM=wasm32-unknown-unknown
# Debian's build of a current Rust for browsers, linked into rustup under this name.
DEBIAN_TOOLCHAIN=web

rust_version() { rustc --version 2>/dev/null | awk '{ print $2 }' | cut -d- -f1; }

has_wasm_std() {
  local lib
  lib=$(rustc --print target-libdir --target "$WASM" 2>/dev/null) || return 1
  ls "$lib"/libstd-*.rlib >/dev/null 2>&1
}

# The oldest Rust that will do.
rust_floor() {
  if cargo_leptos_fits; then
    sed -n 's/^rust-version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml"
  else
    printf '%s' "$CARGO_LEPTOS_RUST"
  fi
}

rust_fits() { have cargo && have rustc && is_at_least "$(rust_version)" "$(rust_floor)" && has_wasm_std; }

# use_toolchain NAME : from here on, if rustup knows it. Naming it keeps rustup from reading
# rust-toolchain.toml and downloading what is written there at a moment of its own choosing.
use_toolchain() {
  have rustup && rustup toolchain list 2>/dev/null | grep -q "^$1" || return 1
  export RUSTUP_TOOLCHAIN=$1
}

setup_rust() {
  if [ -n "${RUSTUP_TOOLCHAIN:-}" ] && rust_fits; then
    note "Rust $(rust_version) (RUSTUP_TOOLCHAIN=$RUSTUP_TOOLCHAIN), with $WASM"
    return
  fi
  local name
  for name in stable "$DEBIAN_TOOLCHAIN"; do
    if use_toolchain "$name" && rust_fits; then
      note "Rust $(rust_version) (toolchain $name), with $WASM"
      return
    fi
  done
  unset RUSTUP_TOOLCHAIN
  if have rustc && ! have rustup && rust_fits; then
    note "Rust $(rust_version) at $(command -v rustc), with $WASM"
    return
  fi
  rust_by_rustup || rust_by_debian || fail "No Rust $(rust_floor) with the target $WASM." \
    "Install rustup from https://rustup.rs, then run: rustup target add $WASM" \
    "and start this script again. Logs of what was tried: $LOGS"
  note "Rust $(rust_version) installed, with $WASM"
}

# The ordinary way.
rust_by_rustup() {
  if ! reachable https://static.rust-lang.org/dist/channel-rust-stable.toml.sha256; then
    warn "static.rust-lang.org does not answer, so rustup can download nothing here"
    return 1
  fi
  if ! have rustup; then
    note "installing rustup and the stable Rust (about a minute)"
    curl --proto '=https' --tlsv1.2 -sSfL --max-time 60 -o "$TOOLS/rustup-init.sh" https://sh.rustup.rs || return 1
    logged rustup-init 600 sh "$TOOLS/rustup-init.sh" -y --no-modify-path --profile minimal \
      --component rustfmt --component clippy --default-toolchain stable || return 1
    PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
  fi
  export RUSTUP_TOOLCHAIN=stable
  if ! have rustc || ! is_at_least "$(rust_version)" "$(rust_floor)"; then
    note "Rust $(rust_version) is older than $(rust_floor): updating the stable toolchain (about a minute)"
    logged rustup-update 600 rustup toolchain install stable --profile minimal \
      --component rustfmt --component clippy || return 1
  fi
  note "adding the target $WASM"
  logged rustup-target 120 rustup target add "$WASM" && rust_fits
}

# Where only package archives can be reached: Debian ships a current Rust (for its browsers), with the
# sources from which the standard library for the browser can be built.
rust_by_debian() {
  can_apt || return 1
  note "taking Rust from Debian's archive instead (packages rustc-web, cargo-web, rust-web-src)"
  if ! [ -x /usr/bin/rustc ] || ! is_at_least "$(/usr/bin/rustc --version | awk '{ print $2 }')" "$CARGO_LEPTOS_RUST"; then
    apt_install rustc-web cargo-web rust-web-src gcc libc6-dev || return 1
    apt_install rust-web-clippy || true
  fi
  debian_linker || return 1
  if have rustup; then
    rustup toolchain link "$DEBIAN_TOOLCHAIN" /usr || return 1
    export RUSTUP_TOOLCHAIN=$DEBIAN_TOOLCHAIN
  else
    PATH=/usr/bin:$PATH
  fi
  has_wasm_std || debian_wasm_std || return 1
  rust_fits
}

# /usr/bin/rust-lld is a link into the lld package of one LLVM version, which the compiler only suggests.
debian_linker() {
  [ -L /usr/bin/rust-lld ] && [ ! -e /usr/bin/rust-lld ] || [ ! -e /usr/bin/rust-lld ] || return 0
  local version
  version=$(readlink /usr/bin/rust-lld 2>/dev/null | sed -n 's/.*[-]\([0-9][0-9]*\).*/\1/p')
  apt_install "lld-${version:-22}"
}

# Builds the standard library with the same compiler that will use it, and puts it where that looks.
debian_wasm_std() {
  local work=$TOOLS/wasm-std lib=/usr/lib/rustlib/$WASM/lib sudo=
  is_root || sudo=sudo
  [ -d /usr/lib/rustlib/src ] || [ -d /usr/src ] || apt_install rust-web-src || return 1
  note "building the standard library for $WASM (about a minute)"
  rm -rf "$work" && mkdir -p "$work/src" || return 1
  printf '[package]\nname = "nothing"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n' >"$work/Cargo.toml"
  : >"$work/src/lib.rs"
  logged wasm-std 600 env -u RUSTUP_TOOLCHAIN -u RUSTFLAGS -u CARGO_TARGET_DIR RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 \
    /usr/bin/cargo build --release --target "$WASM" -Zbuild-std=std,panic_abort \
    --manifest-path "$work/Cargo.toml" --target-dir "$work/target" || return 1
  rm -f "$work/target/$WASM/release/deps"/libnothing-*.rlib
  $sudo mkdir -p "$lib" && $sudo cp "$work/target/$WASM/release/deps"/*.rlib "$lib/" && rm -rf "$work"
}

cargo_leptos_fits() {
  have cargo-leptos && is_at_least "$(cargo-leptos --version 2>/dev/null | awk '{ print $2 }')" "$CARGO_LEPTOS_VERSION"
}

# The word for this machine in the names of release files.
machine() {
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) printf 'x86_64-unknown-linux-musl' ;;
    Linux-aarch64 | Linux-arm64) printf 'aarch64-unknown-linux-musl' ;;
    Darwin-x86_64) printf 'x86_64-apple-darwin' ;;
    Darwin-arm64) printf 'aarch64-apple-darwin' ;;
    *) return 1 ;;
  esac
}

# prebuilt PROGRAM URL : a release archive from GitHub, of which one program is kept. It must run to count.
prebuilt() {
  local work=$TOOLS/prebuilt-$1 found
  reachable "$2" || return 1
  rm -rf "$work" && mkdir -p "$work" || return 1
  logged "prebuilt-$1" 180 curl -sSfL -o "$work/archive.tar.gz" "$2" || return 1
  tar -xzf "$work/archive.tar.gz" -C "$work" || return 1
  found=$(find "$work" -type f -name "$1" | head -n 1)
  [ -n "$found" ] && chmod +x "$found" && "$found" --version >/dev/null 2>&1 || return 1
  mv -f "$found" "$TOOLS/bin/$1" && rm -rf "$work"
}

# compile CRATE VERSION : from source. These tools spend their lives waiting for other tools, and their own
# release profiles (fat LTO) take half an hour on two cores: so they are compiled without optimisation.
compile() {
  local crate=$1 version=$2
  set -- env -u RUSTFLAGS -u CARGO_TARGET_DIR CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_DEBUG=false \
    cargo install "$crate" --version "$version" --root "$TOOLS" --force
  logged "$crate" 2400 "$@" --locked && return
  # The lock file of a very new release can name crates that a mirror does not have yet.
  note "once more with versions of the dependencies that can be had"
  logged "$crate" 2400 "$@"
}

binstall() { have cargo-binstall && logged "binstall-$1" 180 cargo binstall -y --disable-telemetry --root "$TOOLS" "$1@$2"; }

# Before setup_rust: a prebuilt one needs no particular Rust, and so spares an update.
fetch_cargo_leptos() {
  if cargo_leptos_fits; then return; fi
  note "looking for a prebuilt cargo-leptos $CARGO_LEPTOS_VERSION"
  binstall cargo-leptos "$CARGO_LEPTOS_VERSION" \
    || prebuilt cargo-leptos "https://github.com/leptos-rs/cargo-leptos/releases/download/v$CARGO_LEPTOS_VERSION/cargo-leptos-$(machine).tar.gz" \
    || note "none can be had, so it will be compiled"
  hash -r
}

setup_cargo_leptos() {
  if ! cargo_leptos_fits; then
    note "compiling cargo-leptos $CARGO_LEPTOS_VERSION (about 3 minutes on two cores, once)"
    compile cargo-leptos "$CARGO_LEPTOS_VERSION" || fail "cargo-leptos $CARGO_LEPTOS_VERSION could not be installed." \
      "Try by hand: cargo install cargo-leptos --locked --version $CARGO_LEPTOS_VERSION"
    hash -r
    cargo_leptos_fits || fail "cargo-leptos was installed, but does not run: $(command -v cargo-leptos)"
  fi
  note "cargo-leptos $(cargo-leptos --version | awk '{ print $2 }')"
}

# setup_tool CRATE VERSION PREBUILT-URL TIME : a cargo subcommand of at least this version; the URL may be empty.
setup_tool() {
  tool_fits() { have "$1" && is_at_least "$("$1" --version 2>/dev/null | awk '{ print $2 }')" "$2"; }
  if ! tool_fits "$1" "$2"; then
    note "looking for a prebuilt $1 $2"
    binstall "$1" "$2" || { [ -n "$3" ] && prebuilt "$1" "$3"; } || {
      note "none can be had: compiling it (about $4 on two cores, once)"
      compile "$1" "$2"
    } || fail "$1 $2 could not be installed." "Try by hand: cargo install $1 --locked --version $2"
    hash -r
    tool_fits "$1" "$2" || fail "$1 was installed, but does not run: $(command -v "$1")"
  fi
  note "$("$1" --version)"
}

# The generated JavaScript and the program must come from the same version to the last digit.
wasm_bindgen_wanted() { awk '/^name = "wasm-bindgen"$/ { getline; gsub(/[^0-9.]/, ""); print; exit }' "$ROOT/Cargo.lock"; }

wasm_bindgen_fits() { have wasm-bindgen && [ "$(wasm-bindgen --version 2>/dev/null | awk '{ print $2 }')" = "$1" ]; }

setup_wasm_bindgen() {
  local version url
  version=$(wasm_bindgen_wanted)
  [ -n "$version" ] || fail "Cargo.lock names no wasm-bindgen."
  if ! wasm_bindgen_fits "$version"; then
    note "installing wasm-bindgen $version, the version in Cargo.lock"
    url=https://github.com/wasm-bindgen/wasm-bindgen/releases/download/$version
    binstall wasm-bindgen-cli "$version" || prebuilt wasm-bindgen "$url/wasm-bindgen-$version-$(machine).tar.gz" || {
      note "no prebuilt one can be had: compiling it (about 3 minutes on two cores, once)"
      compile wasm-bindgen-cli "$version"
    } || fail "wasm-bindgen $version could not be installed." \
      "Try by hand: cargo install wasm-bindgen-cli --version $version"
    hash -r
    wasm_bindgen_fits "$version" || fail "wasm-bindgen $version was installed, but this one comes first on PATH: $(command -v wasm-bindgen)"
  fi
  note "wasm-bindgen $version"
}
