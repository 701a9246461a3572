//! A labelled field with its error beside it.

use super::icon::{Icon, Shape};
use leptos::prelude::*;

/// Label, control, and the error; `children` is the control. The control itself carries
/// `aria-describedby="{id}-error"`.
#[component]
pub fn Field(
    /// The control's id.
    id: &'static str,
    /// The visible label.
    label: String,
    /// The error to show, empty for none.
    error: String,
    /// The control.
    children: Children,
) -> impl IntoView {
    let fine = error.is_empty();
    view! {
        <div class="field">
            <label class="field__label" for=id>
                {label}
            </label>
            {children()}
            <p class="field__error" id=format!("{id}-error") hidden=fine>
                <Icon shape=Shape::Alert size=16 />
                <span>{error}</span>
            </p>
        </div>
    }
}
