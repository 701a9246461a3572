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
            Heard::Whisper(frame) => Some(frame),
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
    use crate::{
        domain::ids::ThreadId,
        server::{
            bus::memory::{MemoryBus, MemoryBusSettings},
            clock::FixedClock,
            shutdown::Shutdown,
            stream::{Place, StreamContext, StreamSettings, Wanted, Watch, connect},
        },
    };
    use futures::future::BoxFuture;
    use std::sync::Mutex;

    fn context(settings: StreamSettings) -> (StreamContext, Shutdown) {
        let clock = Arc::new(FixedClock::at(0));
        let bus = Arc::new(MemoryBus::new(MemoryBusSettings::default(), clock.clone()));
        let shutdown = Shutdown::new();
        (StreamContext::new(bus, shutdown.clone(), clock, settings), shutdown)
    }

    fn thread(n: usize) -> ThreadId {
        ThreadId::parse(format!("th_{n:026}")).unwrap()
    }

    async fn body(context: &StreamContext, threads: usize) -> LiveBody {
        let threads = (0..threads).map(|n| (thread(n), Place::Now)).collect();
        let wanted = Wanted { threads, denied: Vec::new() };
        let Ok((seat, opened)) = connect(context, wanted).await else { panic!("it opens") };
        LiveBody::new(opened, None, seat)
    }

    #[test]
    fn a_stream_is_small() {
        // There are ten thousand of them. Whoever adds to it has to say so here.
        let size = size_of::<LiveBody>();
        assert!(size <= 256, "{size}");
    }

    #[tokio::test]
    async fn nobody_has_the_same_times_as_everybody() {
        let (context, _) = context(StreamSettings::default());
        let (mut pauses, mut lives, mut retries) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..500 {
            let body = body(&context, 1).await;
            pauses.push(body.pause.as_millis());
            lives.push((body.ends - body.spoke).as_millis());
            let first = std::str::from_utf8(&body.first).unwrap().lines().next().unwrap();
            retries.push(first.strip_prefix("retry: ").unwrap().parse().unwrap());
        }
        for (times, least, most) in [
            (&mut pauses, 12_000, 15_000),
            (&mut lives, 480_000, 720_000),
            (&mut retries, 1400, 2600),
        ] {
            assert!(times.iter().all(|time| (least..=most).contains(time)), "{times:?}");
            times.sort_unstable();
            let (first, last) = (times[0], times[499]);
            assert!(last - first > (most - least) / 2, "spread over it all: {first} to {last}");
        }
    }

    #[derive(Debug, Default)]
    struct Ledger(Mutex<Vec<String>>);

    impl Ledger {
        fn take(&self) -> Vec<String> {
            std::mem::take(&mut self.0.lock().unwrap())
        }
    }

    impl Watch for Ledger {
        fn begin(&self, thread: &ThreadId) {
            self.0.lock().unwrap().push(format!("+{}", &thread.as_str()[28..]));
        }

        fn end(&self, thread: &ThreadId) {
            self.0.lock().unwrap().push(format!("-{}", &thread.as_str()[28..]));
        }

        fn gap<'a>(&'a self, thread: &'a ThreadId) -> BoxFuture<'a, ()> {
            self.0.lock().unwrap().push(format!("?{}", &thread.as_str()[28..]));
            Box::pin(async {})
        }
    }

    #[tokio::test]
    async fn whoever_watches_knows_what_is_followed() {
        let (context, _) = context(StreamSettings::default());
        let ledger = Arc::new(Ledger::default());
        let context = context.watched_by(ledger.clone());
        let first = body(&context, 1).await;
        let second = body(&context, 2).await;
        assert_eq!(ledger.take(), ["+0", "+0", "+1"]);
        drop(second);
        assert_eq!(ledger.take(), ["-0", "-1"]);
        drop(first);
        assert_eq!(ledger.take(), ["-0"]);
        let threads = vec![(thread(3), Place::Unknown)];
        let lost = connect(&context, Wanted { threads, denied: Vec::new() }).await;
        assert_eq!(ledger.take(), ["?3", "+3"], "before the first word");
        drop(lost);
        assert_eq!(context.open_streams(), 0);
    }

    #[tokio::test]
    async fn who_comes_during_the_drain_goes_at_once() {
        let (context, shutdown) = context(StreamSettings::default());
        shutdown.begin();
        let mut body = body(&context, 1).await;
        let mut said = Vec::new();
        while let Some(Ok(bytes)) = futures::StreamExt::next(&mut body).await {
            said.push(String::from_utf8(bytes.to_vec()).unwrap());
        }
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].contains("connected") && said[1].contains("restart"), "{said:?}");
    }
}
