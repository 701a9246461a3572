//! The history of one thread and everybody who follows it: the part that every engine of the bus shares.
//!
//! History and live queue are the same ring. A follower is only a place in it, so following costs next to nothing,
//! the step from replay to live cannot lose or double anything, and a reader that is slower than the ring is long
//! learns that it fell off instead of being skipped in silence.

use super::LiveFrame;
use bytes::Bytes;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

/// So many whispers are kept for who has not heard them yet.
const WHISPERS: usize = 8;
/// A whisper that was not heard by then is not worth hearing any more.
const WHISPER_LIFE: Duration = Duration::from_secs(10);

/// A bounded ring of frames, each at its engine's sequence number.
#[derive(Debug)]
pub struct Feed {
    ring: Mutex<Ring>,
}

#[derive(Debug)]
struct Ring {
    frames: VecDeque<(u64, Arc<LiveFrame>)>,
    /// How many frames were dropped at the front since the beginning: the ordinal of the first one kept.
    dropped: u64,
    /// Nothing at or below this number is in the ring, but may have been in the history.
    base: u64,
    /// Bytes of all frames kept.
    bytes: usize,
    /// A waker for each follower that waits; its place is the follower's `slot`.
    waiting: Vec<Option<Waker>>,
    free: Vec<usize>,
    closed: bool,
    /// Closed because its thread is gone: what was in the ring must not be read any more.
    removed: bool,
    /// What is told beside the history, and forgotten: the newest few.
    whispers: VecDeque<Whisper>,
    /// How many there were, ever; it may wrap.
    whispered: u32,
}

/// Something that only who follows right now is told.
#[derive(Debug)]
struct Whisper {
    /// The ordinal of the frame that it comes before.
    before: u64,
    since: Instant,
    what: Bytes,
}

/// What a follower is told.
#[derive(Debug)]
pub enum Told {
    /// The next frame of the history.
    Frame(Arc<LiveFrame>),
    /// Something beside it, which leaves no trace.
    Whisper(Bytes),
}

/// How much a ring may hold.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Frames.
    pub frames: usize,
    /// Bytes of frames; the newest frame is kept in any case.
    pub bytes: usize,
}

/// What [`Feed::push`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pushed {
    /// How many followers were told.
    pub listeners: usize,
    /// By how much the held bytes grew (shrank, if negative).
    pub grown: isize,
}

/// What is known after a place.
#[derive(Debug)]
pub struct Resumed {
    /// The place from which `replay` goes on.
    pub at: u64,
    /// Whether anything after the wanted place may be missing.
    pub gap: bool,
    /// The frames after `at`, oldest first.
    pub replay: Vec<Arc<LiveFrame>>,
    /// Everything after `replay`.
    pub follower: Follower,
}

impl Feed {
    /// An empty history. Events at or below `base` may have happened, and are not known.
    pub fn new(base: u64) -> Self {
        Self {
            ring: Mutex::new(Ring {
                frames: VecDeque::new(),
                dropped: 0,
                base,
                bytes: 0,
                waiting: Vec::new(),
                free: Vec::new(),
                closed: false,
                removed: false,
                whispers: VecDeque::new(),
                whispered: 0,
            }),
        }
    }

    /// The number of the last event, or the base.
    pub fn head(&self) -> u64 {
        self.lock().head()
    }

    /// The frame with this number, if it is still kept.
    pub fn frame(&self, seq: u64) -> Option<Arc<LiveFrame>> {
        let ring = self.lock();
        let at = ring.frames.partition_point(|(number, _)| *number < seq);
        let (number, frame) = ring.frames.get(at)?;
        (*number == seq).then(|| frame.clone())
    }

    /// How many follow it now.
    pub fn listeners(&self) -> usize {
        self.lock().listeners()
    }

    /// Appends what `frame` makes of the number of the event before it, and wakes everybody. `seq` must be larger
    /// than any before. Where `frame` fails, nothing has changed.
    pub fn push<E>(
        &self,
        seq: u64,
        bounds: Bounds,
        frame: impl FnOnce(u64) -> Result<Arc<LiveFrame>, E>,
    ) -> Result<Pushed, E> {
        let (pushed, wakers) = {
            let mut ring = self.lock();
            let prev = ring.head();
            debug_assert!(seq > prev, "sequence numbers grow");
            let before = ring.bytes;
            let frame = frame(prev)?;
            ring.bytes += frame.sse.len();
            ring.frames.push_back((seq, frame));
            while ring.frames.len() > bounds.frames.max(1)
                || (ring.bytes > bounds.bytes && ring.frames.len() > 1)
            {
                if let Some((gone, frame)) = ring.frames.pop_front() {
                    ring.base = gone;
                    ring.dropped += 1;
                    ring.bytes -= frame.sse.len();
                }
            }
            let pushed = Pushed {
                listeners: ring.listeners(),
                grown: ring.bytes.cast_signed() - before.cast_signed(),
            };
            (pushed, ring.take_wakers())
        };
        // Outside the lock: whoever wakes up wants it.
        wakers.into_iter().for_each(Waker::wake);
        Ok(pushed)
    }

