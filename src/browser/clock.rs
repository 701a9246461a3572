//! The visitor's clock and zone. On the server nothing here runs.

use crate::domain::time::At;
use js_sys::{Date, Object, Reflect};
use wasm_bindgen::JsValue;

fn date(at: &At) -> Date {
    Date::new(&JsValue::from_str(at.as_str()))
}

fn options(pairs: &[(&str, &str)]) -> Object {
    let options = Object::new();
    for (key, value) in pairs {
        // Setting a plain property of a fresh object cannot fail.
        let _ = Reflect::set(&options, &JsValue::from_str(key), &JsValue::from_str(value));
    }
    options
}

/// `09:12`, in the visitor's zone and habit.
pub fn hour_minute(at: &At) -> String {
    let options = options(&[("hour", "2-digit"), ("minute", "2-digit")]);
    date(at).to_locale_string("en-GB", &options).into()
}

/// The whole moment, for a tooltip.
pub fn full(at: &At) -> String {
    let options = options(&[("dateStyle", "full"), ("timeStyle", "medium")]);
    date(at).to_locale_string("en-GB", &options).into()
}

/// The calendar day in the visitor's zone, `2026-05-04`.
pub fn day(at: &At) -> String {
    date(at).to_locale_date_string("sv-SE", &JsValue::UNDEFINED).into()
}

/// Now, by the visitor's clock.
pub fn now() -> At {
    At::from_millis(Date::now() as i64)
}

/// The calendar day in words: "Today", "Yesterday", or "Monday 4 May 2026".
pub fn day_words(at: &At) -> String {
    let this = day(at);
    if this == day(&now()) {
        return "Today".into();
    }
    if this == day(&At::from_millis(Date::now() as i64 - 86_400_000)) {
        return "Yesterday".into();
    }
    let options =
        options(&[("weekday", "long"), ("day", "numeric"), ("month", "long"), ("year", "numeric")]);
    date(at).to_locale_date_string("en-GB", &options).into()
}
