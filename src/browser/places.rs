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
            let and = if query.is_empty() { "threadId=" } else { "&threadId=" };
            for part in [and, thread.as_str(), "&after=", cursor.as_str()] {
                query.push_str(part);
            }
        }
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
            StreamEvent::Bye { .. }
            | StreamEvent::Heartbeat { .. }
            | StreamEvent::Typing { .. } => {}
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ids::EventId, live::LiveEvent, time::At};
    use proptest::prelude::*;

    fn cursor(number: usize) -> Cursor {
        Cursor::parse(format!("e-{number}")).unwrap()
    }

    fn thread(number: usize) -> ThreadId {
        ThreadId::parse(format!("th_01KQS44ER0KVVBRC15MBB{number:05}")).unwrap()
    }

    fn connected(number: usize, at: usize) -> StreamEvent {
        StreamEvent::Connected {
            thread_id: thread(number),
            cursor: cursor(at),
            gap: false,
            heartbeat_ms: 1000,
        }
    }

    fn webhook(number: usize, prev: usize) -> StreamEvent {
        StreamEvent::Webhook(Box::new(LiveEvent {
            thread_id: thread(number),
            event_type: "thread.chat_sent".into(),
            event_id: EventId::parse("pEv_01KQS44ER0G8ATYMQPCR3B9NTQ").unwrap(),
            prev: cursor(prev),
            entry: None,
            status: None,
            at: At::from_millis(0),
            seen: None,
        }))
    }

    fn bye(reason: &str, thread_id: Option<ThreadId>) -> StreamEvent {
        StreamEvent::Bye { reason: reason.into(), thread_id, after_ms: 0 }
    }

    #[test]
    fn a_tab_sees_each_event_once_and_every_hole() {
        let mut place = Place::new(cursor(1));
        assert!(!place.connected(cursor(1), false), "from here on");
        assert_eq!(place.event(cursor(2), &cursor(1)), Arrival::Next);
        assert_eq!(place.event(cursor(2), &cursor(1)), Arrival::Again);
        assert_eq!(place.event(cursor(4), &cursor(3)), Arrival::Hole);
        assert_eq!(place.event(cursor(5), &cursor(4)), Arrival::Next);
        // Another tab's connection goes on from further back, and repeats.
        assert!(!place.connected(cursor(2), false));
        assert_eq!(place.event(cursor(4), &cursor(2)), Arrival::Again);
        assert_eq!(place.event(cursor(5), &cursor(4)), Arrival::Again);
        assert_eq!(place.event(cursor(6), &cursor(5)), Arrival::Next);
        // From a place that is not known: something may be missing.
        assert!(place.connected(cursor(9), false));
        assert_eq!(place.event(cursor(10), &cursor(9)), Arrival::Next);
        assert!(place.connected(cursor(10), true), "history could not prove that nothing is");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut place = Place::new(cursor(0));
        for number in 1..1000 {
            assert_eq!(place.event(cursor(number), &cursor(number - 1)), Arrival::Next);
        }
        assert_eq!(place.seen.len(), REMEMBERED);
        assert_eq!(place.event(cursor(999 - REMEMBERED), &cursor(0)), Arrival::Again);
    }

    #[test]
    fn a_connection_carries_the_threads_of_all_tabs_from_their_newest_places() {
        let mut roster = Roster::default();
        assert!(roster.is_empty());
        assert_eq!(roster.query(), "");
        assert_eq!(roster.follow(&thread(1), &cursor(1)), Joined::New);
        assert_eq!(roster.follow(&thread(1), &cursor(9)), Joined::Known, "not open yet");
        assert_eq!(roster.follow(&thread(2), &cursor(2)), Joined::New);
        assert_eq!(
            roster.query(),
            format!("threadId={}&after=e-1&threadId={}&after=e-2", thread(1), thread(2))
        );
        roster.note("", &connected(1, 1));
        roster.note("e-3", &webhook(1, 1));
        roster.note("e-3", &StreamEvent::Heartbeat { now: At::from_millis(0) });
        assert_eq!(roster.follow(&thread(1), &cursor(1)), Joined::Carried(cursor(3)));
        assert_eq!(roster.follow(&thread(2), &cursor(1)), Joined::Known);
        assert!(roster.query().contains("after=e-3&"));
        roster.closed();
        assert_eq!(roster.follow(&thread(1), &cursor(1)), Joined::Known);

        roster.note("", &bye("denied", Some(thread(1))));
        assert_eq!(roster.query(), format!("threadId={}&after=e-2", thread(2)));
        roster.note("", &bye("lifetime", None));
        assert!(!roster.is_empty());
        roster.note("", &bye("removed", None));
        assert!(roster.is_empty());
    }

    #[test]
    fn there_is_room_for_as_many_threads_as_the_server_takes() {
        let mut roster = Roster::default();
        for number in 0..MOST {
            assert_eq!(roster.follow(&thread(number), &cursor(1)), Joined::New);
        }
        assert_eq!(roster.follow(&thread(MOST), &cursor(1)), Joined::Full);
        assert_eq!(roster.follow(&thread(3), &cursor(1)), Joined::Known);
        roster.keep(Some(&thread(3)));
        assert_eq!(roster.follow(&thread(MOST), &cursor(1)), Joined::New);
        roster.keep(None);
        assert!(roster.is_empty());
    }

    #[test]
    fn a_leader_that_says_nothing_is_asked_and_then_replaced() {
        let mut watch = Watch::default();
        watch.heard(1e12);
        assert_eq!(watch.look(1e12 + 1000.0, 1000.0), Look::Fine);
        assert_eq!(watch.look(1e12 + 1001.0, 1000.0), Look::Ask);
        watch.asked(1e12 + 1001.0);
        assert_eq!(watch.look(1e12 + 3000.0, 1000.0), Look::Fine);
        let mut answered = watch;
        answered.heard(1e12 + 3000.0);
        assert_eq!(answered.look(1e12 + 3500.0, 1000.0), Look::Fine);
        // Asking again does not give it more time.
        watch.asked(1e12 + 3000.0);
        assert_eq!(watch.look(1e12 + 3001.0, 1000.0), Look::Replace);
        assert_eq!(watch.look(1e12 + 3501.0, 1000.0), Look::Fine, "once");
        // The clock was set back.
        assert_eq!(watch.look(0.0, 1000.0), Look::Ask);
    }

    #[test]
    fn frames_of_a_finished_stream() {
        let body = "retry: 2000\nid: e-1\ndata: {\"a\":1}\n\nid: e-2\ndata: x\n\n: hush\n\ndata: y\n\ndata: torn";
        let mut all = Vec::new();
        frames(body, |id, data| all.push((id, data)));
        assert_eq!(all, [("e-1", "{\"a\":1}"), ("e-2", "x"), ("", "y"), ("", "torn")]);
        frames("", |_, _| panic!("nothing is in it"));
    }

    /// A tab, its connections and what it has shown.
    struct Tab {
        place: Place,
        /// Events on its screen: by the page, by reads, and how often by the stream.
        shown: Vec<u32>,
        read_to: usize,
    }

    impl Tab {
        fn opened(at: usize) -> Self {
            Self { place: Place::new(cursor(at)), shown: vec![0; 200], read_to: at }
        }

        fn connected(&mut self, at: usize, gap: bool, top: usize) {
            if self.place.connected(cursor(at), gap) {
                self.read_to = top;
            }
        }

        fn event(&mut self, number: usize, top: usize) {
            match self.place.event(cursor(number), &cursor(number - 1)) {
                Arrival::Again => {}
                arrival => {
                    self.shown[number] += 1;
                    if arrival == Arrival::Hole {
                        self.read_to = top;
                    }
                }
            }
        }

        fn knows(&self, number: usize) -> bool {
            number <= self.read_to || self.shown[number] > 0
        }
    }

    proptest! {
        /// Tabs open at different times; leaders come and go, each going on from the place of any tab; what leaders
        /// repeat is lost for some tabs (frozen, busy, gone for a while). In the end every tab knows every event, and
        /// none was given to a page twice.
        #[test]
        fn nothing_is_lost_or_shown_twice_when_leaders_change(
            steps in prop::collection::vec((0..5usize, 0..4usize, any::<u8>()), 1..60),
        ) {
            let mut top = 0;
            let mut tabs: Vec<Tab> = (0..4).map(|_| Tab::opened(0)).collect();
            // Where the connection is; none while there is none.
            let mut at: Option<usize> = None;
            let number = |cursor: &Cursor| cursor.as_str()[2..].parse::<usize>().unwrap();
            for (step, who, deaf) in steps.into_iter().chain([(2, 0, 0)]) {
                let hears = |tab: usize| deaf & (1 << tab) == 0 || deaf >= 128;
                match step {
                    // Something happens; if there is a connection, it is told.
                    0 | 1 => {
                        top += 1;
                        if at.is_some() {
                            at = Some(top);
                            for (tab, state) in tabs.iter_mut().enumerate() {
                                if hears(tab) { state.event(top, top) }
                            }
                        }
                    }
                    // This tab leads now: from its place on, and what was missed is repeated to all.
                    2 => {
                        let from = number(tabs[who].place.cursor());
                        at = Some(top);
                        for state in &mut tabs {
                            state.connected(from, false, top);
                            for missed in from + 1..=top { state.event(missed, top) }
                        }
                    }
                    3 => at = None,
                    // This tab is opened anew, from the newest read on, and asks the leader.
                    _ => {
                        tabs[who] = Tab::opened(top);
                        if let Some(at) = at { tabs[who].connected(at, false, top) }
                    }
                }
            }
            for tab in &tabs {
                prop_assert!((1..=top).all(|number| tab.knows(number)), "lost");
                prop_assert!(tab.shown.iter().all(|count| *count <= 1), "twice");
            }
        }
    }
}
