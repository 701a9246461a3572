//! What browsers offer, by its name instead of a typed binding: for the parts that are fetched later. A binding costs every
//! page some 40 bytes at its first load, wherever it is used, since the script that carries them is not cut.
//!
//! On the server nothing here runs.

use js_sys::{Array, Function, Reflect};
use wasm_bindgen::{JsCast, JsValue};

/// A property; `undefined` where there is none.
pub fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &JsValue::from_str(name)).unwrap_or_default()
}

/// A property that is a text; empty where it is none.
pub fn text(object: &JsValue, name: &str) -> String {
    get(object, name).as_string().unwrap_or_default()
}

/// A property that is a number; 0 where it is none.
pub fn number(object: &JsValue, name: &str) -> f64 {
    get(object, name).as_f64().unwrap_or_default()
}

/// Whether a property is `true`.
pub fn is(object: &JsValue, name: &str) -> bool {
    get(object, name).as_bool().unwrap_or_default()
}

/// Sets a property.
pub fn set(object: &JsValue, name: &str, value: &JsValue) {
    let _ = Reflect::set(object, &JsValue::from_str(name), value);
}

/// Calls a method. An error where there is none, and whatever it throws.
pub fn call(object: &JsValue, method: &str, arguments: &[&JsValue]) -> Result<JsValue, JsValue> {
    let method: Function = get(object, method).dyn_into()?;
    Reflect::apply(&method, object, &arguments.iter().copied().collect::<Array>())
}

/// Makes an object of a global class. An error where there is no such class, and whatever it throws.
pub fn make(class: &str, arguments: &[&JsValue]) -> Result<JsValue, JsValue> {
    let class: Function = get(&js_sys::global(), class).dyn_into()?;
    Reflect::construct(&class, &arguments.iter().copied().collect::<Array>())
}
