//! When to open a live connection, when to give it up, and what to say about it: a state machine without hands.
//!
//! It has no clock, no dice and no network: every [`Event`] comes with a [`Moment`], every answer is a set of
//! [`Orders`] for whoever has those ([`super::transport`]).
//!
//! ```text
//!            ┌─────────── a sign at least every 2.5 heartbeats ───────────┐
//! idle ──► opening ──► live ──► (silence, error, goodbye) ──► waiting ──► opening …
//!            │                                                  ▲
//!            └─ failed twice: probe by a poll ── no answer ─────┘
//!                        └─ answered, and streams still fail ──► polling ⇄ pausing   (slow mode)
//! from anywhere: offline (the browser says so), closed (nothing left to connect to)
//! ```
//!
//! A native `EventSource` that is left alone gives up for ever on any answer other than 200 (a proxy's 502 during a
//! deploy is enough), comes back to the old place in its URL, and does not notice a connection that died in silence.

/// The state of the connection, as the visitor sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// The first connection is being made.
    Connecting,
    /// Answers arrive at once.
    Live,
    /// The connection broke and is being made again: now (0), or in so many seconds.
    Reconnecting(u32),
    /// The browser has no network.
    Offline,
    /// Streams do not get through: answers are asked for.
    Slow,
    /// There is nothing to connect to any more.
    Closed,
}

impl Link {
    /// The word for `data-state`.
    pub fn word(self) -> &'static str {
        match self {
            Link::Connecting => "connecting",
            Link::Live => "live",
            Link::Reconnecting(_) => "reconnecting",
            Link::Offline => "offline",
            Link::Slow => "slow",
            Link::Closed => "closed",
        }
    }

    /// What stands beside the dot.
    pub fn label(self) -> &'static str {
        match self {
            Link::Connecting => "Connecting…",
            Link::Live => "Live: answers appear at once",
            Link::Reconnecting(_) => "Reconnecting…",
            Link::Offline => "Offline: answers wait until you are back",
            Link::Slow => "Slow mode: answers come with a short delay",
            Link::Closed => "Closed: no more answers here",
        }
    }

    /// As a number, for other tabs.
    pub fn code(self) -> u32 {
        match self {
            Link::Connecting => 0,
            Link::Live => 1,
            Link::Offline => 2,
            Link::Slow => 3,
            Link::Closed => 4,
            Link::Reconnecting(seconds) => seconds.saturating_add(5),
        }
    }

    /// The state of a [`Link::code`].
    pub fn of_code(code: u32) -> Self {
        match code {
            0 => Link::Connecting,
            1 => Link::Live,
            2 => Link::Offline,
            3 => Link::Slow,
            4 => Link::Closed,
            more => Link::Reconnecting(more - 5),
        }
    }
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// Begin. `shown` is what the visitor sees so far.
    Start { shown: Link },
    /// Be quiet until the next start: the page is left, or another tab takes over.
    Stop,
    /// For good.
    End,
    /// The ordered time has passed.
    Tick,
    /// The stream, or the answer to a poll, began.
    Connected { heartbeat_ms: f64 },
    /// Something came.
    Sign,
    /// A heartbeat came.
    Heartbeat,
    /// The server ends the connection on purpose; `replaced`: for a newer one of the same session.
    Bye { after_ms: f64, replaced: bool },
    /// The stream broke, or the poll was not answered.
    Failed,
    /// The poll was answered; what was in it has been told before.
    Polled,
    /// What is to be followed has changed.
    Changed,
    /// The tab woke up, or somebody looks at it again, or the network came or went.
    Wake,
    /// Somebody is tired of waiting.
    Retry,
}

/// The world when it happened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// By the wall clock, in ms: it goes on while a laptop sleeps.
    pub now: f64,
    /// By chance, from 0 to 1.
    pub chance: f64,
    /// Whether the browser believes in a network. `false` is nearly certain, `true` is a guess.
    pub online: bool,
    /// Whether somebody sees the page.
    pub seen: bool,
}

/// Which connection to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// An `EventSource`.
    Stream,
    /// One request that is answered at once.
    Probe,
    /// One request that waits for something to happen.
    Poll,
}

/// What to do now, in this order.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Orders {
    /// Close the connection that is open.
    pub close: bool,
    /// Open one, from the newest places on.
    pub open: Option<Line>,
    /// Something may have been missed, or is over: read the conversation.
    pub resync: bool,
    /// Tell the visitor.
    pub show: Option<Link>,
    /// Come back with [`Event::Tick`] after so many ms; it replaces what was ordered before. None: not by yourself.
    pub wait: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Idle,
    /// A stream is open and has not said anything.
    Opening {
        since: f64,
    },
    Live {
        since: f64,
        heard: f64,
    },
    /// `told`: the server named the time. `short`: but it may be cut when somebody looks.
    Waiting {
        until: f64,
        told: bool,
        short: bool,
    },
    /// A request is on its way: a probe, or slow mode's.
    Polling {
        since: f64,
    },
    /// Slow mode, between two requests.
    Pausing {
        until: f64,
    },
    Offline {
        until: f64,
    },
    Closed,
}

