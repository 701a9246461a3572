//! Sending: what the visitor writes is on screen at once, is kept on this device until the server has it, and goes out
//! one after the other, so that it arrives in the order in which it was written.

use super::{
    api::Replied, client::reply, composer, drafts, live::Live, spoken, timeline::Delivery, tray,
    typing,
};
use crate::{
    browser::{
        clock,
        document::{self, KeyboardEvent, Listeners, PageEvent, SubmitEvent},
        dom::{Element, around, find, on, set_attribute, set_text},
        form, later,
        outbox::{self, Waiting},
    },
    domain::{
        error::{Code, DeskError},
        ids::ClientMessageId,
        message::{Attachment, Uploaded},
        words::Word,
    },
};
use leptos::{prelude::*, task::spawn_local};
use std::time::Duration;

/// The longest pause between two tries without a network, in seconds.
const LONGEST_PAUSE: u64 = 30;

/// What waits, and what is being done about it.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: Vec<Waiting>,
    busy: bool,
    /// What was said over a socket, and is not answered yet.
    pub asked: Option<Waiting>,
    /// Tries in vain since the last message that went out.
    tries: u32,
}

/// Wakes the reply box up, and sends what an earlier visit left behind.
pub fn start(live: Live) {
    let waiting = outbox::load(live.thread());
    for Waiting { key, text, at, files, why } in &waiting {
        live.timeline.update(|timeline| {
            timeline.compose(key.clone(), text.clone(), shown(files), at.clone());
            if !why.is_empty() {
                timeline.set_delivery(key.as_str(), Delivery::Failed(why.clone()));
            }
        });
    }
    live.outbox.borrow_mut().waiting = waiting;

    let scope = live.scope();
    on(scope, "submit", move |event: SubmitEvent| {
        if around(&event, ".composer").is_some() {
            event.prevent_default();
            submit(live);
        }
    });
    on(scope, "keydown", move |event: KeyboardEvent| {
        if around(&event, ".composer").is_some() && form::means_send(&event) {
            event.prevent_default();
            submit(live);
        }
    });
    on(scope, "click", move |event: PageEvent| {
        if let Some(button) = around(&event, "[data-do]") {
            act(live, &button);
        }
    });
    Listeners::on(&["online"], move |_| again(live)).forget();
    go(live);
}

fn shown(files: &[Uploaded]) -> Vec<Attachment> {
    files.iter().map(|uploaded| uploaded.file.clone()).collect()
}

/// Sends what is in the reply box.
pub fn submit(live: Live) {
    let Some((text, files)) = composer::take(live) else { return };
    drafts::forget(live);
    typing::over(live);
    let Ok(key) = ClientMessageId::parse(document::random_key()) else { return };
    let at = clock::now();
    live.timeline
        .update(|timeline| timeline.compose(key.clone(), text.clone(), shown(&files), at.clone()));
    live.follow(false);
    let why = String::new();
    change(live, |waiting| waiting.push(Waiting { key, text, at, files, why }));
    go(live);
}

/// The network may be back.
pub fn again(live: Live) {
    live.outbox.borrow_mut().tries = 0;
    go(live);
}

/// A button in a message.
fn act(live: Live, button: &Element) {
    let row = button.closest(".message").ok().flatten();
    let key = row.and_then(|row| row.get_attribute("data-key")).unwrap_or_default();
    match button.get_attribute("data-do").unwrap_or_default().as_str() {
        "retry" => {
            change(live, |waiting| {
                if let Some(one) = waiting.iter_mut().find(|one| one.key.as_str() == key) {
                    one.why.clear();
                }
            });
            go(live);
        }
        "edit" if has_files(live, &key) => live.later(tray::take_back(live, key)),
        what @ ("edit" | "withdraw") => drop(withdraw(live, &key, what == "edit")),
        "copy" => {
            let code = button.parent_element().and_then(|block| find(&block, "code"));
            let text = code.and_then(|code| code.text_content()).unwrap_or_default();
            let button = button.clone();
            spawn_local(async move {
                if document::copy(&text).await {
                    let copied = live.word(Word::Copied);
                    set_text(&button, copied);
                    live.say(copied);
                    let back = move || set_text(&button, live.word(Word::Copy));
                    set_timeout(back, Duration::from_secs(2));
                }
            });
        }
        "all" => {
            if let Some(bubble) = button.parent_element() {
                set_attribute(&bubble, "data-long", Some("shown"));
            }
            button.remove();
        }
        _ => {}
    }
}

