//! The dot: whether answers arrive at once. Always with words.

use crate::browser::event_stream::Link;
use leptos::prelude::*;

/// The dot and its words.
#[component]
pub fn ConnectionDot(
    /// The state of the connection.
    link: impl Fn() -> Link + Copy + Send + Sync + 'static,
    /// Whether there is a connection to speak of.
    shown: bool,
) -> impl IntoView {
    view! {
        <p class="connection" role="status" hidden=!shown data-state=move || link().word()>
            <span class="connection__dot" aria-hidden="true"></span>
            <span class="connection__text">{move || link().label()}</span>
        </p>
    }
}
