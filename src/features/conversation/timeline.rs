//! The state of an open conversation, as pure data: what came from reads, what came from events, and what the
//! visitor is just sending, merged into one list that shows every message once and in order.
//!
//! Webhooks come in any order, twice, late, and under several names for one message; reads come between them. Which
//! version of a message is shown depends on the versions alone, not on the order in which they came: see [`newer`].

use crate::domain::{
    ids::{ClientMessageId, EntryId},
    message::{Attachment, Author, Message, Reaction, Role},
    thread::{Conversation, Seen, Sign, Status, Thread},
    time::At,
};
use std::cmp::Ordering;

/// How far a message of the visitor's own has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// On its way.
    Sending,
    /// It waits for the network, and goes out by itself.
    Queued,
    /// With the team.
    Sent,
    /// Not sent, and why. Trying again is safe.
    Failed(String),
}

/// A message that the visitor is sending.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pending {
    key: ClientMessageId,
    text: String,
    attachments: Vec<Attachment>,
    at: At,
    delivery: Delivery,
    /// The chat's id, once the server answered.
    source_id: Option<String>,
}

/// What a change did to the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A message that was not there before, written by somebody else.
    New,
    /// Something that was there looks different now, or an own message arrived.
    Updated,
    /// Nothing to see.
    Nothing,
}

/// One line of the list, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// A new day begins.
    Day {
        /// A moment of it.
        at: At,
        /// Its name, in the reader's zone.
        day: String,
    },
    /// From here on the visitor has not seen it.
    Unread,
    /// The thread's state changed.
    Turned {
        /// The timeline entry's id.
        key: String,
        /// Where it stands since.
        status: Status,
        /// When.
        at: At,
    },
    /// A message.
    Message(Box<Bubble>),
}

/// A message, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bubble {
    /// Stays the same from "sending" to "sent".
    pub key: String,
    /// The timeline entry; none while it is being sent.
    pub entry_id: Option<EntryId>,
    /// Who wrote it.
    pub author: Author,
    /// What it says.
    pub text: String,
    /// The same as the server's HTML, where that says more.
    pub html: Option<String>,
    /// When.
    pub at: At,
    /// How far it has come.
    pub delivery: Delivery,
    /// Changed later.
    pub edited: bool,
    /// Taken back.
    pub deleted: bool,
    /// Its files.
    pub attachments: Vec<Attachment>,
    /// What readers answered with a picture.
    pub reactions: Vec<Reaction>,
    /// By the same author as the one above, shortly after: no name again.
    pub continued: bool,
    /// Came while the page was open.
    pub fresh: bool,
}

impl Row {
    /// What stays the same for as long as the row is there.
    pub fn key(&self) -> String {
        match self {
            Row::Day { at, .. } => at.day().into(),
            Row::Unread => "unread".into(),
            Row::Turned { key, .. } => key.clone(),
            Row::Message(bubble) => bubble.key.clone(),
        }
    }

    /// Whether it shows this entry as a message.
    pub fn is_of(&self, entry: &EntryId) -> bool {
        matches!(self, Row::Message(bubble) if bubble.entry_id.as_ref() == Some(entry))
    }

    /// Texts that change whenever the row looks different: what it says, what hangs on it, and the rest.
    pub fn looks(&self) -> [String; 3] {
        let rest = |text: String| [String::new(), String::new(), text];
        match self {
            Row::Day { day, .. } => rest(day.clone()),
            Row::Unread => rest(String::new()),
            Row::Turned { status, at, .. } => rest([status.word(), at.as_str()].concat()),
            Row::Message(b) => {
                let why = match &b.delivery {
                    Delivery::Sending => "1",
                    Delivery::Queued => "2",
                    Delivery::Sent => "3",
                    Delivery::Failed(why) => why,
                };
                let flags = [b.edited, b.deleted, b.continued, b.entry_id.is_some()]
                    .map(|flag| if flag { "1" } else { "0" })
                    .concat();
                let words = if b.deleted { "" } else { b.html.as_ref().unwrap_or(&b.text) };
                let mut hangs = String::from(if b.entry_id.is_some() { "1" } else { "0" });
                for file in &b.attachments {
                    hangs.push_str(file.id.as_str());
                }
                for Reaction { emoji, count } in &b.reactions {
                    hangs.push_str(emoji);
                    hangs.push_str(&count.to_string());
                }
                let rest = [b.at.as_str(), why, &b.author.name, &flags].join("\0");
                [words.into(), hangs, rest]
            }
        }
    }
}

