//! What this instance knows of a thread that somebody follows here.

use super::{
    entry::{Entry, Place},
    script::{Snapshot, ThreadKeys},
};
use crate::server::bus::{
    BusError,
    replay::{Bounds, Feed, Follower, Resumed},
};
use crate::{domain::ids::Cursor, domain::ids::ThreadId};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// The thread's local end.
#[derive(Debug)]
pub struct Topic {
    pub thread: ThreadId,
    pub keys: ThreadKeys,
    pub slot: u16,
    /// Held by whoever subscribes, reads or gives it up.
    pub turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    stage: Stage,
    /// The listening connection that confirmed the channel; 0: none.
    heard_on: u64,
    /// Somebody reads the Stream, and puts in order what comes meanwhile.
    reading: bool,
    /// What came meanwhile.
    waiting: Vec<Entry>,
    /// Too much came meanwhile: it has to be read once more.
    overflow: bool,
    idle_since: Option<Instant>,
}

#[derive(Debug, Default)]
enum Stage {
    /// Nothing is known yet, or any more.
    #[default]
    Blank,
    Known(History),
    Removed,
    /// Given up; a new topic will be made for the thread.
    Dead,
}

#[derive(Debug)]
struct History {
    head: Place,
    feed: Arc<Feed>,
}

/// What following a thread gives.
pub enum Followed {
    From {
        cursor: Cursor,
        gap: bool,
        resumed: Resumed,
    },
    Removed,
    /// It is not listened to; try again.
    Not,
}

/// Whether an event fits to what is known.
#[derive(Debug, PartialEq, Eq)]
enum Fit {
    Next,
    Known,
    /// Something before it is missing.
    Hole,
}

/// What is to be done after a message or a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Then {
    Nothing,
    /// The Stream must be read (again).
    Read,
}

