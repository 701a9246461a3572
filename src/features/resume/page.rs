//! What `/r/{token}` shows when it does not lead to the conversation.

use crate::{
    app::{set_status, site},
    domain::link::NotOpened,
    language::say,
    ui::{
        icon::{Icon, Shape},
        page::{Blank, SiteHeader},
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

/// The page. Never anything of the conversation, nor the token: whoever sees this has shown no right to it.
#[component]
pub fn ResumePage() -> impl IntoView {
    let why = use_context::<NotOpened>().unwrap_or(NotOpened::Broken);
    set_status(why.status());
    let (title, text) = match why {
        NotOpened::Looked => return looked().into_any(),
        NotOpened::Broken => (say!(resume.broken), another(say!(resume.broken_why))),
        NotOpened::Expired => (say!(resume.expired), another(say!(resume.expired_why))),
        NotOpened::Used => (say!(resume.used), another(say!(resume.used_why))),
        NotOpened::Often(seconds) => {
            (say!(resume.often), say!(resume.often_why, seconds = seconds))
        }
        NotOpened::Unsure => (say!(resume.unsure), say!(resume.unsure_why)),
    };
    view! {
        <Title text=title.clone() />
        <SiteHeader name=site().name here="/r" />
        <Blank shape=Shape::Alert title=title text=text list=true />
    }
    .into_any()
}

/// Why, and how to get another link.
fn another(why: String) -> String {
    [why, say!(resume.another)].join(" ")
}

/// For a program that looks at the link, and for a person whose browser looks like one: pressing the button opens it.
fn looked() -> impl IntoView {
    let title = say!(resume.go_on);
    view! {
        <Title text=title.clone() />
        <SiteHeader name=site().name here="/r" />
        <main class="page" id="main">
            <div class="blank">
                <span class="blank__mark">
                    <Icon shape=Shape::Bubble size=24 />
                </span>
                <h1>{title}</h1>
                <p class="lead">{say!(resume.go_on_how)}</p>
                <form class="actions" method="post">
                    <button class="button" type="submit">
                        {say!(resume.open)}
                    </button>
                </form>
            </div>
        </main>
    }
}
