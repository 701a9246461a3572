//! The pill that says where a thread stands.

use crate::domain::thread::Status;
use leptos::prelude::*;

/// The pill.
#[component]
pub fn StatusPill(
    /// The thread's state.
    #[prop(into)]
    status: Signal<Status>,
) -> impl IntoView {
    view! {
        <span class="status" data-status=move || status.get().word()>
            {move || status.get().label()}
        </span>
    }
}
