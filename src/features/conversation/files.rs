//! Files in messages: pictures in a box of a fixed size, sound and film that play in their place, everything else as a
//! card. The larger view of a picture is a dialog that the page carries once.

use super::{live::Live, message::size_words};
use crate::{
    browser::{
        document::{KeyboardEvent, PageEvent},
        dom::{Element, all, around, cut, find, on, set_attribute, set_shown, write},
        later::later,
        upload::{self, Clicked},
    },
    domain::{
        file::{Media, media},
        message::Attachment,
    },
    language::say,
    ui::icon::{Icon, Shape},
};
use leptos::{either::EitherOf3, prelude::*};

/// What a file is shown as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A picture.
    Picture,
    /// Sound.
    Audio,
    /// Film.
    Video,
    /// Anything else.
    Other,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] = [Kind::Picture, Kind::Audio, Kind::Video, Kind::Other];

    /// Of a file of this type.
    pub fn of(mime_type: &str) -> Self {
        match media(mime_type) {
            Some((Media::Picture, _)) => Kind::Picture,
            Some((Media::Audio, _)) => Kind::Audio,
            Some((Media::Video, _)) => Kind::Video,
            _ => Kind::Other,
        }
    }

    /// In a word, for templates and style.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Picture => "picture",
            Kind::Audio => "audio",
            Kind::Video => "video",
            Kind::Other => "other",
        }
    }
}

/// Where a file of a thread is opened.
pub fn file_path(thread: &str, file: &Attachment) -> String {
    ["/api/support/attachment?threadId=", thread, "&attachmentId=", file.id.as_str()].concat()
}

/// Where it is shown.
fn inline_path(thread: &str, file: &Attachment) -> String {
    [&file_path(thread, file), "&inline=1"].concat()
}

/// The files of a message. Names may be written from right to left.
#[component]
pub fn Files(
    /// The files.
    list: Vec<Attachment>,
    /// The thread that they belong to.
    thread: String,
) -> impl IntoView {
    let none = list.is_empty();
    let items: Vec<_> = list
        .into_iter()
        .map(|file| {
            let (href, inline) = (file_path(&thread, &file), inline_path(&thread, &file));
            let Attachment { file_name, bytes, mime_type, .. } = file;
            let (kind, size) = (Kind::of(&mime_type), size_words(bytes));
            view! { <FileView kind=kind href=href inline=inline name=file_name size=size /> }
        })
        .collect();
    view! {
        <ul class="attachments" aria-label=say!(files.attachments) hidden=none>
            {items}
        </ul>
    }
}

/// A file; empty in the templates.
#[component]
fn FileView(kind: Kind, href: String, inline: String, name: String, size: String) -> impl IntoView {
    // An empty address would ask for the page itself.
    let source = Some(inline.clone()).filter(|it| !it.is_empty());
    let shown = match kind {
        Kind::Picture => EitherOf3::A(view! {
            <a class="picture" href=inline target="_blank" rel="noopener noreferrer">
                <img src=source alt=name.clone() width="280" height="210" loading="lazy" decoding="async" />
            </a>
            <p class="file__broken" hidden>
                {say!(files.broken)} " "
                <button class="text-button" type="button" data-file="reload">{say!(files.retry)}</button>
            </p>
        }),
        Kind::Audio => EitherOf3::B(view! { <audio class="sound" src=source controls preload="none"></audio> }.into_any()),
        Kind::Video => EitherOf3::B(
            view! { <video class="film" src=source width="320" height="180" controls preload="none"></video> }.into_any(),
        ),
        Kind::Other => EitherOf3::C(()),
    };
    let shape = match kind {
        Kind::Picture => Shape::Picture,
        Kind::Audio | Kind::Video => Shape::Play,
        Kind::Other => Shape::File,
    };
    view! {
        <li class="file" data-kind=kind.word()>
            {shown}
            <a class="attachment" href=href target="_blank" rel="noopener noreferrer">
                <Icon shape=shape />
                <span>
                    <bdi class="attachment__name">{name}</bdi>
                    " "
                    <small class="attachment__size" dir="ltr">{size}</small>
                </span>
            </a>
        </li>
    }
}

/// The empty files, for the tab to copy, and the larger view of pictures.
#[component]
pub fn FileTemplates() -> impl IntoView {
    let files = Kind::ALL.map(|kind| {
        let empty = String::new;
        view! {
            <template data-row=kind.word()>
                <FileView kind=kind href=empty() inline=empty() name=empty() size=empty() />
            </template>
        }
    });
    view! {
        {files}
        <dialog class="lightbox" aria-label=say!(files.picture)>
            <form method="dialog">
                <button class="button button--quiet" type="submit">{say!(files.close)}</button>
            </form>
            <img alt="" />
            <p><bdi class="lightbox__name"></bdi></p>
        </dialog>
    }
}

