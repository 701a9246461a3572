//! What the visitor has read. A message of the team's counts once at least half of it (of a tall one, half of the view)
//! was in view for a full second, in a window that is in front. One request tells of all that was read up to then.

use super::live::Live;
use crate::{
    browser::{
        document::{self, Listeners, PageEvent},
        dom::{Element, find, on},
        fetch, scroll,
    },
    domain::ids::EntryId,
};
use leptos::{prelude::*, task::spawn_local};
use std::time::Duration;

/// So long it must be in view.
const SECOND: Duration = Duration::from_millis(1000);

#[derive(Debug, Default)]
struct Eye {
    /// The newest entry that the server was told of.
    told: String,
    /// The newest one in view, for less than a second; empty: none.
    candidate: String,
    /// Counts candidates.
    turn: u32,
}

/// Watches what is in view. `read_to`: what the server knows already.
pub fn start(live: Live, read_to: Option<EntryId>) {
    let told = read_to.map(String::from).unwrap_or_default();
    let eye = StoredValue::new_local(Eye { told, ..Eye::default() });
    on(&live.list(), "scroll", move |_: PageEvent| look(live, eye));
    let events = ["visibilitychange", "focus", "blur", "resize", "pageshow"];
    Listeners::on(&events, move |_| look(live, eye)).forget();
    Effect::new(move |_| {
        live.timeline.track();
        // Once it is drawn.
        request_animation_frame(move || look(live, eye));
    });
}

type Watched = StoredValue<Eye, LocalStorage>;

fn look(live: Live, eye: Watched) {
    let newest = in_view(live, eye);
    eye.update_value(|state| {
        if state.candidate == newest {
            return;
        }
        state.turn = state.turn.wrapping_add(1);
        let turn = state.turn;
        if !newest.is_empty() {
            set_timeout(move || ripe(live, eye, turn), SECOND);
        }
        state.candidate = newest;
    });
}

/// The second is over.
fn ripe(live: Live, eye: Watched, turn: u32) {
    if eye.with_value(|state| state.turn) != turn {
        return;
    }
    let newest = in_view(live, eye);
    let mut before = String::new();
    let same = eye.try_update_value(|state| {
        let same = state.candidate == newest;
        state.candidate.clear();
        if same {
            before = std::mem::replace(&mut state.told, newest.clone());
        }
        same
    });
    if same != Some(true) {
        return look(live, eye);
    }
    spawn_local(async move {
        let fields = [("threadId", &*live.thread()), ("entryId", &*newest)];
        if !fetch::tell("read", &fields).await {
            // With the next look.
            eye.update_value(|state| {
                if state.told == newest {
                    state.told = before;
                }
            });
        }
    });
}

/// The newest of the team's messages in view that the server was not told of; empty: none.
fn in_view(live: Live, eye: Watched) -> String {
    if !document::is_in_front() {
        return String::new();
    }
    let list = live.list();
    let told = eye.with_value(|state| state.told.clone());
    let mut row: Option<Element> = find(&list, ".timeline").and_then(|it| it.last_element_child());
    while let Some(this) = row {
        if let Some(entry) = this.get_attribute("data-entry-id") {
            if entry == told {
                break;
            }
            if !this.has_attribute("data-mine") && scroll::is_in_view(&list, &this) {
                return entry;
            }
        }
        row = this.previous_element_sibling();
    }
    String::new()
}
