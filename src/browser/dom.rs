//! Finding, reading and changing elements that the server rendered. On the server nothing here runs.

use wasm_bindgen::{JsCast, prelude::Closure};
use web_sys::{DocumentFragment, Event, EventTarget, HtmlElement, HtmlTemplateElement};

pub use web_sys::Element;

/// The first element below that matches.
pub fn find(scope: &Element, selector: &str) -> Option<HtmlElement> {
    scope.query_selector(selector).ok().flatten().map(JsCast::unchecked_into)
}

/// The elements directly below.
pub fn children(scope: &Element) -> impl Iterator<Item = Element> + use<> {
    let mut next = scope.first_element_child();
    std::iter::from_fn(move || {
        let this = next.take()?;
        next = this.next_element_sibling();
        Some(this)
    })
}

/// Writes a text, if it is another one: what is selected in it stays so.
pub fn set_text(element: &Element, text: &str) {
    if element.text_content().as_deref() != Some(text) {
        element.set_text_content(Some(text));
    }
}

/// Sets or removes an attribute, if it is another one.
pub fn set_attribute(element: &Element, name: &str, value: Option<&str>) {
    if element.get_attribute(name).as_deref() != value {
        let _ = match value {
            Some(value) => element.set_attribute(name, value),
            None => element.remove_attribute(name),
        };
    }
}

/// Shows or hides whatever is found.
pub fn set_shown(scope: &Element, selector: &str, shown: bool) {
    if let Some(element) = find(scope, selector) {
        element.set_hidden(!shown);
    }
}

/// Writes a text into what is found, and hides it while there is none.
pub fn write(scope: &Element, selector: &str, text: &str) {
    if let Some(element) = find(scope, selector) {
        set_text(&element, text);
        element.set_hidden(text.is_empty());
    }
}

/// Hears an event for as long as the page lives.
pub fn on<E: JsCast + 'static>(target: &EventTarget, event: &str, f: impl FnMut(E) + 'static) {
    let mut f = f;
    let closure = Closure::<dyn FnMut(Event)>::new(move |event: Event| f(event.unchecked_into()));
    let _ = target.add_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
    closure.forget();
}

/// The element around an event's target, or itself, that matches.
pub fn around(event: &Event, selector: &str) -> Option<HtmlElement> {
    let target: Element = event.target()?.dyn_into().ok()?;
    target.closest(selector).ok().flatten().map(JsCast::unchecked_into)
}

/// A copy of the first element in the template that is found.
pub fn cut(scope: &Element, template: &str) -> Option<HtmlElement> {
    let template: HtmlTemplateElement = find(scope, template)?.unchecked_into();
    let content: DocumentFragment = template.content();
    content.first_element_child()?.clone_node_with_deep(true).ok().map(JsCast::unchecked_into)
}

/// All elements below that match.
pub fn all(scope: &Element, selector: &str) -> impl Iterator<Item = HtmlElement> + use<> {
    let list = scope.query_selector_all(selector).ok();
    let mut index = 0;
    std::iter::from_fn(move || {
        let node = list.as_ref()?.get(index)?;
        index += 1;
        Some(node.unchecked_into())
    })
}