/// The open conversation.
#[derive(Debug, Clone)]
pub struct Timeline {
    /// The thread's title, reference and state.
    pub thread: Thread,
    /// Give this to get the page before; none where the first message is shown.
    pub older: Option<String>,
    /// In their order. A page has 50; the end is where things happen, so a list does.
    messages: Vec<Message>,
    /// Whose shown version was read, and not told by an event.
    read: Vec<EntryId>,
    /// Not in the conversation any more when it was read: an event that comes late does not bring them back.
    gone: Vec<Message>,
    /// When the thread last changed its state, as far as events told.
    turned: Option<At>,
    pending: Vec<Pending>,
    /// Own messages that arrived: the row keeps the key it had while it was being sent.
    keys: Vec<(EntryId, ClientMessageId)>,
    fresh: Vec<EntryId>,
    /// The first message that the visitor had not seen when they came, or when they came back to the tab.
    unread: Option<EntryId>,
    /// Whether the team saw the visitor's last message.
    pub seen: Option<Seen>,
    /// The visitor's rating.
    pub rating: Option<u8>,
}

/// Two messages of one author within this time stand together.
const TOGETHER_MINUTES: i64 = 5;

impl Timeline {
    /// From the first page.
    pub fn new(conversation: Conversation) -> Self {
        let mut timeline = Self {
            thread: conversation.thread,
            older: conversation.older,
            messages: Vec::new(),
            read: Vec::new(),
            gone: Vec::new(),
            turned: None,
            pending: Vec::new(),
            keys: Vec::new(),
            fresh: Vec::new(),
            unread: None,
            seen: conversation.seen,
            rating: conversation.rating,
        };
        for message in conversation.messages {
            timeline.upsert(message, true);
        }
        if let Some(place) = conversation.read_to.and_then(|id| timeline.place(&id)) {
            let mut after = timeline.messages.iter().skip(place + 1);
            timeline.unread = after.find(|m| is_from_team(m)).map(|m| m.id.clone());
        }
        timeline
    }

    /// The visitor was away when the newest message came: they find a line above the first such message.
    pub fn came_unseen(&mut self) {
        let marked = self.unread.as_ref().is_some_and(|id| self.fresh.contains(id));
        if !marked {
            self.unread = self.fresh.last().cloned();
        }
    }

    /// The visitor's last message, and how we know that the team saw it: what happened before it says nothing of it.
    pub fn seen_of_last(&self) -> Option<(EntryId, Sign)> {
        let seen = self.seen.as_ref().filter(|_| self.pending.is_empty())?;
        let last = self.messages.iter().rev().find(|m| m.author.me && m.turned.is_none())?;
        (seen.at >= last.at).then(|| (last.id.clone(), seen.sign))
    }

    /// The newest message of the team.
    pub fn newest_of_team(&self) -> Option<&Message> {
        self.messages.iter().rfind(|m| is_from_team(m))
    }

    /// A message from an event.
    pub fn apply(&mut self, mut message: Message) -> Change {
        if self.place(&message.id).is_none() {
            // What stands above the first message comes with its page; alone it would hide a hole.
            let above = self.messages.first().is_some_and(|first| message.order() < first.order());
            let gone = self.gone.iter().find(|gone| gone.id == message.id);
            if self.older.is_some() && above || gone.is_some() && !message.deleted {
                return Change::Nothing;
            }
            if let Some(gone) = gone {
                message.author.clone_from(&gone.author);
            }
        }
        self.take(message, false)
    }

    fn take(&mut self, message: Message, read: bool) -> Change {
        let new = self.place(&message.id).is_none();
        let late = self.messages.last().is_some_and(|last| is_long_before(&message.at, &last.at));
        let team = is_from_team(&message);
        let id = message.id.clone();
        if !self.upsert(message, read) {
            return Change::Nothing;
        }
        if !new || late {
            return Change::Updated;
        }
        self.fresh.push(id);
        if team { Change::New } else { Change::Updated }
    }

    /// The thread's state from an event, and when it changed. A late delivery changes nothing.
    pub fn set_status(&mut self, status: Status, at: At) {
        if self.turned.as_ref().is_none_or(|last| *last <= at) {
            self.thread.status = status;
            self.turned = Some(at);
        }
    }

