//! What a connection is waiting for, and for how long it may.

use super::ListenSettings;
use hyper::Version;
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    task::{Context, Poll},
};
use tokio::time::{Instant, Sleep};

/// What goes on in a connection, told by its socket and its requests.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// Requests that are being answered.
    in_hand: AtomicU32,
    /// Requests that came, ever.
    turns: AtomicU32,
    /// Bytes came that belong to no request yet.
    heard: AtomicBool,
    /// Bytes left since the last look.
    wrote: AtomicBool,
    /// The other side takes no more bytes.
    stalled: AtomicBool,
    /// Frames of all kinds come at any time; a byte is no beginning of a head.
    http2: AtomicBool,
}

impl Pulse {
    pub(super) fn heard(&self) {
        // What comes while a request is being answered is its body.
        if self.in_hand.load(Relaxed) == 0 && !self.http2.load(Relaxed) {
            self.heard.store(true, Relaxed);
        }
    }

    pub(super) fn wrote(&self) {
        self.wrote.store(true, Relaxed);
        self.stalled.store(false, Relaxed);
    }

    pub(super) fn stalled(&self) {
        self.stalled.store(true, Relaxed);
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.stalled.load(Relaxed)
    }

    /// Whether a head has begun and not become a request.
    pub(super) fn is_mid_head(&self) -> bool {
        self.in_hand.load(Relaxed) == 0 && self.heard.load(Relaxed)
    }

    fn waiting(&self) -> Waiting {
        if self.is_stalled() {
            Waiting::Reader
        } else if self.in_hand.load(Relaxed) > 0 {
            Waiting::Us
        } else if self.heard.load(Relaxed) || self.turns.load(Relaxed) == 0 {
            Waiting::Head
        } else {
            Waiting::Next
        }
    }
}

/// A request that is being answered, until the last byte of its answer is handed over.
#[derive(Debug)]
pub(super) struct InHand(Arc<Pulse>);

impl InHand {
    pub(super) fn new(pulse: &Arc<Pulse>, version: Version) -> Self {
        pulse.in_hand.fetch_add(1, Relaxed);
        pulse.turns.fetch_add(1, Relaxed);
        pulse.heard.store(false, Relaxed);
        if version == Version::HTTP_2 {
            pulse.http2.store(true, Relaxed);
        }
        Self(pulse.clone())
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.in_hand.fetch_sub(1, Relaxed);
    }
}

/// Whom a connection is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// The rest of a head, or the first one.
    Head,
    /// The next request.
    Next,
    /// The other side, to read.
    Reader,
    /// Our own answer.
    Us,
}

impl Waiting {
    fn word(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Next => "next",
            Self::Reader => "reader",
            Self::Us => "us",
        }
    }
}

