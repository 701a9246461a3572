//! Which build of the browser bundle pages ask for.
//!
//! Script and WASM of one build belong together, and what is fetched later fits into no other one: its places in memory
//! are fixed. So pages name the build (`/pkg/<build>/hotline.js`), the script asks for everything else beside itself, and
//! for another build's address there is no answer. A browser never asks twice for what cannot change.

use leptos::config::LeptosOptions;
use sha2::{Digest, Sha256};
use std::{fs, io, path::Path, sync::Arc};

/// Digits of a build's name.
const DIGITS: usize = 16;

/// The bundle in the site's folder.
#[derive(Debug, Clone)]
pub struct Bundle {
    folder: Arc<str>,
    /// None while it is watched, and where there is none.
    build: Option<Arc<str>>,
    /// `cargo leptos watch` changes it under the server.
    watched: bool,
}

/// What a path asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Something without a build: itself, which may be another one tomorrow.
    Plain,
    /// Something of this build: it is in this path, and will always be the same.
    Ours(String),
    /// Something of another build.
    Foreign,
}

impl Bundle {
    /// Reads what is in the site's folder.
    pub fn of(options: &LeptosOptions) -> Self {
        let folder = Path::new(options.site_root.as_ref()).join(options.site_pkg_dir.as_ref());
        let watched = std::env::var_os("LEPTOS_WATCH").is_some();
        let build = if watched { None } else { name_of(&folder).ok().flatten() };
        Self { folder: options.site_pkg_dir.clone(), build: build.map(Into::into), watched }
    }

    /// Whether the files may change while the server runs.
    pub fn is_watched(&self) -> bool {
        self.watched
    }

    /// The options for what the page's scripts are made from.
    pub fn scripts(&self, mut options: LeptosOptions) -> LeptosOptions {
        if let Some(build) = &self.build {
            options.site_pkg_dir = format!("{}/{build}", self.folder).into();
        }
        options
    }

    /// What a path of this server asks for.
    pub fn asked(&self, path: &str) -> Asked {
        let below = path.strip_prefix('/').and_then(|path| path.strip_prefix(&*self.folder));
        let Some((build, file)) = below.and_then(|it| it.strip_prefix('/')?.split_once('/')) else {
            return Asked::Plain;
        };
        if build.len() != DIGITS || !build.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Asked::Plain;
        }
        match &self.build {
            Some(ours) if **ours == *build => Asked::Ours(format!("/{}/{file}", self.folder)),
            _ => Asked::Foreign,
        }
    }
}

/// The same for the same files, on whatever machine.
fn name_of(folder: &Path) -> io::Result<Option<String>> {
    let mut files = Vec::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        if path.extension().is_some_and(|it| it == "js" || it == "wasm") {
            files.push(path);
        }
    }
    files.sort();
    let mut digest = Sha256::new();
    for path in &files {
        let content = fs::read(path)?;
        digest.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        digest.update(content.len().to_le_bytes());
        digest.update(content);
    }
    let mut name = hex::encode(digest.finalize());
    name.truncate(DIGITS);
    Ok((!files.is_empty()).then_some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(files: &[(&str, &str)]) -> (tempfile::TempDir, Bundle) {
        let site = tempfile::tempdir().unwrap();
        fs::create_dir(site.path().join("pkg")).unwrap();
        for (name, content) in files {
            fs::write(site.path().join("pkg").join(name), content).unwrap();
        }
        let mut options = LeptosOptions::builder().output_name("hotline").build();
        options.site_root = site.path().to_str().unwrap().into();
        let bundle = Bundle::of(&options);
        (site, bundle)
    }

    #[test]
    fn a_build_is_named_by_what_is_in_it() {
        let named = |files: &[(&str, &str)]| site(files).1.build.map(|build| build.to_string());
        let one = named(&[("hotline.js", "a"), ("hotline.wasm", "b")]);
        assert_eq!(one.as_ref().map(String::len), Some(DIGITS));
        assert_eq!(named(&[("hotline.wasm", "b"), ("hotline.js", "a")]), one);
        assert_eq!(named(&[("hotline.js", "a"), ("hotline.wasm", "b"), ("hotline.css", "c")]), one);
        for other in [
            &[("hotline.js", "a"), ("hotline.wasm", "c")][..],
            &[("hotline.js", "a"), ("hotline.wasm", "b"), ("split_extras.wasm", "c")],
            &[("hotline.js", "a"), ("other.wasm", "b")],
        ] {
            assert_ne!(named(other), one, "{other:?}");
        }
        assert_eq!(named(&[]), None);
    }

    #[test]
    fn only_this_build_is_there_under_its_name() {
        let (_site, bundle) = site(&[("hotline.js", "a")]);
        let build = bundle.build.clone().unwrap();
        let ours = |file: &str| Asked::Ours(format!("/pkg/{file}"));
        assert_eq!(bundle.asked(&format!("/pkg/{build}/hotline.js")), ours("hotline.js"));
        assert_eq!(bundle.asked(&format!("/pkg/{build}/a/b")), ours("a/b"));
        assert_eq!(bundle.asked("/pkg/0123456789abcdef/hotline.js"), Asked::Foreign);
        for path in ["/pkg/hotline.css", "/pkg/short/hotline.js", "/favicon.svg", "/pkgs/x/y", "/"]
        {
            assert_eq!(bundle.asked(path), Asked::Plain, "{path}");
        }
        let (_site, none) = site(&[]);
        assert_eq!(none.asked(&format!("/pkg/{build}/hotline.js")), Asked::Foreign);
    }
}
