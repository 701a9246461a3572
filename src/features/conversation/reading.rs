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
use std::{cell::RefCell, time::Duration};

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
    let eye: Watched = Box::leak(Box::new(RefCell::new(Eye { told, ..Eye::default() })));
    on(live.list(), "scroll", move |_: PageEvent| look(live, eye));
    let events = ["visibilitychange", "focus", "blur", "resize", "pageshow"];
    Listeners::on(&events, move |_| look(live, eye)).forget();
    // Once it is drawn.
    live.watch(move || request_animation_frame(move || look(live, eye)));
}

type Watched = &'static RefCell<Eye>;

fn look(live: Live, eye: Watched) {
    let newest = in_view(live, eye);
    let mut state = eye.borrow_mut();
    if state.candidate == newest {
        return;
    }
    state.turn = state.turn.wrapping_add(1);
    let turn = state.turn;
    if !newest.is_empty() {
        set_timeout(move || ripe(live, eye, turn), SECOND);
    }
    state.candidate = newest;
}

/// The second is over.
fn ripe(live: Live, eye: Watched, turn: u32) {
    if eye.borrow().turn != turn {
        return;
    }
    let newest = in_view(live, eye);
    let before = {
        let mut state = eye.borrow_mut();
        let same = std::mem::take(&mut state.candidate) == newest;
        same.then(|| std::mem::replace(&mut state.told, newest.clone()))
    };
    let Some(before) = before else { return look(live, eye) };
    spawn_local(async move {
        let fields = [("threadId", live.thread()), ("entryId", &*newest)];
        if !fetch::tell("read", &fields).await {
            // With the next look.
            let mut state = eye.borrow_mut();
            if state.told == newest {
                state.told = before;
            }
        }
    });
}

/// The newest of the team's messages in view that the server was not told of; empty: none.
fn in_view(live: Live, eye: Watched) -> String {
    if !document::is_in_front() {
        return String::new();
    }
    let list = live.list();
    let told = eye.borrow().told.clone();
    let mut row: Option<Element> = find(list, ".timeline").and_then(|it| it.last_element_child());
    while let Some(this) = row {
        if let Some(entry) = this.get_attribute("data-entry-id") {
            if entry == told {
                break;
            }
            if !this.has_attribute("data-mine") && scroll::is_in_view(list, &this) {
                return entry;
            }
        }
        row = this.previous_element_sibling();
    }
    String::new()
}
