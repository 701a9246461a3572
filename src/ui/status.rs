//! The pill that says where a thread stands.

use crate::domain::thread::Status;
use leptos::prelude::*;

/// The pill.
#[component]
pub fn StatusPill(
    /// The thread's state.
    status: Status,
    /// Its words.
    label: String,
) -> impl IntoView {
    view! { <span class="status" data-status=status.word()>{label}</span> }
}
