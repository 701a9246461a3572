//! The visitor's clock and zone. On the server nothing here runs.

use super::named;
use crate::domain::{
    time::At,
    words::{Word, Words},
};
use js_sys::{Date, Object};
use leptos::prelude::{document, window};
use wasm_bindgen::JsValue;

fn date(at: &str) -> Date {
    Date::new(&JsValue::from_str(at))
}

/// The page's language, since all words around a moment are in it; as it is written where the visitor is, if the browser
/// speaks the same one.
fn language() -> String {
    let root = document().document_element();
    let page = root.and_then(|root| root.get_attribute("lang")).unwrap_or_default();
    let own = named::text(&window().navigator(), "language");
    let same = own.strip_prefix(&*page).is_some_and(|rest| rest.starts_with('-'));
    if same { own } else { page }
}

fn options(pairs: &[(&str, &str)]) -> Object {
    let options = Object::new();
    for (key, value) in pairs {
        named::set(&options, key, &(*value).into());
    }
    options
}

/// `09:12`, in the visitor's zone and habit.
pub fn hour_minute(at: &str) -> String {
    let options = options(&[("timeStyle", "short")]);
    date(at).to_locale_string(&language(), &options).into()
}

/// The whole moment, for a tooltip.
pub fn full(at: &str) -> String {
    let options = options(&[("dateStyle", "full"), ("timeStyle", "medium")]);
    date(at).to_locale_string(&language(), &options).into()
}

/// Now, by the visitor's clock.
pub fn now() -> At {
    At::from_millis(Date::now() as i64)
}

/// The calendar day in the visitor's zone, as the browser names it.
pub fn day(at: &str) -> String {
    date(at).to_date_string().into()
}

/// The calendar day in words: "Today", "Yesterday", or "Monday 4 May 2026".
pub fn day_words(at: &str, words: &Words) -> String {
    let this = day(at);
    let ago = |ms: f64| Date::new(&JsValue::from_f64(Date::now() - ms)).to_date_string();
    if ago(0.0) == this {
        return words.say(Word::Today).into();
    }
    if ago(86_400_000.0) == this {
        return words.say(Word::Yesterday).into();
    }
    let options =
        options(&[("weekday", "long"), ("day", "numeric"), ("month", "long"), ("year", "numeric")]);
    date(at).to_locale_date_string(&language(), &options).into()
}

/// Day and month in the visitor's zone, `4 May`.
pub fn short_day(at: &str) -> String {
    let options = options(&[("day", "numeric"), ("month", "short")]);
    date(at).to_locale_date_string(&language(), &options).into()
}
