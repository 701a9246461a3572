//! Files that a visitor chose, pasted or dropped, and their way to the server. On the server nothing here runs.

use js_sys::{Array, Function, JSON, Object, Promise, Reflect, futures::JsFuture};
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use web_sys::{
    ClipboardEvent, DataTransfer, DragEvent, Element, HtmlDialogElement, HtmlImageElement,
    HtmlInputElement, MouseEvent, ProgressEvent, UrlSearchParams, XmlHttpRequest,
};

pub use web_sys::{ClipboardEvent as Pasted, DragEvent as Dragged, File, MouseEvent as Clicked};

fn listed(list: Option<web_sys::FileList>) -> Vec<File> {
    let list = list.into_iter();
    list.flat_map(|list| (0..list.length()).filter_map(move |nth| list.get(nth))).collect()
}

/// The files in a box for files, which is empty afterwards: the same one can be chosen again.
pub fn chosen(input: &Element) -> Vec<File> {
    let input: &HtmlInputElement = input.unchecked_ref();
    let files = listed(input.files());
    input.set_value("");
    files
}

/// The files of a paste.
pub fn pasted(event: &ClipboardEvent) -> Vec<File> {
    listed(event.clipboard_data().and_then(|data| data.files()))
}

/// Whether files are being dragged.
pub fn carries_files(event: &DragEvent) -> bool {
    let types = event.data_transfer().map(|data: DataTransfer| data.types());
    types.is_some_and(|types| types.includes(&JsValue::from_str("Files"), 0))
}

/// The files that were dropped.
pub fn dropped(event: &DragEvent) -> Vec<File> {
    listed(event.data_transfer().and_then(|data| data.files()))
}

/// A file's size in bytes.
pub fn size(file: &File) -> u64 {
    file.size() as u64
}

/// An upload under way. Dropping it ends it.
#[derive(Debug)]
pub struct Upload {
    request: XmlHttpRequest,
    _heard: [Closure<dyn FnMut(ProgressEvent)>; 2],
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.request.set_onloadend(None);
        let _ = self.request.abort();
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
        let field = Reflect::get(&self.fields, &JsValue::from_str(name));
        field.ok().and_then(|field| field.as_string()).unwrap_or_default()
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
    query.append("fileName", &file.name());
    query.append("fileSizeBytes", &size(file).to_string());
    let url = ["/api/support/attachments?", &String::from(query.to_string())].concat();
    let request = XmlHttpRequest::new().ok()?;
    request.open("POST", &url).ok()?;
    // Else the browser names what it thinks the file is; that is not of interest.
    request.set_request_header("Content-Type", "application/octet-stream").ok()?;
    let moved = Closure::<dyn FnMut(ProgressEvent)>::new(move |event: ProgressEvent| {
        let (sent, all) = (event.loaded() as u64, event.total() as u64);
        progress(sent.saturating_mul(100).checked_div(all).unwrap_or(0) as u32);
    });
    let asked = request.clone();
    let ended = Closure::<dyn FnMut(ProgressEvent)>::new(move |_| {
        let ok = asked.status() == Ok(200);
        let text = asked.response_text().ok().flatten().unwrap_or_default();
        done(Answer { ok, fields: JSON::parse(&text).unwrap_or(JsValue::NULL) });
    });
    request.upload().ok()?.set_onprogress(Some(moved.as_ref().unchecked_ref()));
    request.set_onloadend(Some(ended.as_ref().unchecked_ref()));
    request.send_with_opt_blob(Some(file)).ok()?;
    Some(Upload { request, _heard: [moved, ended] })
}

/// Draws a small picture of a file onto a canvas; whether it is one that the browser can draw. Made without an address
/// of its own, so no page needs to allow such addresses.
pub async fn draw(file: &File, canvas: &Element) -> bool {
    let drawn = async || -> Result<(), JsValue> {
        let options = Object::new();
        Reflect::set(&options, &"resizeWidth".into(), &96.into())?;
        let make: Function =
            Reflect::get(&js_sys::global(), &"createImageBitmap".into())?.dyn_into()?;
        let made: Promise = make.call2(&JsValue::UNDEFINED, file, &options)?.dyn_into()?;
        let picture = JsFuture::from(made).await?;
        let pen = called(canvas, "getContext", &"bitmaprenderer".into())?;
        called(&pen, "transferFromImageBitmap", &picture)?;
        Ok(())
    };
    drawn().await.is_ok()
}

fn called(object: &JsValue, method: &str, argument: &JsValue) -> Result<JsValue, JsValue> {
    let method: Function = Reflect::get(object, &method.into())?.dyn_into()?;
    Reflect::apply(&method, object, &Array::of1(argument))
}

/// Whether a click means the thing itself, not "in another tab".
pub fn is_plain(event: &MouseEvent) -> bool {
    event.button() == 0
        && !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key())
}

/// Opens a dialog over everything; the browser gives the focus back when it closes.
pub fn show_dialog(dialog: &Element) {
    let dialog: &HtmlDialogElement = dialog.unchecked_ref();
    if !dialog.open() {
        let _ = dialog.show_modal();
    }
}

/// Closes a dialog.
pub fn close_dialog(dialog: &Element) {
    dialog.unchecked_ref::<HtmlDialogElement>().close();
}

/// Whether a picture was asked for and could not be shown.
pub fn is_broken(picture: &Element) -> bool {
    let picture: &HtmlImageElement = picture.unchecked_ref();
    picture.complete() && picture.natural_width() == 0 && picture.has_attribute("src")
}

/// Calls `f` with each picture below that cannot be shown, from now on. (Such events do not rise.)
pub fn on_broken(scope: &Element, f: impl Fn(Element) + 'static) {
    let heard = Closure::<dyn FnMut(web_sys::Event)>::new(move |event: web_sys::Event| {
        if let Some(target) = event.target().and_then(|it| it.dyn_into::<HtmlImageElement>().ok()) {
            f(target.into());
        }
    });
    let heard_by = heard.as_ref().unchecked_ref();
    let _ = scope.add_event_listener_with_callback_and_bool("error", heard_by, true);
    heard.forget();
}