    /// Tells everybody who follows now, after what they were told before; tells how many there are. Whoever is too slow
    /// for it misses it, and nothing else.
    pub fn whisper(&self, what: Bytes) -> usize {
        let (listeners, wakers) = {
            let mut ring = self.lock();
            let listeners = ring.listeners();
            if listeners == 0 || ring.closed {
                return 0;
            }
            let before = ring.dropped + ring.frames.len() as u64;
            ring.whispers.push_back(Whisper { before, since: Instant::now(), what });
            ring.whispered = ring.whispered.wrapping_add(1);
            if ring.whispers.len() > WHISPERS {
                ring.whispers.pop_front();
            }
            (listeners, ring.take_wakers())
        };
        wakers.into_iter().for_each(Waker::wake);
        listeners
    }

    /// Ends all followers after what is in the ring: the feed's source is gone.
    pub fn close(&self) {
        let wakers = {
            let mut ring = self.lock();
            ring.closed = true;
            ring.take_wakers()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Ends all followers at once and forgets what is in the ring; tells how many there were.
    pub fn remove(&self) -> usize {
        let (listeners, wakers) = {
            let mut ring = self.lock();
            ring.base = ring.head();
            ring.dropped += ring.frames.len() as u64;
            ring.frames = VecDeque::new();
            ring.whispers = VecDeque::new();
            ring.bytes = 0;
            ring.closed = true;
            ring.removed = true;
            (ring.listeners(), ring.take_wakers())
        };
        wakers.into_iter().for_each(Waker::wake);
        listeners
    }

    /// Follows from now on.
    pub fn follow(self: &Arc<Self>) -> (u64, Follower) {
        let mut ring = self.lock();
        let next = ring.dropped + ring.frames.len() as u64;
        (ring.head(), ring.follower(self, next))
    }

    /// Follows from a place on: with everything after it, if the ring proves that it holds everything after it;
    /// from now on and with `gap`, if not.
    pub fn resume(self: &Arc<Self>, after: u64) -> Resumed {
        let mut ring = self.lock();
        let next = ring.dropped + ring.frames.len() as u64;
        let follower = ring.follower(self, next);
        if after < ring.base {
            return Resumed { at: ring.head(), gap: true, replay: Vec::new(), follower };
        }
        let known = ring.frames.partition_point(|(seq, _)| *seq <= after);
        // The last event at or before the wanted place, so that the first replayed frame's `prev` fits.
        let at = match known.checked_sub(1).and_then(|last| ring.frames.get(last)) {
            Some((seq, _)) => *seq,
            None => ring.base,
        };
        let replay = ring.frames.range(known..).map(|(_, frame)| frame.clone()).collect();
        Resumed { at, gap: false, replay, follower }
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        // Nothing in here can panic half-way through a change, so a poisoned ring is a whole one.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn head(&self) -> u64 {
        self.frames.back().map_or(self.base, |(seq, _)| *seq)
    }

    fn listeners(&self) -> usize {
        self.waiting.len() - self.free.len()
    }

    fn take_wakers(&mut self) -> Vec<Waker> {
        self.waiting.iter_mut().filter_map(Option::take).collect()
    }

    fn follower(&mut self, feed: &Arc<Feed>, next: u64) -> Follower {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.waiting.push(None);
            self.waiting.len() - 1
        });
        let heard = self.whispered;
        Follower { feed: feed.clone(), slot: u32::try_from(slot).unwrap_or(u32::MAX), next, heard }
    }

    /// The next whisper for who has heard so many of them, and is told the frame `next` next. Counts those that are
    /// heard with it, or missed.
    fn whisper_for(&self, heard: &mut u32, next: u64) -> Option<Bytes> {
        loop {
            let behind = self.whispered.wrapping_sub(*heard) as usize;
            let kept = behind.min(self.whispers.len());
            let whisper = self.whispers.get(self.whispers.len() - kept).filter(|_| kept > 0)?;
            if whisper.before > next {
                return None;
            }
            *heard = self.whispered.wrapping_sub(u32::try_from(kept).unwrap_or(0)).wrapping_add(1);
            if whisper.since.elapsed() < WHISPER_LIFE {
                return Some(whisper.what.clone());
            }
        }
    }
}

