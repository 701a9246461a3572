//! The threads that one stream follows: nearly always one, and then it costs no more than that one.

use super::Watched;
use crate::{
    domain::ids::ThreadId,
    server::bus::{LiveFrame, LiveReceiver},
};
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
    /// One of several threads is gone for good.
    Gone(ThreadId),
    /// No thread is left.
    AllGone,
    /// This reader was too slow, or the bus is gone. The client comes back with its place and is given the rest.
    Cut,
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
                    Some(line.replayed())
                }
            }),
        }
    }

    /// The next event that is new. To be asked once nothing is left to replay.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Heard> {
        match self {
            Self::One(line) => line.live.poll_next(cx).map(|frame| match frame {
                Some(frame) => Heard::Frame(frame),
                None if line.live.is_removed() => Heard::AllGone,
                None => Heard::Cut,
            }),
            Self::Many(many) if many.lines.is_empty() => Poll::Ready(Heard::AllGone),
            Self::Many(many) => {
                let heard = many.in_turn(|line| match line.live.poll_next(cx) {
                    Poll::Ready(frame) => Some(frame),
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
        mut ask: impl FnMut(&mut Line) -> Option<Option<Arc<LiveFrame>>>,
    ) -> Option<Heard> {
        let start = self.turn.min(self.lines.len());
        let (before, from) = self.lines.split_at_mut(start);
        let mut asked = from.iter_mut().chain(before).map(|line| ask(line)).enumerate();
        let (passed, said) = asked.find_map(|(passed, said)| Some((passed, said?)))?;
        let index = (start + passed) % self.lines.len();
        self.turn = (index + 1) % self.lines.len();
        if let Some(frame) = said {
            return Some(Heard::Frame(frame));
        }
        if !self.lines.get(index).is_some_and(|line| line.live.is_removed()) {
            return Some(Heard::Cut);
        }
        let gone = self.lines.remove(index);
        self.turn = index;
        Some(Heard::Gone(gone.watched.thread.clone()))
    }
}
