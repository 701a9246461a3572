//! The dot: whether answers arrive at once. Always with words.

use crate::browser::event_stream::Link;
use leptos::prelude::*;

/// The dot and its words.
#[component]
pub fn ConnectionDot(
    /// The state of the connection.
    link: RwSignal<Link>,
    /// Whether there is a connection to speak of.
    shown: bool,
) -> impl IntoView {
    view! {
        <p class="connection" role="status" hidden=!shown data-state=move || link.get().word()>
            <span class="connection__dot" aria-hidden="true"></span>
            <span class="connection__text">{move || link.get().label()}</span>
        </p>
    }
}
