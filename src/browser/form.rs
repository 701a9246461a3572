//! Reading and filling form controls by name, so that what was typed before the island woke up is not lost. On the
//! server nothing here runs.

use js_sys::Reflect;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlElement, KeyboardEvent};

/// A form in the document.
pub type FormElement = web_sys::HtmlFormElement;

fn control(form: &FormElement, name: &str) -> Option<Element> {
    form.query_selector(&format!("[name={name}]")).ok().flatten()
}

/// The value of a control; empty if there is none.
pub fn value(form: &FormElement, name: &str) -> String {
    control(form, name)
        .and_then(|c| Reflect::get(&c, &JsValue::from_str("value")).ok())
        .and_then(|v| v.as_string())
        .unwrap_or_default()
}

/// Sets the value of a control.
pub fn set_value(form: &FormElement, name: &str, value: &str) {
    if let Some(control) = control(form, name) {
        let _ = Reflect::set(&control, &JsValue::from_str("value"), &JsValue::from_str(value));
    }
}

/// Puts the cursor into a control.
pub fn focus(form: &FormElement, name: &str) {
    if let Some(control) = control(form, name).and_then(|c| c.dyn_into::<HtmlElement>().ok()) {
        let _ = control.focus();
    }
}

/// Whether a key press means "send": Enter alone or with Ctrl or ⌘, not Shift+Enter, and not the Enter that ends
/// the composition of a Japanese or Chinese word.
pub fn means_send(event: &KeyboardEvent) -> bool {
    event.key() == "Enter" && !event.shift_key() && !event.alt_key() && !event.is_composing()
}