fn has_files(live: Live, key: &str) -> bool {
    let outbox = live.outbox.borrow();
    outbox.waiting.iter().any(|one| one.key.as_str() == key && !one.files.is_empty())
}

/// Takes a message back that was not sent: its files, and to `edit` it, its text into the reply box before what was typed
/// there since.
pub fn withdraw(live: Live, key: &str, edit: bool) -> Vec<Uploaded> {
    let mut files = Vec::new();
    change(live, |waiting| {
        let place = waiting.iter().position(|one| one.key.as_str() == key);
        files = place.map(|place| waiting.remove(place).files).unwrap_or_default();
    });
    let text = live.timeline.update(|timeline| timeline.withdraw(key));
    let scope = live.scope();
    if let Some(mut text) = text.filter(|_| edit) {
        let typed = form::value(scope, "text");
        if !text.is_empty() && !typed.is_empty() {
            text.push('\n');
        }
        text.push_str(&typed);
        form::set_value(scope, "text", &text);
    }
    form::focus(scope, "text");
    files
}

fn change(live: Live, change: impl FnOnce(&mut Vec<Waiting>)) {
    let mut outbox = live.outbox.borrow_mut();
    change(&mut outbox.waiting);
    outbox::save(live.thread(), &outbox.waiting);
}

/// Shows all that is to be sent like this.
fn show(live: Live, delivery: Delivery) {
    live.timeline.update(|timeline| {
        for one in live.outbox.borrow().waiting.iter().filter(|one| one.why.is_empty()) {
            timeline.set_delivery(one.key.as_str(), delivery.clone());
        }
    });
}

/// Sends what is to be sent, unless that goes on already.
fn go(live: Live) {
    if live.outbox.borrow().busy {
        return;
    }
    if !document::is_online() {
        return show(live, Delivery::Queued);
    }
    show(live, Delivery::Sending);
    live.outbox.borrow_mut().busy = true;
    step(live);
}

/// Sends the next one; each is answered before the one after it goes.
fn step(live: Live) {
    let Some(one) = next(live) else {
        live.outbox.borrow_mut().busy = false;
        return;
    };
    if live.is_heard() {
        let kept = one.clone();
        later::run(spoken::say(live, one), move || by_request(live, kept));
    } else {
        by_request(live, one);
    }
}

/// Sends one by a request.
pub fn by_request(live: Live, one: Waiting) {
    spawn_local(async move {
        let result = reply(live.thread(), &one.text, &one.key, &one.files).await;
        settle(live, &one.key, result);
    });
}

/// The server answered over the socket.
pub fn answered(live: Live, key: &ClientMessageId, result: Result<Replied, DeskError>) {
    let asked = live.outbox.borrow_mut().asked.take_if(|asked| asked.key == *key);
    if asked.is_some() {
        settle(live, key, result);
    }
}

/// It does not answer this one, or is gone: the same goes by a request.
pub fn unanswered(live: Live, key: Option<&ClientMessageId>) {
    let this = |asked: &mut Waiting| key.is_none_or(|key| asked.key == *key);
    let asked = live.outbox.borrow_mut().asked.take_if(this);
    if let Some(one) = asked {
        by_request(live, one);
    }
}

fn settle(live: Live, key: &ClientMessageId, result: Result<Replied, DeskError>) {
    match result {
        Ok(replied) => {
            live.outbox.borrow_mut().tries = 0;
            change(live, |waiting| waiting.retain(|one| one.key != *key));
            live.timeline.update(|timeline| timeline.sent(key, replied.message_id, replied.at));
        }
        Err(error) if error.code == Code::Unreachable => return pause(live),
        Err(error) => {
            let why = error.error;
            let kept = why.clone();
            change(live, |waiting| {
                waiting
                    .iter_mut()
                    .filter(|one| one.key == *key)
                    .for_each(|one| one.why = kept.clone());
            });
            live.timeline.update(|timeline| {
                timeline.set_delivery(key.as_str(), Delivery::Failed(why));
            });
        }
    }
    step(live);
}

fn next(live: Live) -> Option<Waiting> {
    live.outbox.borrow().waiting.iter().find(|one| one.why.is_empty()).cloned()
}

/// Nobody answers: later.
fn pause(live: Live) {
    let tries = {
        let mut outbox = live.outbox.borrow_mut();
        outbox.busy = false;
        outbox.tries += 1;
        outbox.tries
    };
    show(live, Delivery::Queued);
    let seconds = (1_u64 << tries.min(5)).min(LONGEST_PAUSE);
    set_timeout(move || go(live), Duration::from_secs(seconds));
}
