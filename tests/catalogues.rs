//! The catalogues against each other. That each has every key, the build sees to; here is what it cannot see.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

const LANGUAGES: [&str; 6] = ["en", "de", "fr", "es", "ja", "ar"];

/// What is the same word in both languages.
const SAME: &[(&str, &str)] = &[
    ("de", "April"),
    ("de", "August"),
    ("de", "September"),
    ("de", "November"),
    ("de", "Status"),
    ("de", "System"),
    ("de", "in {n} s"),
    ("fr", "Assistant"),
    ("fr", "Conversation"),
    ("fr", "E-mail"),
    ("fr", "{{ count }} minute"),
    ("fr", "{{ count }} minutes"),
    ("ja", "Enter"),
    ("ja", "Shift"),
    ("ar", "Enter"),
    ("ar", "Shift"),
];

/// `namespace.key` and the words.
fn catalogue(language: &str) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/locales").join(language);
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let space = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let words: Map<String, Value> =
            serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for (key, value) in words {
            all.insert(format!("{space}.{key}"), value.as_str().unwrap().to_owned());
        }
    }
    assert!(all.len() > 100, "{language}: {}", all.len());
    all
}

/// A key without the form of its plural: languages have different ones.
fn base(key: &str) -> &str {
    ["_zero", "_one", "_two", "_few", "_many", "_other"]
        .iter()
        .find_map(|form| key.strip_suffix(form))
        .unwrap_or(key)
}

/// Whether there is a word beside what it leaves open.
fn said(text: &str) -> bool {
    let mut open = 0;
    text.chars().any(|c| {
        match c {
            '{' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        open == 0 && c.is_alphabetic()
    })
}

/// What a sentence leaves open: `{n}`, `{{ n }}`.
fn gaps(text: &str) -> BTreeSet<String> {
    text.split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next())
        .map(|gap| gap.trim().to_owned())
        .filter(|gap| !gap.is_empty())
        .collect()
}

#[test]
fn every_language_has_every_key() {
    let keys = |language| -> BTreeSet<String> {
        catalogue(language).keys().map(|key| base(key).to_owned()).collect()
    };
    let english = keys("en");
    for language in LANGUAGES {
        assert_eq!(keys(language), english, "{language}");
    }
}

/// All Rust sources as one text.
fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| match path.is_dir() {
            true => sources(&path),
            false if path.extension().is_some_and(|it| it == "rs") => {
                fs::read_to_string(&path).unwrap()
            }
            false => String::new(),
        })
        .collect()
}

#[test]
fn every_sentence_is_used() {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let named: BTreeSet<&str> =
        sources.split(|c: char| !(c.is_alphanumeric() || "._".contains(c))).collect();
    let unused: Vec<_> = catalogue("en")
        .into_keys()
        .filter(|key| !named.contains(key.as_str()) && !named.contains(base(key)))
        .collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn nothing_is_left_in_english() {
    let mut left = Vec::new();
    let english = catalogue("en");
    for language in &LANGUAGES[1..] {
        for (key, words) in catalogue(language) {
            let Some(original) = english.get(&key) else { continue };
            assert!(!words.trim().is_empty(), "{language}: {key} is empty");
            let same = words == *original && said(&words);
            let known = SAME.contains(&(language, &words));
            if same && !known {
                left.push(format!("{language}: {key}: {words}"));
            }
        }
    }
    assert!(left.is_empty(), "English, or to be named in SAME: {left:#?}");
}

#[test]
fn sentences_leave_the_same_open() {
    let english = catalogue("en");
    for language in &LANGUAGES[1..] {
        for (key, words) in catalogue(language) {
            // A plural's form may name its number in words.
            let Some(original) = english.get(&key).filter(|_| base(&key) == key) else { continue };
            if english.contains_key(&format!("{key}_other")) {
                continue;
            }
            assert_eq!(gaps(&words), gaps(original), "{language}: {key}");
        }
    }
}

/// Scripts of another language in a sentence are a slip of the pen.
#[test]
fn letters_are_the_languages_own() {
    let japanese = |c: char| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}');
    let arabic = |c: char| matches!(c, '\u{600}'..='\u{6ff}');
    for language in LANGUAGES {
        for (key, words) in catalogue(language) {
            let (ja, ar) = (words.chars().any(japanese), words.chars().any(arabic));
            let letters = words.chars().any(char::is_alphabetic);
            let latin = SAME.contains(&(language, &words)) || !gaps(&words).is_empty();
            match language {
                "ja" => assert!((ja || !letters || latin) && !ar, "{key}: {words}"),
                "ar" => assert!((ar || !letters || latin) && !ja, "{key}: {words}"),
                _ => assert!(!ja && !ar, "{language}: {key}: {words}"),
            }
        }
    }
}