/// The clock of a connection. While it waits for us, a live stream for its whole life, there is no timer.
#[derive(Debug)]
pub(super) struct Patience {
    waiting: Waiting,
    turn: u32,
    since: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self { waiting: Waiting::Head, turn: 0, since: Instant::now(), timer: None }
    }

    /// Ready, with what it waited for, when that took too long. To be polled after the connection itself.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        pulse: &Pulse,
        settings: &ListenSettings,
    ) -> Poll<&'static str> {
        let Some(due) = self.look(pulse, settings, Instant::now()) else {
            self.timer = None;
            return Poll::Pending;
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        if timer.deadline() != due {
            timer.as_mut().reset(due);
        }
        timer.as_mut().poll(cx).map(|()| self.waiting.word())
    }

    /// When it will have taken too long; none while it is we who are waited for.
    fn look(&mut self, pulse: &Pulse, settings: &ListenSettings, now: Instant) -> Option<Instant> {
        let (waiting, turn) = (pulse.waiting(), pulse.turns.load(Relaxed));
        let wrote = pulse.wrote.swap(false, Relaxed);
        // Bytes that leave are progress for everything but a head.
        if waiting != self.waiting || turn != self.turn || wrote && waiting != Waiting::Head {
            (self.waiting, self.turn, self.since) = (waiting, turn, now);
        }
        let limit = match waiting {
            Waiting::Head => settings.header_timeout,
            Waiting::Next => settings.idle_timeout,
            Waiting::Reader => settings.stall_timeout,
            Waiting::Us => return None,
        };
        Some(self.since + limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// A connection with a clock that stands between looks.
    struct Case {
        settings: ListenSettings,
        pulse: Arc<Pulse>,
        patience: Patience,
        now: Instant,
    }

    impl Case {
        fn new() -> Self {
            let seconds = Duration::from_secs;
            let settings = ListenSettings {
                header_timeout: seconds(10),
                idle_timeout: seconds(75),
                stall_timeout: seconds(30),
                ..ListenSettings::default()
            };
            let patience = Patience::new();
            Self { settings, pulse: Arc::default(), now: patience.since, patience }
        }

        /// Looks, and again after so many seconds: what it was over, if it is over.
        fn after(&mut self, seconds: u64) -> Option<&'static str> {
            self.patience.look(&self.pulse, &self.settings, self.now);
            self.now += Duration::from_secs(seconds);
            let due = self.patience.look(&self.pulse, &self.settings, self.now)?;
            (due <= self.now).then(|| self.patience.waiting.word())
        }

        fn request(&self) -> InHand {
            InHand::new(&self.pulse, Version::HTTP_11)
        }
    }

    #[test]
    fn silence_and_trickle_before_the_first_request() {
        let mut silent = Case::new();
        assert_eq!(silent.after(9), None);
        assert_eq!(silent.after(2), Some("head"));
        let mut trickle = Case::new();
        for _ in 0..5 {
            trickle.pulse.heard();
            assert_eq!(trickle.after(1), None);
        }
        trickle.pulse.heard();
        assert_eq!(trickle.after(6), Some("head"), "no byte buys time");
    }

    #[test]
    fn idle_is_not_slow() {
        let mut case = Case::new();
        case.pulse.heard();
        drop(case.request());
        case.pulse.wrote();
        assert_eq!(case.after(70), None);
        case.pulse.heard();
        assert_eq!(case.after(9), None, "a new head has its own time");
        assert_eq!(case.after(2), Some("head"));
        let mut idle = Case::new();
        drop(idle.request());
        assert_eq!(idle.after(76), Some("next"));
    }

    #[test]
    fn an_answer_may_take_its_time_and_its_body_is_no_head() {
        let mut case = Case::new();
        case.pulse.heard();
        let request = case.request();
        case.pulse.heard();
        assert_eq!(case.after(3600), None);
        drop(request);
        assert_eq!(case.after(74), None);
    }

    #[test]
    fn many_small_requests_in_a_row_are_no_slow_head() {
        let mut case = Case::new();
        for _ in 0..20 {
            drop(case.request());
            // The next one's first bytes came along with this one.
            case.pulse.heard();
            assert_eq!(case.after(9), None);
        }
        assert_eq!(case.after(2), Some("head"));
    }

    #[test]
    fn who_does_not_read_is_given_up() {
        let mut case = Case::new();
        let _stream = case.request();
        for _ in 0..10 {
            case.pulse.stalled();
            assert_eq!(case.after(29), None);
            case.pulse.wrote();
        }
        assert_eq!(case.after(3600), None);
        case.pulse.stalled();
        assert_eq!(case.after(29), None);
        // Some of it went, and then no more: that is a new wait.
        case.pulse.wrote();
        case.pulse.stalled();
        assert_eq!(case.after(29), None);
        assert_eq!(case.after(2), Some("reader"));
    }

    #[test]
    fn frames_of_http2_are_no_heads() {
        let mut case = Case::new();
        drop(InHand::new(&case.pulse, Version::HTTP_2));
        case.pulse.heard();
        assert_eq!(case.after(70), None);
        assert_eq!(case.after(6), Some("next"));
    }
}