/// Trouble that is over sooner is not shown.
pub const GRACE_MS: f64 = 2000.0;
/// No sign of life for this many heartbeats: the connection is dead, whatever the browser says.
pub const SILENT_HEARTBEATS: f64 = 2.5;
/// After a sleep one looks more closely: a living connection would have spoken after one.
pub const SUSPECT_HEARTBEATS: f64 = 1.5;
/// How long the server may hold a poll.
pub const POLL_MS: f64 = 20_000.0;

/// A stream that says nothing at all for this long is held up by something in between.
const OPENING_MS: f64 = 5000.0;
/// How much later than agreed a poll may be answered.
const ANSWER_MS: f64 = 10_000.0;
/// Own back-off: doubles from the first to the last, spread over half of it.
const FIRST_DELAY_MS: f64 = 500.0;
const LAST_DELAY_MS: f64 = 30_000.0;
/// After how long a tab that somebody looks at takes its place among too many tabs back; a longer absence shows.
const LOOKED_AT_MS: f64 = 4000.0;
/// Between two polls, and from the beginning of one to that of the next.
const PAUSE_MS: f64 = 250.0;
const ROUND_MS: f64 = 1000.0;
/// In slow mode a stream is tried after the first, then twice as late each time, up to the last.
const FIRST_TRY_MS: f64 = 30_000.0;
const LAST_TRY_MS: f64 = 600_000.0;
/// How often a browser that says it is offline is not believed.
const DOUBT_MS: f64 = 10_000.0;
/// Several changes in a row are one.
const CHANGED_MS: f64 = 40.0;
/// No time of ours is further away than this: if one seems to be, the clock was set back.
const FAR_MS: f64 = 2.0 * LAST_TRY_MS;

/// The machine.
#[derive(Debug, Clone)]
pub struct Connection {
    state: State,
    /// Changes with every connection that is opened.
    opened: u32,
    /// In a row; forgotten by a healthy stream.
    failures: u32,
    /// A poll was answered though streams fail: the next failure means slow mode.
    doubted: bool,
    /// Slow mode: when to try a stream, and how long after a failure to try again.
    slow: Option<(f64, f64)>,
    heartbeat: f64,
    /// Since when nothing is live.
    trouble: f64,
    shown: Link,
    resync: bool,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            state: State::Idle,
            opened: 0,
            failures: 0,
            doubted: false,
            slow: None,
            heartbeat: 15_000.0,
            trouble: 0.0,
            shown: Link::Connecting,
            resync: false,
        }
    }
}

/// Whether a planned moment has come.
fn past(moment: f64, now: f64) -> bool {
    now >= moment || moment - now > FAR_MS
}

/// A time to wait.
#[expect(
    clippy::manual_clamp,
    reason = "its panic would bring the formatting of floats into the bundle"
)]
fn within(ms: f64) -> f64 {
    ms.max(0.0).min(FAR_MS)
}

/// From half of it to all of it.
fn spread(ms: f64, chance: f64) -> f64 {
    ms * (0.5 + chance / 2.0)
}

impl Connection {
    /// Takes an event; afterwards its orders must be carried out.
    pub fn on(&mut self, event: Event, at: Moment) -> Orders {
        let before = (self.is_open(), self.opened);
        self.resync = false;
        self.step(event, at);
        let open = self.is_open() && self.opened != before.1;
        let link = self.link(at.now);
        let show = (link != self.shown).then_some(link);
        self.shown = link;
        Orders {
            close: before.0 && (open || !self.is_open()),
            open: open.then(|| self.line()),
            resync: self.resync,
            show,
            wait: self.due(at.now).map(|due| within(due - at.now)),
        }
    }

    /// What the visitor sees.
    pub fn shown(&self) -> Link {
        self.shown
    }

    /// How often the server speaks at least, in ms.
    pub fn heartbeat(&self) -> f64 {
        self.heartbeat
    }

    /// Whether a stream is open and has spoken.
    pub fn is_live(&self) -> bool {
        matches!(self.state, State::Live { .. })
    }

    fn is_open(&self) -> bool {
        matches!(self.state, State::Opening { .. } | State::Live { .. } | State::Polling { .. })
    }

