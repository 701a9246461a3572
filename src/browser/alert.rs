//! Sound and desktop notifications. Both may be missing or forbidden, and never fail loudly. On the server nothing here
//! runs.

use js_sys::{Promise, futures::JsFuture};
use wasm_bindgen::{
    JsCast, JsValue,
    prelude::{Closure, wasm_bindgen},
};

#[wasm_bindgen]
extern "C" {
    type Audio;
    #[wasm_bindgen(constructor, catch)]
    fn new(source: &str) -> Result<Audio, JsValue>;
    #[wasm_bindgen(method, setter)]
    fn set_volume(this: &Audio, volume: f64);
    #[wasm_bindgen(method, catch)]
    fn play(this: &Audio) -> Result<Promise, JsValue>;

    type NotificationOptions;
    #[wasm_bindgen(method, setter)]
    fn set_body(this: &NotificationOptions, body: &str);
    #[wasm_bindgen(method, setter)]
    fn set_tag(this: &NotificationOptions, tag: &str);

    type Notification;
    #[wasm_bindgen(constructor, catch)]
    fn new(title: &str, options: &NotificationOptions) -> Result<Notification, JsValue>;
    #[wasm_bindgen(static_method_of = Notification, getter, catch)]
    fn permission() -> Result<JsValue, JsValue>;
    #[wasm_bindgen(static_method_of = Notification, js_name = requestPermission, catch)]
    fn request_permission() -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, setter)]
    fn set_onclick(this: &Notification, f: &JsValue);
    #[wasm_bindgen(method)]
    fn close(this: &Notification);
}

/// Plays the sound of an answer.
pub async fn sound() {
    if let Ok(audio) = Audio::new("/answer.wav") {
        audio.set_volume(0.4);
        if let Ok(playing) = audio.play() {
            // A browser that waits for a gesture says no.
            let _ = JsFuture::from(playing).await;
        }
    }
}

/// Whether the browser can show notifications and was not told never to.
pub fn can_notify() -> bool {
    Notification::permission().is_ok_and(|it| it.as_string().is_some_and(|it| it != "denied"))
}

/// Asks the visitor for leave to notify.
pub async fn ask() -> bool {
    match Notification::request_permission() {
        Ok(asked) => {
            JsFuture::from(asked).await.is_ok_and(|it| it.as_string().as_deref() == Some("granted"))
        }
        Err(_) => false,
    }
}

/// Shows a notification; one with the same tag takes its place. A click brings the tab to the front.
pub fn notify(title: &str, body: &str, tag: &str) {
    let options: NotificationOptions = js_sys::Object::new().unchecked_into();
    options.set_body(body);
    options.set_tag(tag);
    if let Ok(shown) = Notification::new(title, &options) {
        let notification: Notification = shown.clone().unchecked_into();
        let click = Closure::<dyn FnMut()>::new(move || {
            let _ = leptos::prelude::window().focus();
            notification.close();
        });
        shown.set_onclick(click.as_ref());
        click.forget();
    }
}
