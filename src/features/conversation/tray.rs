//! The reply box's tray: files that are on their way, or wait there for their message. They go to the server as they are
//! chosen; sending waits for them.

use super::{live::Live, message::size_words, sending};
use crate::{
    app::site,
    browser::{
        document::PageEvent,
        dom::{Element, around, cut, find, on, set_attribute, set_shown, set_text, write},
        form,
        later::later,
        upload::{self, Answer, Dragged, File, Pasted, Upload},
    },
    domain::{
        file,
        ids::AttachmentId,
        message::{Attachment, Uploaded},
        words::Word,
    },
    language::say,
    ui::icon::{Icon, Shape},
};
use leptos::{prelude::*, task::spawn_local};

/// As many files as the server takes with one message.
const MOST: usize = 100;
/// Others must get through as well.
const AT_ONCE: usize = 2;

/// What lies in the tray.
#[derive(Debug, Default)]
pub struct Tray {
    items: Vec<Item>,
    next: u32,
    /// The message goes out as soon as all files are there.
    wanted: bool,
}

#[derive(Debug)]
struct Item {
    id: u32,
    bytes: u64,
    /// None for one that came back with its message: it is there already.
    file: Option<File>,
    element: Element,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Waiting,
    Moving(#[allow(dead_code, reason = "dropping it ends the upload")] Upload),
    Done(Uploaded),
    Failed,
}

/// The list above the reply box.
#[component]
pub fn FileList() -> impl IntoView {
    view! { <ul class="tray" aria-label=say!(files.tray) data-most=site().upload_bytes.to_string() hidden></ul> }
}

/// The button that fills it; without script the browser's own box for files.
#[component]
pub fn FileButton() -> impl IntoView {
    let most = (site().upload_bytes / 1_000_000).to_string();
    let limit = say!(files.limit).replace("{max}", &most);
    let told = limit.clone();
    view! {
        <label class="composer__attach" title=limit>
            <Icon shape=Shape::Clip size=20 />
            <span class="visually-hidden">{say!(files.attach)}</span>
            <input type="file" name="files" multiple aria-describedby="files-limit" />
        </label>
        <span class="visually-hidden" id="files-limit">{told}</span>
    }
}

/// The empty file of the tray, for the tab to copy.
#[component]
pub fn TrayTemplate() -> impl IntoView {
    view! {
        <template data-row="upload">
            <li class="upload" data-state="waiting">
                <canvas class="upload__picture" width="1" height="1" hidden></canvas>
                <Icon shape=Shape::File />
                <p class="upload__facts">
                    <bdi class="upload__name"></bdi>
                    <small class="upload__size" dir="ltr"></small>
                    <small class="upload__note" hidden></small>
                </p>
                <progress max="100" value="0"></progress>
                <button class="text-button upload__retry" type="button" data-file="again" hidden>
                    {say!(files.retry)}
                </button>
                <button class="text-button" type="button" data-file="remove">
                    {say!(files.remove)} " "
                    <span class="visually-hidden upload__which"></span>
                </button>
            </li>
        </template>
    }
}

/// Wakes the tray up.
pub fn start(live: Live) {
    let scope = live.scope();
    on(scope, "change", move |event: PageEvent| {
        if let Some(input) = around(&event, "[name=files]") {
            live.later(add(live, upload::chosen(&input)));
        }
    });
    on(scope, "paste", move |event: Pasted| {
        let files = upload::pasted(&event);
        if !files.is_empty() {
            event.prevent_default();
            live.later(add(live, files));
        }
    });
    for name in ["dragenter", "dragover", "dragleave", "drop"] {
        on(scope, name, move |event: Dragged| dragged(live, name, &event));
    }
    on(scope, "click", move |event: PageEvent| {
        if let Some(button) = around(&event, ".upload [data-file]") {
            live.later(pressed(live, button.into()));
        }
    });
}

later! {
    /// A button of a file.
    fn pressed(live: Live, button: Element) {
        let item = button.closest(".upload").ok().flatten();
        let id = item.and_then(|it| it.get_attribute("data-id")?.parse().ok()).unwrap_or(0);
        match button.get_attribute("data-file").as_deref() {
            Some("remove") => {
                change(live, |tray| tray.items.retain(|item| item.id != id));
                if let Ok(Some(item)) = button.closest(".upload") {
                    item.remove();
                }
                form::focus(live.scope(), "text");
            }
            _ => set_stage(live, id, Stage::Waiting, String::new()),
        }
        settle(live);
    }
}

fn dragged(live: Live, what: &str, event: &Dragged) {
    if !upload::carries_files(event) {
        return;
    }
    // Else the browser leaves the page and shows the file.
    event.prevent_default();
    let over = matches!(what, "dragenter" | "dragover");
    set_attribute(live.scope(), "data-drag", over.then_some(""));
    if what == "drop" {
        live.later(add(live, upload::dropped(event)));
    }
}

fn change<T>(live: Live, change: impl FnOnce(&mut Tray) -> T) -> T {
    change(&mut live.tray.borrow_mut())
}

fn list(live: Live) -> Option<Element> {
    find(live.scope(), ".tray").map(Into::into)
}

/// Says beside the box why something cannot be.
fn refuse(live: Live, sentence: &str) {
    form::say(live.scope(), super::composer::PROBLEM, sentence);
}

later! {
    /// Puts files into the tray that the server would take; says of the others why not, before a byte of them is sent.
    fn add(live: Live, files: Vec<File>) {
        take_in(live, files);
    }
}

fn take_in(live: Live, files: Vec<File>) {
    let Some(list) = list(live) else { return };
    let most = list.get_attribute("data-most").and_then(|it| it.parse().ok()).unwrap_or(u64::MAX);
    let max = [&(most / 1_000_000).to_string(), " MB"].concat();
    refuse(live, "");
    for file in files {
        let (count, sum) = change(live, |tray| {
            let sum: u64 = tray.items.iter().map(|item| item.bytes).sum();
            (tray.items.len(), sum)
        });
        let (name, size) = (upload::name(&file), upload::size(&file));
        let name = file::shown_name(&name);
        let named = |word, what: &str| live.fill(word, what, &name);
        let fault = if file::is_refused(&name) {
            named(Word::FileRefused, "name")
        } else if size == 0 {
            named(Word::FileEmpty, "name")
        } else if size > most {
            named(Word::FileTooLarge, "name").replacen("{max}", &max, 1)
        } else if sum + size > most {
            live.fill(Word::FilesTooLarge, "max", &max)
        } else if count >= MOST {
            live.fill(Word::TooManyFiles, "max", &MOST.to_string())
        } else {
            put(live, &list, file, &name, size);
            continue;
        };
        refuse(live, &fault);
    }
    settle(live);
}

fn put(live: Live, list: &Element, file: File, name: &str, bytes: u64) {
    let Some(id) = shelve(live, list, name, bytes, Some(file.clone())) else { return };
    let element = change(live, |tray| {
        tray.items.iter().find(|item| item.id == id).map(|item| item.element.clone())
    });
    let canvas = element.and_then(|element| find(&element, "canvas"));
    if let Some(canvas) = canvas.filter(|_| upload::kind(&file).starts_with("image/")) {
        spawn_local(async move {
            if upload::draw(&file, &canvas).await {
                canvas.set_hidden(false);
            }
        });
    }
}

/// Shows a file in the tray; its number there.
fn shelve(live: Live, list: &Element, name: &str, bytes: u64, file: Option<File>) -> Option<u32> {
    let element: Element = cut(live.scope(), "template[data-row=upload]")?.into();
    write(&element, ".upload__name", name);
    write(&element, ".upload__which", name);
    write(&element, ".upload__size", &size_words(bytes));
    let _ = list.append_child(&element);
    list.remove_attribute("hidden").unwrap_or_default();
    change(live, |tray| {
        tray.next += 1;
        set_attribute(&element, "data-id", Some(&tray.next.to_string()));
        tray.items.push(Item { id: tray.next, bytes, file, element, stage: Stage::Waiting });
        Some(tray.next)
    })
}

later! {
    /// Takes a message with files back into the reply box, to be changed.
    pub fn take_back(live: Live, key: String) {
        let Some(list) = list(live) else { return Ok(()) };
        for uploaded in sending::withdraw(live, &key, true) {
            let (name, bytes) = (uploaded.file.file_name.clone(), uploaded.file.bytes);
            if let Some(id) = shelve(live, &list, &name, bytes, None) {
                set_stage(live, id, Stage::Done(uploaded), String::new());
            }
        }
    }
}

/// Changes how far a file is, and shows it.
fn set_stage(live: Live, id: u32, stage: Stage, note: String) {
    change(live, |tray| {
        let Some(item) = tray.items.iter_mut().find(|item| item.id == id) else { return };
        let (state, note) = match &stage {
            Stage::Waiting => ("waiting", String::new()),
            Stage::Moving(_) => ("moving", live.fill(Word::Uploading, "n", "0")),
            Stage::Done(_) => ("done", live.word(Word::Uploaded).to_owned()),
            Stage::Failed if note.is_empty() => {
                ("failed", live.word(Word::UploadFailed).to_owned())
            }
            Stage::Failed => ("failed", note),
        };
        set_attribute(&item.element, "data-state", Some(state));
        write(&item.element, ".upload__note", &note);
        set_shown(&item.element, ".upload__retry", state == "failed");
        item.stage = stage;
    });
}

/// Starts what can be started; when all is there, sends the message that waits for it.
fn settle(live: Live) {
    loop {
        let due = change(live, |tray| {
            let moving = tray.items.iter().filter(|it| matches!(it.stage, Stage::Moving(_)));
            if moving.count() >= AT_ONCE {
                return None;
            }
            let due = tray.items.iter().find(|item| matches!(item.stage, Stage::Waiting))?;
            Some((due.id, due.file.clone()?, due.element.clone()))
        });
        let Some((id, file, element)) = due else { break };
        let progress = move |percent: u32| {
            let percent = percent.to_string();
            if let Some(bar) = find(&element, "progress") {
                set_attribute(&bar, "value", Some(&percent));
            }
            if let Some(note) = find(&element, ".upload__note") {
                set_text(&note, &live.fill(Word::Uploading, "n", &percent));
            }
        };
        let name = file::shown_name(&upload::name(&file));
        let bytes = upload::size(&file);
        let done = move |answer: Answer| {
            match taken(&answer, &name, bytes) {
                Some(uploaded) => {
                    set_stage(live, id, Stage::Done(uploaded), String::new());
                }
                None => set_stage(live, id, Stage::Failed, answer.text("error")),
            }
            settle(live);
        };
        match upload::send(live.thread(), &file, progress, done) {
            Some(moving) => set_stage(live, id, Stage::Moving(moving), String::new()),
            None => set_stage(live, id, Stage::Failed, String::new()),
        }
    }
    let (empty, ready) = change(live, |tray| {
        let failed = tray.items.iter().any(|it| matches!(it.stage, Stage::Failed));
        let done = tray.items.iter().all(|it| matches!(it.stage, Stage::Done(_)));
        let ready = done && tray.wanted;
        tray.wanted &= !failed && !ready;
        (tray.items.is_empty(), ready)
    });
    if let Some(list) = list(live) {
        set_attribute(&list, "hidden", empty.then_some(""));
    }
    if ready {
        refuse(live, "");
        sending::submit(live);
    }
}

fn taken(answer: &Answer, name: &str, bytes: u64) -> Option<Uploaded> {
    let id = AttachmentId::parse(answer.text("attachmentId")).ok().filter(|_| answer.ok)?;
    let file =
        Attachment { id, file_name: name.to_owned(), bytes, mime_type: answer.text("mimeType") };
    Some(Uploaded { ticket: answer.text("ticket"), file })
}

/// Whether there are files, for a message that says nothing else.
pub fn is_empty(live: Live) -> bool {
    live.tray.borrow().items.is_empty()
}

/// Whether all files are there. If not, the box says so, and the message goes out by itself once they are.
pub fn is_ready(live: Live) -> bool {
    let (ready, failed) = change(live, |tray| {
        let failed = tray.items.iter().any(|it| matches!(it.stage, Stage::Failed));
        let ready = tray.items.iter().all(|it| matches!(it.stage, Stage::Done(_)));
        tray.wanted = !ready && !failed;
        (ready, failed)
    });
    if !ready {
        refuse(live, live.word(if failed { Word::UploadFailed } else { Word::WaitForFiles }));
    }
    ready
}

/// Takes the files out of the tray.
pub fn take(live: Live) -> Vec<Uploaded> {
    let items = change(live, |tray| std::mem::take(&mut tray.items));
    if let Some(list) = list(live) {
        list.set_text_content(None);
        set_attribute(&list, "hidden", Some(""));
    }
    let done = items.into_iter().filter_map(|item| match item.stage {
        Stage::Done(uploaded) => Some(uploaded),
        _ => None,
    });
    done.collect()
}
