//! Calls of our own server functions (`/api/support/…`) by the browser's own `fetch`. The functions are declared in
//! the features' `api.rs`; this is their caller, without the general client that leptos would bring along. On the
//! server nothing here runs.

use super::{document::carried, json::Read};
use crate::domain::{
    error::{Code, DeskError},
    words::{Word, Words},
};
use js_sys::futures::JsFuture;
use leptos::prelude::{set_timeout, window};
use std::time::Duration;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortController, AbortSignal, RequestInit, Response, UrlSearchParams};

/// A network that swallows a request keeps nobody waiting for longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Names and values of what is sent.
pub type Fields<'a> = [(&'a str, &'a str)];

/// Asks a function that only reads.
pub async fn get<T: Read>(function: &str, fields: &Fields<'_>) -> Result<T, DeskError> {
    call(function, fields, false).await
}

/// Asks a function that changes something.
pub async fn post<T: Read>(function: &str, fields: &Fields<'_>) -> Result<T, DeskError> {
    call(function, fields, true).await
}

async fn call<T: Read>(function: &str, fields: &Fields<'_>, post: bool) -> Result<T, DeskError> {
    let failed = |code, word| DeskError::new(code, carried_word(word));
    let answer = exchange(function, fields, post).await;
    let (ok, body) = answer.map_err(|_| failed(Code::Unreachable, Word::CannotReach))?;
    let read = if ok { T::read(&body).map(Ok) } else { DeskError::read(&body).map(Err) };
    // What is no answer of ours comes from something in between: ours did not hear it, or was not heard.
    read.unwrap_or_else(|| Err(failed(Code::Unreachable, Word::Trouble)))
}

fn carried_word(word: Word) -> String {
    carried::<Words>(Words::ID).map(|words| words.say(word).to_owned()).unwrap_or_default()
}

/// Tells a route something; whether it was taken.
pub async fn tell(route: &str, fields: &Fields<'_>) -> bool {
    exchange(route, fields, true).await.is_ok_and(|(ok, _)| ok)
}

/// Whether it went well, and the JSON of the answer; `null` where there is none.
async fn exchange(
    function: &str,
    fields: &Fields<'_>,
    post: bool,
) -> Result<(bool, JsValue), JsValue> {
    let form = UrlSearchParams::new()?;
    for (name, value) in fields {
        form.append(name, value);
    }
    let mut url = format!("/api/support/{function}");
    let init = RequestInit::new();
    let patience = AbortController::new()?;
    init.set_signal(Some(&patience.signal()));
    // What is over already cannot be aborted.
    set_timeout(move || patience.abort(), PATIENCE);
    if post {
        init.set_method("POST");
        init.set_body(&form);
    } else {
        url.push('?');
        url.push_str(&String::from(form.to_string()));
    }
    let response = JsFuture::from(window().fetch_with_str_and_init(&url, &init)).await?;
    let response: Response = response.unchecked_into();
    let body = JsFuture::from(response.json()?).await.unwrap_or(JsValue::NULL);
    Ok((response.ok(), body))
}

/// Reads a text; none for any answer but 200, and where none came.
pub async fn text(url: &str, signal: &AbortSignal) -> Option<String> {
    let init = RequestInit::new();
    init.set_signal(Some(signal));
    let response = JsFuture::from(window().fetch_with_str_and_init(url, &init)).await.ok()?;
    let response: Response = response.unchecked_into();
    if response.status() != 200 {
        return None;
    }
    JsFuture::from(response.text().ok()?).await.ok()?.as_string()
}
