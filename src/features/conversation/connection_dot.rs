//! The dot: whether answers arrive at once. Always with words.

use crate::browser::event_stream::Link;
use leptos::prelude::*;

/// The dot and its words.
#[component]
pub fn ConnectionDot(
    /// The state of the connection.
    link: ReadSignal<Link>,
) -> impl IntoView {
    view! {
        <p class="connection" role="status" data-state=move || link.get().word()>
            <span class="connection__dot" aria-hidden="true"></span>
            <span class="connection__text">{move || link.get().label()}</span>
        </p>
    }
}