    /// The newest page, read anew. What lies within it and is not in it any more is gone; what is newer than it came
    /// by an event that overtook the read, and stays. Where it does not reach down to what is shown, something is
    /// missing in between: then only the page is shown, and the way to what is older.
    pub fn reconcile(&mut self, page: Conversation) -> Change {
        self.thread = page.thread;
        self.seen = page.seen;
        self.rating = page.rating;
        let mut change = Change::Nothing;
        let mut joined = true;
        if let (Some(first), Some(last)) = (page.messages.first(), page.messages.last()) {
            joined = page.older.is_none() || self.place(&first.id).is_some();
            let (first, last) = (first.order(), last.order());
            let before = self.messages.len();
            let gone = &mut self.gone;
            self.messages.retain(|m| {
                if m.order() < first {
                    return joined;
                }
                // That a message was deleted is still told to whoever has seen it.
                let stays = m.order() > last
                    || m.deleted
                    || page.messages.iter().any(|kept| kept.id == m.id);
                if !stays {
                    gone.push(m.clone());
                }
                stays
            });
            if self.messages.len() < before {
                change = Change::Updated;
            }
        }
        if self.messages.is_empty() || !joined {
            self.older = page.older;
        }
        for message in page.messages {
            match self.take(message, true) {
                Change::New => change = Change::New,
                Change::Updated if change == Change::Nothing => change = Change::Updated,
                _ => {}
            }
        }
        change
    }

    /// The same for a page that something happened behind: it may be older than what is known of the thread's state.
    pub fn reconcile_outrun(&mut self, mut page: Conversation) -> Change {
        page.thread.status = self.thread.status;
        page.seen = self.seen.take();
        page.rating = self.rating;
        self.reconcile(page)
    }

    /// A page of older messages.
    pub fn prepend(&mut self, page: Conversation) {
        self.older = page.older;
        for message in page.messages {
            self.upsert(message, true);
        }
    }

    fn place(&self, id: &EntryId) -> Option<usize> {
        self.messages.iter().rposition(|m| m.id == *id)
    }

    /// Puts a message in its place. False if it is already there like this, or newer.
    fn upsert(&mut self, mut message: Message, read: bool) -> bool {
        message.edited &= !message.deleted;
        if let Some(place) = self.place(&message.id) {
            let old = &self.messages[place];
            let was_read = self.read.contains(&old.id);
            let wins = newer((&message, read), (old, was_read));
            let reactions = read.then(|| message.reactions.clone());
            let (mut shown, other) =
                if wins { (message, old.clone()) } else { (old.clone(), message) };
            // A webhook names agents by id only, and not every source tells that a message was changed.
            if shown.author.role == other.author.role {
                if shown.author.name.is_empty() {
                    shown.author.name = other.author.name;
                }
                shown.author.avatar_url = shown.author.avatar_url.or(other.author.avatar_url);
            }
            shown.source_id = shown.source_id.or(other.source_id);
            shown.edited = (shown.edited || other.edited) && !shown.deleted;
            // They come and go, and Plain does not say when: what was read has them as they are.
            if let Some(reactions) = reactions.filter(|_| !shown.deleted) {
                shown.reactions = reactions;
            }
            if wins {
                self.read.retain(|id| *id != shown.id);
                if read {
                    self.read.push(shown.id.clone());
                }
            }
            if *old == shown {
                return false;
            }
            self.messages.remove(place);
            message = shown;
        } else {
            if message.author.me {
                self.claim(&message);
            }
            if read {
                self.read.push(message.id.clone());
            }
        }
        let place = self.messages.partition_point(|m| m.order() < message.order());
        self.messages.insert(place, message);
        true
    }

    /// An own message arrived that may be one of those being sent: then it takes over its row.
    fn claim(&mut self, message: &Message) {
        let by_id = |p: &Pending| p.source_id.is_some() && p.source_id == message.source_id;
        let by_text = |p: &Pending| {
            p.source_id.is_none()
                && p.text.trim() == message.text.trim()
                && p.attachments.len() == message.attachments.len()
        };
        let found =
            self.pending.iter().position(by_id).or_else(|| self.pending.iter().position(by_text));
        if let Some(index) = found {
            let pending = self.pending.remove(index);
            self.keys.push((message.id.clone(), pending.key));
        }
    }

    /// The visitor sends a message.
    pub fn compose(
        &mut self,
        key: ClientMessageId,
        text: String,
        attachments: Vec<Attachment>,
        at: At,
    ) {
        let delivery = Delivery::Sending;
        self.pending.push(Pending { key, text, attachments, at, delivery, source_id: None });
    }

