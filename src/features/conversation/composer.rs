//! The reply box. Its HTML is the server's alone; without script it posts to the page.

use super::{
    live::Live,
    tray::{self, FileButton, FileList},
};
use crate::{
    browser::form,
    domain::{
        echo::ReplyEcho,
        ids::ThreadId,
        message::Uploaded,
        request::{check_text, limits},
        words::Word,
    },
    language::say,
    ui::{
        icon::{Icon, Shape},
        text_area::TextArea,
    },
};
use leptos::prelude::*;

/// Says above the box what is wrong.
pub const PROBLEM: &str = "#reply-problem";

/// Takes the checked text and the files out of the box; none, and a sentence above the box, if they cannot be sent.
pub fn take(live: Live) -> Option<(String, Vec<Uploaded>)> {
    let scope = live.scope();
    let typed = form::value(scope, "text");
    let checked = match typed.trim().is_empty() && !tray::is_empty(live) {
        true => Ok(String::new()),
        false => check_text(&typed),
    };
    let problem = match &checked {
        Ok(_) => String::new(),
        Err(_) if typed.trim().is_empty() => live.word(Word::WriteSomething).to_owned(),
        Err(_) => {
            let is = live.fill(Word::MessageTooLong, "is", &typed.chars().count().to_string());
            is.replacen("{max}", &limits::TEXT.to_string(), 1)
        }
    };
    form::say(scope, PROBLEM, &problem);
    if checked.is_ok() && !tray::is_ready(live) {
        return None;
    }
    if checked.is_ok() {
        form::set_value(scope, "text", "");
    }
    form::focus(scope, "text");
    Some((checked.ok()?, tray::take(live)))
}

/// The box, or why there is none.
#[component]
pub fn Composer(
    /// The thread it writes to.
    thread: ThreadId,
    /// Whether the thread takes no more messages.
    locked: bool,
    /// What was typed before, and what is wrong with it.
    echo: ReplyEcho,
) -> impl IntoView {
    if locked {
        return view! { <p class="composer__hint">{say!(conversation.closed)}</p> }.into_any();
    }
    let fine = echo.error.is_empty();
    view! {
        <div class="notice" id="reply-problem" data-kind="error" role="alert" hidden=fine>
            <Icon shape=Shape::Alert />
            <p>{echo.error}</p>
        </div>
        <form
            class="composer"
            method="post"
            action=format!("/t/{thread}")
            enctype="multipart/form-data"
        >
            <input type="hidden" name="client_message_id" value=echo.key />
            <FileList />
            <label class="visually-hidden" for="reply">
                {say!(conversation.your_reply)}
            </label>
            <TextArea
                name="text"
                id="reply"
                class="composer__input"
                value=echo.text
                {..}
                rows="1"
                placeholder=say!(conversation.write_reply)
                dir="auto"
                aria-describedby="reply-hint"
            />
            <FileButton />
            <button class="button" type="submit">
                {say!(conversation.send)}
            </button>
        </form>
        <p class="composer__hint" id="reply-hint">
            <span>{say!(conversation.at_once)}</span>
            <span class="composer__keys">
                <kbd>{say!(conversation.key_enter)}</kbd>
                " " {say!(conversation.key_sends)} " "
                <kbd>{say!(conversation.key_shift)}</kbd>
                " + "
                <kbd>{say!(conversation.key_enter)}</kbd>
                " " {say!(conversation.key_line)}
            </span>
        </p>
    }
    .into_any()
}
