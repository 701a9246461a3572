//! Who is where in which thread, as pure data: a tab in its own one, the one connection in all that it carries, and a
//! tab that listens to another tab's connection in what it hears.

use crate::domain::{
    ids::{Cursor, ThreadId},
    live::StreamEvent,
};

/// How many places back a tab remembers.
const REMEMBERED: usize = 64;
/// As many threads as one connection may carry.
const MOST: usize = 32;
/// How long another tab may take to answer.
const ANSWER_MS: f64 = 2000.0;

/// Where a tab is in its thread.
#[derive(Debug, Clone)]
pub struct Place {
    cursor: Cursor,
    /// Where it was before, the oldest first.
    seen: Vec<Cursor>,
}

/// What an event is to a tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// The next one.
    Next,
    /// A later one: something is missing.
    Hole,
    /// One that was here before.
    Again,
}

impl Place {
    /// At the place of a read.
    pub fn new(cursor: Cursor) -> Self {
        Self { cursor, seen: Vec::new() }
    }

    /// The newest place.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    fn knows(&self, cursor: &Cursor) -> bool {
        self.cursor == *cursor || self.seen.contains(cursor)
    }

    fn go(&mut self, cursor: Cursor) {
        if self.seen.len() >= REMEMBERED {
            self.seen.remove(0);
        }
        self.seen.push(std::mem::replace(&mut self.cursor, cursor));
    }

    /// A connection goes on from this place; tells whether something may have been missed. One that goes on from
    /// further back repeats what is known.
    pub fn connected(&mut self, cursor: Cursor, gap: bool) -> bool {
        if self.knows(&cursor) {
            return gap;
        }
        self.go(cursor);
        true
    }

    /// An event came, which is at this place and follows `prev`.
    pub fn event(&mut self, cursor: Cursor, prev: &Cursor) -> Arrival {
        if self.knows(&cursor) {
            return Arrival::Again;
        }
        let whole = self.cursor == *prev;
        self.go(cursor);
        if whole { Arrival::Next } else { Arrival::Hole }
    }
}

/// The threads of one connection.
#[derive(Debug, Default)]
pub struct Roster(Vec<Followed>);

#[derive(Debug)]
struct Followed {
    thread: ThreadId,
    cursor: Cursor,
    /// Whether the open connection carries it.
    open: bool,
}

/// What a wish to follow a thread comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joined {
    /// It is carried already, and this far.
    Carried(Cursor),
    /// It is known, and will be carried by the next connection.
    Known,
    /// It is new: the connection has to be made again.
    New,
    /// There are too many.
    Full,
}

impl Roster {
    /// A tab wants to follow a thread from a place on.
    pub fn follow(&mut self, thread: &ThreadId, cursor: &Cursor) -> Joined {
        if let Some(known) = self.0.iter().find(|followed| followed.thread == *thread) {
            return if known.open { Joined::Carried(known.cursor.clone()) } else { Joined::Known };
        }
        if self.0.len() >= MOST {
            return Joined::Full;
        }
        self.0.push(Followed { thread: thread.clone(), cursor: cursor.clone(), open: false });
        Joined::New
    }

    /// Whether there is nothing to follow.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets all others.
    pub fn keep(&mut self, thread: Option<&ThreadId>) {
        self.0.retain(|followed| Some(&followed.thread) == thread);
    }

    /// The connection is closed.
    pub fn closed(&mut self) {
        self.0.iter_mut().for_each(|followed| followed.open = false);
    }

    /// The query for all threads, each from its newest place on.
    pub fn query(&self) -> String {
        let mut query = String::new();
        for Followed { thread, cursor, .. } in &self.0 {
            for part in ["&threadId=", thread.as_str(), "&after=", cursor.as_str()] {
                query.push_str(part);
            }
        }
        query.replace_range(..1.min(query.len()), "");
        query
    }

    /// The connection said something.
    pub fn note(&mut self, id: &str, event: &StreamEvent) {
        match event {
            StreamEvent::Connected { thread_id, cursor, .. } => {
                self.go(thread_id, cursor.clone());
            }
            StreamEvent::Webhook(live) => {
                if let Ok(cursor) = Cursor::parse(id) {
                    self.go(&live.thread_id, cursor);
                }
            }
            StreamEvent::Bye { thread_id: Some(thread), .. } => {
                self.0.retain(|followed| followed.thread != *thread);
            }
            StreamEvent::Bye { reason, .. } if reason == StreamEvent::REMOVED => self.0.clear(),
            StreamEvent::Bye { .. } | StreamEvent::Heartbeat { .. } => {}
        }
    }

    fn go(&mut self, thread: &ThreadId, cursor: Cursor) {
        if let Some(followed) = self.0.iter_mut().find(|followed| followed.thread == *thread) {
            followed.cursor = cursor;
            followed.open = true;
        }
    }
}

/// What a tab thinks of the one that it listens to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Watch {
    heard: f64,
    asked: Option<f64>,
}

/// What to do about the other tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Nothing.
    Fine,
    /// Ask whether it is there.
    Ask,
    /// It is not: take its place.
    Replace,
}

impl Watch {
    /// It said something.
    pub fn heard(&mut self, now: f64) {
        *self = Self { heard: now, asked: None };
    }

    /// It was asked something, and must answer.
    pub fn asked(&mut self, now: f64) {
        self.asked.get_or_insert(now);
    }

    /// Looks after it; `silence_ms` is suspicious. The clock may have been set back: then it is asked, too.
    pub fn look(&mut self, now: f64, silence_ms: f64) -> Look {
        match self.asked {
            Some(asked) if (now - asked).abs() >= ANSWER_MS => {
                self.heard(now);
                Look::Replace
            }
            None if (now - self.heard).abs() > silence_ms => Look::Ask,
            _ => Look::Fine,
        }
    }
}

/// Reads the events of a finished stream: `id` (empty where there is none) and `data` of each.
pub fn frames<'a>(body: &'a str, mut each: impl FnMut(&'a str, &'a str)) {
    let mut id = "";
    for line in body.split('\n') {
        if let Some(value) = line.strip_prefix("id: ") {
            id = value;
        } else if let Some(data) = line.strip_prefix("data: ") {
            each(id, data);
            id = "";
        }
    }
}
