//! One row of the conversation, as the server renders it. What comes later is a copy of the same rows, which the page
//! carries empty in `<template>`s: [`rows`](super::rows) fills them in the tab.

use super::{
    files::{FileTemplates, Files},
    timeline::{Bubble, Delivery, Row},
    tray::TrayTemplate,
};
use crate::domain::{
    message::{Author, Reaction, Role},
    thread::Status,
    time::At,
    words::{Word, Words},
};
use leptos::{
    either::{Either, EitherOf4},
    prelude::*,
};

/// The state of a message in a word, for style and tests.
pub fn state(bubble: &Bubble) -> &'static str {
    match bubble.delivery {
        _ if bubble.deleted => "deleted",
        Delivery::Sending => "sending",
        Delivery::Queued => "queued",
        Delivery::Sent => "sent",
        Delivery::Failed(_) => "failed",
    }
}

/// On which side a message stands.
pub fn side(author: &Author) -> &'static str {
    match author.role {
        _ if author.me => "customer",
        Role::Customer | Role::Agent | Role::Bot => "agent",
        Role::System => "system",
    }
}

/// The name over a message.
pub fn shown_name(author: &Author, words: &Words) -> String {
    match author.role {
        _ if author.me => words.say(Word::You).into(),
        _ if !author.name.is_empty() => author.name.clone(),
        role => role_name(role, words).into(),
    }
}

/// What the author is, beside the name; empty where the name says it, or where it needs no saying.
pub fn shown_role<'a>(author: &Author, words: &'a Words) -> &'a str {
    match author.role {
        _ if author.me || author.name.is_empty() => "",
        Role::Customer | Role::System => "",
        role => role_name(role, words),
    }
}

fn role_name(role: Role, words: &Words) -> &str {
    words.say(match role {
        Role::Customer => Word::Customer,
        Role::Agent => Word::Support,
        Role::Bot => Word::Assistant,
        Role::System => Word::System,
    })
}

/// The first letters of the first and the last word; the style makes them capitals.
pub fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().next());
    let first = words.next();
    let last = words.next_back();
    first.into_iter().chain(last).collect()
}

/// What stands beside the time: how far an own message has come.
pub fn standing(bubble: &Bubble, words: &Words) -> String {
    match &bubble.delivery {
        Delivery::Sending => words.say(Word::Sending).into(),
        Delivery::Queued => words.say(Word::Queued).into(),
        Delivery::Failed(why) => [words.say(Word::NotSent), " ", why].concat(),
        Delivery::Sent if bubble.author.me && bubble.entry_id.is_none() => {
            words.say(Word::Sent).into()
        }
        Delivery::Sent => String::new(),
    }
}

/// The words of a status line.
pub fn turned(status: Status, words: &Words) -> &str {
    words.say(match status {
        Status::InProgress => Word::TurnedInProgress,
        Status::WaitingForYou => Word::TurnedWaiting,
        Status::Done => Word::TurnedDone,
    })
}

/// A size that people read.
pub fn size_words(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} KB", bytes.div_ceil(1000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

/// A row. Moments are in UTC, until the tab writes them in the visitor's zone.
#[component]
pub fn RowView(
    /// What to show.
    row: Row,
    /// The thread that it belongs to.
    thread: String,
    /// The page's words.
    words: Words,
    /// How we know that the team saw it.
    #[prop(optional_no_strip)]
    seen: Option<String>,
) -> impl IntoView {
    let key = row.key();
    match row {
        Row::Day { at, .. } => {
            let day = at.day().to_string();
            EitherOf4::A(view! {
                <li class="day" data-key=key>
                    <time datetime=at.as_str().to_string()>{day}</time>
                </li>
            })
        }
        Row::Unread => {
            let label = words.say(Word::NewBelow).to_owned();
            EitherOf4::B(view! { <li class="day unread" data-key=key>{label}</li> })
        }
        Row::Turned { status, at, .. } => {
            let label = turned(status, &words).to_owned();
            EitherOf4::C(view! {
                <li class="turned" data-key=key data-status=status.word()>
                    <span>{label}</span>
                    " "
                    <time class="time" datetime=at.as_str().to_string()>{at.hour_minute().to_string()}</time>
                </li>
            })
        }
        Row::Message(bubble) => EitherOf4::D(
            view! { <MessageView key=key bubble=*bubble thread=thread words=words seen=seen /> },
        ),
    }
}