/// A place in a feed. Dropping it ends the following.
#[derive(Debug)]
pub struct Follower {
    feed: Arc<Feed>,
    slot: u32,
    /// How many whispers this one heard or missed.
    heard: u32,
    /// The ordinal of the frame to give next.
    next: u64,
}

impl Follower {
    /// Whether the feed was [removed](Feed::remove).
    pub fn is_removed(&self) -> bool {
        self.feed.lock().removed
    }

    /// The next frame; none when this reader was too slow and its frame has left the ring, or the feed is closed.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arc<LiveFrame>>> {
        loop {
            match self.poll_told(cx) {
                Poll::Ready(Some(Told::Frame(frame))) => return Poll::Ready(Some(frame)),
                Poll::Ready(Some(Told::Whisper(_))) => {}
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// The same, and what is whispered, each in its turn.
    pub fn poll_told(&mut self, cx: &mut Context<'_>) -> Poll<Option<Told>> {
        let mut ring = self.feed.lock();
        if let Some(whisper) = ring.whisper_for(&mut self.heard, self.next) {
            return Poll::Ready(Some(Told::Whisper(whisper)));
        }
        let Some(index) = self.next.checked_sub(ring.dropped) else { return Poll::Ready(None) };
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        if let Some((_, frame)) = ring.frames.get(index) {
            self.next += 1;
            return Poll::Ready(Some(Told::Frame(frame.clone())));
        }
        if ring.closed {
            return Poll::Ready(None);
        }
        match ring.waiting.get_mut(self.slot as usize) {
            Some(Some(waker)) if waker.will_wake(cx.waker()) => {}
            Some(place) => *place = Some(cx.waker().clone()),
            None => return Poll::Ready(None),
        }
        Poll::Pending
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut ring = self.feed.lock();
        if let Some(place) = ring.waiting.get_mut(self.slot as usize) {
            *place = None;
            ring.free.push(self.slot as usize);
        }
        if ring.free.len() == ring.waiting.len() {
            // The last one left: keep no memory for a crowd that was here once.
            ring.waiting = Vec::new();
            ring.free = Vec::new();
            ring.whispers = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{BadId, Cursor};
    use bytes::Bytes;
    use std::future::poll_fn;

    const BOUNDS: Bounds = Bounds { frames: 3, bytes: 1000 };

    fn push(feed: &Feed, seq: u64, bytes: usize) -> Pushed {
        feed.push(seq, BOUNDS, |prev| {
            Ok::<_, BadId>(Arc::new(LiveFrame {
                cursor: Cursor::parse(format!("e-{seq}"))?,
                prev: Cursor::parse(format!("e-{prev}"))?,
                sse: Bytes::from(vec![b'x'; bytes]),
            }))
        })
        .unwrap()
    }

    fn cursors(frames: &[Arc<LiveFrame>]) -> Vec<&str> {
        frames.iter().map(|frame| frame.cursor.as_str()).collect()
    }

    #[test]
    fn a_place_is_normalised_to_the_event_before_it() {
        let feed = Arc::new(Feed::new(10));
        push(&feed, 20, 1);
        push(&feed, 30, 1);
        for (after, at, replay) in [
            (10, 10, vec!["e-20", "e-30"]),
            (15, 10, vec!["e-20", "e-30"]),
            (20, 20, vec!["e-30"]),
            (29, 20, vec!["e-30"]),
            (30, 30, vec![]),
            (99, 30, vec![]),
        ] {
            let resumed = feed.resume(after);
            assert_eq!((resumed.at, resumed.gap), (at, false), "after {after}");
            assert_eq!(cursors(&resumed.replay), replay, "after {after}");
            if let Some(first) = resumed.replay.first() {
                assert_eq!(first.prev.as_str(), format!("e-{at}"));
            }
        }
        assert!(feed.resume(9).gap);
        assert_eq!(feed.frame(20).unwrap().cursor.as_str(), "e-20");
        assert!([10, 19, 25, 31].iter().all(|seq| feed.frame(*seq).is_none()));
    }

    #[test]
    fn bounded_by_frames_and_by_bytes() {
        let feed = Arc::new(Feed::new(0));
        for seq in 1..=4 {
            push(&feed, seq, 10);
        }
        assert!(feed.resume(0).gap);
        assert_eq!(cursors(&feed.resume(1).replay), ["e-2", "e-3", "e-4"]);
        assert_eq!(push(&feed, 5, 985), Pushed { listeners: 0, grown: 965 });
        assert_eq!(cursors(&feed.resume(4).replay), ["e-5"]);
        assert!(feed.resume(2).gap);
        push(&feed, 6, 5000);
        assert_eq!(cursors(&feed.resume(5).replay), ["e-6"], "one is kept, however large");
    }

    #[tokio::test]
    async fn who_falls_off_the_ring_is_told() {
        let feed = Arc::new(Feed::new(0));
        let (_, mut slow) = feed.follow();
        let (_, mut quick) = feed.follow();
        for seq in 1..=4 {
            assert_eq!(push(&feed, seq, 1).listeners, 2);
            let frame = poll_fn(|cx| quick.poll_next(cx)).await.unwrap();
            assert_eq!(frame.cursor.as_str(), format!("e-{seq}"));
        }
        assert!(poll_fn(|cx| slow.poll_next(cx)).await.is_none());
        drop(slow);
        assert_eq!(feed.listeners(), 1);
        feed.close();
        assert!(poll_fn(|cx| quick.poll_next(cx)).await.is_none());
    }

    #[tokio::test]
    async fn who_does_not_read_keeps_nothing_alive() {
        let feed = Arc::new(Feed::new(0));
        let (_, mut stuck) = feed.follow();
        push(&feed, 1, 1);
        let first = Arc::downgrade(&feed.resume(0).replay[0]);
        assert!(first.upgrade().is_some());
        for seq in 2..=4 {
            push(&feed, seq, 1);
        }
        assert!(first.upgrade().is_none(), "only the ring holds frames, and it is bounded");
        assert!(poll_fn(|cx| stuck.poll_next(cx)).await.is_none());
    }

    #[tokio::test]
    async fn what_was_removed_is_read_by_nobody() {
        let feed = Arc::new(Feed::new(0));
        let (_, mut behind) = feed.follow();
        push(&feed, 1, 10);
        push(&feed, 2, 10);
        let (_, mut waiting) = feed.follow();
        let waiter =
            tokio::spawn(async move { poll_fn(|cx| waiting.poll_next(cx)).await.is_none() });
        tokio::task::yield_now().await;
        assert!(!behind.is_removed());
        assert_eq!(feed.remove(), 2);
        assert!(behind.is_removed());
        assert!(poll_fn(|cx| behind.poll_next(cx)).await.is_none(), "not even what it missed");
        assert!(waiter.await.unwrap(), "who waits is woken");
        assert!(feed.resume(1).replay.is_empty());
        assert_eq!(feed.head(), 2);
    }

    #[test]
    fn whispers_keep_their_turn_and_leave_no_trace() {
        use std::task::Waker;
        let told = |follower: &mut Follower| {
            let mut said = Vec::new();
            while let Poll::Ready(Some(told)) =
                follower.poll_told(&mut Context::from_waker(Waker::noop()))
            {
                said.push(match told {
                    Told::Frame(frame) => frame.cursor.to_string(),
                    Told::Whisper(what) => String::from_utf8(what.to_vec()).unwrap(),
                });
            }
            said
        };
        let feed = Arc::new(Feed::new(0));
        assert_eq!(feed.whisper(Bytes::from_static(b"nobody")), 0);
        let (_, mut one) = feed.follow();
        let (_, mut deaf) = feed.follow();
        assert_eq!(feed.whisper(Bytes::from_static(b"a")), 2);
        push(&feed, 1, 1);
        feed.whisper(Bytes::from_static(b"b"));
        assert_eq!(told(&mut one), ["a", "e-1", "b"]);
        // Who comes later, by whatever place, hears only what comes later still.
        let mut late = feed.resume(0).follower;
        assert_eq!(told(&mut late), Vec::<String>::new());
        for n in 0..20 {
            feed.whisper(Bytes::from(n.to_string()));
        }
        assert_eq!(told(&mut late), ["12", "13", "14", "15", "16", "17", "18", "19"]);
        assert_eq!(told(&mut late), Vec::<String>::new());
        // Too slow for whispers, and nothing else is lost for it.
        let heard = told(&mut deaf);
        assert_eq!(heard[0], "e-1");
        assert_eq!(heard.len(), 9);
        assert_eq!(feed.resume(0).replay.len(), 1);
        assert_eq!(feed.head(), 1);
    }

    #[tokio::test]
    async fn slots_are_used_again_and_wake_their_owner() {
        let feed = Arc::new(Feed::new(0));
        let (_, first) = feed.follow();
        let (_, second) = feed.follow();
        drop(first);
        let (_, mut third) = feed.follow();
        assert_eq!(feed.listeners(), 2);
        let waiting =
            tokio::spawn(async move { poll_fn(|cx| third.poll_next(cx)).await.is_some() });
        tokio::task::yield_now().await;
        push(&feed, 1, 1);
        assert!(waiting.await.unwrap());
        drop(second);
        assert_eq!(feed.listeners(), 0);
    }
}
