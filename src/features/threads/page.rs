//! `/threads`: the list.

use super::api::threads;
use crate::{
    app::{failure, site},
    domain::thread::Thread,
    features::conversation::live::status_word,
    language::{self, say},
    ui::{
        icon::Shape,
        page::{Blank, SiteHeader},
        status::StatusPill,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

/// The page.
#[component]
pub fn ThreadsPage() -> impl IntoView {
    let name = site().name.clone();
    let list = Resource::new_blocking(|| (), |()| threads());
    view! {
        <Title text=say!(common.my_requests) />
        <SiteHeader name=name here="/threads" />
        <Suspense>
            {move || Suspend::new(async move {
                match list.await {
                    Ok(list) if list.is_empty() => {
                        view! {
                            <Blank
                                shape=Shape::Bubble
                                title=say!(threads.none)
                                text=say!(threads.none_why)
                            />
                        }
                            .into_any()
                    }
                    Ok(list) => view! { <List list=list /> }.into_any(),
                    Err(error) => failure(error),
                }
            })}
        </Suspense>
    }
}

#[component]
fn List(list: Vec<Thread>) -> impl IntoView {
    let words = language::words();
    let items: Vec<_> = list
        .into_iter()
        .map(|thread| {
            let (at, status) = (thread.last_activity_at, thread.status);
            let label = words.say(status_word(status)).to_owned();
            view! {
                <li>
                    <a class="thread" href=format!("/t/{}", thread.id)>
                        <span class="thread__title">{thread.title}</span>
                        <span class="thread__meta">
                            {thread.reference} " · " {say!(threads.updated)} " "
                            <time datetime=at.as_str().to_string()>{format!("{} {} UTC", at.day(), at.hour_minute())}</time>
                        </span>
                        <StatusPill status=status label=label />
                    </a>
                </li>
            }
        })
        .collect();
    view! {
        <main class="page page--narrow" id="main">
            <div class="page__header">
                <h1>{say!(common.my_requests)}</h1>
                <a class="button" href="/">
                    {say!(common.new_request)}
                </a>
            </div>
            <ul class="threads">{items}</ul>
        </main>
    }
}
