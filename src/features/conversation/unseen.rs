//! What came while nobody looked: the count in the tab's title and on its icon, and the button to the newest messages.

use super::live::Live;
use crate::{
    browser::{
        document::{self, Listeners, PageEvent},
        dom::{find, on, set_shown, write},
        scroll,
    },
    domain::words::Word,
};
use std::cell::Cell;

/// Wakes the button up, and clears the title when somebody looks.
pub fn start(live: Live) {
    let scope = live.scope();
    if let Some(jump) = find(scope, ".jump") {
        on(&jump, "click", move |_: PageEvent| live.follow(false));
    }
    on(live.list(), "scroll", move |_: PageEvent| {
        if scroll::at_end(live.list()) && live.unseen.get() > 0 {
            live.unseen.set(0);
        }
    });
    live.watch(move || {
        let unseen = live.unseen.get();
        write(scope, ".jump span", &live.fill(Word::New, "n", &unseen.to_string()));
        set_shown(scope, ".jump", unseen > 0);
    });
    Listeners::on(&["visibilitychange", "pageshow"], move |_| {
        if document::is_visible() && live.missed.get() > 0 {
            live.missed.set(0);
        }
    })
    .forget();
    let (title, told) = (document::title(), Cell::new(0));
    live.watch(move || {
        let missed = live.missed.get();
        if told.replace(missed) != missed {
            document::set_badge(&title, missed);
        }
    });
}
