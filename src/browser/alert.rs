//! Sound and desktop notifications. Both may be missing or forbidden, and never fail loudly. On the server nothing here
//! runs.

use super::named::{call, get, make, set};
use js_sys::{Object, Promise, futures::JsFuture};
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};

fn notifications() -> JsValue {
    get(&js_sys::global(), "Notification")
}

/// Waits for what a method promises; none where it cannot be called, or says no.
async fn promised(object: &JsValue, method: &str) -> Option<JsValue> {
    let promise: Promise = call(object, method, &[]).ok()?.dyn_into().ok()?;
    JsFuture::from(promise).await.ok()
}

/// Plays the sound of an answer.
pub async fn sound() {
    if let Ok(audio) = make("Audio", &[&"/answer.wav".into()]) {
        set(&audio, "volume", &0.4.into());
        // A browser that waits for a gesture says no.
        promised(&audio, "play").await;
    }
}

/// Whether the browser can show notifications and was not told never to.
pub fn can_notify() -> bool {
    get(&notifications(), "permission").as_string().is_some_and(|it| it != "denied")
}

/// Asks the visitor for leave to notify.
pub async fn ask() -> bool {
    let answer = promised(&notifications(), "requestPermission").await;
    answer.is_some_and(|it| it.as_string().as_deref() == Some("granted"))
}

/// Shows a notification; one with the same tag takes its place. A click brings the tab to the front.
pub fn notify(title: &str, body: &str, tag: &str) {
    let options = Object::new();
    set(&options, "body", &body.into());
    set(&options, "tag", &tag.into());
    if let Ok(shown) = make("Notification", &[&title.into(), &options]) {
        let notification = shown.clone();
        let click = Closure::<dyn FnMut(JsValue)>::new(move |_| {
            let _ = call(&js_sys::global(), "focus", &[]);
            let _ = call(&notification, "close", &[]);
        });
        set(&shown, "onclick", click.as_ref());
        click.forget();
    }
}
