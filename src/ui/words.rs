//! The words of a page's islands.

use crate::{domain::words::Words, language};
use leptos::prelude::*;

/// Carries the words that a tab needs, where the tab's `language::words` finds them. Once on every page with an island.
#[component]
pub fn CarriedWords() -> impl IntoView {
    // As JSON that cannot end its element.
    let json = serde_json::to_string(&language::words()).unwrap_or_default();
    view! { <script type="application/json" id=Words::ID inner_html=json.replace('<', "\\u003c")></script> }
}
