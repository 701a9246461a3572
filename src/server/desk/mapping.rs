//! From Plain's words to ours. Messages pass the gate here.

use super::gate::Visible;
use crate::{
    domain::{
        ids::{EntryId, ThreadId},
        message::{Attachment, Author, Message, Reaction, Role},
        thread::{Status, Thread},
        time::At,
    },
    server::{
        emoji,
        markup::{Dialect, Rendered, render, render_mail},
        plain::operations::{
            RecordStatus, ThreadRecord, Timeline,
            conversation::wire::{
                Component, EmailCategory, File, GivenReaction, Item, NextDetail, PreviousDetail,
                ThreadStatus, What, Who,
            },
        },
    },
};

/// A moment in any of ISO 8601's spellings.
pub(super) fn at(text: &str) -> Option<At> {
    let moment: jiff::Timestamp = text.trim().parse().ok()?;
    Some(At::from_millis(moment.as_millisecond()))
}

/// A thread; none if its id or time cannot be read.
pub(super) fn thread(record: &ThreadRecord) -> Option<Thread> {
    let (Ok(id), Some(created_at)) = (ThreadId::parse(&*record.id), at(&record.created_at)) else {
        tracing::warn!("a thread of Plain's cannot be read; it is left out");
        return None;
    };
    let last = record.last_messages.iter().flatten().filter_map(|text| at(text)).max();
    Some(Thread {
        id,
        reference: record.reference.clone(),
        title: record.title.clone(),
        status: status(record.status),
        locked: record.locked,
        last_activity_at: last.unwrap_or_else(|| created_at.clone()),
        created_at,
        last_message: None,
        unread: false,
    })
}

/// Whether the team wrote last.
pub(super) fn is_answered(record: &ThreadRecord) -> bool {
    let [visitor, team] = record.last_messages.each_ref().map(|it| at(it.as_deref()?));
    team.is_some() && team > visitor
}

/// A state in a customer's words.
fn status(record: RecordStatus) -> Status {
    match record {
        RecordStatus::Todo | RecordStatus::Other => Status::InProgress,
        RecordStatus::Snoozed { for_customer: false } => Status::InProgress,
        RecordStatus::Snoozed { for_customer: true } => Status::WaitingForYou,
        RecordStatus::Done => Status::Done,
    }
}

/// The same from an entry of the timeline. None for a status of tomorrow: nobody knows what it would mean.
fn turn(to: ThreadStatus, for_customer: bool) -> Option<Status> {
    Some(status(match to {
        ThreadStatus::TODO => RecordStatus::Todo,
        ThreadStatus::SNOOZED => RecordStatus::Snoozed { for_customer },
        ThreadStatus::DONE => RecordStatus::Done,
        ThreadStatus::Other(_) => return None,
    }))
}

/// Whether an entry is a message, and not a line of the thread's own.
pub(super) fn is_message(item: &Item) -> bool {
    !matches!(item.entry, What::ThreadStatusTransitionedEntry(_))
}

/// Whether showing this page takes knowing who we are at Plain.
pub(super) fn needs_machine_user(timeline: &Timeline) -> bool {
    timeline.items.iter().any(|(_, item)| {
        matches!((&item.entry, &item.actor), (What::CustomEntry(_), Who::MachineUserActor(_)))
    })
}

/// The messages of a page that a visitor may see, oldest first.
pub(super) fn messages(timeline: Timeline, machine_user: Option<&str>) -> Vec<Message> {
    let thread = &timeline.thread;
    let mut messages: Vec<Message> = timeline
        .items
        .into_iter()
        .filter_map(|(_, item)| message(item, thread, machine_user))
        .collect();
    messages.sort_by(|a, b| a.order().cmp(&b.order()));
    messages.dedup_by(|a, b| a.id == b.id);
    // What changed in between without an entry of its own may make two lines say the same.
    let mut stands = None;
    messages.retain(|message| match message.turned {
        Some(turned) => stands.replace(turned) != Some(turned),
        None => true,
    });
    messages
}

/// The name under which the gate knows an entry.
fn typename(what: &What) -> &'static str {
    match what {
        What::ChatEntry(_) => "ChatEntry",
        What::EmailEntry(_) => "EmailEntry",
        What::CustomEntry(_) => "CustomEntry",
        What::SlackMessageEntry(_) => "SlackMessageEntry",
        What::SlackReplyEntry(_) => "SlackReplyEntry",
        What::MSTeamsMessageEntry(_) => "MSTeamsMessageEntry",
        What::ThreadEventEntry => "ThreadEventEntry",
        What::ThreadStatusTransitionedEntry(_) => "ThreadStatusTransitionedEntry",
        What::Unknown => "",
    }
}

/// What the kinds of entry have in common.
#[derive(Default)]
struct Content {
    source_id: Option<String>,
    text: String,
    /// The same in Markdown, where Plain has it besides.
    markdown: Option<String>,
    edited: Option<String>,
    deleted: Option<String>,
    files: Vec<File>,
    /// What Plain cut off of an e-mail: mostly the one that it answers.
    more: String,
    reactions: Vec<Reaction>,
    turned: Option<Status>,
}

