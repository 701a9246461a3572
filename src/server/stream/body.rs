//! A stream's body.

use super::{
    Opened, Seat, Shared, bye,
    crowd::Member,
    lines::{Heard, Lines},
    spread,
};
use crate::domain::live::StreamEvent;
use bytes::Bytes;
use futures::Stream;
use metrics::counter;
use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

/// What the connection polls: first words, what was missed, what is new, heartbeats, a goodbye.
#[derive(Debug)]
pub(super) struct LiveBody {
    /// Empty once it is said.
    first: Bytes,
    lines: Lines,
    timer: Pin<Box<Sleep>>,
    /// None once the drain has begun.
    stop: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    /// When something was sent last.
    spoke: Instant,
    /// After how much silence a heartbeat is due.
    pause: Duration,
    /// When to say goodbye.
    ends: Instant,
    over: bool,
    /// None where nobody counts.
    member: Option<Member>,
    seat: Seat,
}

impl LiveBody {
    pub(super) fn new(opened: Opened, member: Option<Member>, seat: Seat) -> Self {
        let shared: &Arc<Shared> = &seat.0;
        let settings = &shared.settings;
        let now = Instant::now();
        let pause = spread(settings.heartbeat, 0.8, 1.0);
        // Who comes while everybody goes is told at once.
        let draining = shared.shutdown.is_draining();
        let ends = if draining { now } else { now + spread(settings.lifetime, 0.8, 1.2) };
        Self {
            first: opened.first,
            lines: opened.lines,
            timer: Box::pin(tokio::time::sleep_until(ends.min(now + pause))),
            stop: Some(Box::pin(shared.shutdown.token().cancelled_owned())),
            spoke: now,
            pause,
            ends,
            over: false,
            member,
            seat,
        }
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.over {
            return Poll::Ready(None);
        }
        if !self.first.is_empty() {
            return Poll::Ready(Some(std::mem::take(&mut self.first)));
        }
        if let Some(heard) = self.lines.replayed() {
            return Poll::Ready(self.tell(heard));
        }
        let now = Instant::now();
        if let Some(stop) = &mut self.stop
            && stop.as_mut().poll(cx).is_ready()
        {
            self.stop = None;
            self.ends = self.ends.min(now + spread(self.seat.0.settings.drain_spread, 0.0, 1.0));
        }
        if now >= self.ends {
            return Poll::Ready(self.goodbye(self.seat.0.farewell()));
        }
        if self.member.as_ref().is_some_and(|member| member.must_go(cx)) {
            return Poll::Ready(self.goodbye(self.seat.0.replaced()));
        }
        if let Poll::Ready(heard) = self.lines.poll_next(cx) {
            self.spoke = now;
            return Poll::Ready(self.tell(heard));
        }
        loop {
            // Events do not touch the timer; when it fires, it learns whether there was silence.
            let due = self.ends.min(self.spoke + self.pause);
            if self.timer.deadline() != due {
                self.timer.as_mut().reset(due);
            }
            ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            if now >= self.ends {
                return Poll::Ready(self.goodbye(self.seat.0.farewell()));
            }
            if now >= self.spoke + self.pause {
                self.spoke = now;
                self.pause = spread(self.seat.0.settings.heartbeat, 0.8, 1.0);
                if let Some(beat) = self.seat.0.heartbeat() {
                    return Poll::Ready(Some(beat));
                }
            }
        }
    }

    fn tell(&mut self, heard: Heard) -> Option<Bytes> {
        match heard {
            Heard::Frame(frame) => Some(frame.sse.clone()),
            Heard::Gone(thread) => bye(StreamEvent::REMOVED, Some(thread), Duration::ZERO).ok(),
            // For good: a client that comes back all the same is answered 204.
            Heard::AllGone => self.goodbye((StreamEvent::REMOVED, Duration::ZERO)),
            Heard::Cut => {
                counter!("hotline_streams_cut_total").increment(1);
                self.over = true;
                None
            }
        }
    }

    fn goodbye(&mut self, (reason, after): (&str, Duration)) -> Option<Bytes> {
        self.over = true;
        bye(reason, None, after).ok()
    }
}

impl Stream for LiveBody {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_bytes(cx).map(|bytes| bytes.map(Ok))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_small() {
        // There are ten thousand of them. Whoever adds to it has to say so here.
        let size = size_of::<LiveBody>();
        assert!(size <= 256, "{size}");
    }
}
