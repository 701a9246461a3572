//! What the visitor sent and the server has not taken yet, kept on this device: it outlives a reload, a crash and a dead
//! network. A list a thread, in the order of writing. The same key goes with every try, so nothing arrives twice.

use super::{document::memory, named::set};
use crate::domain::{
    ids::{AttachmentId, ClientMessageId},
    message::{Attachment, Uploaded},
    time::At,
};
use js_sys::{Array, JSON, Object};
use wasm_bindgen::JsValue;

/// One message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The key under which the server takes it once.
    pub key: ClientMessageId,
    /// What it says.
    pub text: String,
    /// When it was written.
    pub at: At,
    /// Its files, all uploaded.
    pub files: Vec<Uploaded>,
    /// Why it was not sent; empty while it is to be sent.
    pub why: String,
}

fn name(thread: &str) -> String {
    ["hotline:outbox:", thread].concat()
}

impl Waiting {
    /// What a tab says over a WebSocket to send it.
    pub fn spoken(&self, thread: &str) -> String {
        let tickets: Array =
            self.files.iter().map(|file| JsValue::from_str(&file.ticket)).collect();
        let words = Object::new();
        for (name, value) in [
            ("type", "reply"),
            ("threadId", thread),
            ("text", &self.text),
            ("clientMessageId", self.key.as_str()),
        ] {
            set(&words, name, &value.into());
        }
        set(&words, "attachmentIds", &tickets);
        JSON::stringify(&words).ok().and_then(|text| text.as_string()).unwrap_or_default()
    }
}

/// What waits in a thread. What cannot be read is no message of ours.
pub fn load(thread: &str) -> Vec<Waiting> {
    let Some(list) = memory::get(&name(thread)).and_then(|text| JSON::parse(&text).ok()) else {
        return Vec::new();
    };
    Array::from(&list).iter().filter_map(|item| read(&Array::from(&item))).collect()
}

/// Keeps what waits in a thread.
pub fn save(thread: &str, waiting: &[Waiting]) {
    let list = Array::new();
    for Waiting { key, text, at, files, why } in waiting {
        let item = texts(&[key.as_str(), text, at.as_str(), why]);
        for Uploaded { ticket, file } in files {
            let Attachment { id, file_name, bytes, mime_type } = file;
            item.push(&texts(&[id.as_str(), file_name, &bytes.to_string(), mime_type, ticket]));
        }
        list.push(&item);
    }
    let text = match waiting.is_empty() {
        true => None,
        false => JSON::stringify(&list).ok().and_then(|text| text.as_string()),
    };
    memory::set(&name(thread), &text.unwrap_or_default());
}

fn texts(all: &[&str]) -> Array {
    all.iter().map(|text| JsValue::from_str(text)).collect()
}

fn text(item: &Array, index: u32) -> Option<String> {
    item.get(index).as_string()
}

fn read(item: &Array) -> Option<Waiting> {
    let files = (4..item.length()).filter_map(|index| {
        let file = Array::from(&item.get(index));
        let shown = Attachment {
            id: AttachmentId::parse(text(&file, 0)?).ok()?,
            file_name: text(&file, 1)?,
            bytes: text(&file, 2)?.parse().ok()?,
            mime_type: text(&file, 3)?,
        };
        Some(Uploaded { ticket: text(&file, 4)?, file: shown })
    });
    Some(Waiting {
        key: ClientMessageId::parse(text(item, 0)?).ok()?,
        text: text(item, 1)?,
        at: At::parse(text(item, 2)?)?,
        why: text(item, 3)?,
        files: files.collect(),
    })
}
