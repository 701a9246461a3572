//! The browser's side of `language.rs`: it has nothing to say. Whatever a component says is the server's, and the page
//! carries the words that a tab needs.

use crate::{
    browser::document::carried,
    domain::{
        time::At,
        words::{Word, Words},
    },
};

/// A language; the tab knows only the page's, by its words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Locale;

/// The server's `say!`, silent.
macro_rules! say {
    ($space:ident . $key:ident $(, $name:ident = $value:expr)* $(,)?) => {{
        $(let _ = &$value;)*
        ::std::string::String::new()
    }};
}

pub(crate) use say;

/// Every language of the house.
pub const ALL: [Locale; 0] = [];

/// The language of this page.
pub fn locale() -> Locale {
    Locale
}

/// Its tag.
pub fn tag(_: Locale) -> &'static str {
    ""
}

/// Its direction.
pub fn direction(_: Locale) -> &'static str {
    ""
}

/// Its own name.
pub fn own_name(_: Locale) -> &'static str {
    ""
}

/// What the page carries.
pub fn words() -> Words {
    carried(Words::ID).unwrap_or_default()
}

/// One of these words.
pub fn word(word: Word) -> String {
    words().say(word).into()
}

/// The tab writes days by its own clock.
pub fn short_day(_: &At) -> String {
    String::new()
}
