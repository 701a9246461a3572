//! The control "Copy link", awake.

use super::live::Live;
use crate::{
    browser::{
        document::SubmitEvent,
        dom::{Element, around, on},
        later::later,
    },
    features::resume,
};
use leptos::task::spawn_local;

/// Hands out a link to this conversation without leaving it.
pub fn start(live: Live) {
    on(live.scope(), "submit", move |event: SubmitEvent| {
        let Some(form) = around(&event, ".share") else { return };
        event.prevent_default();
        live.later(copy(live, form.into()));
    });
}

later! {
    fn copy(live: Live, form: Element) {
        spawn_local(async move {
            let words = resume::link::copy(&form, live.thread(), live.words()).await;
            live.say(&words);
        });
    }
}
