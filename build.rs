//! Makes Rust of the catalogues in `src/locales/<language>/<namespace>.json`, for `src/language.rs`. A key that one language
//! lacks, or has beyond the others, stops the build.
//!
//! This is what `leptos_i18n_build` does, less the data sources of ICU that it would compile for it.

use leptos_i18n_parser::parse_locales::{
    options::{Config, ParseOptions},
    parse_locales,
};
use std::{env, error::Error, fs, path::PathBuf};

const LANGUAGES: [&str; 6] = ["en", "de", "fr", "es", "ja", "ar"];
const NAMESPACES: [&str; 10] = [
    "common",
    "form",
    "threads",
    "resume",
    "errors",
    "tab",
    "conversation",
    "files",
    "channel",
    "after",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/locales");
    // How `cargo leptos … --split` asks the linker for what it cuts the bundle by.
    println!("cargo::rerun-if-env-changed=RUSTFLAGS");
    println!("cargo::rustc-check-cfg=cfg(split)");
    if env::var("CARGO_ENCODED_RUSTFLAGS").is_ok_and(|flags| flags.contains("--emit-relocs")) {
        println!("cargo::rustc-cfg=split");
    }
    // The browser's bundle holds no catalogue.
    if env::var_os("CARGO_FEATURE_SSR").is_none() {
        return Ok(());
    }
    let config = Config::new(LANGUAGES[0])?
        .add_locales(&LANGUAGES[1..])?
        .add_namespaces(NAMESPACES)?
        .locales_path("src/locales")
        .parse_options(ParseOptions::new().interpolate_display(true));
    let parsed = parse_locales(None, config)?;
    for warning in parsed.diag.warnings().iter() {
        println!("cargo::error={warning}");
    }
    for error in parsed.diag.errors().iter() {
        println!("cargo::error={error}");
    }
    let code = leptos_i18n_codegen::gen_code(&parsed, None, false, None, false)?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo gives a place")?);
    fs::write(out.join("catalogue.rs"), code.to_string())?;
    Ok(())
}
