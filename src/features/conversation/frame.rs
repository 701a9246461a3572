//! What stands around and between the messages, as the server renders it.

use super::{
    after::After,
    composer::Composer,
    connection_dot::ConnectionDot,
    live::status_word,
    menu::ConversationMenu,
    message::{RowTemplates, RowView},
    seen,
    timeline::Timeline,
};
use crate::{
    app::site,
    domain::{echo::ReplyEcho, opening::Opening, thread::Thread, words::Words},
    language::say,
    ui::{
        icon::{Icon, Shape},
        status::StatusPill,
    },
};
use leptos::prelude::*;

/// The whole conversation: header, messages, reply box, and the empty rows for what comes.
#[component]
pub fn Frame(
    /// What is shown at first.
    opening: Opening,
    /// What was typed before, and what is wrong with it.
    echo: ReplyEcho,
    /// The page's words.
    words: Words,
) -> impl IntoView {
    let Opening { conversation, newest } = opening;
    let thread = conversation.thread.clone();
    // An older page does not know the rating.
    let after =
        newest.then(|| view! { <After thread=thread.clone() rating=conversation.rating /> });
    let timeline = Timeline::new(conversation);
    view! {
        <main class="conversation" id="main" data-transport=site().transport>
        <Header thread=thread.clone() newest=newest words=words.clone() />
        <Messages timeline=timeline words=words.clone() />
        <div class="conversation__foot">
            <p class="typing" data-part="typing" hidden></p>
            <button class="button button--quiet jump" type="button" hidden>
                <Icon shape=Shape::Down size=16 />
                <span></span>
            </button>
            <div class="notice" data-kind="error" data-part="gone" role="alert" hidden>
                <Icon shape=Shape::Alert />
                <p></p>
            </div>
            {after}
            <Composer thread=thread.id locked=thread.locked echo=echo />
        </div>
        <p class="visually-hidden" aria-live="polite" data-part="spoken"></p>
        <RowTemplates words=words />
        </main>
    }
}

#[component]
fn Header(thread: Thread, newest: bool, words: Words) -> impl IntoView {
    let label = words.say(status_word(thread.status)).to_owned();
    let about = thread.clone();
    view! {
        <div class="conversation__bar">
            <header class="conversation__header">
                <h1 dir="auto">{thread.title}</h1>
                <div class="conversation__facts">
                    <StatusPill status=thread.status label=label />
                    <p class="reference">
                        <span class="visually-hidden">{say!(conversation.reference)} " "</span>
                        {thread.reference}
                    </p>
                    <form class="share" method="post">
                        <input type="hidden" name="intent" value="link" />
                        <button class="text-button" type="submit">
                            {say!(conversation.copy_link)}
                            <span class="share__for">" " {say!(conversation.copy_link_for)}</span>
                        </button>
                        <p class="share__said" hidden>
                            <span></span>
                        </p>
                        <input
                            class="share__link field__input"
                            name="link"
                            aria-label=say!(conversation.link_label)
                            readonly
                            hidden
                        />
                    </form>
                    <ConnectionDot shown=newest retry=say!(conversation.retry_now) words=words />
                    <ConversationMenu thread=about />
                </div>
            </header>
        </div>
    }
}

#[component]
fn Messages(timeline: Timeline, words: Words) -> impl IntoView {
    let thread = timeline.thread.id.to_string();
    let before = timeline.older.clone();
    let older = format!("/t/{thread}?before={}", before.as_deref().unwrap_or_default());
    let filled = !timeline.is_empty();
    let seen = timeline.seen_of_last();
    let rows: Vec<_> = timeline
        .rows(|at| at.day().to_string())
        .into_iter()
        .map(|row| {
            let here = seen.as_ref().filter(|(entry, _)| row.is_of(entry));
            let seen = here.map(|(_, sign)| words.say(seen::word(*sign)).to_owned());
            view! { <RowView row=row thread=thread.clone() words=words.clone() seen=seen /> }
        })
        .collect();
    view! {
        <div
            class="conversation__scroll"
            tabindex="0"
            role="log"
            aria-live="off"
            aria-label=say!(conversation.conversation)
        >
            <ol class="timeline">
                <li class="older" hidden=before.is_none()>
                    <a class="button button--quiet" href=older>
                        {say!(conversation.load_older)}
                    </a>
                </li>
                {rows}
                <li class="timeline__empty" hidden=filled>
                    {say!(conversation.empty)}
                </li>
            </ol>
        </div>
    }
}
