//! What is known of a watched thread, and what a new reading says about it: pure, so that every case can be tested
//! without Plain, bus or clock.
//!
//! *Known* is what the reading before this one had. *Heard* is what the bus announced since (and a little longer: a webhook
//! may come before Plain shows the message to readers). What was read and is neither known nor heard was missed, once
//! it is old enough that its webhook cannot be on its way any more.
//!
//! An announcement that carries no message (an e-mail, a text out of all proportion) makes every open page read the
//! conversation anew, so it covers everything that happened up to its moment.

use crate::domain::{
    ids::{Cursor, EntryId},
    live::LiveEvent,
    message::Message,
    thread::{Conversation, Status},
    time::At,
};
use serde::{Deserialize, Serialize};

/// So far apart may be what an announcement and a reading tell about the moment of one change, in milliseconds.
const APART: i64 = 2_000;
/// Announcements of messages that no reading has shown yet; more are not kept.
const MAX_HEARD: usize = 64;

/// What is known of a thread. Holds no words of anybody's, and no ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Where the live history stood before it was read.
    pub cursor: Cursor,
    /// When it was read, in milliseconds since 1970.
    pub read_at: i64,
    status: Status,
    /// A state that was announced and not read yet.
    turning: Option<Status>,
    /// Messages that were written at or before this moment and are not among `seen` scrolled out of the page.
    floor: Option<i64>,
    seen: Vec<Seen>,
    heard: Vec<Heard>,
    /// Everything up to this moment was announced.
    covered: Option<i64>,
    /// What is not in order, and since when.
    open: Vec<(Fault, i64)>,
}

/// A version of a message as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    id: u64,
    at: i64,
    updated: i64,
    deleted: bool,
    files: usize,
    #[serde(default)]
    reactions: u64,
}

/// A version of a message as it was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Heard {
    id: u64,
    updated: i64,
    edited: bool,
    deleted: bool,
    files: usize,
    #[serde(default)]
    reactions: u64,
}

/// Something that was not announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Fault {
    /// A message in this version.
    Message(u64, i64),
    /// A message that is not there any more.
    Gone(u64),
    /// The thread's state.
    Status(Status),
}

/// What everybody who watches is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missed {
    /// A message, new or changed.
    Message(Box<Message>),
    /// Some message is not there any more; the number tells it from others.
    Gone(u64),
    /// The thread's state.
    Status,
}

/// What a reading says.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What was missed, oldest first.
    pub missed: Vec<Missed>,
    /// What is known from now on, if all of `missed` is announced.
    pub known: Known,
    /// In so many milliseconds something may turn out to be missed.
    pub look_again: Option<i64>,
    /// Whether `look_again` takes another reading; else the same one will do.
    pub read_again: bool,
}

/// How patient to be, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Younger changes may still be announced.
    pub settle: i64,
    /// So long something has to be out of order in our own eyes, whatever Plain's clock says.
    pub confirm: i64,
}

impl Known {
    /// From the first reading of a thread: all of it counts as announced.
    pub fn first(page: &Conversation, read_at: i64) -> Self {
        Self {
            cursor: page.cursor.clone(),
            read_at,
            status: page.thread.status,
            turning: None,
            floor: floor(page),
            seen: messages(page).map(Seen::of).collect(),
            heard: Vec::new(),
            covered: None,
            open: Vec::new(),
        }
    }