    fn line(&self) -> Line {
        match self.state {
            State::Polling { .. } if self.slow.is_some() => Line::Poll,
            State::Polling { .. } => Line::Probe,
            _ => Line::Stream,
        }
    }

    fn step(&mut self, event: Event, at: Moment) {
        let now = at.now;
        match (event, self.state) {
            (_, State::Closed) => {}
            (Event::End, _) => self.state = State::Closed,
            (Event::Stop, _) => self.state = State::Idle,
            (Event::Start { shown }, State::Idle) => {
                *self = Self { opened: self.opened, shown, trouble: now, ..Self::default() };
                self.wait(now, CHANGED_MS, true, false);
                if !at.online {
                    self.stream(at);
                }
            }
            (_, State::Idle) => {}
            (Event::Connected { heartbeat_ms }, state) => {
                self.heartbeat = heartbeat_ms.max(1.0);
                if let State::Opening { .. } = state {
                    self.state = State::Live { since: now, heard: now };
                    self.slow = None;
                } else {
                    self.heard(now, false);
                }
            }
            (Event::Sign, _) => self.heard(now, false),
            (Event::Heartbeat, _) => self.heard(now, true),
            (Event::Bye { after_ms, replaced }, _) if self.is_open() => {
                let told = if replaced && at.seen { after_ms.min(LOOKED_AT_MS) } else { after_ms };
                // However it is asked for, there is no coming back in a tight circle.
                self.wait(now, told.max(PAUSE_MS * at.chance).min(LAST_TRY_MS), true, replaced);
            }
            (Event::Failed, State::Opening { .. } | State::Live { .. }) => self.broke(at, false),
            (Event::Failed, State::Polling { .. }) => self.unanswered(at),
            (Event::Polled, State::Polling { since }) => self.answered(since, at),
            (Event::Changed, _) if self.is_open() => self.wait(now, CHANGED_MS, true, false),
            (
                Event::Retry,
                State::Waiting { .. } | State::Pausing { .. } | State::Polling { .. },
            ) => {
                self.stream(at);
            }
            // Somebody knows better than the browser.
            (Event::Retry, State::Offline { .. }) => self.stream(Moment { online: true, ..at }),
            (Event::Wake, _) if !at.online => self.stream(at),
            (Event::Wake, State::Offline { .. } | State::Waiting { told: false, .. }) => {
                self.stream(at);
            }
            (Event::Wake, State::Waiting { until, told, short: true }) if at.seen => {
                let until = until.min(now + LOOKED_AT_MS);
                self.state = State::Waiting { until, told, short: true };
            }
            (Event::Wake, State::Live { heard, .. })
                if past(heard + SUSPECT_HEARTBEATS * self.heartbeat, now) =>
            {
                self.trouble = now;
                self.stream(at);
            }
            (Event::Tick | Event::Wake, state) if past(self.ends(state, now), now) => {
                self.rang(state, at);
            }
            _ => {}
        }
    }

    /// The time of a state is up.
    fn rang(&mut self, state: State, at: Moment) {
        match state {
            State::Opening { .. } => self.broke(at, true),
            State::Live { .. } => self.broke(at, false),
            State::Polling { .. } => self.unanswered(at),
            State::Waiting { .. } | State::Offline { .. } => self.stream(at),
            State::Pausing { .. } => match self.slow {
                Some((next, _)) if !past(next, at.now) => self.poll(at),
                _ => self.stream(at),
            },
            State::Idle | State::Closed => {}
        }
    }

    /// When a state is to be left.
    fn ends(&self, state: State, now: f64) -> f64 {
        match state {
            State::Opening { since } => since + OPENING_MS,
            State::Live { heard, .. } => heard + SILENT_HEARTBEATS * self.heartbeat,
            State::Polling { since } => {
                since + ANSWER_MS + if self.slow.is_some() { POLL_MS } else { 0.0 }
            }
            State::Waiting { until, .. } | State::Pausing { until } | State::Offline { until } => {
                until
            }
            State::Idle | State::Closed => now + 1.0,
        }
    }

    /// When to look again.
    fn due(&self, now: f64) -> Option<f64> {
        if matches!(self.state, State::Idle | State::Closed) {
            return None;
        }
        let ends = self.ends(self.state, now);
        Some(match (self.shown, self.state) {
            // The seconds are counted down.
            (Link::Reconnecting(seconds @ 1..), State::Waiting { until, .. }) => {
                until - f64::from(seconds - 1) * 1000.0
            }
            (Link::Reconnecting(_), _) | (_, State::Offline { .. }) => ends,
            _ if self.is_fine() => ends,
            _ => ends.min(self.trouble + GRACE_MS),
        })
    }

