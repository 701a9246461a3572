//! A labelled field with its error beside it.

use super::icon::{Icon, Shape};
use leptos::prelude::*;

/// Label, control, and (reactively) the error; `children` is the control. The control itself carries
/// `aria-describedby="{id}-error"`.
#[component]
pub fn Field(
    /// The control's id.
    id: &'static str,
    /// The visible label.
    label: &'static str,
    /// The error to show, empty for none.
    #[prop(into)]
    error: Signal<String>,
    /// The control.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="field">
            <label class="field__label" for=id>
                {label}
            </label>
            {children()}
            <p class="field__error" id=format!("{id}-error") hidden=move || error.read().is_empty()>
                <Icon shape=Shape::Alert size=16 />
                <span>{move || error.get()}</span>
            </p>
        </div>
    }
}

/// `aria-invalid` for a control: absent while its field is right.
pub fn invalid(
    error: Signal<String>,
) -> impl Fn() -> Option<&'static str> + Clone + Send + Sync + 'static {
    move || (!error.read().is_empty()).then_some("true")
}
