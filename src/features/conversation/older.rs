//! Older messages: fetched before the reader comes to the first one, or by the link above it. What is being read does
//! not move.

use super::{client::messages, live::Live};
use crate::browser::{
    document::PageEvent,
    dom::{find, on, set_attribute},
    scroll,
};
use leptos::{prelude::*, task::spawn_local};

/// Wakes the link up, and fetches by itself.
pub fn start(live: Live) {
    if let Some(link) = find(live.scope(), ".older a") {
        on(&link, "click", move |event: PageEvent| {
            event.prevent_default();
            load(live);
        });
    }
    on(live.list(), "scroll", move |_: PageEvent| {
        if scroll::near_start(live.list()) {
            load(live);
        }
    });
}

/// Fetches all that is left, for whoever wants the conversation whole. Ends early where a page cannot be had.
pub async fn load_all(live: Live) {
    let list = live.list();
    let place = scroll::place(list);
    loop {
        let Some(before) = live.timeline.read().older.clone() else { break };
        let Ok(page) = messages(live.thread(), Some(&before)).await else { break };
        live.timeline.update(|timeline| {
            if timeline.older.as_deref() == Some(before.as_str()) {
                timeline.prepend(page);
            }
        });
    }
    request_animation_frame(move || scroll::restore(list, place));
}

fn load(live: Live) {
    let list = live.list();
    let Some(before) = live.timeline.read().older.clone() else {
        return;
    };
    if list.has_attribute("aria-busy") {
        return;
    }
    set_attribute(list, "aria-busy", Some("true"));
    spawn_local(async move {
        let page = messages(live.thread(), Some(&before)).await;
        let place = scroll::place(list);
        if let Ok(page) = page {
            live.timeline.update(|timeline| {
                // A read may have begun the list anew meanwhile.
                if timeline.older.as_deref() == Some(before.as_str()) {
                    timeline.prepend(page);
                }
            });
        }
        // The browser holds on to what has the focus, which is the link above; the reader's eye is on a message.
        request_animation_frame(move || {
            scroll::restore(list, place);
            set_attribute(list, "aria-busy", None);
        });
    });
}