fn message(item: Item, thread: &ThreadRecord, machine_user: Option<&str>) -> Option<Message> {
    let visible = Visible::from_typename(typename(&item.entry))?;
    let (Ok(id), Some(at)) = (EntryId::parse(&*item.id), self::at(&item.timestamp.iso8601)) else {
        tracing::warn!(thread = thread.id, "a timeline entry cannot be read; it is left out");
        return None;
    };
    let author = match visible {
        // Who did it, and why, is the team's business.
        Visible::Status => {
            Author { name: String::new(), role: Role::System, me: false, avatar_url: None }
        }
        _ => author(item.actor, visible, thread, machine_user),
    };
    let content = match item.entry {
        What::ChatEntry(chat) => Content {
            source_id: Some(chat.chat_id),
            text: chat.chat_text.unwrap_or_default(),
            files: chat.attachments,
            ..Content::default()
        },
        What::EmailEntry(mail) => {
            if !matches!(mail.category, EmailCategory::MESSAGING) {
                return None;
            }
            let text = mail.text_content.filter(|text| !text.trim().is_empty());
            let more = match (&text, &mail.full_text_content) {
                (Some(text), Some(whole)) if mail.has_more_text_content => {
                    whole.trim().strip_prefix(text.trim()).unwrap_or_default().to_owned()
                }
                _ => String::new(),
            };
            Content {
                more,
                text: text.or(mail.full_text_content).unwrap_or_default(),
                markdown: mail.email_markdown,
                files: mail.attachments,
                ..Content::default()
            }
        }
        What::CustomEntry(custom) => {
            let texts = custom.components.into_iter().filter_map(|component| match component {
                Component::ComponentText(text) => Some(text.text),
                Component::ComponentPlainText(text) => Some(text.plain_text),
                Component::Unknown => None,
            });
            let text = texts.collect::<Vec<_>>().join("\n\n");
            let text = if text.is_empty() { custom.title } else { text };
            Content { text, files: custom.attachments, ..Content::default() }
        }
        What::SlackMessageEntry(slack) => Content {
            text: slack.slack_text,
            edited: slack.last_edited_on_slack_at.map(|at| at.iso8601),
            deleted: slack.deleted_on_slack_at.map(|at| at.iso8601),
            files: slack.attachments,
            reactions: reactions(slack.reactions),
            ..Content::default()
        },
        What::SlackReplyEntry(slack) => Content {
            text: slack.slack_text,
            edited: slack.last_edited_on_slack_at.map(|at| at.iso8601),
            deleted: slack.deleted_on_slack_at.map(|at| at.iso8601),
            files: slack.attachments,
            reactions: reactions(slack.reactions),
            ..Content::default()
        },
        What::MSTeamsMessageEntry(teams) => Content {
            text: teams.teams_text,
            markdown: teams.teams_markdown,
            edited: teams.last_edited_on_ms_teams_at.map(|at| at.iso8601),
            deleted: teams.deleted_on_ms_teams_at.map(|at| at.iso8601),
            files: teams.attachments,
            ..Content::default()
        },
        What::ThreadStatusTransitionedEntry(change) => {
            let waited = matches!(
                change.previous_status_detail,
                Some(PreviousDetail::ThreadStatusDetailWaitingForCustomer)
            );
            let waits = matches!(
                change.next_status_detail,
                Some(NextDetail::ThreadStatusDetailWaitingForCustomer)
            );
            let turned = turn(change.next_status, waits)?;
            if turn(change.previous_status, waited) == Some(turned) {
                return None;
            }
            Content { turned: Some(turned), ..Content::default() }
        }
        What::ThreadEventEntry | What::Unknown => return None,
    };
    let deleted = content.deleted.is_some();
    let markdown = content.markdown.filter(|text| !text.trim().is_empty());
    let shown = match markdown.filter(|_| author.role != Role::Customer && !deleted) {
        _ if deleted => render(String::new(), Dialect::Plain),
        Some(markdown) => {
            let shown = match visible {
                Visible::Email => render_mail(markdown, Dialect::Markdown, &content.more),
                _ => render(markdown, Dialect::Markdown),
            };
            let text = if content.text.trim().is_empty() { shown.text } else { content.text };
            Rendered { text, html: shown.html }
        }
        None if visible == Visible::Email => {
            render_mail(content.text, visible.dialect(author.role), &content.more)
        }
        None => render(content.text, visible.dialect(author.role)),
    };
    let changed = content.deleted.as_deref().or(content.edited.as_deref()).and_then(self::at);
    Some(Message {
        // Other channels have no id of their own that a reply could answer with.
        source_id: content.source_id.or_else(|| author.me.then(|| id.to_string())),
        id,
        author,
        text: shown.text,
        html: shown.html,
        updated_at: changed.unwrap_or_else(|| at.clone()).max(at.clone()),
        at,
        edited: !deleted && content.edited.is_some(),
        deleted,
        attachments: if deleted { Vec::new() } else { files(content.files) },
        reactions: if deleted { Vec::new() } else { content.reactions },
        turned: content.turned,
    })
}

