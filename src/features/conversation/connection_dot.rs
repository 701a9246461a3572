//! The dot: whether answers arrive at once. Always with words.

use super::live::Live;
use crate::{
    browser::{
        document::PageEvent,
        dom::{find, on, set_attribute, set_shown, set_text},
        event_stream::{EventStream, Link},
    },
    domain::words::{Word, Words},
};
use leptos::prelude::*;

fn word(link: Link) -> Word {
    match link {
        Link::Connecting => Word::Connecting,
        Link::Live => Word::Live,
        Link::Reconnecting(_) => Word::Reconnecting,
        Link::Offline => Word::Offline,
        Link::Slow => Word::Slow,
        Link::Closed => Word::Closed,
    }
}

/// The dot and its words, and a button for who does not want to wait.
#[component]
pub fn ConnectionDot(
    /// Whether there will be a connection to speak of.
    shown: bool,
    /// The button's words.
    retry: String,
    /// The page's words.
    words: Words,
) -> impl IntoView {
    let label = words.say(word(Link::Connecting)).to_owned();
    view! {
        <p class="connection" role="status" hidden=!shown data-state=Link::Connecting.word()>
            <span class="connection__dot" aria-hidden="true"></span>
            <span class="connection__label">{label}</span>
            // Seen, and not read out every second.
            <span class="connection__wait" aria-hidden="true"></span>
        </p>
        <button class="text-button connection__retry" type="button" hidden>
            {retry}
        </button>
    }
}

/// The dot follows the connection.
pub fn start(live: Live) {
    let scope = live.scope();
    let (Some(dot), Some(label), Some(wait)) = (
        find(scope, ".connection"),
        find(scope, ".connection__label"),
        find(scope, ".connection__wait"),
    ) else {
        return;
    };
    if let Some(retry) = find(scope, ".connection__retry") {
        on(&retry, "click", move |_: PageEvent| live.with_stream(EventStream::retry));
    }
    live.watch(move || {
        let link = live.link.get();
        set_attribute(&dot, "data-state", Some(link.word()));
        set_text(&label, live.word(word(link)));
        let seconds = match link {
            Link::Reconnecting(seconds @ 1..) => {
                live.fill(Word::InSeconds, "n", &seconds.to_string())
            }
            _ => String::new(),
        };
        set_text(&wait, &seconds);
        let waits = matches!(link, Link::Reconnecting(_) | Link::Slow);
        set_shown(scope, ".connection__retry", waits);
    });
}