    /// Whether something looks as if it was missed.
    pub fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Compares a reading with what is known and with what the bus announced since [`Known::cursor`].
    pub fn judge(
        &self,
        page: &Conversation,
        turned: Option<&At>,
        announced: &[LiveEvent],
        (read_at, now): (i64, i64),
        patience: Patience,
    ) -> Verdict {
        let mut heard = self.heard.clone();
        let mut covered = self.covered;
        let mut turning = self.turning;
        let status = page.thread.status;
        let mut expected = status == self.status || turning == Some(status);
        for event in announced {
            match (&event.entry, event.status) {
                (Some(entry), _) => heard.push(Heard::of(entry)),
                (None, None) => covered = covered.max(Some(millis(&event.at))),
                (None, Some(_)) => {}
            }
            turning = event.status.or(turning);
            expected |= event.status == Some(status);
        }
        let covers = |moment: i64| covered.is_some_and(|covered| moment <= covered + APART);

        let mut faults: Vec<(Fault, i64)> = Vec::new();
        let messages: Vec<&Message> = messages(page).collect();
        let mut seen = Vec::with_capacity(messages.len());
        let read: Vec<Seen> = messages.iter().copied().map(Seen::of).collect();
        for (message, new) in messages.iter().copied().zip(read.iter().cloned()) {
            let old = self.seen.iter().find(|old| old.id == new.id);
            let fine = match old {
                Some(old) => new.shows_nothing_but(old),
                None => self.floor.is_some_and(|floor| new.at <= floor),
            };
            if fine || covers(new.updated) || heard.iter().any(|heard| heard.tells(message, &new)) {
                seen.push(new);
            } else {
                faults.push((Fault::Message(new.id, new.updated), new.updated));
                // Until it is announced, the older version is what is known.
                seen.extend(old.cloned());
            }
        }
        let floor = floor(page);
        for old in &self.seen {
            let in_reach = floor.is_none_or(|floor| old.at > floor);
            let there = read.iter().any(|new| new.id == old.id);
            if in_reach && !there {
                if heard.iter().any(|heard| heard.id == old.id && heard.deleted) {
                    continue;
                }
                faults.push((Fault::Gone(old.id), now));
                seen.push(old.clone());
            }
        }
        if !expected {
            faults.push((Fault::Status(status), turned.map_or(now, millis)));
        }

        let mut missed = Vec::new();
        let mut open = Vec::new();
        let mut look_again: Option<i64> = None;
        let mut read_again = false;
        for (fault, happened) in faults {
            let first = self.open.iter().find(|(known, _)| *known == fault);
            let first = first.map_or(now, |(_, since)| *since);
            let left = patience
                .settle
                .saturating_sub(now.saturating_sub(happened.min(first)))
                .max(patience.confirm.saturating_sub(now.saturating_sub(first)));
            // That something is not there is only believed if a later reading does not have it either.
            let unsure = matches!(fault, Fault::Gone(_)) && (left > 0 || read_at <= first);
            if left > 0 || unsure {
                open.push((fault, first));
                let left = left.max(1);
                look_again = Some(look_again.map_or(left, |other| other.min(left)));
                read_again |= unsure;
                continue;
            }
            match fault {
                Fault::Message(id, _) => {
                    let Some(place) = read.iter().position(|new| new.id == id) else { continue };
                    seen.retain(|seen| seen.id != id);
                    seen.push(read[place].clone());
                    missed.push(Missed::Message(Box::new(messages[place].clone())));
                }
                Fault::Gone(id) => {
                    seen.retain(|seen| seen.id != id);
                    missed.push(Missed::Gone(id));
                }
                Fault::Status(_) => missed.push(Missed::Status),
            }
        }
        // Webhooks may be faster than what Plain shows to readers.
        heard.retain(|heard| {
            let shown = read.iter().find(|new| new.id == heard.id);
            shown.is_none_or(|shown| heard.updated > shown.updated)
        });
        heard.drain(..heard.len().saturating_sub(MAX_HEARD));
        let waits = open.iter().any(|(fault, _)| matches!(fault, Fault::Status(_)));
        let known = Self {
            cursor: page.cursor.clone(),
            read_at,
            status: if waits { self.status } else { status },
            turning: turning.filter(|turning| *turning != status),
            floor,
            seen,
            heard,
            covered,
            open,
        };
        Verdict { missed, known, look_again, read_again }
    }
}

impl Seen {
    fn of(message: &Message) -> Self {
        Self {
            id: number(&message.id),
            at: millis(&message.at),
            updated: millis(&message.updated_at),
            deleted: message.deleted,
            files: message.attachments.len(),
            reactions: reactions(message),
        }
    }

