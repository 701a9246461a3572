//! The rules of the house, read off its source: who may import whom, where `web_sys` lives, how many `cfg(feature)`
//! there are, and that the two places of leptos' settings agree.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use std::{
    fs,
    path::{Path, PathBuf},
};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Every source file with its path below `src/` and its code: comments, strings' contents aside, stay in.
fn code() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&root, &mut found);
    assert!(found.len() > 40, "only {} files found", found.len());
    found
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
            let text = fs::read_to_string(&path).unwrap();
            let code: Vec<&str> =
                text.lines().filter(|l| !l.trim_start().starts_with("//")).collect();
            (name, code.join("\n"))
        })
        .collect()
}

fn room(name: &str) -> &str {
    name.split(['/', '.']).next().unwrap()
}

/// The rooms that a file names: `crate::room…` and `crate::{room…, room…}`.
fn rooms_named(code: &str) -> Vec<String> {
    const ROOMS: [&str; 8] =
        ["app", "browser", "domain", "features", "language", "sandbox", "server", "ui"];
    let mut named = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find("crate::") {
        rest = &rest[at + "crate::".len()..];
        let list = if rest.starts_with('{') {
            // Top level names of the braces.
            let mut depth = 0;
            let mut names = vec![String::new()];
            for c in rest.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => names.push(String::new()),
                    c if depth == 1 => names.last_mut().unwrap().push(c),
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
            names
        } else {
            vec![rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()]
        };
        for name in list {
            let name: String =
                name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if ROOMS.contains(&name.as_str()) {
                named.push(name);
            }
        }
    }
    named
}

#[test]
fn rooms_import_only_what_they_may() {
    for (name, code) in code() {
        let may: &[&str] = match room(&name) {
            "domain" => &["domain"],
            "browser" => &["domain", "browser"],
            "language" | "no_language" => &["domain", "language", "browser"],
            "ui" => &["domain", "browser", "language", "ui"],
            "app" => &["domain", "features", "language", "ui"],
            // `server` only through its one face, and only in the server functions' bodies.
            "features" if name.ends_with("/api.rs") => &["domain", "server"],
            "features" => &["domain", "ui", "browser", "app", "features", "language"],
            "server" if name == "server/run.rs" => {
                &["domain", "app", "features", "language", "server", "sandbox"]
            }
            "server" => &["domain", "app", "features", "language", "server"],
            "sandbox" => &["sandbox"],
            _ => continue,
        };
        for named in rooms_named(&code) {
            assert!(may.contains(&named.as_str()), "src/{name} names crate::{named}");
        }
    }
}

#[test]
fn server_functions_are_one_call() {
    for (name, code) in code().into_iter().filter(|(name, _)| name.ends_with("/api.rs")) {
        for (at, _) in code.match_indices("crate::server::") {
            assert!(
                code[at..].starts_with("crate::server::visitor::"),
                "src/{name} enters the server by another door"
            );
        }
    }
}

#[test]
fn web_sys_lives_in_the_browser_room() {
    for (name, code) in code() {
        if room(&name) != "browser" {
            assert!(!code.contains("web_sys"), "src/{name} names web_sys");
        }
    }
}

/// Comparing byte by byte tells an attacker how much of a guess was right; `Mac::verify_slice` does not.
#[test]
fn signatures_are_compared_in_constant_time() {
    let verify = ["server/signed.rs", "server/webhook/signature.rs"];
    let files =
        [&verify[..], &["server/session.rs", "server/links.rs", "server/webhook.rs"]].concat();
    for (name, code) in code().into_iter().filter(|(name, _)| files.contains(&name.as_str())) {
        let code = code.split("#[cfg(test)]").next().unwrap();
        if verify.contains(&name.as_str()) {
            assert!(code.contains(".verify_slice("), "src/{name} verifies in another way");
        }
        for line in code.lines() {
            let compares = ["==", "!=", ".eq(", ".cmp(", "starts_with(", "matches!("];
            let words = ["signature", "mac(", "mac.", "hmac", "digest", "finalize"];
            let bare = line.to_lowercase();
            assert!(
                !(compares.iter().any(|it| line.contains(it))
                    && words.iter().any(|word| bare.contains(word))),
                "src/{name} compares a signature: {line}"
            );
        }
        // A signature that could be compared at all would be, one day.
        let mut above = "";
        for line in code.lines() {
            if line.contains("struct Signature") || line.contains("struct Secret") {
                assert!(!above.contains("PartialEq"), "src/{name}: {above} {line}");
            }
            above = line;
        }
    }
}

#[test]
fn features_are_switched_in_two_files() {
    let mut count = 0;
    for (name, code) in code() {
        let here = code.lines().filter(|l| l.contains("cfg") && l.contains("feature = ")).count();
        if here > 0 {
            assert!(
                ["lib.rs", "main.rs"].contains(&name.as_str()),
                "src/{name} has a cfg(feature)"
            );
        }
        count += here;
    }
    assert!(count <= 7, "{count} switches on features");
}

#[test]
fn no_mod_rs_and_small_files() {
    for (name, code) in code() {
        assert!(!name.ends_with("mod.rs"), "src/{name}");
        let lines = code.split("#[cfg(test)]").next().unwrap().lines().count();
        assert!(lines < 700, "src/{name} has {lines} lines of code: two subjects?");
    }
}

#[test]
fn leptos_toml_and_cargo_toml_agree() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = |file: &str| -> toml::Table {
        let all: toml::Table = fs::read_to_string(root.join(file)).unwrap().parse().unwrap();
        all["package"]["metadata"]["leptos"].as_table().unwrap().clone()
    };
    let (run_time, build) = (table("Leptos.toml"), table("Cargo.toml"));
    assert!(run_time.len() >= 5);
    for (key, value) in run_time {
        assert_eq!(build.get(&key), Some(&value), "{key}");
    }
}

#[test]
fn leptos_toml_names_every_setting() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Leptos.toml")).unwrap();
    for setting in hotline::server::config::SETTINGS {
        assert!(text.contains(setting.env), "{} is not explained", setting.env);
        let (table, key) = setting.file;
        let section =
            text.split(&format!("\n[{table}]\n")).nth(1).unwrap_or_else(|| panic!("no [{table}]"));
        let section = section.split("\n[").next().unwrap();
        assert!(section.contains(&format!("\n# {key} = ")), "[{table}] does not show `{key}`");
    }
}

/// The last column of SECURITY.md's tables names tests, and they exist.
#[test]
fn security_md_names_real_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["src", "tests", "fuzz/fuzz_targets"] {
        sources(&root.join(folder), &mut found);
    }
    let code: String = found.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let text = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let mut named = 0;
    for line in text.lines().filter(|line| line.starts_with('|')) {
        let last = line.trim_end_matches('|').rsplit('|').next().unwrap();
        for name in last.split('`').skip(1).step_by(2) {
            let real = match name.contains(['/', '.']) {
                true => root.join(name).is_file(),
                false => code.contains(&format!("fn {name}(")),
            };
            assert!(real, "SECURITY.md names `{name}`, which is nowhere");
            named += 1;
        }
    }
    assert!(named > 50, "only {named} tests are named");
}
