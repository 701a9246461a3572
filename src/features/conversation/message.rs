//! One row of the conversation.

use super::timeline::{Bubble, Delivery, Row};
use crate::{
    browser::clock,
    domain::message::{Attachment, Author, Role},
    ui::icon::{Icon, Shape},
};
use leptos::{either::Either, prelude::*};

/// A row: a day divider or a message.
#[component]
pub fn RowView(
    /// What to show.
    row: Row,
    /// The thread that it belongs to.
    thread: String,
    /// Whether times are shown in the visitor's zone.
    local: bool,
    /// Called with the key of a failed message to try it again.
    retry: impl Fn(String) + 'static,
) -> impl IntoView {
    match row {
        Row::Day { at, .. } => {
            let words = if local { clock::day_words(at.as_str()) } else { at.day().to_string() };
            Either::Left(view! {
                <li class="day">
                    <time datetime=at.day().to_string()>{words}</time>
                </li>
            })
        }
        Row::Message(bubble) => Either::Right(
            view! { <MessageView bubble=*bubble thread=thread local=local retry=retry /> },
        ),
    }
}

#[component]
fn MessageView(
    bubble: Bubble,
    thread: String,
    local: bool,
    retry: impl Fn(String) + 'static,
) -> impl IntoView {
    let Bubble {
        key,
        entry_id,
        author,
        text,
        html,
        at,
        delivery,
        edited,
        deleted,
        attachments,
        continued,
        fresh,
    } = bubble;
    let state = match delivery {
        _ if deleted => "deleted",
        Delivery::Sending => "sending",
        Delivery::Sent => "sent",
        Delivery::Failed(_) => "failed",
    };
    let role = match author.role {
        _ if author.me => "customer",
        Role::Customer => "agent",
        Role::Agent | Role::Bot => "agent",
        Role::System => "system",
    };
    let name = shown_name(&author);
    let again = matches!(delivery, Delivery::Failed(_)).then(|| {
        view! {
            <button class="text-button" type="button" on:click=move |_| retry(key.clone())>
                "Try again"
            </button>
        }
    });
    let (time, title) = if local {
        (clock::hour_minute(at.as_str()), clock::full(at.as_str()))
    } else {
        (at.hour_minute().to_string(), format!("{} UTC", at.as_str()))
    };
    let arrived = delivery == Delivery::Sent;
    let status = match delivery {
        Delivery::Sending => "Sending…".into(),
        Delivery::Failed(why) => format!("Not sent. {why} "),
        Delivery::Sent if author.me && entry_id.is_none() => " Sent".into(),
        Delivery::Sent => String::new(),
    };
    let agent = role == "agent";
    let words = match html {
        // The server made it and lets nothing through but words, their marks and links.
        Some(html) if !deleted => Either::Left(
            view! { <div class="bubble__text bubble__text--rich" inner_html=html></div> },
        ),
        _ => {
            let text = if deleted { "Message deleted".to_string() } else { text };
            Either::Right(view! { <p class="bubble__text">{text}</p> })
        }
    };
    view! {
        <li
            class="message"
            data-role=role
            data-state=state
            data-entry-id=entry_id.map(String::from)
            data-continued=continued.then_some("")
            data-new=fresh.then_some("")
        >
            <span class="avatar" aria-hidden="true" hidden=!agent>
                {if agent { initials(&name) } else { String::new() }}
            </span>
            <p class="message__author" class:visually-hidden=author.me>
                {name.clone()}
            </p>
            <div class="bubble" dir="auto">
                {words}
                {(!attachments.is_empty()).then(|| view! { <Attachments list=attachments thread=thread /> })}
            </div>
            <p class="message__meta">
                <time class="time" hidden=!arrived datetime=at.as_str().to_string() title=title>
                    {time}
                </time>
                <span class="message__edited" hidden=!edited>
                    {if edited { " edited" } else { "" }}
                </span>
                <span class="message__status" hidden=status.is_empty()>
                    {status.clone()}
                </span>
                {again}
            </p>
        </li>
    }
}

/// The files of a message: plain links that open in a tab of their own. Names may be written from right to left.
#[component]
fn Attachments(list: Vec<Attachment>, thread: String) -> impl IntoView {
    let items: Vec<_> = list
        .into_iter()
        .map(|file| {
            let Attachment { id, file_name, bytes, mime_type } = file;
            let shape = match mime_type.split('/').next() {
                Some("image") => Shape::Picture,
                Some("audio" | "video") => Shape::Play,
                _ => Shape::File,
            };
            let href = format!("/api/support/attachment?threadId={thread}&attachmentId={id}");
            view! {
                <li>
                    <a class="attachment" href=href target="_blank" rel="noopener noreferrer">
                        <Icon shape=shape />
                        <span>
                            <bdi>{file_name}</bdi>
                            " "
                            <small>{size_words(bytes)}</small>
                        </span>
                    </a>
                </li>
            }
        })
        .collect();
    view! {
        <ul class="attachments" aria-label="Attachments">
            {items}
        </ul>
    }
}

fn shown_name(author: &Author) -> String {
    match author.role {
        _ if author.me => "You".into(),
        _ if !author.name.is_empty() => author.name.clone(),
        Role::Customer => "Customer".into(),
        Role::Agent => "Support".into(),
        Role::Bot => "Assistant".into(),
        Role::System => "System".into(),
    }
}

/// The first letters of the first and the last word; the style makes them capitals.
fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().next());
    let first = words.next();
    let last = words.next_back();
    first.into_iter().chain(last).collect()
}

fn size_words(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} KB", bytes.div_ceil(1000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
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
        assert_eq!(size_words(999), "999 bytes");
        assert_eq!(size_words(181_100), "182 KB");
        assert_eq!(size_words(1_250_000), "1.2 MB");
    }
}