    /// Not by its words: another version of this program may render them differently.
    fn shows_nothing_but(&self, old: &Self) -> bool {
        self.updated <= old.updated
            && self.deleted == old.deleted
            && self.files <= old.files
            && self.reactions == old.reactions
    }
}

impl Heard {
    fn of(message: &Message) -> Self {
        Self {
            id: number(&message.id),
            updated: millis(&message.updated_at),
            edited: message.edited,
            deleted: message.deleted,
            files: message.attachments.len(),
            reactions: reactions(message),
        }
    }

    /// Whether whoever heard this knows the message as it was read. (Webhooks and readings do not have all their
    /// moments from the same clock.)
    fn tells(&self, message: &Message, read: &Seen) -> bool {
        if self.id != read.id || self.deleted || message.deleted {
            return self.id == read.id && self.deleted;
        }
        let apart = if self.edited { APART } else { 0 };
        self.files >= read.files
            && self.reactions == read.reactions
            && (!message.edited || self.updated + apart >= read.updated)
    }
}

/// The oldest moment of a page, below which there is more.
fn floor(page: &Conversation) -> Option<i64> {
    page.older.as_ref()?;
    messages(page).next().map(|first| millis(&first.at))
}

/// Lines about the thread's state are not announced by themselves: the state is, and whoever hears of it reads them.
fn messages(page: &Conversation) -> impl Iterator<Item = &Message> {
    page.messages.iter().filter(|message| message.turned.is_none())
}

/// What tells one state of a message's reactions from another; 0 for none.
pub(super) fn reactions(message: &Message) -> u64 {
    let parts = message.reactions.iter().flat_map(|it| [it.emoji.clone(), it.count.to_string()]);
    match message.reactions.is_empty() {
        true => 0,
        false => hash(&parts.collect::<Vec<_>>().join("\0")),
    }
}

/// An id as a number: what two instances make of it is the same.
fn number(id: &EntryId) -> u64 {
    hash(id.as_str())
}

