//! The page that stands in for a file that is not handed on.

use crate::{
    app::site,
    domain::error::DeskError,
    language::say,
    ui::{
        icon::{Icon, Shape},
        page::SiteHeader,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

/// Why a file is not handed on, and where to go from here. The server puts it into the context.
#[derive(Debug, Clone)]
pub struct FileRefused {
    /// The sentence.
    pub error: DeskError,
    /// The conversation's path, or `/threads` where there is none.
    pub back: String,
    /// The file's own address, if it may be had later.
    pub again: Option<String>,
}

/// The page.
#[component]
pub fn FileRefusedPage(
    /// What to say.
    refused: FileRefused,
) -> impl IntoView {
    let FileRefused { error, back, again } = refused;
    let way = if back == "/threads" { say!(common.my_requests) } else { say!(conversation.back) };
    let title = say!(conversation.no_file);
    view! {
        <Title text=title.clone() />
        <SiteHeader name=site().name here="/t" />
        <main class="page" id="main">
            <div class="blank">
                <span class="blank__mark">
                    <Icon shape=Shape::File size=24 />
                </span>
                <h1>{title}</h1>
                <p class="lead">{error.error}</p>
                <p class="actions">
                    {again
                        .map(|again| {
                            view! {
                                <a class="button" href=again rel="noreferrer">
                                    {say!(common.try_again)}
                                </a>
                            }
                        })}
                    <a class="button button--quiet" href=back>
                        {way}
                    </a>
                </p>
            </div>
        </main>
    }
}
