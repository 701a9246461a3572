//! The reply box.

use crate::{
    browser::{document::memory, form},
    domain::{echo::ReplyEcho, ids::ThreadId, request::check_text},
    ui::{
        notice::{Kind, Notice},
        text_area::TextArea,
    },
};
use leptos::{
    ev::{KeyboardEvent, SubmitEvent},
    html,
    prelude::*,
};

/// The box. With script, `send` is given each checked text; without, the form posts to the page.
#[component]
pub fn Composer(
    /// The thread it writes to.
    thread: ThreadId,
    /// What was typed before, and what is wrong with it.
    echo: ReplyEcho,
    /// Called with a text to send.
    send: Callback<String>,
) -> impl IntoView {
    let node = NodeRef::<html::Form>::new();
    let problem = RwSignal::new(echo.error);
    let memory_key = format!("hotline:reply:{thread}");

    let key = memory_key.clone();
    Effect::new(move |_| {
        let Some(element) = node.get() else { return };
        if form::value(&element, "text").is_empty() {
            form::set_value(&element, "text", &memory::get(&key).unwrap_or_default());
        }
    });
    let key = memory_key.clone();
    let remember = move |_| {
        if let Some(element) = node.get_untracked() {
            memory::set(&key, &form::value(&element, "text"));
        }
    };
    let submit = move || {
        let Some(element) = node.get_untracked() else { return };
        match check_text(&form::value(&element, "text")) {
            Ok(text) => {
                problem.set(String::new());
                form::set_value(&element, "text", "");
                memory::set(&memory_key, "");
                form::focus(&element, "text");
                send.run(text);
            }
            Err(sentence) => {
                problem.set(sentence);
                form::focus(&element, "text");
            }
        }
    };
    let submit_by_key = submit.clone();
    let on_key = move |event: KeyboardEvent| {
        if form::means_send(&event) {
            event.prevent_default();
            submit_by_key();
        }
    };
    view! {
        {move || {
            (!problem.read().is_empty()).then(|| view! { <Notice kind=Kind::Error text=problem /> })
        }}
        <form
            class="composer"
            method="post"
            action=format!("/t/{thread}")
            node_ref=node
            on:submit=move |event: SubmitEvent| {
                event.prevent_default();
                submit();
            }
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
                on:keydown=on_key
                on:input=remember
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
}