/// FNV-1a. Ids are Plain's, so nobody can choose them to collide.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn millis(at: &At) -> i64 {
    at.as_str().parse::<jiff::Timestamp>().map_or(0, |at| at.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        ids::{AttachmentId, EventId, ThreadId},
        message::{Attachment, Author, Reaction, Role},
        thread::Thread,
    };

    const PATIENCE: Patience = Patience { settle: 10_000, confirm: 1_000 };
    /// Long after everything below.
    const LATER: i64 = 1_000_000;

    fn message(n: u32, at: i64) -> Message {
        Message {
            id: EntryId::parse(format!("t_{n:026}")).unwrap(),
            source_id: None,
            author: Author { name: "Ines".into(), role: Role::Agent, me: false, avatar_url: None },
            text: format!("message {n}"),
            html: None,
            at: At::from_millis(at),
            updated_at: At::from_millis(at),
            edited: false,
            deleted: false,
            attachments: Vec::new(),
            reactions: Vec::new(),
            turned: None,
        }
    }

    fn edited(n: u32, at: i64, updated: i64) -> Message {
        Message { updated_at: At::from_millis(updated), edited: true, ..message(n, at) }
    }

    fn deleted(n: u32, at: i64, updated: i64) -> Message {
        Message { updated_at: At::from_millis(updated), deleted: true, ..message(n, at) }
    }

    fn page(status: Status, messages: Vec<Message>) -> Conversation {
        Conversation {
            thread: Thread {
                id: thread(),
                reference: "T-1".into(),
                title: "Export".into(),
                status,
                locked: false,
                created_at: At::from_millis(0),
                last_activity_at: At::from_millis(0),
                last_message: None,
                unread: false,
            },
            messages,
            older: None,
            cursor: Cursor::parse("e-1").unwrap(),
            rating: None,
            read_to: None,
            seen: None,
        }
    }

    fn thread() -> ThreadId {
        ThreadId::parse(format!("th_{:026}", 1)).unwrap()
    }

    fn announced(at: i64, entry: Option<Message>, status: Option<Status>) -> LiveEvent {
        LiveEvent {
            thread_id: thread(),
            event_type: "thread.chat_sent".into(),
            event_id: EventId::parse(format!("pEv_{:026}", 1)).unwrap(),
            prev: Cursor::parse("e-0").unwrap(),
            entry,
            status,
            at: At::from_millis(at),
            seen: None,
        }
    }

    const OPEN: Status = Status::InProgress;

    /// Looks until nothing is open any more, each time long after the last; what was missed.
    fn looks(known: &Known, page: &Conversation, heard: &[LiveEvent]) -> (Vec<Missed>, Known) {
        let (mut known, mut now) = (known.clone(), LATER);
        let mut heard = heard;
        loop {
            let verdict = known.judge(page, None, heard, (now, now), PATIENCE);
            known = verdict.known;
            if verdict.look_again.is_none() {
                return (verdict.missed, known);
            }
            assert!(verdict.missed.is_empty(), "one thing at a time in these tests");
            heard = &[];
            now += 60_000;
        }
    }

    fn told(missed: &[Missed]) -> Vec<&str> {
        let words = missed.iter().map(|missed| match missed {
            Missed::Message(message) => message.text.as_str(),
            Missed::Gone(_) => "gone",
            Missed::Status => "status",
        });
        words.collect()
    }

    #[test]
    fn what_nobody_announced_was_missed_and_only_once() {
        let before = page(OPEN, vec![message(1, 1_000)]);
        let known = Known::first(&before, 0);
        let after = page(OPEN, vec![message(1, 1_000), message(2, 2_000), message(3, 3_000)]);
        let one = [announced(3_000, Some(message(3, 3_000)), None)];
        let (missed, known) = looks(&known, &after, &one);
        assert_eq!(told(&missed), ["message 2"]);
        assert!(looks(&known, &after, &[]).0.is_empty());
        let (missed, _) = looks(&known, &page(Status::Done, after.messages), &[]);
        assert_eq!(told(&missed), ["status"]);
    }

    #[test]
    fn healthy_traffic_is_no_alarm() {
        let before = page(OPEN, vec![message(1, 1_000)]);
        let known = Known::first(&before, 0);
        let file = Attachment {
            id: AttachmentId::parse(format!("att_{:026}", 1)).unwrap(),
            file_name: "a.png".into(),
            bytes: 1,
            mime_type: "image/png".into(),
        };
        let with_file = Message { attachments: vec![file], ..message(4, 4_000) };
        // The announcement of a change may tell another moment than the reading.
        let a_little_off = Message {
            updated_at: At::from_millis(7_500),
            text: "as the webhook renders it".into(),
            ..edited(2, 2_000, 0)
        };
        let after = page(
            Status::WaitingForYou,
            vec![
                message(1, 1_000),
                edited(2, 2_000, 8_000),
                deleted(3, 3_000, 9_000),
                with_file.clone(),
            ],
        );
        let events = [
            announced(3_000, Some(message(3, 3_000)), None),
            announced(2_000, Some(message(2, 2_000)), None),
            announced(9_100, Some(deleted(3, 3_000, 9_100)), None),
            announced(8_000, Some(a_little_off), None),
            announced(4_000, Some(with_file), None),
            announced(4_100, None, Some(Status::WaitingForYou)),
            // A late one, of an earlier state.
            announced(500, None, Some(OPEN)),
        ];
        let verdict = known.judge(&after, None, &events, (LATER, LATER), PATIENCE);
        assert_eq!((verdict.missed, verdict.look_again), (vec![], None));
        let again = verdict.known.judge(&after, None, &[], (LATER, LATER), PATIENCE);
        assert_eq!((again.missed, again.look_again), (vec![], None));
    }

    #[test]
    fn each_kind_of_change_that_was_not_announced() {
        let before = page(OPEN, vec![message(1, 1_000), message(2, 2_000)]);
        let known = Known::first(&before, 0);
        let file = |n: u32| Attachment {
            id: AttachmentId::parse(format!("att_{n:026}")).unwrap(),
            file_name: "a.png".into(),
            bytes: 1,
            mime_type: "image/png".into(),
        };
        for changed in [
            edited(2, 2_000, 8_000),
            deleted(2, 2_000, 8_000),
            Message { attachments: vec![file(1)], ..message(2, 2_000) },
        ] {
            // That it was written, and that it was edited long before, does not tell of it.
            let old = [
                announced(2_000, Some(message(2, 2_000)), None),
                announced(3_000, Some(edited(2, 2_000, 3_000)), None),
            ];
            let after = page(OPEN, vec![message(1, 1_000), changed.clone()]);
            let (missed, known) = looks(&known, &after, &old);
            assert_eq!(missed, [Missed::Message(Box::new(changed.clone()))]);
            assert!(looks(&known, &after, &[]).0.is_empty());
        }
        let (missed, _) = looks(&known, &page(OPEN, vec![message(1, 1_000)]), &[]);
        assert_eq!(told(&missed), ["gone"]);
        let removal = [announced(9_000, Some(deleted(2, 2_000, 9_000)), None)];
        let (missed, _) = looks(&known, &page(OPEN, vec![message(1, 1_000)]), &removal);
        assert!(missed.is_empty());
    }

    #[test]
    fn webhooks_have_time_to_come() {
        let known = Known::first(&page(OPEN, vec![]), 0);
        let after = page(OPEN, vec![message(1, 100_000)]);
        let young = known.judge(&after, None, &[], (101_000, 101_000), PATIENCE);
        assert_eq!((young.missed.len(), young.look_again), (0, Some(9_000)));
        assert!(!young.read_again && young.known.is_open());
        // It comes: nothing was missed.
        let webhook = [announced(100_000, Some(message(1, 100_000)), None)];
        let known = young.known.judge(&after, None, &webhook, (101_000, 110_500), PATIENCE);
        assert_eq!((known.missed.len(), known.look_again), (0, None));
        // It does not.
        let known = young.known.judge(&after, None, &[], (101_000, 110_500), PATIENCE);
        assert_eq!((known.missed.len(), known.look_again), (1, None));
        // A clock that is ahead of ours delays it, and one that is behind does not make it an alarm at first sight.
        let ahead = page(OPEN, vec![message(1, 900_000)]);
        let first = Known::first(&page(OPEN, vec![]), 0);
        let seen = first.judge(&ahead, None, &[], (101_000, 101_000), PATIENCE);
        assert_eq!(seen.look_again, Some(10_000));
        let seen = seen.known.judge(&ahead, None, &[], (101_000, 112_000), PATIENCE);
        assert_eq!(seen.missed.len(), 1);
        let behind = first.judge(&after, None, &[], (500_000, 500_000), PATIENCE);
        assert_eq!((behind.missed.len(), behind.look_again), (0, Some(1_000)));
    }

    #[test]
    fn a_webhook_may_be_faster_than_the_reading() {
        let known = Known::first(&page(OPEN, vec![]), 0);
        let events = [
            announced(1_000, Some(message(1, 1_000)), None),
            announced(1_100, None, Some(Status::Done)),
        ];
        // Plain does not show it to readers yet; at the next look the bus does not tell of it again.
        let (missed, known) = looks(&known, &page(OPEN, vec![]), &events);
        assert!(missed.is_empty());
        let (missed, known) = looks(&known, &page(Status::Done, vec![message(1, 1_000)]), &[]);
        assert!(missed.is_empty());
        assert!(known.heard.is_empty() && known.turning.is_none(), "{known:?}");
    }

    #[test]
    fn an_announcement_without_words_covers_what_was_before() {
        let known = Known::first(&page(OPEN, vec![]), 0);
        let mail = [announced(5_000, None, None)];
        let after = page(OPEN, vec![message(1, 4_000), message(2, 9_000)]);
        assert_eq!(told(&looks(&known, &after, &mail).0), ["message 2"]);
        // One of a state does not.
        let state = [announced(5_000, None, Some(OPEN))];
        let after = page(OPEN, vec![message(1, 4_000)]);
        assert_eq!(told(&looks(&known, &after, &state).0), ["message 1"]);
    }

    #[test]
    fn what_scrolls_in_and_out_of_the_page_is_no_alarm() {
        let long = |from: u32, to: u32| Conversation {
            older: Some("nabc".into()),
            ..page(OPEN, (from..=to).map(|n| message(n, i64::from(n) * 1_000)).collect())
        };
        let known = Known::first(&long(10, 20), 0);
        let one = [announced(21_000, Some(message(21, 21_000)), None)];
        let (missed, known) = looks(&known, &long(11, 21), &one);
        assert!(missed.is_empty());
        // One is taken away, so that an older one comes into view.
        let removal = [announced(30_000, Some(deleted(21, 21_000, 30_000)), None)];
        let (missed, known) = looks(&known, &long(10, 20), &removal);
        assert!(missed.is_empty());
        let (missed, _) = looks(&known, &long(9, 20), &[]);
        assert!(missed.is_empty());
    }

    #[test]
    fn that_something_is_gone_takes_two_readings() {
        let known = Known::first(&page(OPEN, vec![message(1, 1_000)]), 0);
        let empty = page(OPEN, vec![]);
        let first = known.judge(&empty, None, &[], (LATER, LATER), PATIENCE);
        assert!(first.read_again && first.missed.is_empty());
        let same = first.known.judge(&empty, None, &[], (LATER, LATER + 60_000), PATIENCE);
        assert!(same.read_again && same.missed.is_empty(), "the same reading proves nothing");
        let other =
            first.known.judge(&empty, None, &[], (LATER + 60_000, LATER + 60_000), PATIENCE);
        assert_eq!(told(&other.missed), ["gone"]);
        // Or it was there all the time.
        let back = page(OPEN, vec![message(1, 1_000)]);
        let back = first.known.judge(&back, None, &[], (LATER + 60_000, LATER + 60_000), PATIENCE);
        assert!(back.missed.is_empty() && !back.known.is_open());
    }

    #[test]
    fn what_is_known_travels_between_instances_without_words() {
        let known = Known::first(&page(OPEN, vec![message(1, 1_000)]), 7);
        let text = serde_json::to_string(&known).unwrap();
        assert!(!text.contains("message 1") && !text.contains("t_0"), "{text}");
        assert_eq!(serde_json::from_str::<Known>(&text).unwrap(), known);
    }

    #[test]
    fn reactions_that_no_webhook_told_of() {
        let with = |count: u32| Message {
            reactions: vec![Reaction { emoji: "👍".into(), count }],
            ..message(1, 1_000)
        };
        let bare = page(OPEN, vec![message(1, 1_000)]);
        let (one, two) = (page(OPEN, vec![with(1)]), page(OPEN, vec![with(2)]));
        let known = Known::first(&bare, 2_000);
        let (missed, after) = looks(&known, &one, &[]);
        assert_eq!(missed, [Missed::Message(Box::new(with(1)))]);
        assert_eq!(looks(&after, &one, &[]).0, []);
        // Told of: nothing is missed. Of one of two: one is.
        let heard = [announced(3_000, Some(with(1)), None)];
        assert_eq!(looks(&known, &one, &heard).0, []);
        assert_eq!(looks(&known, &two, &heard).0.len(), 1);
        // Taken back, and nobody told.
        assert_eq!(looks(&after, &bare, &[]).0.len(), 1);
    }

    #[test]
    fn lines_about_the_state_are_no_messages() {
        let line = |n: u32, at: i64| Message { turned: Some(Status::Done), ..message(n, at) };
        let bare = page(OPEN, vec![message(1, 1_000)]);
        let with = page(OPEN, vec![line(2, 500), message(1, 1_000), line(3, 2_000)]);
        // Nobody announces them, and nobody misses one that is gone.
        assert_eq!(looks(&Known::first(&bare, 2_000), &with, &[]).0, []);
        assert_eq!(looks(&Known::first(&with, 2_000), &bare, &[]).0, []);
        let older = Conversation { older: Some("n".into()), ..with };
        assert_eq!(Known::first(&older, 2_000).floor, Some(1_000));
    }
}
