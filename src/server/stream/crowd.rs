//! Which streams a session has open: one too many, and the oldest makes room.

use futures::task::AtomicWaker;
use metrics::counter;
use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Context,
};

/// All sessions with open streams. A session without any is not in it.
#[derive(Debug)]
pub(super) struct Crowd {
    /// Streams a session.
    most: usize,
    /// Session ids by a hash whose key nobody outside knows: eight bytes instead of a text.
    hasher: RandomState,
    sessions: Mutex<HashMap<u64, VecDeque<Arc<Tap>>>>,
}

/// A tap on the shoulder of one stream.
#[derive(Debug, Default)]
struct Tap {
    given: AtomicBool,
    waker: AtomicWaker,
}

/// A stream's place among those of its session; given back when dropped.
#[derive(Debug)]
pub(super) struct Member {
    crowd: Arc<Crowd>,
    session: u64,
    tap: Arc<Tap>,
}

impl Crowd {
    /// With so many streams a session.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, hasher: RandomState::new(), sessions: Mutex::default() })
    }

    /// Takes a place. If that is one too many, the session's oldest stream is told to go.
    pub(super) fn join(crowd: &Arc<Self>, session: &str) -> Member {
        let session = crowd.hasher.hash_one(session);
        let tap = Arc::new(Tap::default());
        let mut sessions = crowd.lock();
        let streams = sessions.entry(session).or_default();
        streams.push_back(tap.clone());
        let oldest = if streams.len() > crowd.most { streams.pop_front() } else { None };
        drop(sessions);
        if let Some(oldest) = oldest {
            counter!("hotline_streams_replaced_total").increment(1);
            oldest.given.store(true, Ordering::Release);
            oldest.waker.wake();
        }
        Member { crowd: crowd.clone(), session, tap }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, VecDeque<Arc<Tap>>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Member {
    /// Whether this stream is to make room. If not, the task is woken when it is.
    pub(super) fn must_go(&self, cx: &mut Context<'_>) -> bool {
        self.tap.waker.register(cx.waker());
        self.tap.given.load(Ordering::Acquire)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut sessions = self.crowd.lock();
        if let Some(streams) = sessions.get_mut(&self.session) {
            streams.retain(|tap| !Arc::ptr_eq(tap, &self.tap));
            if streams.is_empty() {
                sessions.remove(&self.session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    fn must_go(member: &Member) -> bool {
        member.must_go(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn one_too_many_and_the_oldest_goes() {
        let crowd = Crowd::new(3);
        let mut members: Vec<_> = (0..3).map(|_| Crowd::join(&crowd, "dana")).collect();
        let other = Crowd::join(&crowd, "eve");
        assert!(!members.iter().any(must_go));
        // One that left in time is not counted.
        members.remove(1);
        members.push(Crowd::join(&crowd, "dana"));
        assert!(!members.iter().any(must_go));
        members.push(Crowd::join(&crowd, "dana"));
        let gone: Vec<_> = members.iter().map(must_go).collect();
        assert_eq!(gone, [true, false, false, false]);
        members.push(Crowd::join(&crowd, "dana"));
        let gone: Vec<_> = members.iter().map(must_go).collect();
        assert_eq!(gone, [true, true, false, false, false]);
        assert!(!must_go(&other));
    }

    #[test]
    fn nothing_is_left_of_who_is_gone() {
        let crowd = Crowd::new(2);
        let members: Vec<_> =
            (0..100).map(|n| Crowd::join(&crowd, &format!("session-{}", n % 10))).collect();
        assert_eq!(crowd.lock().len(), 10);
        assert!(crowd.lock().values().all(|streams| streams.len() == 2));
        drop(members);
        assert!(crowd.lock().is_empty());
    }
}