    /// The server took a message.
    pub fn sent(&mut self, key: &ClientMessageId, source_id: String, at: At) {
        let arrived = self
            .messages
            .iter()
            .find(|m| m.source_id.as_deref() == Some(source_id.as_str()))
            .map(|m| m.id.clone());
        if let Some(id) = arrived {
            if let Some(index) = self.pending.iter().position(|p| p.key == *key) {
                self.pending.remove(index);
                self.keys.push((id, key.clone()));
            }
            return;
        }
        if let Some(pending) = self.pending.iter_mut().find(|p| p.key == *key) {
            pending.delivery = Delivery::Sent;
            // Slack's messages come back without an id at first: then they are known by their words.
            pending.source_id = Some(source_id).filter(|id| !id.is_empty());
            pending.at = at;
        }
    }

    /// A message that was not sent yet stands like this now.
    pub fn set_delivery(&mut self, key: &str, delivery: Delivery) {
        if let Some(pending) = self.pending.iter_mut().find(|p| p.key.as_str() == key) {
            pending.delivery = delivery;
        }
    }

    /// Takes back a message that was not sent: its text.
    pub fn withdraw(&mut self, key: &str) -> Option<String> {
        let place = self.pending.iter().position(|p| p.key.as_str() == key)?;
        Some(self.pending.remove(place).text)
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.pending.is_empty()
    }

    /// Everything to show, oldest first. `day` names the calendar day of a moment in the reader's zone.
    pub fn rows(&self, day: impl Fn(&At) -> String) -> Vec<Row> {
        let mut rows = Vec::with_capacity(self.messages.len() + self.pending.len() + 4);
        let mut today = String::new();
        let mut above: Option<(Author, i64)> = None;
        let me = Author { name: String::new(), role: Role::Customer, me: true, avatar_url: None };
        let arrived = self.messages.iter().map(|m| {
            (
                m.turned,
                Bubble {
                    key: self
                        .keys
                        .iter()
                        .find(|(id, _)| *id == m.id)
                        .map_or(m.id.as_str(), |(_, key)| key.as_str())
                        .to_string(),
                    entry_id: Some(m.id.clone()),
                    author: m.author.clone(),
                    text: m.text.clone(),
                    html: m.html.clone(),
                    at: m.at.clone(),
                    delivery: Delivery::Sent,
                    edited: m.edited,
                    deleted: m.deleted,
                    attachments: m.attachments.clone(),
                    reactions: m.reactions.clone(),
                    continued: false,
                    fresh: self.fresh.contains(&m.id),
                },
            )
        });
        let sending = self.pending.iter().map(|p| {
            (
                None,
                Bubble {
                    key: p.key.to_string(),
                    entry_id: None,
                    author: me.clone(),
                    text: p.text.clone(),
                    html: None,
                    at: p.at.clone(),
                    delivery: p.delivery.clone(),
                    edited: false,
                    deleted: false,
                    attachments: p.attachments.clone(),
                    reactions: Vec::new(),
                    continued: false,
                    fresh: true,
                },
            )
        });
        for (turned, mut bubble) in arrived.chain(sending) {
            let this_day = day(&bubble.at);
            if this_day != today {
                rows.push(Row::Day { at: bubble.at.clone(), day: this_day.clone() });
                today = this_day;
                above = None;
            }
            if self.unread.is_some() && self.unread == bubble.entry_id {
                rows.push(Row::Unread);
                above = None;
            }
            if let Some(status) = turned {
                rows.push(Row::Turned { key: bubble.key, status, at: bubble.at });
                above = None;
                continue;
            }
            let minute = minutes(&bubble.at);
            bubble.continued = above.is_some_and(|(author, last)| {
                author.role == bubble.author.role
                    && author.me == bubble.author.me
                    && (author.me || author.name == bubble.author.name)
                    && (0..TOGETHER_MINUTES).contains(&(minute - last))
            });
            above = Some((bubble.author.clone(), minute));
            rows.push(Row::Message(Box::new(bubble)));
        }
        rows
    }
}

/// Which of two versions of a message is shown; each with whether it was read. Deleted is deleted. Then the later
/// change; of equal ones what was read, and the last read; then whatever decides the same whichever came first.
fn newer((new, read): (&Message, bool), (old, was_read): (&Message, bool)) -> bool {
    let (new_rank, old_rank) =
        ((new.deleted, &new.updated_at, read), (old.deleted, &old.updated_at, was_read));
    match new_rank.cmp(&old_rank) {
        Ordering::Equal => read || (new.edited, &new.text) > (old.edited, &old.text),
        order => order.is_gt(),
    }
}

