//! What was sent under which key, and the rule that one key is worked on by one caller at a time, among all
//! instances that share a memory.
//!
//! What happens when a memory is lost, or cannot be asked:
//!
//! | case | what the desk does |
//! |---|---|
//! | the memory knows the key | answers what it knows, or looks for what was begun before it sends anything |
//! | the memory cannot be asked, or could not a moment ago | looks among Plain's newest messages, two minutes back, before it sends anything |
//! | a [`LocalMemory`] was lost by a restart | the same for the first minutes ([`Memory::reaches_back_to`]): what was sent in the two minutes before the restart is found by reading back. A retry that comes later than that is sent again |
//! | the instance dies between sending and remembering | with a shared memory, the next one finds that sending was begun, and looks |

#[cfg(test)]
mod conformance;
pub mod doubled;
mod local;
pub mod redis;

pub use local::LocalMemory;

use crate::domain::ids::ThreadId;
use std::{
    collections::HashMap,
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

/// The memory cannot be asked now. It says nothing about what it knows.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the memory is unavailable: {0}")]
pub struct MemoryError(pub String);

/// A boxed future, so that the trait stays object safe.
pub type Recall<'a, T> = Pin<Box<dyn Future<Output = Result<T, MemoryError>> + Send + 'a>>;

/// Remembers for a day or so. An error never means "forgotten". Engines: [`LocalMemory`],
/// [`RedisMemory`](redis::RedisMemory), and over that [`Doubled`](doubled::Doubled).
pub trait Memory: Send + Sync + fmt::Debug + 'static {
    /// What was kept under the key.
    fn recall<'a>(&'a self, key: &'a str) -> Recall<'a, Option<String>>;

    /// Keeps a value that has to do with a thread, in place of an older one. When this answers `Ok`, whoever shares the
    /// memory recalls it.
    fn keep<'a>(&'a self, key: &'a str, thread: &'a ThreadId, value: String) -> Recall<'a, ()>;

    /// Forgets everything that has to do with a thread.
    fn forget<'a>(&'a self, thread: &'a ThreadId) -> Recall<'a, ()>;

    /// Takes a key for whoever has this token, for as long as the lease; with the token that has it already, the lease
    /// begins anew. False: another token has it.
    fn claim<'a>(&'a self, key: &'a str, token: &'a str, lease: Duration) -> Recall<'a, bool>;

    /// Gives a claimed key back. Does nothing for a token that does not have it (any more).
    fn release<'a>(&'a self, key: &'a str, token: &'a str) -> Recall<'a, ()>;

    /// The moment before which it may not know everything, in milliseconds since 1970; none if it outlives the process and
    /// never failed.
    fn reaches_back_to(&self) -> Option<i64> {
        None
    }
}

/// Somebody else works on the same key, and did not come to an end in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Busy;

/// Does the work while nobody who shares the memory works on the same key; waits for them at most for `wait`. The key is
/// claimed for `lease` at a time, and again while the work goes on: so long the others wait for an instance that died in
/// the middle of it. Where the memory cannot be asked, it goes on without: [`Turns`] still hold within this instance.
pub(super) async fn alone<T>(
    memory: &dyn Memory,
    key: &str,
    (lease, wait): (Duration, Duration),
    work: impl Future<Output = T>,
) -> Result<T, Busy> {
    let key = format!("claim:{key}");
    let token = format!("{:032x}", getrandom::u64().map_or(0, u128::from) << 64 | clock());
    let began = Instant::now();
    let mut pause = Duration::from_millis(10);
    loop {
        match memory.claim(&key, &token, lease).await {
            Ok(true) => break,
            Ok(false) if began.elapsed() >= wait => return Err(Busy),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot claim a key; other instances are not waited for");
                return Ok(work.await);
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(200));
    }
    let renewing = async {
        loop {
            tokio::time::sleep(lease / 4).await;
            if let Ok(false) = memory.claim(&key, &token, lease).await {
                tracing::warn!("a claimed key was lost to another instance");
            }
        }
    };
    let done = tokio::select! {
        done = work => done,
        never = async { let never: Infallible = renewing.await; never } => match never {},
    };
    // If this fails, the lease ends by itself.
    let _ = memory.release(&key, &token).await;
    Ok(done)
}

