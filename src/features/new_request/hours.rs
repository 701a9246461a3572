//! When the team answers. Says what to expect; nobody has to wait for it to write.

use crate::{
    app::site,
    ui::icon::{Icon, Shape},
};
use leptos::prelude::*;

/// A sentence in the visitor's zone; nothing where the operator tells nothing.
#[component]
pub fn Hours() -> impl IntoView {
    site().hours.map(|sentence| {
        view! {
            <p class="hours">
                <Icon shape=Shape::Clock />
                {sentence}
            </p>
        }
    })
}