/// Whether somebody of the team wrote it.
fn is_from_team(message: &Message) -> bool {
    !message.author.me && message.turned.is_none()
}

/// Whether a moment is so long before another that a message of then is no news.
fn is_long_before(at: &At, other: &At) -> bool {
    at.day() < other.day()
        || at.day() == other.day() && minutes(at) + TOGETHER_MINUTES < minutes(other)
}

/// Minutes of the day in UTC: enough to tell how far apart two neighbours are. Over midnight they count as far
/// apart, which only shows a name once more.
fn minutes(at: &At) -> i64 {
    let digits = at.hour_minute().bytes().filter(u8::is_ascii_digit);
    let number = digits.fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
    number / 100 * 60 + number % 100
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{Cursor, ThreadId};
    use proptest::prelude::*;

    fn entry(n: u32) -> EntryId {
        EntryId::parse(format!("t_{n:026}")).unwrap()
    }

    fn message(n: u32, at: i64, updated: i64, text: &str, me: bool) -> Message {
        Message {
            id: entry(n),
            source_id: Some(format!("ch_{n:026}")),
            author: Author {
                name: if me { "Ada".into() } else { "Ines".into() },
                role: if me { Role::Customer } else { Role::Agent },
                me,
                avatar_url: None,
            },
            text: text.into(),
            html: None,
            at: At::from_millis(at),
            updated_at: At::from_millis(updated),
            edited: updated > at,
            deleted: false,
            attachments: Vec::new(),
            reactions: Vec::new(),
            turned: None,
        }
    }

    fn page(messages: Vec<Message>) -> Conversation {
        Conversation {
            thread: Thread {
                id: ThreadId::parse("th_01KQS44ER0KVVBRC15MBB8ADPP").unwrap(),
                reference: "T-1".into(),
                title: "x".into(),
                status: Status::InProgress,
                locked: false,
                created_at: At::from_millis(0),
                last_activity_at: At::from_millis(0),
                last_message: None,
                unread: false,
            },
            messages,
            older: None,
            cursor: Cursor::parse("e-0").unwrap(),
            rating: None,
            read_to: None,
            seen: None,
        }
    }

    fn texts(timeline: &Timeline) -> Vec<String> {
        timeline
            .rows(|at| at.day().to_string())
            .into_iter()
            .filter_map(|row| match row {
                Row::Message(b) => Some(b.text),
                _ => None,
            })
            .collect()
    }

    fn key(n: u32) -> ClientMessageId {
        ClientMessageId::parse(format!("{n:032}")).unwrap()
    }

    #[test]
    fn equal_times_stand_in_id_order() {
        let mut t = Timeline::new(page(vec![]));
        t.apply(message(2, 5, 5, "b", false));
        t.apply(message(1, 5, 5, "a", false));
        assert_eq!(texts(&t), ["a", "b"]);
    }

    #[test]
    fn a_late_retry_does_not_roll_back() {
        let mut t = Timeline::new(page(vec![message(1, 5, 9, "new", false)]));
        assert_eq!(t.apply(message(1, 5, 5, "old", false)), Change::Nothing);
        assert_eq!(texts(&t), ["new"]);
    }

    #[test]
    fn names_survive_nameless_events() {
        let mut t = Timeline::new(page(vec![message(1, 5, 5, "x", false)]));
        let mut nameless = message(1, 5, 6, "y", false);
        nameless.author.name.clear();
        assert_eq!(t.apply(nameless), Change::Updated);
        let rows = t.rows(|at| at.day().to_string());
        let Some(Row::Message(bubble)) = rows.last() else { panic!() };
        assert_eq!((bubble.author.name.as_str(), bubble.text.as_str()), ("Ines", "y"));
    }

    #[test]
    fn an_own_message_that_was_taken_without_an_id_is_known_by_its_words() {
        let mut t = Timeline::new(page(vec![]));
        t.compose(key(1), "hello".into(), vec![], At::from_millis(1));
        t.sent(&key(1), String::new(), At::from_millis(5));
        t.apply(message(1, 5, 5, "hello", true));
        assert_eq!(texts(&t), ["hello"]);
    }

    #[test]
    fn an_own_message_is_shown_once_whichever_answer_is_first() {
        // The event overtakes the answer…
        let mut t = Timeline::new(page(vec![]));
        t.compose(key(1), "hello".into(), vec![], At::from_millis(1));
        assert_eq!(t.apply(message(1, 5, 5, "hello", true)), Change::Updated);
        t.sent(&key(1), format!("ch_{:026}", 1), At::from_millis(5));
        assert_eq!(texts(&t), ["hello"]);
        // …or the answer the event.
        let mut t = Timeline::new(page(vec![]));
        t.compose(key(1), "hello".into(), vec![], At::from_millis(1));
        t.sent(&key(1), format!("ch_{:026}", 1), At::from_millis(5));
        t.apply(message(1, 5, 5, "hello", true));
        assert_eq!(texts(&t), ["hello"]);
        // The row keeps its key, so the bubble does not blink.
        let rows = t.rows(|at| at.day().to_string());
        assert_eq!(rows.last().unwrap().key(), key(1).as_str());
    }

    #[test]
    fn the_same_words_twice_are_two_messages() {
        let mut t = Timeline::new(page(vec![]));
        t.compose(key(1), "ok".into(), vec![], At::from_millis(1));
        t.compose(key(2), "ok".into(), vec![], At::from_millis(2));
        t.apply(message(1, 5, 5, "ok", true));
        t.apply(message(2, 6, 6, "ok", true));
        t.sent(&key(2), format!("ch_{:026}", 2), At::from_millis(6));
        t.sent(&key(1), format!("ch_{:026}", 1), At::from_millis(5));
        assert_eq!(texts(&t), ["ok", "ok"]);
    }

    #[test]
    fn a_failed_message_keeps_text_and_key() {
        let mut t = Timeline::new(page(vec![]));
        t.compose(key(1), "hello".into(), vec![], At::from_millis(1));
        t.set_delivery(key(1).as_str(), Delivery::Failed("no".into()));
        let Some(Row::Message(bubble)) = t.rows(|_| String::new()).pop() else { panic!("a row") };
        assert_eq!((&*bubble.key, &*bubble.text), (key(1).as_str(), "hello"));
        assert_eq!(bubble.delivery, Delivery::Failed("no".into()));
        // It had arrived after all.
        t.apply(message(1, 5, 5, "hello", true));
        assert_eq!(texts(&t), ["hello"]);
    }

    #[test]
    fn a_message_that_was_not_sent_can_be_taken_back() {
        let mut t = Timeline::new(page(vec![]));
        t.compose(key(1), "first".into(), vec![], At::from_millis(1));
        t.compose(key(2), "second".into(), vec![], At::from_millis(2));
        assert_eq!(t.withdraw(key(1).as_str()), Some("first".into()));
        assert_eq!(t.withdraw(key(1).as_str()), None);
        assert_eq!(texts(&t), ["second"]);
    }

    #[test]
    fn a_line_stands_above_what_was_not_seen() {
        let at = |t: &Timeline| {
            let rows = t.rows(|_| String::new());
            let place = rows.iter().position(|row| *row == Row::Unread)?;
            match &rows[place + 1] {
                Row::Message(bubble) => Some(bubble.text.clone()),
                _ => None,
            }
        };
        let messages = || {
            vec![
                message(1, 1, 1, "read", false),
                message(2, 2, 2, "mine", true),
                message(3, 3, 3, "new", false),
                message(4, 4, 4, "newer", false),
            ]
        };
        let read_to = |n: u32| Conversation { read_to: Some(entry(n)), ..page(messages()) };
        assert_eq!(at(&Timeline::new(page(messages()))), None);
        assert_eq!(at(&Timeline::new(read_to(1))).as_deref(), Some("new"));
        assert_eq!(at(&Timeline::new(read_to(4))), None);
        assert_eq!(at(&Timeline::new(read_to(9))), None);

        let mut t = Timeline::new(page(messages()));
        t.apply(message(5, 5, 5, "while away", false));
        t.came_unseen();
        t.apply(message(6, 6, 6, "and more", false));
        t.came_unseen();
        assert_eq!(at(&t).as_deref(), Some("while away"));
    }

    #[test]
    fn a_change_of_state_is_a_line_and_no_news() {
        let turned = |n: u32, status| Message {
            turned: Some(status),
            author: Author { role: Role::System, ..message(n, 0, 0, "", false).author },
            ..message(n, i64::from(n), i64::from(n), "", false)
        };
        let mut t = Timeline::new(page(vec![message(1, 1, 1, "a", false)]));
        assert_eq!(t.apply(turned(2, Status::Done)), Change::Updated);
        t.apply(message(3, 3, 3, "b", false));
        let rows = t.rows(|_| String::new());
        assert!(matches!(&rows[1], Row::Turned { status: Status::Done, .. }), "{rows:?}");
        assert!(matches!(&rows[2], Row::Message(bubble) if !bubble.continued));
    }

    #[test]
    fn reactions_are_those_of_the_last_read_or_of_a_later_event() {
        let with = |updated: i64, count: u32| Message {
            reactions: (count > 0)
                .then(|| Reaction { emoji: "👍".into(), count })
                .into_iter()
                .collect(),
            ..message(1, 1, updated, "a", false)
        };
        let counts =
            |t: &Timeline| t.messages[0].reactions.iter().map(|it| it.count).collect::<Vec<_>>();
        let mut t = Timeline::new(page(vec![with(1, 0)]));
        assert_eq!(t.apply(with(5, 1)), Change::Updated);
        assert_eq!(counts(&t), [1]);
        t.apply(with(7, 2));
        t.apply(with(5, 1));
        assert_eq!(counts(&t), [2], "a late delivery changes nothing");
        // Taken back, and nobody told: the read knows, although the event was later than the message.
        assert_eq!(t.reconcile(page(vec![with(1, 0)])), Change::Updated);
        assert_eq!(counts(&t), [0; 0]);
        assert_eq!(t.reconcile(page(vec![with(1, 0)])), Change::Nothing);
        t.apply(with(9, 1));
        assert_eq!(counts(&t), [1]);
    }

    #[test]
    fn a_read_that_was_outrun_does_not_turn_the_state_back() {
        let mut t = Timeline::new(page(vec![message(1, 1, 1, "a", false)]));
        let before = page(vec![message(1, 1, 1, "a", false), message(2, 2, 2, "b", false)]);
        assert_ne!(before.thread.status, Status::Done);
        t.set_status(Status::Done, At::from_millis(9));
        t.rating = Some(4);
        assert_eq!(t.reconcile_outrun(before.clone()), Change::New);
        assert_eq!((t.thread.status, t.rating, t.messages.len()), (Status::Done, Some(4), 2));
        // The next one was not, and is right.
        t.reconcile(before.clone());
        assert_eq!((t.thread.status, t.rating), (before.thread.status, None));
    }

    #[test]
    fn a_read_removes_what_is_gone_and_keeps_what_overtook_it() {
        let mut t = Timeline::new(page(vec![
            message(1, 1, 1, "a", false),
            message(2, 2, 2, "b", false),
            message(3, 3, 3, "c", false),
        ]));
        t.apply(message(4, 4, 4, "d", false));
        t.reconcile(page(vec![message(1, 1, 1, "a", false), message(3, 3, 3, "c", false)]));
        assert_eq!(texts(&t), ["a", "c", "d"]);
    }

    #[test]
    fn what_was_deleted_stays_deleted() {
        let deleted = Message { deleted: true, text: String::new(), ..message(1, 5, 6, "", false) };
        let later = message(1, 5, 9, "changed later, or so it says", false);
        for order in [[&deleted, &later], [&later, &deleted]] {
            let mut t = Timeline::new(page(vec![message(1, 5, 5, "a", false)]));
            for version in order {
                t.apply(version.clone());
            }
            // It is not in the conversation any more; whoever has seen it still learns that it was deleted.
            t.reconcile(page(vec![
                message(0, 1, 1, "before", false),
                message(2, 9, 9, "b", false),
            ]));
            t.apply(later.clone());
            assert_eq!(texts(&t), ["before", "", "b"]);
        }
    }

    #[test]
    fn what_a_read_did_not_find_is_not_brought_back_by_a_late_event() {
        let all = || {
            vec![
                message(1, 1, 1, "a", false),
                message(2, 2, 2, "b", false),
                message(3, 3, 3, "c", false),
            ]
        };
        let mut t = Timeline::new(page(all()));
        let rest = vec![message(1, 1, 1, "a", false), message(3, 3, 3, "c", false)];
        t.reconcile(page(rest));
        assert_eq!(t.apply(message(2, 2, 2, "b", false)), Change::Nothing);
        assert_eq!(texts(&t), ["a", "c"]);
        // A read finds it again: then it is there.
        t.reconcile(page(all()));
        assert_eq!(texts(&t), ["a", "b", "c"]);
    }

    #[test]
    fn of_two_equal_times_the_read_is_shown() {
        let (told, read) = (message(1, 5, 5, "z told", false), message(1, 5, 5, "a read", false));
        let mut t = Timeline::new(page(vec![]));
        t.apply(told.clone());
        t.reconcile(page(vec![read.clone()]));
        t.apply(told.clone());
        assert_eq!(texts(&t), ["a read"]);
        t.apply(message(1, 5, 6, "later", false));
        t.reconcile(page(vec![read]));
        assert_eq!(texts(&t), ["later"]);
        t.reconcile(page(vec![message(1, 5, 6, "later read", false)]));
        assert_eq!(texts(&t), ["later read"]);
    }

    #[test]
    fn an_old_message_is_put_in_its_place_and_is_no_news() {
        let minute = 60_000;
        let mut t = Timeline::new(page(vec![
            message(1, 0, 0, "a", false),
            message(2, 60 * minute, 60 * minute, "c", false),
        ]));
        assert_eq!(t.apply(message(3, minute, minute, "b", false)), Change::Updated);
        assert_eq!(texts(&t), ["a", "b", "c"]);
        assert_eq!(t.apply(message(4, 59 * minute, 59 * minute, "overtaken", false)), Change::New);
    }

    #[test]
    fn what_stands_above_the_page_comes_with_its_page() {
        let mut t = Timeline::new(Conversation {
            older: Some("o1".into()),
            ..page(vec![message(5, 5, 5, "e", false)])
        });
        assert_eq!(t.apply(message(1, 1, 1, "a", false)), Change::Nothing);
        t.prepend(page(vec![message(1, 1, 1, "a", false)]));
        assert_eq!(t.apply(message(1, 1, 2, "a, edited", false)), Change::Updated);
        assert_eq!(texts(&t), ["a, edited", "e"]);
    }

    #[test]
    fn a_page_that_does_not_reach_down_hides_no_hole() {
        let mut t =
            Timeline::new(page(vec![message(1, 1, 1, "a", false), message(2, 2, 2, "b", false)]));
        t.apply(message(9, 9, 9, "i", false));
        let newest = vec![message(8, 8, 8, "h", false), message(9, 9, 9, "i", false)];
        t.reconcile(Conversation { older: Some("o8".into()), ..page(newest) });
        assert_eq!(texts(&t), ["h", "i"]);
        assert_eq!(t.older.as_deref(), Some("o8"));
        // One that does changes neither.
        let newest = vec![message(9, 9, 9, "i", false), message(10, 10, 10, "j", false)];
        t.reconcile(Conversation { older: Some("o9".into()), ..page(newest) });
        assert_eq!(texts(&t), ["h", "i", "j"]);
        assert_eq!(t.older.as_deref(), Some("o8"));
    }

    #[test]
    fn a_late_state_changes_nothing() {
        let mut t = Timeline::new(page(vec![]));
        t.set_status(Status::Done, At::from_millis(9));
        t.set_status(Status::WaitingForYou, At::from_millis(8));
        assert_eq!(t.thread.status, Status::Done);
        t.set_status(Status::InProgress, At::from_millis(10));
        assert_eq!(t.thread.status, Status::InProgress);
    }

    #[test]
    fn days_and_groups() {
        let day = 86_400_000;
        let mut other = message(4, day + 3, day + 3, "d", false);
        other.author.name = "Max".into();
        let t = Timeline::new(page(vec![
            message(1, 1, 1, "a", false),
            message(2, 2, 2, "b", false),
            message(3, day + 2, day + 2, "c", false),
            other,
        ]));
        let shape: Vec<_> = t
            .rows(|at| at.day().to_string())
            .iter()
            .map(|row| match row {
                Row::Message(b) if b.continued => "continued",
                Row::Message(_) => "first",
                _ => "day",
            })
            .collect();
        assert_eq!(shape, ["day", "first", "continued", "day", "first", "first"]);
    }

    proptest! {
        /// Events and reads in any order and number give one view.
        #[test]
        fn any_order_gives_one_view(order in Just((0..12usize).collect::<Vec<_>>()).prop_shuffle(), twice in 0..12usize) {
            let mut all = Vec::new();
            for n in 0..4u32 {
                for version in 0..3i64 {
                    let at = i64::from(n / 2);
                    all.push(message(n, at, at + version, &format!("{n} v{version}"), n % 2 == 0));
                }
            }
            let mut t = Timeline::new(page(vec![]));
            for index in order.iter().chain([&twice]) {
                t.apply(all[*index].clone());
            }
            prop_assert_eq!(texts(&t), ["0 v2", "1 v2", "2 v2", "3 v2"]);
        }
    }
}
