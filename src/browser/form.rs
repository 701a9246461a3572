//! Reading and changing a form in the document by the names of its controls, so that what was typed before the island
//! woke up is not lost. On the server nothing here runs.

use super::{
    dom::{find, set_attribute},
    named,
};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, HtmlTextAreaElement, KeyboardEvent, SubmitEvent};

/// An element around the form.
pub type Scope = Element;

fn control(scope: &Scope, name: &str) -> Option<HtmlElement> {
    find(scope, &format!("[name={name}]"))
}

/// The value of a control; empty if there is none.
pub fn value(scope: &Scope, name: &str) -> String {
    control(scope, name).map(|control| named::text(&control, "value")).unwrap_or_default()
}

/// Sets the value of a control.
pub fn set_value(scope: &Scope, name: &str, value: &str) {
    if let Some(control) = control(scope, name) {
        named::set(&control, "value", &value.into());
    }
}

/// The form that is being sent.
pub fn sent(event: &SubmitEvent) -> Option<Scope> {
    event.target().map(JsCast::unchecked_into)
}

/// Sends the form as a browser does without script.
pub fn send(scope: &Scope) {
    if let Some(form) = find(scope, ".form") {
        let _ = named::call(&form, "submit", &[]);
    }
}

/// Shows a control that was hidden, with a value that can be copied at once.
pub fn show_selected(scope: &Scope, name: &str, value: &str) {
    set_value(scope, name, value);
    if let Some(control) = control(scope, name) {
        control.set_hidden(false);
        let _ = named::call(&control, "select", &[]);
    }
}

/// Puts the cursor into a control.
pub fn focus(scope: &Scope, name: &str) {
    if let Some(control) = control(scope, name) {
        let _ = control.focus();
    }
}

/// Says beside a control what is wrong with it; empty for nothing.
pub fn set_fault(scope: &Scope, name: &str, sentence: &str) {
    say(scope, &format!("#{name}-error"), sentence);
    if let Some(control) = control(scope, name) {
        set_attribute(&control, "aria-invalid", (!sentence.is_empty()).then_some("true"));
    }
}

/// Writes a sentence into the last element of the one that is found, and hides that one if there is nothing to say.
pub fn say(scope: &Scope, selector: &str, sentence: &str) {
    if let Some(place) = find(scope, selector) {
        if let Some(text) = place.last_element_child() {
            text.set_text_content(Some(sentence));
        }
        place.set_hidden(sentence.is_empty());
    }
}

/// Shows whether the form is on its way.
pub fn set_busy(scope: &Scope, busy: bool, words: &str) {
    if let Some(form) = find(scope, ".form") {
        set_attribute(&form, "data-state", busy.then_some("sending"));
    }
    if let Some(button) = find(scope, ".form [type=submit]") {
        set_attribute(&button, "aria-busy", busy.then_some("true"));
        set_attribute(&button, "aria-disabled", busy.then_some("true"));
        button.set_text_content(Some(words));
    }
}

/// Whether the form is on its way.
pub fn is_busy(scope: &Scope) -> bool {
    find(scope, ".form[data-state]").is_some()
}

/// Whether a key press means "send": Enter in a text area, alone or with Ctrl or ⌘, not Shift+Enter, and not the Enter
/// that ends the composition of a Japanese or Chinese word.
pub fn means_send(event: &KeyboardEvent) -> bool {
    let in_text = event.target().is_some_and(|t| t.is_instance_of::<HtmlTextAreaElement>());
    in_text
        && event.key() == "Enter"
        && !["shiftKey", "altKey", "isComposing"].iter().any(|what| named::is(event, what))
}
