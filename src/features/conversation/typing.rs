//! Who types: the line that says that somebody of the team does, for as long as a sign of it lives, and the signs that
//! this visitor does. Nothing is said where nobody said anything.

use super::live::Live;
use crate::{
    browser::{
        document::PageEvent,
        dom::{around, on, write},
        fetch, form,
        transport::now,
    },
    domain::words::Word,
};
use leptos::{prelude::*, task::spawn_local};
use std::{cell::Cell, time::Duration};

/// A sign goes out at most this often, in ms: it lives longer.
const PAUSE_MS: f64 = 3000.0;

thread_local! {
    /// Counts the signs of the team's; a page has one conversation.
    static HEARD: Cell<u32> = const { Cell::new(0) };
    /// When the last sign of this visitor's went out; zero: it was that they stopped.
    static TOLD: Cell<f64> = const { Cell::new(0.0) };
}

/// Shows who types, and tells that the visitor does.
pub fn start(live: Live) {
    live.watch(move || {
        let words = match &*live.typing.read() {
            None => String::new(),
            Some(name) if name.is_empty() => live.word(Word::TypingSomebody).to_owned(),
            Some(name) => live.fill(Word::Typing, "name", name),
        };
        write(live.scope(), "[data-part=typing]", &words);
    });
    on(live.scope(), "input", move |event: PageEvent| {
        if around(&event, ".composer").is_some() {
            tell(live, !form::value(live.scope(), "text").trim().is_empty());
        }
    });
}

/// Somebody of the team types, for so long unless another sign comes; zero: they stopped.
pub fn heard(live: Live, name: String, for_ms: u32) {
    let sign = HEARD.get().wrapping_add(1);
    HEARD.set(sign);
    live.typing.set((for_ms > 0).then_some(name));
    let end = move || {
        if HEARD.get() == sign {
            live.typing.set(None);
        }
    };
    set_timeout(end, Duration::from_millis(for_ms.into()));
}

/// The visitor has sent it.
pub fn over(live: Live) {
    tell(live, false);
}

fn tell(live: Live, typing: bool) {
    let (now, last) = (now(), TOLD.get());
    if if typing { (now - last).abs() < PAUSE_MS } else { last == 0.0 } {
        return;
    }
    TOLD.set(if typing { now } else { 0.0 });
    let (thread, typing) = (live.thread(), if typing { "true" } else { "false" });
    let words =
        [r#"{"type":"typing","threadId":""#, thread, r#"","typing":"#, typing, "}"].concat();
    if !live.speak(&words) {
        spawn_local(async move {
            let fields = [("threadId", thread), ("typing", typing)];
            // Whether it arrives or not: the next one says the same.
            fetch::tell("typing", &fields).await;
        });
    }
}
