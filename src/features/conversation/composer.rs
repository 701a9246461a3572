//! The reply box. Its HTML is the server's alone; without script it posts to the page.

use crate::{
    browser::{
        document::memory,
        form::{self, Scope},
    },
    domain::{echo::ReplyEcho, ids::ThreadId, request::check_text},
    language::words,
    ui::{
        icon::{Icon, Shape},
        text_area::TextArea,
    },
};
use leptos::prelude::*;

/// Puts back what was typed before and not sent.
pub fn recall(scope: &Scope, thread: &str) {
    if form::value(scope, "text").is_empty() {
        form::set_value(scope, "text", &memory::get(&memory_key(thread)).unwrap_or_default());
    }
}

/// Remembers what is typed.
pub fn remember(scope: &Scope, thread: &str) {
    memory::set(&memory_key(thread), &form::value(scope, "text"));
}

/// Takes the checked text out of the box; none, and a sentence above the box, if it cannot be sent.
pub fn take(scope: &Scope, thread: &str) -> Option<String> {
    let checked = check_text(&form::value(scope, "text"));
    let problem = checked.as_ref().err().map(|sentence| sentence.of_tab(&words()));
    form::say(scope, PROBLEM, &problem.unwrap_or_default());
    if checked.is_ok() {
        form::set_value(scope, "text", "");
        memory::set(&memory_key(thread), "");
    }
    form::focus(scope, "text");
    checked.ok()
}

const PROBLEM: &str = "#reply-problem";

fn memory_key(thread: &str) -> String {
    format!("hotline:reply:{thread}")
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
        return view! { <p class="composer__hint">"This conversation is closed and takes no more messages."</p> }
            .into_any();
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
        >
            <input type="hidden" name="client_message_id" value=echo.key />
            <label class="visually-hidden" for="reply">
                "Your reply"
            </label>
            <TextArea
                name="text"
                id="reply"
                class="composer__input"
                value=echo.text
                {..}
                rows="1"
                placeholder="Write a reply…"
                aria-describedby="reply-hint"
            />
            <button class="button" type="submit">
                "Send"
            </button>
        </form>
        <p class="composer__hint" id="reply-hint">
            <span>"The team sees it as soon as you send it."</span>
            <span class="composer__keys">
                <kbd>"Enter"</kbd>
                " sends, "
                <kbd>"Shift"</kbd>
                " + "
                <kbd>"Enter"</kbd>
                " starts a new line"
            </span>
        </p>
    }
    .into_any()
}
