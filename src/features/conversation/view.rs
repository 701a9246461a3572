//! The `ConversationView` island: one thread, live.
//!
//! Its HTML is the server's alone, in the visitor's language. In the browser it wakes up what is there: it opens the
//! stream from the cursor of that very render, so nothing falls between; an event's message is shown at once, and then
//! the conversation is fetched to reconcile. See [`live`](super::live).

use super::live;
use crate::browser::document;
use leptos::prelude::*;

/// A conversation. It starts from the page's [`Opening`](crate::domain::opening::Opening).
#[island]
pub fn ConversationView(
    /// What the server rendered: header, messages, reply box, all in one `<main>`.
    children: Children,
) -> impl IntoView {
    document::awake(live::start);
    children()
}
