//! Times. The server writes UTC; the tab rewrites them in the visitor's zone once it is alive, so that the first
//! view is the same on both sides.

use crate::{browser::clock, domain::time::At};
use leptos::prelude::*;

/// Hours and minutes of a moment.
#[component]
pub fn Time(
    /// The moment.
    at: At,
    /// Whether to show it in the visitor's zone; false on the server and at hydration.
    local: RwSignal<bool>,
    /// Whether there is a time to show at all.
    shown: bool,
) -> impl IntoView {
    let text = at.clone();
    let title = at.clone();
    view! {
        <time
            hidden=!shown
            datetime=at.as_str().to_string()
            title=move || if local.get() { clock::full(&title) } else { format!("{} UTC", title.as_str()) }
        >
            {move || {
                if local.get() { clock::hour_minute(&text) } else { text.hour_minute().to_string() }
            }}
        </time>
    }
}
