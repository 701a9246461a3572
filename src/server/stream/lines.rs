//! The threads that one stream follows: nearly always one, and then it costs no more than that one.

use super::Watched;
use crate::{
    domain::ids::ThreadId,
    server::bus::{LiveFrame, LiveReceiver, replay::Told},
};
use bytes::Bytes;
use std::{
    sync::Arc,
    task::{Context, Poll},
    vec,
};

/// One thread of a stream: what was missed, then what is new.
#[derive(Debug)]
pub(super) struct Line {
    replay: vec::IntoIter<Arc<LiveFrame>>,
    live: LiveReceiver,
    watched: Watched,
}

/// All threads of a stream.
#[derive(Debug)]
pub(super) enum Lines {
    /// The client asked for one.
    One(Line),
    /// The client asked for several; some, or all, may have ended since.
    Many(Box<Many>),
}

/// Several threads that take turns, so that a busy one holds up none of the others.
#[derive(Debug)]
pub(super) struct Many {
    lines: Vec<Line>,
    /// Whose turn is next.
    turn: usize,
}

/// What comes out of them.
#[derive(Debug)]
pub(super) enum Heard {
    /// An event.
    Frame(Arc<LiveFrame>),
    /// A frame that is no part of any history.
    Whisper(Bytes),
    /// One of several threads is gone for good.
    Gone(ThreadId),
    /// No thread is left.
    AllGone,
    /// This reader was too slow, or the bus is gone. The client comes back with its place and is given the rest.
    Cut,
}

impl From<Told> for Heard {
    fn from(told: Told) -> Self {
        match told {
            Told::Frame(frame) => Self::Frame(frame),
            Told::Whisper(frame) => Self::Whisper(frame),
        }
    }
}

impl Line {
    pub(super) fn new(replay: Vec<Arc<LiveFrame>>, live: LiveReceiver, watched: Watched) -> Self {
        Self { replay: replay.into_iter(), live, watched }
    }

    fn replayed(&mut self) -> Option<Arc<LiveFrame>> {
        let frame = self.replay.next()?;
        if self.replay.len() == 0 {
            // A stream lives long after its replay: its memory is not kept as long.
            self.replay = Vec::new().into_iter();
        }
        Some(frame)
    }
}

impl Lines {
    /// For a client that asked for `several`, or for one: then there is one line.
    pub(super) fn new(mut lines: Vec<Line>, several: bool) -> Self {
        match lines.pop() {
            Some(line) if !several => Self::One(line),
            last => {
                lines.extend(last);
                Self::Many(Box::new(Many { lines, turn: 0 }))
            }
        }
    }

    /// The next event that was missed, or what makes the rest of them unreadable; none when there are no more.
    pub(super) fn replayed(&mut self) -> Option<Heard> {
        match self {
            Self::One(line) if line.live.is_removed() => Some(Heard::AllGone),
            Self::One(line) => line.replayed().map(Heard::Frame),
            Self::Many(many) => many.in_turn(|line| {
                if line.replay.len() == 0 {
                    None
                } else if line.live.is_removed() {
                    Some(None)
                } else {
                    Some(line.replayed().map(Heard::Frame))
                }
            }),
        }
    }

    /// The next event that is new. To be asked once nothing is left to replay.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Heard> {
        match self {
            Self::One(line) => line.live.poll_told(cx).map(|told| match told {
                Some(told) => told.into(),
                None if line.live.is_removed() => Heard::AllGone,
                None => Heard::Cut,
            }),
            Self::Many(many) if many.lines.is_empty() => Poll::Ready(Heard::AllGone),
            Self::Many(many) => {
                let heard = many.in_turn(|line| match line.live.poll_told(cx) {
                    Poll::Ready(told) => Some(told.map(Heard::from)),
                    Poll::Pending => None,
                });
                heard.map_or(Poll::Pending, Poll::Ready)
            }
        }
    }
}