#[component]
fn MessageView(
    key: String,
    bubble: Bubble,
    thread: String,
    words: Words,
    seen: Option<String>,
) -> impl IntoView {
    let name = shown_name(&bubble.author, &words);
    let role = shown_role(&bubble.author, &words).to_owned();
    let (side, state) = (side(&bubble.author), state(&bubble));
    let standing = standing(&bubble, &words);
    let agent = side == "agent";
    let (no_role, no_standing) = (role.is_empty(), standing.is_empty());
    let failed = matches!(bubble.delivery, Delivery::Failed(_));
    let Bubble {
        entry_id, author, text, html, at, edited, deleted, attachments, reactions, ..
    } = bubble;
    let text = if deleted { words.say(Word::Deleted).to_owned() } else { text };
    let body = match html {
        // The server made it and lets nothing through but words, their marks and links.
        Some(html) if !deleted => Either::Left(
            view! { <div class="bubble__text bubble__text--rich" inner_html=html></div> },
        ),
        _ => Either::Right(view! { <div class="bubble__text">{text}</div> }),
    };
    view! {
        <li
            class="message"
            data-key=key
            data-role=side
            data-state=state
            data-entry-id=entry_id.map(String::from)
            data-mine=author.me.then_some("")
            data-continued=bubble.continued.then_some("")
        >
            <span class="avatar" aria-hidden="true" hidden=!agent>
                {if agent { initials(&name) } else { String::new() }}
            </span>
            <p class="message__author">
                <bdi class="message__name">{name}</bdi>
                <span class="message__role" hidden=no_role>{role}</span>
            </p>
            <div class="bubble" dir="auto">
                {body}
                <Files list=attachments thread=thread />
            </div>
            <Reactions list=reactions />
            <p class="message__meta">
                <time class="time" datetime=at.as_str().to_string() title=format!("{} UTC", at.as_str())>
                    {at.hour_minute().to_string()}
                </time>
                <span class="message__edited" hidden=!edited>{words.say(Word::Edited).to_owned()}</span>
                <span class="message__status" hidden=no_standing>{standing}</span>
                <span class="message__again" hidden=!failed>
                    <button class="text-button" type="button" data-do="retry">{words.say(Word::TryAgain).to_owned()}</button>
                    <button class="text-button" type="button" data-do="edit">{words.say(Word::Edit).to_owned()}</button>
                    <button class="text-button" type="button" data-do="withdraw">{words.say(Word::Delete).to_owned()}</button>
                </span>
            </p>
            {seen.map(|words| view! { <SeenLine words=words /> })}
        </li>
    }
}

#[component]
fn SeenLine(words: String) -> impl IntoView {
    view! { <p class="message__seen" data-part="seen">{words}</p> }
}

#[component]
fn Reactions(list: Vec<Reaction>) -> impl IntoView {
    let none = list.is_empty();
    let items: Vec<_> = list
        .into_iter()
        .map(|Reaction { emoji, count }| view! { <ReactionView emoji=emoji count=count /> })
        .collect();
    view! { <ul class="reactions" hidden=none>{items}</ul> }
}

#[component]
fn ReactionView(emoji: String, count: u32) -> impl IntoView {
    view! { <li><span>{emoji}</span><span>{count}</span></li> }
}

/// The empty rows and their parts, for the tab to copy.
#[component]
pub fn RowTemplates(
    /// The page's words.
    words: Words,
) -> impl IntoView {
    let at = At::from_millis(0);
    let author = Author { name: String::new(), role: Role::Agent, me: false, avatar_url: None };
    let bubble = Bubble {
        key: String::new(),
        entry_id: None,
        author,
        text: String::new(),
        html: None,
        at: at.clone(),
        delivery: Delivery::Sent,
        edited: false,
        deleted: false,
        attachments: Vec::new(),
        reactions: Vec::new(),
        continued: false,
        fresh: false,
    };
    let status = Status::Done;
    let rows = [
        ("message", Row::Message(Box::new(bubble))),
        ("day", Row::Day { at: at.clone(), day: String::new() }),
        ("unread", Row::Unread),
        ("turned", Row::Turned { key: String::new(), status, at }),
    ];
    let rows = rows.map(|(name, row)| {
        let words = words.clone();
        view! { <template data-row=name><RowView row=row thread=String::new() words=words /></template> }
    });
    let copy = words.say(Word::Copy).to_owned();
    let all = words.say(Word::ShowAll).to_owned();
    view! {
        {rows}
        <FileTemplates />
        <TrayTemplate />
        <template data-row="seen">
            <SeenLine words=String::new() />
        </template>
        <template data-row="reaction">
            <ReactionView emoji=String::new() count=0 />
        </template>
        <template data-row="copy">
            <button class="copy" type="button" data-do="copy">{copy}</button>
        </template>
        <template data-row="all">
            <button class="text-button" type="button" data-do="all">{all}</button>
        </template>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_sizes() {
        assert_eq!(initials("Maya von Kern"), "MK");
        assert_eq!(initials("ines"), "i");
        assert_eq!(initials(""), "");
        assert_eq!(size_words(999), "999 B");
        assert_eq!(size_words(181_100), "182 KB");
        assert_eq!(size_words(1_250_000), "1.2 MB");
    }
}