/// Fills a copy of a template. A file whose message is not at the desk yet cannot be asked for.
pub fn filled(main: &Element, thread: &str, file: &Attachment, there: bool) -> Option<Element> {
    let kind = Kind::of(&file.mime_type);
    let item: Element = cut(main, &["template[data-row=", kind.word(), "]"].concat())?.into();
    let inline = inline_path(thread, file);
    if let Some(link) = find(&item, ".attachment") {
        set_attribute(&link, "href", there.then(|| file_path(thread, file)).as_deref());
    }
    if let Some(link) = find(&item, ".picture") {
        set_attribute(&link, "href", there.then_some(&inline));
    }
    if let Some(shown) = find(&item, "img, audio, video") {
        set_attribute(&shown, "alt", (kind == Kind::Picture).then_some(&file.file_name));
        set_attribute(&shown, "src", there.then_some(&inline));
    }
    write(&item, ".attachment__name", &file.file_name);
    write(&item, ".attachment__size", &size_words(file.bytes));
    Some(item)
}

/// Wakes pictures up: the larger view, and another try for those that did not come.
pub fn start(live: Live) {
    let scope = live.scope();
    for picture in all(scope, ".picture img") {
        if upload::is_broken(&picture) {
            broken(&picture, true);
        }
    }
    upload::on_broken(scope, |picture| broken(&picture, true));
    on(scope, "click", move |event: Clicked| {
        if let Some(button) = around(&event, "[data-file=reload]") {
            live.later(reload(button.into()));
        } else if let Some(link) = around(&event, ".picture").filter(|_| upload::is_plain(&event)) {
            event.prevent_default();
            live.later(open(live, link.into()));
        }
    });
}

/// Wakes the larger view up, once.
fn wake(live: Live) {
    let Some(dialog) = find(live.scope(), ".lightbox:not([data-awake])") else { return };
    set_attribute(&dialog, "data-awake", Some(""));
    let all_of_it = dialog.clone();
    on(&dialog, "click", move |event: PageEvent| {
        // Beside the picture.
        if event.target().as_ref() == Some(all_of_it.as_ref()) {
            upload::close_dialog(&all_of_it);
        }
    });
    on(&dialog, "keydown", move |event: KeyboardEvent| {
        let step = match event.key().as_str() {
            "ArrowRight" => 1,
            "ArrowLeft" => -1,
            _ => return,
        };
        turn(live, step);
    });
}

fn broken(picture: &Element, is: bool) {
    if let Ok(Some(file)) = picture.closest(".file") {
        set_attribute(&file, "data-broken", is.then_some(""));
        set_shown(&file, ".file__broken", is);
    }
}

later! {
    /// Another try for a picture.
    fn reload(button: Element) {
        let picture = button.closest(".file").ok().flatten();
        if let Some(picture) = picture.and_then(|file| find(&file, ".picture img")) {
            broken(&picture, false);
            let source = picture.get_attribute("src");
            set_attribute(&picture, "src", None);
            set_attribute(&picture, "src", source.as_deref());
        }
    }
}

later! {
    /// The larger view of a picture.
    fn open(live: Live, link: Element) {
        wake(live);
        enlarge(live, &link);
    }
}

fn enlarge(live: Live, link: &Element) {
    let (Some(dialog), Some(href)) = (find(live.scope(), ".lightbox"), link.get_attribute("href"))
    else {
        return;
    };
    let name = find(link, "img").and_then(|it| it.get_attribute("alt")).unwrap_or_default();
    if let Some(picture) = find(&dialog, "img") {
        set_attribute(&picture, "src", Some(&href));
        set_attribute(&picture, "alt", Some(&name));
    }
    write(&dialog, ".lightbox__name", &name);
    upload::show_dialog(&dialog);
}

/// The next picture of the conversation, or the one before.
fn turn(live: Live, step: isize) {
    let scope = live.scope();
    let shown = find(scope, ".lightbox img").and_then(|it| it.get_attribute("src"));
    let links: Vec<_> = all(scope, ".picture[href]").collect();
    let now = links.iter().position(|link| link.get_attribute("href") == shown);
    let next = now.and_then(|now| now.checked_add_signed(step)).and_then(|next| links.get(next));
    if let Some(link) = next {
        enlarge(live, link);
    }
}
