//! The pill that says where a thread stands.

use crate::{domain::thread::Status, language::word};
use leptos::prelude::*;

/// The pill.
#[component]
pub fn StatusPill(
    /// The thread's state.
    status: impl Fn() -> Status + Copy + Send + Sync + 'static,
) -> impl IntoView {
    view! {
        <span class="status" data-status=move || status().word()>
            {move || word(status().said())}
        </span>
    }
}
