//! What `/r/{token}` shows when it does not lead to the conversation.

use crate::{
    app::{set_status, site},
    domain::link::NotOpened,
    ui::{
        icon::{Icon, Shape},
        page::{Blank, SiteHeader},
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

const ANOTHER: &str = "Open the conversation where you have it and choose “Copy link” there to get another. Or write to us anew.";

/// The page. Never anything of the conversation, nor the token: whoever sees this has shown no right to it.
#[component]
pub fn ResumePage() -> impl IntoView {
    let why = use_context::<NotOpened>().unwrap_or(NotOpened::Broken);
    set_status(why.status());
    let (title, text) = match why {
        NotOpened::Looked => return looked().into_any(),
        NotOpened::Broken => (
            "This link does not work",
            format!("A part of it may have got lost on its way. {ANOTHER}"),
        ),
        NotOpened::Expired => {
            ("This link has expired", format!("Links work for a few days only. {ANOTHER}"))
        }
        NotOpened::Used => (
            "This link was used already",
            format!("Each link works once, so that nobody can follow you with it. {ANOTHER}"),
        ),
        NotOpened::Often(seconds) => (
            "Please wait a little",
            format!(
                "Many links were opened from your network. Please try again in {seconds} seconds: the link was not used up."
            ),
        ),
        NotOpened::Unsure => (
            "This link cannot be opened right now",
            "Please try again in a moment: the link was not used up.".to_owned(),
        ),
    };
    view! {
        <Title text=title />
        <SiteHeader name=site().name here="/r" />
        <Blank shape=Shape::Alert title=title text=text list=true />
    }
    .into_any()
}

/// For a program that looks at the link, and for a person whose browser looks like one: pressing the button opens it.
fn looked() -> impl IntoView {
    let title = "Continue your conversation";
    view! {
        <Title text=title />
        <SiteHeader name=site().name here="/r" />
        <main class="page" id="main">
            <div class="blank">
                <span class="blank__mark">
                    <Icon shape=Shape::Bubble size=24 />
                </span>
                <h1>{title}</h1>
                <p class="lead">"This link continues a conversation with our support team on this device. It works once."</p>
                <form class="actions" method="post">
                    <button class="button" type="submit">
                        "Open the conversation"
                    </button>
                </form>
            </div>
        </main>
    }
}