    /// Nothing to be shown, as yet.
    fn is_fine(&self) -> bool {
        self.is_live()
            || self.slow.is_some()
            || (self.shown == Link::Connecting && self.failures == 0)
    }

    fn link(&self, now: f64) -> Link {
        match self.state {
            State::Idle => self.shown,
            State::Closed => Link::Closed,
            State::Offline { .. } => Link::Offline,
            State::Live { .. } => Link::Live,
            _ if self.slow.is_some() => Link::Slow,
            _ if self.is_fine() => Link::Connecting,
            // What is shown already needs no grace.
            _ if !matches!(self.shown, Link::Reconnecting(_))
                && now - self.trouble < GRACE_MS
                && self.trouble <= now =>
            {
                self.shown
            }
            State::Waiting { until, .. } => {
                Link::Reconnecting((within(until - now) / 1000.0).ceil() as u32)
            }
            _ => Link::Reconnecting(0),
        }
    }

    fn heard(&mut self, now: f64, beat: bool) {
        if let State::Live { since, heard } = &mut self.state {
            *heard = now;
            // One that lived long enough for a heartbeat is a healthy connection.
            if beat || now - *since >= self.heartbeat {
                self.failures = 0;
                self.doubted = false;
            }
        }
    }

    fn wait(&mut self, now: f64, ms: f64, told: bool, short: bool) {
        self.trouble_from(now);
        // A poll's goodbye is no reason to leave slow mode.
        self.state = if matches!(self.state, State::Polling { .. }) && self.slow.is_some() {
            State::Pausing { until: now + ms }
        } else {
            State::Waiting { until: now + ms, told, short }
        };
    }

    /// Trouble begins where a good connection ends.
    fn trouble_from(&mut self, now: f64) {
        if self.is_live() || self.slow.is_some() || self.trouble > now {
            self.trouble = now;
        }
    }

    fn stream(&mut self, at: Moment) {
        if at.online {
            self.opened = self.opened.wrapping_add(1);
            self.state = State::Opening { since: at.now };
        } else {
            self.trouble_from(at.now);
            self.state = State::Offline { until: at.now + DOUBT_MS };
        }
    }

    fn poll(&mut self, at: Moment) {
        self.opened = self.opened.wrapping_add(1);
        self.state = State::Polling { since: at.now };
    }

    /// A stream ended without a goodbye, or never began. `held`: without a word.
    fn broke(&mut self, at: Moment, held: bool) {
        self.trouble_from(at.now);
        self.failures = self.failures.saturating_add(1);
        self.doubted |= held;
        if !at.online {
            self.stream(at);
        } else if let Some((_, gap)) = self.slow {
            // Not yet: go on asking.
            let gap = (gap * 2.0).min(LAST_TRY_MS);
            self.slow = Some((at.now + spread(gap, at.chance), gap));
            self.poll(at);
        } else if self.failures == 1 {
            self.back_off(at);
        } else {
            self.poll(at);
        }
    }

    fn back_off(&mut self, at: Moment) {
        let doublings = self.failures.saturating_sub(1).min(10);
        let delay = (FIRST_DELAY_MS * f64::from(1u32 << doublings)).min(LAST_DELAY_MS);
        self.wait(at.now, spread(delay, at.chance), false, false);
    }

    /// Streams fail, but requests are answered.
    fn answered(&mut self, since: f64, at: Moment) {
        if self.slow.is_none() && !self.doubted {
            // Perhaps the server has just come back: one more stream.
            self.doubted = true;
            return self.stream(at);
        }
        if self.slow.is_none() {
            self.slow = Some((at.now + spread(FIRST_TRY_MS, at.chance), FIRST_TRY_MS));
        }
        let until = (since + ROUND_MS).max(at.now + PAUSE_MS);
        self.state = State::Pausing { until: until + PAUSE_MS * at.chance };
    }

