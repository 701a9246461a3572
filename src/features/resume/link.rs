//! The control "Copy link" of a conversation. Its form is a plain one: without script it brings the page again, with the
//! link in a field.

use super::client;
use crate::{
    browser::{clock, document, form},
    domain::{
        link::ResumeLink,
        words::{Word, Words},
    },
    language::{say, short_day},
};
use leptos::prelude::*;

/// Makes a link, puts it on the clipboard or else into the form's field, and says so beside the button. What it says is
/// returned, for those who hear the page.
pub async fn copy(scope: &form::Scope, thread: &str, words: &Words) -> String {
    let said = match client::link(thread).await {
        Ok(link) => {
            let day = clock::short_day(link.expires_at.as_str());
            let word = if document::copy(&link.url).await {
                Word::LinkCopied
            } else {
                form::show_selected(scope, "link", &link.url);
                Word::LinkShown
            };
            words.fill(word, "day", &day)
        }
        Err(error) => error.error,
    };
    form::say(scope, ".share__said", &said);
    said
}

/// The link in a field, for whoever asked for it without script.
#[component]
pub fn LinkMade(
    /// The link.
    link: ResumeLink,
) -> impl IntoView {
    view! {
        <div class="handover">
            <label for="handover">
                {say!(resume.handover, day = short_day(&link.expires_at))}
            </label>
            <input class="field__input" id="handover" readonly=true value=link.url />
        </div>
    }
}
