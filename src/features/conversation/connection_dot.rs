//! The dot: whether answers arrive at once. Always with words.

use crate::browser::event_stream::Link;
use leptos::prelude::*;

/// The dot and its words, and a button for who does not want to wait.
#[component]
pub fn ConnectionDot(
    /// The state of the connection.
    link: impl Fn() -> Link + Copy + Send + Sync + 'static,
    /// Whether there is a connection to speak of.
    shown: bool,
    /// Tries to connect now.
    retry: impl Fn() + 'static,
) -> impl IntoView {
    let seconds = move || match link() {
        Link::Reconnecting(seconds @ 1..) => format!("in {seconds} s"),
        _ => String::new(),
    };
    view! {
        <p class="connection" role="status" hidden=!shown data-state=move || link().word()>
            <span class="connection__dot" aria-hidden="true"></span>
            <span>{move || link().label()}</span>
            // Seen, and not read out every second.
            <span aria-hidden="true">{seconds}</span>
        </p>
        <button
            class="text-button connection__retry"
            type="button"
            hidden=move || !matches!(link(), Link::Reconnecting(_) | Link::Slow)
            on:click=move |_| retry()
        >
            "Retry now"
        </button>
    }
}