    /// Not even a request gets through; or it was refused, and reading the conversation tells why.
    fn unanswered(&mut self, at: Moment) {
        self.trouble_from(at.now);
        self.slow = None;
        self.doubted = false;
        if !at.online {
            return self.stream(at);
        }
        self.resync = true;
        self.back_off(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The machine's world: what it opened, when it wants to be called.
    struct World {
        machine: Connection,
        at: Moment,
        open: Option<Line>,
        due: Option<f64>,
        opens: Vec<(f64, Line)>,
        shown: Vec<Link>,
        resyncs: u32,
    }

    const HEARTBEAT: f64 = 15_000.0;
    const CONNECTED: Event = Event::Connected { heartbeat_ms: HEARTBEAT };

    impl World {
        fn new() -> Self {
            Self {
                machine: Connection::default(),
                at: Moment { now: 1e12, chance: 0.5, online: true, seen: true },
                open: None,
                due: None,
                opens: Vec::new(),
                shown: Vec::new(),
                resyncs: 0,
            }
        }

        fn started() -> Self {
            let mut world = Self::new();
            world.on(Event::Start { shown: Link::Connecting });
            world.open(Line::Stream);
            world
        }

        fn live() -> Self {
            let mut world = Self::started();
            world.on(CONNECTED);
            world
        }

        fn on(&mut self, event: Event) {
            let orders = self.machine.on(event, self.at);
            if orders.close {
                assert!(self.open.take().is_some(), "{event:?} closes what is not open");
            }
            if let Some(line) = orders.open {
                assert_eq!(self.open, None, "{event:?} opens a second one");
                self.open = Some(line);
                self.opens.push((self.at.now, line));
            }
            if let Some(link) = orders.show {
                assert_ne!(self.shown.last(), Some(&link), "{event:?} shows nothing new");
                self.shown.push(link);
            }
            self.resyncs += u32::from(orders.resync);
            self.due = orders.wait.map(|wait| {
                assert!((0.0..=FAR_MS).contains(&wait), "{event:?} waits {wait}");
                self.at.now + wait
            });
        }

        /// Time passes and timers ring.
        fn pass(&mut self, ms: f64) {
            let end = self.at.now + ms;
            let mut rung = 0;
            while let Some(due) = self.due.filter(|due| *due <= end) {
                rung += 1;
                assert!(rung < 10_000, "a timer in a circle: {:?}", self.machine);
                self.at.now = due.max(self.at.now);
                self.on(Event::Tick);
            }
            self.at.now = end;
        }

        /// Until a line of this kind is opened; how long that took.
        fn open(&mut self, line: Line) -> f64 {
            let (begin, opens) = (self.at.now, self.opens.len());
            for _ in 0..10_000 {
                if self.open == Some(line) && (self.opens.len() > opens || begin == self.at.now) {
                    return self.at.now - begin;
                }
                let due = self.due.expect("a timer");
                self.pass((due - self.at.now).max(0.0));
            }
            panic!("{line:?} was never opened: {:?}", self.machine);
        }

        fn fail(&mut self) {
            self.open = None;
            // What failed is closed all the same: an `EventSource` would come back by itself.
            self.open = Some(Line::Stream);
            self.on(Event::Failed);
        }

        fn link(&self) -> Link {
            self.machine.shown()
        }
    }

    #[test]
    fn links_travel_as_numbers() {
        for link in [
            Link::Connecting,
            Link::Live,
            Link::Reconnecting(0),
            Link::Reconnecting(7),
            Link::Offline,
            Link::Slow,
            Link::Closed,
        ] {
            assert_eq!(Link::of_code(link.code()), link);
        }
    }

    #[test]
    fn connecting_then_live() {
        let mut world = World::started();
        assert_eq!(world.link(), Link::Connecting);
        world.pass(3000.0);
        assert_eq!(world.link(), Link::Connecting, "the first attempt is no trouble");
        world.on(CONNECTED);
        assert_eq!(world.shown, [Link::Live]);
    }

    #[test]
    fn a_short_break_does_not_flicker() {
        let mut world = World::live();
        world.fail();
        let took = world.open(Line::Stream);
        assert!(took < 1000.0, "{took}");
        world.pass(100.0);
        world.on(CONNECTED);
        world.pass(10_000.0);
        assert_eq!(world.shown, [Link::Live]);
    }

    #[test]
    fn a_longer_break_is_shown_after_the_grace_with_the_seconds_to_the_next_try() {
        let mut world = World::live();
        world.fail();
        let broke = world.at.now;
        for _ in 0..8 {
            world.pass(50.0);
            match world.open {
                Some(_) => world.on(Event::Failed),
                None => world.pass(world.due.unwrap() - world.at.now),
            }
            if world.at.now - broke < GRACE_MS {
                assert_eq!(world.link(), Link::Live);
            }
        }
        world.open(Line::Stream);
        assert_eq!(world.link(), Link::Reconnecting(0), "now");
        world.on(Event::Failed);
        world.on(Event::Failed);
        let Link::Reconnecting(first) = world.link() else { panic!("{:?}", world.link()) };
        assert!(first >= 3, "{first}");
        let before = world.shown.len();
        world.open(Line::Stream);
        let counted: Vec<Link> = (0..first).rev().map(Link::Reconnecting).collect();
        assert_eq!(world.shown[before..], counted, "each second once");
    }

    #[test]
    fn failures_make_it_wait_longer_and_by_chance() {
        for (chance, first, last) in [(0.0, 250.0, 15_000.0), (1.0, 500.0, 30_000.0)] {
            let mut world = World::live();
            world.at.chance = chance;
            let mut waits = Vec::new();
            for _ in 0..10 {
                world.on(Event::Failed);
                if world.open == Some(Line::Probe) {
                    world.on(Event::Failed);
                }
                waits.push(world.open(Line::Stream));
            }
            assert!((waits[0] - first).abs() < 1.0, "{waits:?}");
            assert!((waits[9] - last).abs() < 1.0, "{waits:?}");
            assert!(waits.is_sorted(), "{waits:?}");
            assert_eq!(world.resyncs, 9, "reading tells whether the thread is gone");
        }
    }

    #[test]
    fn only_a_healthy_stream_is_forgiven() {
        let mut world = World::live();
        for _ in 0..6 {
            world.on(Event::Failed);
            if world.open == Some(Line::Probe) {
                world.on(Event::Failed);
            }
            world.open(Line::Stream);
            // It opens, and dies at once.
            world.on(CONNECTED);
            world.on(Event::Sign);
        }
        assert_eq!(world.machine.failures, 6);
        world.on(Event::Heartbeat);
        world.on(Event::Failed);
        assert!(world.open(Line::Stream) < 1000.0);
        world.on(CONNECTED);
        assert_eq!(world.machine.failures, 1);
        world.pass(HEARTBEAT);
        world.on(Event::Sign);
        assert_eq!(world.machine.failures, 0, "as long as a heartbeat");
    }

    #[test]
    fn silence_is_death() {
        let mut world = World::live();
        for _ in 0..10 {
            world.pass(HEARTBEAT);
            world.on(Event::Heartbeat);
        }
        assert_eq!(world.opens.len(), 1);
        world.pass(HEARTBEAT * SILENT_HEARTBEATS - 1.0);
        assert_eq!(world.open, Some(Line::Stream));
        world.pass(1.0);
        assert_eq!(world.open, None);
        assert!(world.open(Line::Stream) < 1000.0);
        // Nobody answers there either.
        world.pass(GRACE_MS);
        assert!(matches!(world.link(), Link::Reconnecting(_)), "{:?}", world.link());
    }

    #[test]
    fn a_goodbye_is_obeyed() {
        let mut world = World::live();
        world.on(Event::Bye { after_ms: 1700.0, replaced: false });
        for event in [Event::Wake, Event::Changed, Event::Failed, Event::Polled] {
            world.on(event);
        }
        assert_eq!(world.open, None);
        assert_eq!(world.open(Line::Stream), 1700.0);
        world.on(CONNECTED);
        assert_eq!(world.shown, [Link::Live], "shorter than the grace");
        assert_eq!(world.machine.failures, 0, "and no failure");
        // Even without a delay there is no tight circle.
        world.on(Event::Bye { after_ms: 0.0, replaced: false });
        assert_eq!(world.open, None);
        assert!(world.open(Line::Stream) > 50.0);
    }

    #[test]
    fn only_a_tab_that_is_looked_at_comes_back_early_to_too_many_tabs() {
        let replaced = Event::Bye { after_ms: 60_000.0, replaced: true };
        let mut world = World::live();
        world.on(replaced);
        assert_eq!(world.open(Line::Stream), LOOKED_AT_MS);

        let mut world = World::live();
        world.at.seen = false;
        world.on(replaced);
        world.on(Event::Wake);
        world.pass(50_000.0);
        assert_eq!(world.open, None);
        assert!(matches!(world.link(), Link::Reconnecting(_)));
        world.at.seen = true;
        world.on(Event::Wake);
        assert_eq!(world.open(Line::Stream), LOOKED_AT_MS);
    }

    #[test]
    fn the_visitor_may_be_impatient() {
        let mut world = World::live();
        world.on(Event::Bye { after_ms: 60_000.0, replaced: false });
        world.on(Event::Retry);
        assert_eq!(world.open, Some(Line::Stream));
        world.on(Event::Retry);
        assert_eq!(world.opens.len(), 2, "one is under way");
        world.on(CONNECTED);
        world.on(Event::Retry);
        assert_eq!(world.opens.len(), 2, "nothing to do");
    }

    #[test]
    fn a_tab_that_wakes_up_looks_at_the_clock() {
        let mut world = World::live();
        world.at.now += HEARTBEAT;
        world.on(Event::Wake);
        assert_eq!(world.opens.len(), 1, "still fresh");
        // A sleep: no timer rang.
        world.at.now += 3_600_000.0;
        world.on(Event::Wake);
        assert_eq!(world.opens.len(), 2, "at once");
        world.pass(100.0);
        world.on(CONNECTED);
        assert_eq!(world.shown, [Link::Live]);

        // In the middle of a long wait as well.
        for _ in 0..8 {
            world.on(Event::Failed);
        }
        assert_eq!(world.open, None);
        world.on(Event::Wake);
        assert_eq!(world.open, Some(Line::Stream));
    }

    #[test]
    fn offline_closes_and_online_opens() {
        let mut world = World::live();
        world.at.online = false;
        world.on(Event::Wake);
        assert_eq!((world.open, world.link()), (None, Link::Offline));
        world.pass(60_000.0);
        assert_eq!((world.opens.len(), world.link()), (1, Link::Offline));
        world.at.online = true;
        world.on(Event::Wake);
        assert_eq!(world.open, Some(Line::Stream));
        assert_eq!(world.link(), Link::Reconnecting(0));
        // `true` is a guess: it may fail all the same.
        world.fail();
        world.open(Line::Stream);
        world.on(CONNECTED);
        assert_eq!(world.link(), Link::Live);
        // A browser that forgets to say that it is back.
        world.at.online = false;
        world.on(Event::Wake);
        world.at.online = true;
        assert!(world.open(Line::Stream) <= DOUBT_MS);
    }

    #[test]
    fn a_failure_without_a_network_is_no_failure() {
        let mut world = World::live();
        world.at.online = false;
        world.fail();
        assert_eq!((world.open, world.link()), (None, Link::Offline));
    }

    #[test]
    fn who_begins_offline_says_so() {
        let mut world = World::new();
        world.at.online = false;
        world.on(Event::Start { shown: Link::Connecting });
        assert_eq!((world.open, world.link()), (None, Link::Offline));
    }

    #[test]
    fn held_up_streams_lead_to_slow_mode_and_back() {
        let mut world = World::started();
        assert_eq!(world.open(Line::Probe).round(), 2.0 * OPENING_MS + 375.0);
        world.on(CONNECTED);
        world.on(Event::Polled);
        assert_eq!(world.link(), Link::Slow);
        assert!(world.open(Line::Poll) <= ROUND_MS + PAUSE_MS);
        world.pass(POLL_MS + 100.0);
        assert_eq!(world.open, Some(Line::Poll), "the server may hold it");
        world.on(Event::Sign);
        world.on(Event::Polled);
        // Some rounds later a stream is tried, and still says nothing.
        let mut polls = 0;
        while world.open != Some(Line::Stream) {
            match world.open {
                Some(Line::Poll) => {
                    polls += 1;
                    world.pass(POLL_MS);
                    world.on(Event::Polled);
                }
                _ => world.pass(100.0),
            }
        }
        let try_gap = world.at.now;
        assert!(polls < 3, "{polls}");
        world.pass(OPENING_MS);
        assert_eq!((world.open, world.link()), (Some(Line::Poll), Link::Slow));
        assert_eq!(world.machine.slow.unwrap().1, 2.0 * FIRST_TRY_MS, "later each time");
        while world.open != Some(Line::Stream) {
            match world.open {
                Some(Line::Poll) => world.on(Event::Polled),
                _ => world.pass(100.0),
            }
        }
        assert!(world.at.now - try_gap >= FIRST_TRY_MS);
        world.on(CONNECTED);
        assert_eq!(world.link(), Link::Live);
        assert_eq!(world.shown.iter().filter(|link| **link == Link::Slow).count(), 1);
        // As bad as before: there is no need to wait that long again.
        world.on(Event::Failed);
        world.on(Event::Polled);
        assert_eq!(world.machine.slow.unwrap().1, FIRST_TRY_MS);
    }

    #[test]
    fn streams_that_are_refused_get_another_chance_before_slow_mode() {
        let mut world = World::started();
        world.on(Event::Failed);
        world.open(Line::Stream);
        world.on(Event::Failed);
        assert_eq!(world.open, Some(Line::Probe));
        world.on(Event::Polled);
        assert_eq!(world.open, Some(Line::Stream), "perhaps the server has just come back");
        world.on(Event::Failed);
        assert_eq!(world.open, Some(Line::Probe));
        world.on(Event::Polled);
        assert_eq!(world.link(), Link::Slow);
        assert_eq!(world.resyncs, 0);
        // The visitor may try, too.
        world.on(Event::Retry);
        assert_eq!((world.open, world.link()), (Some(Line::Stream), Link::Slow));
        world.on(CONNECTED);
        assert_eq!(world.link(), Link::Live);
    }

    #[test]
    fn slow_mode_that_gets_no_answers_is_left() {
        let mut world = World::started();
        world.open(Line::Probe);
        world.on(Event::Polled);
        world.open(Line::Poll);
        world.pass(POLL_MS + ANSWER_MS);
        assert_eq!(world.open, None);
        assert_eq!(world.resyncs, 1);
        world.pass(GRACE_MS);
        assert!(matches!(world.link(), Link::Reconnecting(_)));
        world.open(Line::Stream);
    }

    #[test]
    fn slow_mode_obeys_a_goodbye() {
        let mut world = World::started();
        world.open(Line::Probe);
        world.on(Event::Polled);
        world.open(Line::Poll);
        world.on(Event::Bye { after_ms: 3000.0, replaced: false });
        assert_eq!(world.open, None);
        assert_eq!(world.open(Line::Poll), 3000.0);
        assert_eq!(world.link(), Link::Slow);
    }

    #[test]
    fn a_change_makes_a_new_connection_without_a_word() {
        let mut world = World::live();
        for _ in 0..5 {
            world.on(Event::Changed);
        }
        assert_eq!(world.open, None);
        assert_eq!(world.open(Line::Stream), CHANGED_MS);
        world.on(CONNECTED);
        assert_eq!((world.opens.len(), &world.shown[..]), (2, &[Link::Live][..]));
    }

    #[test]
    fn a_clock_that_is_set_back_stops_nothing() {
        let mut world = World::live();
        world.on(Event::Failed);
        world.at.now -= 86_400_000.0;
        world.due = Some(world.at.now + 500.0);
        assert!(world.open(Line::Stream) <= 500.0);
    }

    #[test]
    fn stopped_is_quiet_and_the_end_is_the_end() {
        let mut world = World::live();
        world.on(Event::Stop);
        assert_eq!((world.open, world.due), (None, None));
        for event in [Event::Wake, Event::Retry, Event::Tick, CONNECTED] {
            world.on(event);
        }
        assert_eq!((world.open, world.link()), (None, Link::Live));
        world.on(Event::Start { shown: Link::Live });
        world.open(Line::Stream);
        world.on(Event::End);
        assert_eq!((world.open, world.due, world.link()), (None, None, Link::Closed));
        for event in [Event::Start { shown: Link::Closed }, Event::Wake, Event::Retry] {
            world.on(event);
        }
        assert_eq!((world.open, world.due), (None, None));
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            Just(Event::Start { shown: Link::Live }),
            Just(Event::Stop),
            Just(Event::Tick),
            (1.0..60_000.0).prop_map(|heartbeat_ms| Event::Connected { heartbeat_ms }),
            Just(Event::Sign),
            Just(Event::Heartbeat),
            (0.0..4e9, any::<bool>())
                .prop_map(|(after_ms, replaced)| Event::Bye { after_ms, replaced }),
            Just(Event::Failed),
            Just(Event::Failed),
            Just(Event::Polled),
            Just(Event::Changed),
            Just(Event::Wake),
            Just(Event::Retry),
        ]
    }

    proptest! {
        /// Whatever happens, in any order, at any time, with any clock: never two connections, never none without a
        /// timer, and with a good network it comes back to life.
        #[test]
        fn there_is_always_a_way_back(
            story in prop::collection::vec(
                (event(), -10_000.0..200_000.0, 0.0..1.0, any::<bool>(), any::<bool>()),
                0..60,
            ),
        ) {
            let mut world = World::started();
            for (event, later, chance, online, seen) in story {
                world.at = Moment { now: world.at.now, chance, online, seen };
                if later > 0.0 { world.pass(later) } else { world.at.now += later }
                world.on(event);
                let idle = matches!(world.machine.state, State::Idle);
                prop_assert_eq!(world.open.is_some(), world.machine.is_open());
                prop_assert_eq!(world.due.is_some(), !idle, "{:?}", world.machine);
                if idle {
                    prop_assert!(world.open.is_none());
                    world.on(Event::Start { shown: world.link() });
                }
            }
            world.at.online = true;
            for _ in 0..10_000 {
                match world.open {
                    Some(Line::Stream) => world.on(CONNECTED),
                    Some(_) => world.on(Event::Polled),
                    None => {}
                }
                if world.link() == Link::Live && world.machine.is_live() {
                    return Ok(());
                }
                world.pass(500.0);
            }
            prop_assert!(false, "never live again: {:?}", world.machine);
        }

        /// However often it is tried, attempts on a dead server are bounded.
        #[test]
        fn a_dead_server_is_left_in_peace(chance in 0.0..1.0) {
            let mut world = World::live();
            world.at.chance = chance;
            world.on(Event::Failed);
            let begin = world.opens.len();
            while world.at.now < 1e12 + 600_000.0 {
                if world.open.is_some() { world.on(Event::Failed) } else { world.pass(50.0) }
            }
            let tries = world.opens.len() - begin;
            prop_assert!((30..120).contains(&tries), "{tries}");
        }
    }
}
