//! A framed sentence: something failed, something is slow, something worked.

use super::icon::{Icon, Shape};
use leptos::prelude::*;

/// What kind of news it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something failed; announced at once.
    Error,
    /// Good news.
    Success,
}

/// A notice with a sentence; hidden while that is empty.
#[component]
pub fn Notice(
    /// Its kind.
    kind: Kind,
    /// The sentence.
    text: impl Fn() -> String + Clone + Send + Sync + 'static,
) -> impl IntoView {
    let (word, role, shape) = match kind {
        Kind::Error => ("error", "alert", Shape::Alert),
        Kind::Success => ("success", "status", Shape::Check),
    };
    let sentence = text.clone();
    view! {
        <div class="notice" data-kind=word role=role hidden=move || text().is_empty()>
            <Icon shape=shape />
            <p>{sentence}</p>
        </div>
    }
}
