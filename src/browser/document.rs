//! The document as a whole. On the server nothing here runs.

use super::{
    json::{self, Read},
    named,
};
use js_sys::{Intl, Promise, futures::JsFuture};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};

pub use web_sys::{Event as PageEvent, KeyboardEvent, StorageEvent, SubmitEvent, Window};

/// The window, to hear what happens to the page.
pub fn page() -> Window {
    window()
}

/// Does it in the tab only: on the server nothing happens.
pub fn awake(f: impl FnOnce()) {
    if cfg!(target_family = "wasm") {
        f();
    }
}

/// The page's main part.
pub fn main() -> Option<web_sys::Element> {
    document().get_element_by_id("main")
}

/// Tells the server the visitor's time zone, for what it says of times on the next page.
fn tell_zone() {
    let options = Intl::DateTimeFormat::default().resolved_options();
    let zone = named::text(&options, "timeZone");
    if !zone.is_empty() {
        let cookie = ["hotline_tz=", &zone, "; path=/; max-age=31536000; samesite=lax"].concat();
        // Where cookies are forbidden, times are told in the team's zone.
        named::set(&document(), "cookie", &cookie.into());
    }
}

/// Says that the page's islands are alive, for tests and for style.
pub fn mark_hydrated() {
    tell_zone();
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute("data-hydrated", "");
    }
}

/// Reads the JSON that the page carries in the element of this `id`.
pub fn carried<T: Read>(id: &str) -> Option<T> {
    json::parse(&document().get_element_by_id(id)?.text_content()?)
}

/// Leaves for another page of ours.
pub fn go(path: &str) {
    let _ = window().location().assign(path);
}

/// Opens the browser's print dialog.
pub fn print() {
    let _ = named::call(&window(), "print", &[]);
}

/// Puts a text on the clipboard; whether that worked. Browsers without one (a page without https) and browsers that
/// forbid it say no.
pub async fn copy(text: &str) -> bool {
    let written = || -> Result<Promise, JsValue> {
        // By name: where there is no clipboard, its typed getter would hand out something that is not there.
        let clipboard = named::get(&window().navigator(), "clipboard");
        Ok(named::call(&clipboard, "writeText", &[&text.into()])?.unchecked_into())
    };
    match written() {
        Ok(promise) => JsFuture::from(promise).await.is_ok(),
        Err(_) => false,
    }
}

/// Whether the browser believes it has a network. `false` is certain, `true` is a guess.
pub fn is_online() -> bool {
    window().navigator().on_line()
}

/// 32 hexadecimal digits from the browser's random source.
pub fn random_key() -> String {
    let mut bytes = [0u8; 16];
    let filled =
        window().crypto().is_ok_and(|c| c.get_random_values_with_u8_array(&mut bytes).is_ok());
    if !filled {
        bytes.iter_mut().for_each(|b| *b = (js_sys::Math::random() * 256.0) as u8);
    }
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// What a tab remembers on this device. Storage may be full or forbidden: then nothing is remembered.
pub mod memory {
    use super::*;

    fn storage() -> Option<web_sys::Storage> {
        window().local_storage().ok().flatten()
    }

    /// Reads a remembered text.
    pub fn get(key: &str) -> Option<String> {
        storage()?.get_item(key).ok().flatten()
    }

    /// Remembers a text; an empty one is forgotten.
    pub fn set(key: &str, value: &str) {
        if let Some(storage) = storage() {
            let _ = if value.is_empty() {
                storage.remove_item(key)
            } else {
                storage.set_item(key, value)
            };
        }
    }
}

/// Listeners on window and document that end when this value is dropped.
#[derive(Debug)]
pub struct Listeners(Vec<Listener>);

type Listener = (web_sys::EventTarget, &'static str, Closure<dyn FnMut(JsValue)>);

impl Listeners {
    /// Calls `f` for each of these events: on the document for `visibilitychange`, on the window for all others.
    pub fn on(events: &[&'static str], f: impl Fn(&'static str) + Clone + 'static) -> Self {
        let mut all = Vec::new();
        for event in events.iter().copied() {
            let target: web_sys::EventTarget =
                if event == "visibilitychange" { document().into() } else { window().into() };
            let f = f.clone();
            let closure = Closure::<dyn FnMut(JsValue)>::new(move |_| f(event));
            let _ =
                target.add_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
            all.push((target, event, closure));
        }
        Self(all)
    }

    /// Lets them live as long as the page.
    pub fn forget(self) {
        std::mem::forget(self);
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        for (target, event, closure) in &self.0 {
            let _ =
                target.remove_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
        }
    }
}

/// Whether the page is in front of somebody's eyes.
pub fn is_visible() -> bool {
    document().visibility_state() == web_sys::VisibilityState::Visible
}

/// Whether it is, in the window that hears the keyboard.
pub fn is_in_front() -> bool {
    is_visible() && document().has_focus().unwrap_or(false)
}

/// The icon while something waits to be read.
const BADGE: &str = "/favicon-unread.svg";
/// The icon else.
const ICON: &str = "/favicon.svg";

/// The page's title.
pub fn title() -> String {
    document().title()
}

/// Tells by title and icon how much waits to be read.
pub fn set_badge(title: &str, count: u32) {
    let document = document();
    document.set_title(&match count {
        0 => title.to_owned(),
        _ => ["(", &count.to_string(), ") ", title].concat(),
    });
    if let Ok(Some(icon)) = document.query_selector("link[rel=icon]") {
        let _ = icon.set_attribute("href", if count == 0 { ICON } else { BADGE });
    }
}