impl Many {
    /// Asks one line after the other, beginning with the one whose turn it is, until one has something to say: a
    /// frame, or that it ends.
    fn in_turn(
        &mut self,
        mut ask: impl FnMut(&mut Line) -> Option<Option<Heard>>,
    ) -> Option<Heard> {
        let start = self.turn.min(self.lines.len());
        let (before, from) = self.lines.split_at_mut(start);
        let mut asked = from.iter_mut().chain(before).map(&mut ask).enumerate();
        let (passed, said) = asked.find_map(|(passed, said)| Some((passed, said?)))?;
        let index = (start + passed) % self.lines.len();
        self.turn = (index + 1) % self.lines.len();
        if said.is_some() {
            return said;
        }
        if !self.lines.get(index).is_some_and(|line| line.live.is_removed()) {
            return Some(Heard::Cut);
        }
        let gone = self.lines.remove(index);
        self.turn = index;
        Some(Heard::Gone(gone.watched.thread.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            ids::{Cursor, CustomerId, EventId},
            time::At,
        },
        server::{
            bus::{
                EventBus, NewEvent,
                memory::{MemoryBus, MemoryBusSettings},
            },
            clock::FixedClock,
        },
    };
    use std::task::Waker;

    struct Scene {
        bus: MemoryBus,
        events: u32,
    }

    fn thread(n: u32) -> ThreadId {
        ThreadId::parse(format!("th_{n:026}")).unwrap()
    }

    fn customer() -> CustomerId {
        CustomerId::parse(format!("c_{:026}", 1)).unwrap()
    }

    impl Scene {
        fn new() -> Self {
            let clock = Arc::new(FixedClock::at(0));
            Self { bus: MemoryBus::new(MemoryBusSettings::default(), clock), events: 0 }
        }

        async fn publish(&mut self, of: u32, times: u32) {
            for _ in 0..times {
                self.events += 1;
                let event = NewEvent {
                    thread_id: thread(of),
                    customer: (of == 1).then(customer),
                    event_type: "thread.chat_sent".into(),
                    event_id: EventId::parse(format!("pEv_{:026}", self.events)).unwrap(),
                    at: At::from_millis(0),
                    entry: None,
                    status: None,
                    seen: None,
                };
                self.bus.publish(event).await.unwrap();
            }
        }

        async fn line(&self, of: u32, after: Option<&Cursor>) -> Line {
            let subscription = self.bus.subscribe(&thread(of), after).await.unwrap();
            assert!(!subscription.gap);
            let watched = Watched { thread: thread(of), watch: None };
            Line::new(subscription.replay, subscription.live, watched)
        }
    }

    /// Whose turn it was, as long as there is something to hear.
    fn turns(mut hear: impl FnMut() -> Option<Heard>) -> String {
        let mut turns = String::new();
        while let Some(heard) = hear() {
            match heard {
                Heard::Frame(frame) => {
                    let text = std::str::from_utf8(&frame.sse).unwrap();
                    let (_, rest) = text.split_once("th_0000000000000000000000000").unwrap();
                    turns.push_str(&rest[..1]);
                }
                Heard::Whisper(_) => turns.push('~'),
                Heard::Gone(thread) => {
                    turns.push('-');
                    turns.push_str(&thread.as_str()[28..]);
                }
                Heard::AllGone => return turns + "!",
                Heard::Cut => return turns + "?",
            }
        }
        turns
    }

    fn now(lines: &mut Lines) -> Option<Heard> {
        match lines.poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(heard) => Some(heard),
            Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn a_busy_thread_holds_up_no_other() {
        let mut scene = Scene::new();
        let start = scene.bus.head(&thread(1)).await.unwrap();
        scene.publish(1, 6).await;
        scene.publish(2, 2).await;
        scene.publish(3, 1).await;
        let mut lines = Vec::new();
        for of in 1..=3 {
            lines.push(scene.line(of, Some(&start)).await);
        }
        let mut lines = Lines::new(lines, true);
        assert_eq!(turns(|| lines.replayed()), "123121111");
        scene.publish(1, 5).await;
        scene.publish(3, 2).await;
        scene.publish(2, 1).await;
        let heard = turns(|| now(&mut lines));
        assert_eq!(heard.len(), 8);
        // Wherever it began: the first round is fair.
        for one in ["1", "2", "3"] {
            assert!(heard[..3].contains(one), "{heard}");
        }
        assert!(heard[3..].starts_with("13") || heard[3..].starts_with("31"), "{heard}");
    }

    #[tokio::test]
    async fn what_goes_goes_alone() {
        let mut scene = Scene::new();
        scene.publish(1, 1).await;
        let start = scene.bus.head(&thread(1)).await.unwrap();
        scene.publish(1, 3).await;
        scene.publish(2, 2).await;
        let both = vec![scene.line(1, Some(&start)).await, scene.line(2, Some(&start)).await];
        let mut both = Lines::new(both, true);
        let mut alone = Lines::new(vec![scene.line(1, Some(&start)).await], false);
        assert!(matches!(alone, Lines::One(_)));
        assert!(matches!(both.replayed(), Some(Heard::Frame(_))));
        scene.bus.forget(&customer()).await.unwrap();
        assert_eq!(turns(|| both.replayed()), "2-12", "the rest of what was missed is not read");
        assert_eq!(turns(|| alone.replayed()), "!");
        scene.publish(2, 1).await;
        assert_eq!(turns(|| now(&mut both)), "2");
        scene.bus.belongs(&thread(2), &customer()).await.unwrap();
        assert_eq!(turns(|| now(&mut both)), "-2!");
    }

    #[tokio::test]
    async fn one_thread_costs_what_one_thread_costs() {
        // A stream of one thread has no heap memory of its own for the case of several.
        let size = size_of::<Lines>();
        assert_eq!(size, size_of::<Line>(), "{size}");
    }
}
