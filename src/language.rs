//! What is said to visitors, in their language. The catalogues are in `src/locales/`; a key that does not exist does not
//! compile.
//!
//! Only the server speaks: `no_language.rs` is this room in the browser's bundle, which holds no catalogue. What a tab
//! needs travels in the page as [`Words`].

mod errors;
mod tab;

pub use errors::{said, sentence};

use crate::domain::{
    time::At,
    words::{Word, Words},
};
use leptos::prelude::use_context;
use leptos_i18n::Locale as _;

/// What the build script makes of the catalogues.
#[allow(dead_code, unused_imports, clippy::all, reason = "generated")]
mod catalogue {
    include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));
}

pub use catalogue::i18n::Locale;

/// Every language of the house; the first is the one without another wish.
pub const ALL: [Locale; 6] =
    [Locale::en, Locale::de, Locale::fr, Locale::es, Locale::ja, Locale::ar];

/// A sentence of a catalogue in the language of this page: `say!(form.name)`, `say!(threads.unread, n = 3)`.
macro_rules! say {
    ($space:ident . $key:ident $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::language::say_in!($crate::language::locale(), $space.$key $(, $name = $value)*)
    };
}

/// The same in a given language: `say_in!(locale, form.name)`.
macro_rules! say_in {
    ($locale:expr, $space:ident . $key:ident $(, $name:ident = $value:expr)* $(,)?) => {
        ::std::string::String::from(
            ::leptos_i18n::td_string!($locale, $space.$key $(, $name = $value)*),
        )
    };
}

pub(crate) use {say, say_in};

/// The language of this page or server function; the server puts it into the context.
pub fn locale() -> Locale {
    use_context::<Locale>().unwrap_or_default()
}

/// Its tag, for `lang`.
pub fn tag(locale: Locale) -> &'static str {
    locale.as_str()
}

/// Its direction, for `dir`.
pub fn direction(locale: Locale) -> &'static str {
    match locale {
        Locale::ar => "rtl",
        _ => "ltr",
    }
}

/// Its own name, as its speakers write it.
pub fn own_name(locale: Locale) -> &'static str {
    match locale {
        Locale::en => "English",
        Locale::de => "Deutsch",
        Locale::fr => "Français",
        Locale::es => "Español",
        Locale::ja => "日本語",
        Locale::ar => "العربية",
    }
}

/// What a tab needs, in the language of this page.
pub fn words() -> Words {
    tab::words(locale())
}

/// One of these words.
pub fn word(word: Word) -> String {
    tab::word(locale(), word)
}

/// Day and month in UTC, `4 May`.
pub fn short_day(at: &At) -> String {
    let (month, day) = at.month_day();
    match month {
        1 => say!(common.day_1, day = day),
        2 => say!(common.day_2, day = day),
        3 => say!(common.day_3, day = day),
        4 => say!(common.day_4, day = day),
        5 => say!(common.day_5, day = day),
        6 => say!(common.day_6, day = day),
        7 => say!(common.day_7, day = day),
        8 => say!(common.day_8, day = day),
        9 => say!(common.day_9, day = day),
        10 => say!(common.day_10, day = day),
        11 => say!(common.day_11, day = day),
        12 => say!(common.day_12, day = day),
        _ => at.day().into(),
    }
}