impl Topic {
    pub fn new(thread: ThreadId, keys: ThreadKeys, slot: u16) -> Self {
        Self { thread, keys, slot, turn: tokio::sync::Mutex::default(), state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether everything that happens is heard over this connection.
    pub fn is_live(&self, connection: u64) -> bool {
        let state = self.lock();
        match &state.stage {
            Stage::Known(_) => !state.reading && state.heard_on == connection,
            Stage::Removed => true,
            Stage::Blank | Stage::Dead => false,
        }
    }

    pub fn is_dead(&self) -> bool {
        matches!(self.lock().stage, Stage::Dead)
    }

    pub fn listeners(&self) -> usize {
        self.lock().feed().map_or(0, |feed| feed.listeners())
    }

    /// Follows from a place on. `connection`: over which it must be heard.
    pub fn follow(&self, after: Option<&Cursor>, connection: u64) -> Result<Followed, BusError> {
        let mut state = self.lock();
        state.idle_since = None;
        if state.heard_on != connection || state.reading {
            if matches!(state.stage, Stage::Removed) {
                return Ok(Followed::Removed);
            }
            return Ok(Followed::Not);
        }
        let history = match &state.stage {
            Stage::Known(history) => history,
            Stage::Removed => return Ok(Followed::Removed),
            Stage::Blank | Stage::Dead => return Ok(Followed::Not),
        };
        let head = history.head.cursor()?;
        let known =
            |place: &Place| place.epoch == history.head.epoch && place.seq <= history.head.seq;
        let wanted = after.and_then(Place::read).filter(known);
        let seq = wanted.map_or(history.head.seq, |place| place.seq);
        let mut resumed = history.feed.resume(seq);
        // A place of the same number in a history that was lost has another tag.
        let fits = |cursor: &Cursor| match resumed.replay.first() {
            Some(frame) => frame.prev == *cursor,
            None => head == *cursor,
        };
        let gap = resumed.gap || after.is_some_and(|cursor| !fits(cursor));
        let cursor = match after {
            Some(cursor) if !gap => cursor.clone(),
            _ => {
                resumed.replay.clear();
                head
            }
        };
        Ok(Followed::From { cursor, gap, resumed })
    }

    /// Takes a message from the channel.
    pub fn take(&self, entry: Entry, bounds: Bounds) -> Then {
        let mut state = self.lock();
        if matches!(state.stage, Stage::Removed | Stage::Dead) {
            return Then::Nothing;
        }
        if !state.reading && matches!(state.stage, Stage::Known(_)) {
            if state.apply(&entry, bounds) != Fit::Hole {
                return Then::Nothing;
            }
            state.reading = true;
            state.keep(entry, bounds);
            return Then::Read;
        }
        // Nobody reads: whoever begins to will find it.
        if state.reading {
            state.keep(entry, bounds);
        }
        Then::Nothing
    }

    /// Takes an event that this instance published itself, if it is the next one: else the channel brings it in its
    /// turn. Tells how many follow.
    pub fn take_own(&self, entry: &Entry, bounds: Bounds) -> usize {
        let mut state = self.lock();
        if !state.reading {
            state.apply(entry, bounds);
        }
        state.feed().map_or(0, |feed| feed.listeners())
    }

    /// From here on until [`Self::merge`] answers [`Then::Nothing`], messages wait. Tells from which number on to read.
    pub fn begin_reading(&self, connection: u64) -> u64 {
        let mut state = self.lock();
        state.heard_on = connection;
        state.reading = true;
        match &state.stage {
            Stage::Known(history) => history.head.seq,
            _ => 0,
        }
    }

    /// Puts in order what was read after [`Self::begin_reading`]'s number, and what came meanwhile. Followers of a
    /// history that is not a whole one any more are ended: they come back and are told of the gap.
    pub fn merge(&self, snapshot: Snapshot, bounds: Bounds) -> Then {
        let Snapshot::Here { head, events } = snapshot else {
            self.remove();
            return Then::Nothing;
        };
        let mut state = self.lock();
        let then = match &state.stage {
            Stage::Removed | Stage::Dead => return Then::Nothing,
            Stage::Blank => state.begin(head, &events, bounds),
            Stage::Known(history) => {
                // Everything up to the snapshot's head, or another history than ours.
                let same = history.head.epoch == head.epoch;
                let whole = same && {
                    let mut last = &history.head;
                    for entry in &events {
                        if entry.before() != *last {
                            break;
                        }
                        last = &entry.place;
                    }
                    *last == head
                };
                if whole {
                    for entry in &events {
                        state.apply(entry, bounds);
                    }
                    Then::Nothing
                } else {
                    tracing::info!(thread = %self.thread, "A history was lost in Redis; its streams begin anew");
                    state.blank();
                    // What was read begins in the middle.
                    Then::Read
                }
            }
        };
        if then == Then::Read {
            return then;
        }
        let waiting = std::mem::take(&mut state.waiting);
        let overflow = std::mem::take(&mut state.overflow);
        let holes = waiting.iter().any(|entry| state.apply(entry, bounds) == Fit::Hole);
        if overflow || holes {
            return Then::Read;
        }
        state.reading = false;
        Then::Nothing
    }

    /// Ends everybody who follows; they come back when they can.
    pub fn end(&self) {
        let mut state = self.lock();
        if matches!(state.stage, Stage::Known(_)) {
            state.blank();
        }
        state.waiting = Vec::new();
        state.reading = false;
        state.heard_on = 0;
    }

    /// Ends everybody who follows, for good.
    pub fn remove(&self) {
        let mut state = self.lock();
        match std::mem::replace(&mut state.stage, Stage::Removed) {
            Stage::Known(history) => drop(history.feed.remove()),
            Stage::Dead => state.stage = Stage::Dead,
            Stage::Blank | Stage::Removed => {}
        }
        state.waiting = Vec::new();
        state.reading = false;
    }

    /// Tells those who follow something that is kept nowhere.
    pub fn whisper(&self, what: &[u8]) {
        let feed = self.lock().feed().cloned();
        if let Some(feed) = feed {
            feed.whisper(what.to_vec().into());
        }
    }

    /// Whether nobody has followed for some time, as far as is known; notes since when.
    pub fn is_idle(&self, since: Instant) -> bool {
        let mut state = self.lock();
        if state.feed().is_some_and(|feed| feed.listeners() > 0) {
            state.idle_since = None;
            return false;
        }
        *state.idle_since.get_or_insert_with(Instant::now) <= since
    }

    /// Gives it up, if nobody follows. Only in one's [turn](Self::turn).
    pub fn give_up(&self) -> bool {
        let mut state = self.lock();
        let followed = state.feed().is_some_and(|feed| feed.listeners() > 0);
        if !followed {
            state.stage = Stage::Dead;
            state.waiting = Vec::new();
        }
        !followed
    }
}

impl State {
    fn feed(&self) -> Option<&Arc<Feed>> {
        match &self.stage {
            Stage::Known(history) => Some(&history.feed),
            _ => None,
        }
    }

    fn blank(&mut self) {
        if let Stage::Known(history) = std::mem::take(&mut self.stage) {
            history.feed.close();
        }
    }

    fn keep(&mut self, entry: Entry, bounds: Bounds) {
        if self.waiting.len() >= bounds.frames.max(16) {
            self.waiting.clear();
            self.overflow = true;
        }
        self.waiting.push(entry);
    }

    /// A history from all that Redis keeps of it.
    fn begin(&mut self, head: Place, events: &[Entry], bounds: Bounds) -> Then {
        // The longest end without a hole; nothing, if the last event itself is not there.
        let (mut wanted, mut first) = (head.clone(), events.len());
        while let Some(entry) = first.checked_sub(1).and_then(|at| events.get(at))
            && entry.place == wanted
        {
            (wanted, first) = (entry.before(), first - 1);
        }
        let events = events.get(first..).unwrap_or_default();
        let start = events.first().map_or(head, Entry::before);
        let feed = Arc::new(Feed::new(start.seq));
        self.stage = Stage::Known(History { head: start, feed });
        for entry in events {
            self.apply(entry, bounds);
        }
        Then::Nothing
    }

    fn apply(&mut self, entry: &Entry, bounds: Bounds) -> Fit {
        let Stage::Known(history) = &mut self.stage else { return Fit::Known };
        let head = &history.head;
        if entry.place.epoch == head.epoch && entry.place.seq <= head.seq {
            // A history that was cut back gives its numbers out again.
            let known = history.feed.frame(entry.place.seq);
            let place = entry.place.to_string();
            let same = known.is_none_or(|frame| frame.cursor.as_str() == place);
            return if same { Fit::Known } else { Fit::Hole };
        }
        if entry.before() != *head {
            return Fit::Hole;
        }
        let pushed = history.feed.push(entry.place.seq, bounds, |_| entry.frame());
        match pushed {
            Ok(_) => {
                history.head = entry.place.clone();
                Fit::Next
            }
            // No place that a cursor can name.
            Err(_) => Fit::Hole,
        }
    }
}

/// A follower of a thread that is gone.
pub fn gone() -> Follower {
    let feed = Arc::new(Feed::new(0));
    feed.remove();
    feed.follow().1
}
