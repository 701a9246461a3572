//! `/threads`: the list.

use super::api::threads;
use crate::{
    app::{WallClock, failure, site, wall_clock},
    domain::{thread::Thread, time::At},
    features::conversation::live::status_word,
    language::{say, short_day, word},
    ui::{
        icon::{Icon, Shape},
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
    let clock = wall_clock();
    view! {
        <Title text=say!(common.my_requests) />
        <SiteHeader name=name here="/threads" />
        <Suspense>
            {move || {
                let clock = clock.clone();
                Suspend::new(async move {
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
                        Ok(list) => view! { <List list=list clock=clock /> }.into_any(),
                        Err(error) => failure(error),
                    }
                })
            }}
        </Suspense>
    }
}

#[component]
fn List(list: Vec<Thread>, clock: WallClock) -> impl IntoView {
    let today = (clock.show)(&clock.now);
    let items: Vec<_> = list
        .into_iter()
        .map(|thread| {
            let when = when(&(clock.show)(&thread.last_activity_at), &today, clock.zone);
            view! { <Item thread=thread when=when /> }
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

/// One thread: all of it is one link, whose name begins with the title.
#[component]
fn Item(thread: Thread, when: String) -> impl IntoView {
    let (at, status) = (thread.last_activity_at, thread.status);
    let label = word(status_word(status));
    let (line, said) = match thread.last_message {
        Some(last) => {
            let name = if last.me { say!(after.you) } else { last.name };
            let who =
                (!name.is_empty()).then(|| view! { <bdi class="thread__who">{name} ":"</bdi> " " });
            (Some(view! { {who} <bdi>{last.text}</bdi> }), true)
        }
        None => (None, false),
    };
    view! {
        <li>
            <a class="thread" href=format!("/t/{}", thread.id) data-unread=thread.unread.then_some("")>
                <span class="thread__title">
                    <bdi>{thread.title}</bdi>
                    {thread
                        .unread
                        .then(|| {
                            view! {
                                <span class="thread__new">
                                    <span class="thread__dot" aria-hidden="true"></span>
                                    {say!(after.unread)}
                                </span>
                            }
                        })}
                </span>
                <time class="thread__time" datetime=at.as_str().to_string()>
                    {when}
                </time>
                <span class="thread__last" hidden=!said>
                    {line}
                </span>
                <span class="thread__meta">
                    <StatusPill status=status label=label />
                    <span class="thread__reference">{thread.reference}</span>
                </span>
                <span class="thread__go" aria-hidden="true">
                    <Icon shape=Shape::Chevron size=16 />
                </span>
            </a>
        </li>
    }
}

/// The time for today, the day for this year, else the date; the zone where it is not the visitor's own.
fn when(at: &At, today: &At, zone: &str) -> String {
    let words = if at.day() == today.day() {
        at.hour_minute().to_owned()
    } else if at.day().get(..4) == today.day().get(..4) {
        [&*short_day(at), at.hour_minute()].join(" · ")
    } else {
        at.day().to_owned()
    };
    [&*words, zone].join(" ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearer_the_shorter() {
        // 4 May 2026, 09:12.
        let now = At::from_millis(1_777_885_924_000);
        let ago = |hours: i64| At::from_millis(1_777_885_924_000 - hours * 3_600_000);
        assert_eq!(when(&ago(1), &now, "UTC"), "08:12 UTC");
        assert_eq!(when(&ago(1), &now, ""), "08:12");
        assert_eq!(when(&ago(24), &now, ""), "3 May · 09:12");
        assert_eq!(when(&ago(24 * 365), &now, ""), "2025-05-04");
    }
}