/// Nanoseconds since 1970: makes tokens differ even where there is no chance.
fn clock() -> u128 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos()) & u128::from(u64::MAX)
}

/// One at a time a key. Holds no more keys than are being worked on.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// Waits for this key's turn; it ends when the guard is dropped.
    pub(super) async fn take(&self, key: &str) -> tokio::sync::OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match turns.get(key).and_then(Weak::upgrade) {
                Some(turn) => turn,
                None => {
                    turns.retain(|_, turn| turn.strong_count() > 0);
                    let turn = Arc::new(tokio::sync::Mutex::new(()));
                    turns.insert(key.to_owned(), Arc::downgrade(&turn));
                    turn
                }
            }
        };
        turn.lock_owned().await
    }
}

/// A key made of parts that nobody can make collide, and that keeps none of them.
pub(super) fn key(kind: &str, parts: &[&str]) -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    format!("{kind}:{}", hex::encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    #[test]
    fn keys_do_not_run_together() {
        assert_ne!(key("a", &["b", "c"]), key("a", &["bc", ""]));
        assert_eq!(key("a", &["b"]), key("a", &["b"]));
    }

    #[tokio::test]
    async fn a_key_has_one_turn_and_keys_are_forgotten() {
        let turns = Turns::default();
        let first = turns.take("a").await;
        let other = turns.take("b").await;
        assert!(futures::FutureExt::now_or_never(turns.take("a")).is_none());
        drop((first, other));
        let _again = turns.take("a").await;
        let _third = turns.take("c").await;
        assert_eq!(turns.0.lock().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn one_works_at_a_time_and_the_others_give_up_in_time() {
        let memory = LocalMemory::new(Duration::from_secs(60));
        let patient = (Duration::from_secs(60), Duration::from_secs(60));
        let inside = AtomicUsize::new(0);
        let work = || async {
            assert_eq!(inside.fetch_add(1, SeqCst), 0, "alone");
            tokio::time::sleep(Duration::from_millis(20)).await;
            inside.fetch_sub(1, SeqCst);
        };
        let all = (0..5).map(|_| alone(&memory, "a", patient, work()));
        assert_eq!(futures::future::join_all(all).await, [Ok(()); 5]);

        let at_once = (Duration::from_secs(60), Duration::ZERO);
        let nested = alone(&memory, "a", patient, async {
            assert_eq!(alone(&memory, "b", at_once, async { 7 }).await, Ok(7));
            alone(&memory, "a", at_once, async {}).await
        });
        assert_eq!(nested.await, Ok(Err(Busy)));
        assert_eq!(alone(&memory, "a", at_once, async { 8 }).await, Ok(8), "given back");
    }

    /// Counts how often a key is claimed.
    #[derive(Debug)]
    struct Counting(LocalMemory, AtomicUsize);

    impl Memory for Counting {
        fn recall<'a>(&'a self, key: &'a str) -> Recall<'a, Option<String>> {
            self.0.recall(key)
        }
        fn keep<'a>(&'a self, key: &'a str, thread: &'a ThreadId, value: String) -> Recall<'a, ()> {
            self.0.keep(key, thread, value)
        }
        fn forget<'a>(&'a self, thread: &'a ThreadId) -> Recall<'a, ()> {
            self.0.forget(thread)
        }
        fn claim<'a>(&'a self, key: &'a str, token: &'a str, lease: Duration) -> Recall<'a, bool> {
            self.1.fetch_add(1, SeqCst);
            self.0.claim(key, token, lease)
        }
        fn release<'a>(&'a self, key: &'a str, token: &'a str) -> Recall<'a, ()> {
            self.0.release(key, token)
        }
    }

    #[tokio::test]
    async fn a_claim_is_renewed_as_long_as_the_work_goes_on() {
        let memory = Counting(LocalMemory::new(Duration::from_secs(60)), AtomicUsize::new(0));
        let patience = (Duration::from_millis(40), Duration::ZERO);
        let long = async {
            while memory.1.load(SeqCst) < 10 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        assert_eq!(alone(&memory, "a", patience, long).await, Ok(()));
    }
}
