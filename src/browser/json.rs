//! JSON by the browser's own parser, read into the domain's types by hand: serde's readers of the same types take some
//! 12 KB more of the bundle. That both read the same is tested, in [`types`]. On the server nothing here runs.

mod types;

use super::named;
use js_sys::{Array, JSON};
use wasm_bindgen::JsValue;

/// A parsed value, as far as reading needs it.
pub trait Value: Sized {
    /// The field of an object; [`Value::is_none`] where it has none.
    fn get(&self, name: &str) -> Self;
    /// Whether there is nothing.
    fn is_none(&self) -> bool;
    /// A text.
    fn text(&self) -> Option<String>;
    /// A number.
    fn number(&self) -> Option<f64>;
    /// Whether it is `true`.
    fn is_true(&self) -> bool;
    /// The items of a list.
    fn items(&self) -> Vec<Self>;
}

impl Value for JsValue {
    fn get(&self, name: &str) -> Self {
        named::get(self, name)
    }

    fn is_none(&self) -> bool {
        self.is_null() || self.is_undefined()
    }

    fn text(&self) -> Option<String> {
        self.as_string()
    }

    fn number(&self) -> Option<f64> {
        self.as_f64()
    }

    fn is_true(&self) -> bool {
        self.as_bool() == Some(true)
    }

    fn items(&self) -> Vec<Self> {
        if Array::is_array(self) { Array::from(self).iter().collect() } else { Vec::new() }
    }
}

/// What can be read from JSON.
pub trait Read: Sized {
    /// None if the value does not have the wanted shape. Other fields than the known ones are not looked at.
    fn read<V: Value>(value: &V) -> Option<Self>;
}

/// Lets a struct be read: each field with its name in JSON.
macro_rules! readable {
    ($type:ty { $($field:ident = $name:literal),* $(,)? }) => {
        impl $crate::browser::json::Read for $type {
            fn read<V: $crate::browser::json::Value>(value: &V) -> Option<Self> {
                Some(Self { $($field: $crate::browser::json::Read::read(&value.get($name))?,)* })
            }
        }
    };
}

pub(crate) use readable;

/// Reads a text.
pub fn parse<T: Read>(text: &str) -> Option<T> {
    T::read(&JSON::parse(text).ok()?)
}