fn reactions(given: Vec<GivenReaction>) -> Vec<Reaction> {
    emoji::reactions(given.iter().map(|reaction| (&*reaction.name, reaction.actors.len())))
}

fn files(files: Vec<File>) -> Vec<Attachment> {
    let file = |file: File| {
        let bytes = u64::try_from(file.file_size.bytes).unwrap_or(0);
        Attachment::new(file.id, &file.file_name, bytes, &file.file_mime_type)
    };
    files.into_iter().filter_map(file).collect()
}

fn author(who: Who, visible: Visible, thread: &ThreadRecord, machine_user: Option<&str>) -> Author {
    let customer = |name: String, id: &str| Author {
        name,
        role: Role::Customer,
        me: id == thread.customer_id,
        avatar_url: None,
    };
    let team = |name: String, role: Role| Author { name, role, me: false, avatar_url: None };
    match who {
        Who::CustomerActor(actor) => customer(actor.customer.full_name, &actor.customer_id),
        Who::DeletedCustomerActor(actor) => customer("Deleted user".into(), &actor.customer_id),
        Who::UserActor(actor) => Author {
            avatar_url: actor.user.avatar_url.filter(|url| url.starts_with("https://")),
            ..team(actor.user.public_name, Role::Agent)
        },
        // The portal wrote down what the customer typed.
        Who::MachineUserActor(actor)
            if visible == Visible::Custom && machine_user == Some(&*actor.machine_user_id) =>
        {
            customer(thread.customer_name.clone(), &thread.customer_id)
        }
        Who::MachineUserActor(actor) => team(actor.machine_user.public_name, Role::Bot),
        Who::SystemActor => team("Support".into(), Role::System),
        // A kind of actor of tomorrow: the role is shown instead of a name.
        Who::Unknown => team(String::new(), Role::System),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::plain::operations::Channel;

    fn record(status: RecordStatus) -> ThreadRecord {
        ThreadRecord {
            id: "th_01KQS44ER0KVVBRC15MBB8ADPP".into(),
            reference: "T-1".into(),
            title: "Export".into(),
            status,
            status_changed_at: "2026-05-04T09:12:00.000Z".into(),
            channel: Channel::Chat,
            customer_id: "c_1".into(),
            customer_name: "Ada".into(),
            locked: false,
            created_at: "2026-05-04T09:12:00.000Z".into(),
            last_messages: [None, None],
        }
    }

    #[test]
    fn moments_have_one_spelling() {
        for text in
            ["2026-05-04T09:12:00Z", "2026-05-04T11:12:00+02:00", " 2026-05-04T09:12:00.0004Z "]
        {
            assert_eq!(at(text).unwrap().as_str(), "2026-05-04T09:12:00.000Z", "{text}");
        }
        for text in ["", "soon", "2026-05-04", "2026-05-04T09:12:00"] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    #[test]
    fn statuses_as_customers_see_them() {
        for (theirs, ours) in [
            (RecordStatus::Todo, Status::InProgress),
            (RecordStatus::Snoozed { for_customer: false }, Status::InProgress),
            (RecordStatus::Snoozed { for_customer: true }, Status::WaitingForYou),
            (RecordStatus::Done, Status::Done),
            (RecordStatus::Other, Status::InProgress),
        ] {
            assert_eq!(thread(&record(theirs)).unwrap().status, ours);
        }
    }

    #[test]
    fn the_last_message_of_either_side_is_the_activity() {
        let mut record = record(RecordStatus::Todo);
        assert_eq!(thread(&record).unwrap().last_activity_at.day(), "2026-05-04");
        let said = |text: &str| Some(text.to_string());
        record.last_messages = [said("2026-05-06T00:00:00Z"), said("2026-05-05T00:00:00Z")];
        assert_eq!(thread(&record).unwrap().last_activity_at.day(), "2026-05-06");
        record.last_messages = [None, said("nonsense")];
        assert_eq!(thread(&record).unwrap().last_activity_at.day(), "2026-05-04");
    }

    #[test]
    fn an_answer_is_newer_than_the_question() {
        let mut record = record(RecordStatus::Todo);
        let said = |minute: u8| Some(format!("2026-05-04T09:{minute:02}:00.000Z"));
        for (messages, answered) in [
            ([None, None], false),
            ([said(1), None], false),
            ([None, said(1)], true),
            ([said(1), said(2)], true),
            ([said(2), said(1)], false),
            ([said(1), said(1)], false),
        ] {
            record.last_messages = messages;
            assert_eq!(is_answered(&record), answered, "{:?}", record.last_messages);
        }
    }

    #[test]
    fn a_thread_that_cannot_be_read_is_left_out() {
        let whole = record(RecordStatus::Todo);
        assert_eq!(thread(&ThreadRecord { id: "th_x".into(), ..whole.clone() }), None);
        assert_eq!(thread(&ThreadRecord { created_at: "x".into(), ..whole }), None);
    }
}
