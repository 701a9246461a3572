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

/// A notice with a sentence.
#[component]
pub fn Notice(
    /// Its kind.
    kind: Kind,
    /// The sentence.
    #[prop(into)]
    text: Signal<String>,
) -> impl IntoView {
    let (word, role, shape) = match kind {
        Kind::Error => ("error", "alert", Shape::Alert),
        Kind::Success => ("success", "status", Shape::Check),
    };
    view! {
        <div class="notice" data-kind=word role=role>
            <Icon shape=shape />
            <p>{move || text.get()}</p>
        </div>
    }
}
