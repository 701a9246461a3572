//! Language and appearance, in every header. A native popover with a plain form: it works without script.

use super::icon::{Icon, Shape};
use crate::{
    domain::site::{Site, Theme},
    language::{self, say},
};
use leptos::prelude::*;

/// The button and what it opens. Every choice is a button of one form, so that one press does it.
#[component]
pub fn Settings(
    /// The page's site.
    site: Site,
) -> impl IntoView {
    let spoken = language::tag(language::locale());
    let pressed = |yes: bool| if yes { "true" } else { "false" };
    let languages: Vec<_> = site
        .languages
        .into_iter()
        .map(|(tag, name)| {
            view! {
                <button
                    class="choice"
                    type="submit"
                    name="language"
                    value=tag
                    lang=tag
                    aria-pressed=pressed(tag == spoken)
                >
                    {name}
                </button>
            }
        })
        .collect();
    let several = languages.len() > 1;
    let themes = Theme::ALL.map(|theme| {
        let words = match theme {
            Theme::Auto => say!(common.theme_auto),
            Theme::Light => say!(common.theme_light),
            Theme::Dark => say!(common.theme_dark),
        };
        view! {
            <button
                class="choice"
                type="submit"
                name="theme"
                value=theme.word()
                aria-pressed=pressed(theme == site.theme)
            >
                {words}
            </button>
        }
    });
    view! {
        <button
            class="settings__open"
            type="button"
            popovertarget="settings"
            aria-label=say!(common.settings)
        >
            <Icon shape=Shape::Globe size=20 />
        </button>
        <div class="settings" id="settings" popover>
            <form method="post" action="/preferences">
                <input type="hidden" name="back" value=site.here />
                {several
                    .then(|| {
                        view! {
                            <fieldset>
                                <legend>{say!(common.language)}</legend>
                                {languages}
                            </fieldset>
                        }
                    })}
                <fieldset>
                    <legend>{say!(common.theme)}</legend>
                    {themes.to_vec()}
                </fieldset>
            </form>
        </div>
    }
    .into_any()
}
