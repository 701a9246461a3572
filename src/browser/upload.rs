//! Files that a visitor chose, pasted or dropped, and their way to the server. On the server nothing here runs.

use super::named::{call, get, is, make, number, set, text};
use js_sys::{JSON, Object, Promise, futures::JsFuture};
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use web_sys::{Element, UrlSearchParams};

pub use web_sys::{ClipboardEvent as Pasted, DragEvent as Dragged, File, MouseEvent as Clicked};

fn listed(holder: &JsValue) -> Vec<File> {
    let list = get(holder, "files");
    let count = number(&list, "length") as u32;
    (0..count).map(|nth| get(&list, &nth.to_string()).unchecked_into()).collect()
}

/// The files in a box for files, which is empty afterwards: the same one can be chosen again.
pub fn chosen(input: &Element) -> Vec<File> {
    let files = listed(input);
    set(input, "value", &"".into());
    files
}

/// The files of a paste.
pub fn pasted(event: &Pasted) -> Vec<File> {
    listed(&get(event, "clipboardData"))
}

/// Whether files are being dragged.
pub fn carries_files(event: &Dragged) -> bool {
    let types = get(&get(event, "dataTransfer"), "types");
    call(&types, "includes", &[&"Files".into()]).is_ok_and(|included| included.is_truthy())
}

/// The files that were dropped.
pub fn dropped(event: &Dragged) -> Vec<File> {
    listed(&get(event, "dataTransfer"))
}

/// A file's name.
pub fn name(file: &File) -> String {
    text(file, "name")
}

/// What the browser takes a file for: a MIME type, or nothing.
pub fn kind(file: &File) -> String {
    text(file, "type")
}

/// A file's size in bytes.
pub fn size(file: &File) -> u64 {
    number(file, "size") as u64
}

/// An upload under way. Dropping it ends it.
#[derive(Debug)]
pub struct Upload {
    request: JsValue,
    _heard: [Closure<dyn FnMut(JsValue)>; 2],
}

impl Drop for Upload {
    fn drop(&mut self) {
        set(&self.request, "onloadend", &JsValue::NULL);
        let _ = call(&self.request, "abort", &[]);
    }
}

/// What the server answered: its fields by name.
#[derive(Debug)]
pub struct Answer {
    /// Whether it took the file.
    pub ok: bool,
    fields: JsValue,
}

impl Answer {
    /// A field; empty where there is none.
    pub fn text(&self, name: &str) -> String {
        text(&self.fields, name)
    }
}

/// Sends a file. `progress` hears per cents, `done` the answer.
pub fn send(
    thread: &str,
    file: &File,
    progress: impl Fn(u32) + 'static,
    done: impl Fn(Answer) + 'static,
) -> Option<Upload> {
    let query = UrlSearchParams::new().ok()?;
    query.append("threadId", thread);
    query.append("fileName", &name(file));
    query.append("fileSizeBytes", &size(file).to_string());
    let url = ["/api/support/attachments?", &String::from(query.to_string())].concat();
    let request = make("XMLHttpRequest", &[]).ok()?;
    call(&request, "open", &[&"POST".into(), &url.into()]).ok()?;
    // Else the browser names what it thinks the file is; that is not of interest.
    let header = ["Content-Type".into(), "application/octet-stream".into()];
    call(&request, "setRequestHeader", &[&header[0], &header[1]]).ok()?;
    let moved = Closure::<dyn FnMut(JsValue)>::new(move |event: JsValue| {
        let (sent, all) = (number(&event, "loaded") as u64, number(&event, "total") as u64);
        progress(sent.saturating_mul(100).checked_div(all).unwrap_or(0) as u32);
    });
    let asked = request.clone();
    let ended = Closure::<dyn FnMut(JsValue)>::new(move |_| {
        let ok = number(&asked, "status") == 200.0;
        let fields = JSON::parse(&text(&asked, "responseText")).unwrap_or(JsValue::NULL);
        done(Answer { ok, fields });
    });
    set(&get(&request, "upload"), "onprogress", moved.as_ref());
    set(&request, "onloadend", ended.as_ref());
    call(&request, "send", &[file]).ok()?;
    Some(Upload { request, _heard: [moved, ended] })
}

/// Draws a small picture of a file onto a canvas; whether it is one that the browser can draw. Made without an address
/// of its own, so no page needs to allow such addresses.
pub async fn draw(file: &File, canvas: &Element) -> bool {
    let drawn = async || -> Result<(), JsValue> {
        let options = Object::new();
        set(&options, "resizeWidth", &96.into());
        let made: Promise =
            call(&js_sys::global(), "createImageBitmap", &[file, &options])?.dyn_into()?;
        let picture = JsFuture::from(made).await?;
        let pen = call(canvas, "getContext", &[&"bitmaprenderer".into()])?;
        call(&pen, "transferFromImageBitmap", &[&picture])?;
        Ok(())
    };
    drawn().await.is_ok()
}

/// Whether a click means the thing itself, not "in another tab".
pub fn is_plain(event: &Clicked) -> bool {
    number(event, "button") == 0.0
        && !["ctrlKey", "metaKey", "shiftKey", "altKey"].iter().any(|key| is(event, key))
}

/// Opens a dialog over everything; the browser gives the focus back when it closes.
pub fn show_dialog(dialog: &Element) {
    if !is(dialog, "open") {
        let _ = call(dialog, "showModal", &[]);
    }
}

/// Closes a dialog.
pub fn close_dialog(dialog: &Element) {
    let _ = call(dialog, "close", &[]);
}

/// Whether a picture was asked for and could not be shown.
pub fn is_broken(picture: &Element) -> bool {
    is(picture, "complete")
        && number(picture, "naturalWidth") == 0.0
        && picture.has_attribute("src")
}

/// Calls `f` with each picture below that cannot be shown, from now on. (Such events do not rise.)
pub fn on_broken(scope: &Element, f: impl Fn(Element) + 'static) {
    let heard = Closure::<dyn FnMut(JsValue)>::new(move |event: JsValue| {
        let target = get(&event, "target");
        if text(&target, "tagName") == "IMG" {
            f(target.unchecked_into());
        }
    });
    let heard_by = heard.as_ref().unchecked_ref();
    let _ = scope.add_event_listener_with_callback_and_bool("error", heard_by, true);
    heard.forget();
}
