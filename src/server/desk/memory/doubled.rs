//! A shared memory with one of this instance beside it.
//!
//! While the shared one cannot be asked, this instance still knows what it did itself; and what could not be kept there is
//! kept there as soon as it is back, so that a retry that comes to another instance afterwards finds it. After a failure
//! the shared one is left alone for a moment, so that a visitor does not wait for each of several calls to fail; only
//! claims are always tried.

use super::{LocalMemory, Memory, MemoryError, Recall};
use crate::domain::ids::ThreadId;
use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// Keys that wait to be kept; the ones above are only known here.
const MAX_OWED: usize = 10_000;
/// How often it is tried to keep what is owed.
const AGAIN: Duration = Duration::from_millis(500);
/// How long the shared memory is left alone after a failure.
const RESPITE: Duration = Duration::from_secs(1);

/// Both. Clones are the same.
#[derive(Debug, Clone)]
pub struct Doubled(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    near: LocalMemory,
    far: Arc<dyn Memory>,
    owed: Mutex<Owed>,
    /// Since when the shared one fails.
    failed: Mutex<Option<Instant>>,
    /// When it failed last, in milliseconds since 1970; 0: never.
    lapse: AtomicI64,
}

#[derive(Debug, Default)]
struct Owed {
    keys: HashMap<String, ThreadId>,
    paying: bool,
}

impl Doubled {
    /// A shared memory, and what this instance did for `ttl`.
    pub fn new(far: Arc<dyn Memory>, ttl: Duration) -> Self {
        Self(Arc::new(Inner {
            near: LocalMemory::new(ttl),
            far,
            owed: Mutex::default(),
            failed: Mutex::default(),
            lapse: AtomicI64::new(0),
        }))
    }

    /// How many keys are not kept in the shared memory yet.
    pub fn owed(&self) -> usize {
        self.0.owed().keys.len()
    }

    fn owe(&self, key: &str, thread: &ThreadId) {
        let mut owed = self.0.owed();
        if owed.keys.len() < MAX_OWED {
            owed.keys.insert(key.to_owned(), thread.clone());
        }
        if !owed.paying {
            owed.paying = true;
            tokio::spawn(pay(Arc::downgrade(&self.0)));
        }
    }
}

impl Inner {
    fn owed(&self) -> MutexGuard<'_, Owed> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the shared one says, unless it failed just now.
    async fn ask<T>(
        &self,
        call: impl Future<Output = Result<T, MemoryError>>,
    ) -> Result<T, MemoryError> {
        let last = *self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| last.elapsed() < RESPITE) {
            return Err(MemoryError("it failed a moment ago".into()));
        }
        let answer = call.await;
        self.note(&answer);
        let failed = answer.is_err().then(Instant::now);
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = failed;
        answer
    }

    fn note<T>(&self, answer: &Result<T, MemoryError>) {
        if answer.is_err() {
            self.lapse.store(jiff::Timestamp::now().as_millisecond(), Ordering::Relaxed);
        }
    }

    /// Whether nothing is owed any more; then the next one who owes begins anew.
    fn is_paid(&self) -> bool {
        let mut owed = self.owed();
        owed.paying = !owed.keys.is_empty();
        !owed.paying
    }
}

/// Until all is kept, or nobody is there any more.
async fn pay(inner: Weak<Inner>) {
    loop {
        tokio::time::sleep(AGAIN).await;
        let Some(inner) = inner.upgrade() else { return };
        let all: Vec<_> = inner.owed().keys.clone().into_iter().collect();
        for (key, thread) in all {
            if let Some(value) = inner.near.get(&key).await
                && inner.far.keep(&key, &thread, value).await.is_err()
            {
                break;
            }
            inner.owed().keys.remove(&key);
        }
        if inner.is_paid() {
            return;
        }
    }
}

impl Memory for Doubled {
    fn recall<'a>(&'a self, key: &'a str) -> Recall<'a, Option<String>> {
        Box::pin(async move {
            match self.0.ask(self.0.far.recall(key)).await {
                Ok(Some(value)) => Ok(Some(value)),
                Ok(None) => Ok(self.0.near.get(key).await),
                Err(error) => match self.0.near.get(key).await {
                    Some(value) => Ok(Some(value)),
                    None => Err(error),
                },
            }
        })
    }

    fn keep<'a>(&'a self, key: &'a str, thread: &'a ThreadId, value: String) -> Recall<'a, ()> {
        Box::pin(async move {
            self.0.near.keep(key, thread, value.clone()).await?;
            let kept = self.0.ask(self.0.far.keep(key, thread, value)).await;
            match &kept {
                // An older value that was still owed is not to overwrite this one: what is owed is read when it is paid.
                Ok(()) => drop(self.0.owed().keys.remove(key)),
                Err(_) => self.owe(key, thread),
            }
            kept
        })
    }

    fn forget<'a>(&'a self, thread: &'a ThreadId) -> Recall<'a, ()> {
        Box::pin(async move {
            self.0.owed().keys.retain(|_, of| of != thread);
            self.0.near.forget(thread).await?;
            self.0.far.forget(thread).await
        })
    }

    fn claim<'a>(&'a self, key: &'a str, token: &'a str, lease: Duration) -> Recall<'a, bool> {
        Box::pin(async move {
            let answer = self.0.far.claim(key, token, lease).await;
            self.0.note(&answer);
            answer
        })
    }

    fn release<'a>(&'a self, key: &'a str, token: &'a str) -> Recall<'a, ()> {
        self.0.far.release(key, token)
    }

    /// What others did while the shared one failed may not be known there yet.
    fn reaches_back_to(&self) -> Option<i64> {
        let lapse = Some(self.0.lapse.load(Ordering::Relaxed)).filter(|lapse| *lapse > 0);
        lapse.max(self.0.far.reaches_back_to())
    }
}

/// For tests of what a memory that fails means: fails on demand.
#[cfg(test)]
pub(super) mod failing {
    use super::*;
    use std::sync::atomic::AtomicBool;

    #[derive(Debug)]
    pub struct Failing {
        pub under: LocalMemory,
        pub away: AtomicBool,
    }

    impl Failing {
        pub fn new() -> Self {
            let under = LocalMemory::new(Duration::from_secs(60));
            Self { under, away: AtomicBool::new(false) }
        }

        fn check(&self) -> Result<(), MemoryError> {
            match self.away.load(Ordering::SeqCst) {
                true => Err(MemoryError("away".into())),
                false => Ok(()),
            }
        }
    }

    impl Memory for Failing {
        fn recall<'a>(&'a self, key: &'a str) -> Recall<'a, Option<String>> {
            Box::pin(async move {
                self.check()?;
                self.under.recall(key).await
            })
        }
        fn keep<'a>(&'a self, key: &'a str, thread: &'a ThreadId, value: String) -> Recall<'a, ()> {
            Box::pin(async move {
                self.check()?;
                self.under.keep(key, thread, value).await
            })
        }
        fn forget<'a>(&'a self, thread: &'a ThreadId) -> Recall<'a, ()> {
            Box::pin(async move {
                self.check()?;
                self.under.forget(thread).await
            })
        }
        fn claim<'a>(&'a self, key: &'a str, token: &'a str, lease: Duration) -> Recall<'a, bool> {
            Box::pin(async move {
                self.check()?;
                self.under.claim(key, token, lease).await
            })
        }
        fn release<'a>(&'a self, key: &'a str, token: &'a str) -> Recall<'a, ()> {
            Box::pin(async move {
                self.check()?;
                self.under.release(key, token).await
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{failing::Failing, *};

    #[tokio::test]
    async fn what_could_not_be_kept_is_known_here_and_kept_later() {
        let far = Arc::new(Failing::new());
        let memory = Doubled::new(far.clone(), Duration::from_secs(60));
        let thread = |n: u32| ThreadId::parse(format!("th_{n:026}")).unwrap();
        assert_eq!(memory.reaches_back_to(), None);
        far.away.store(true, Ordering::SeqCst);
        for (key, value) in [("a", "begun"), ("a", "done"), ("b", "done")] {
            assert!(memory.keep(key, &thread(1), value.into()).await.is_err());
        }
        assert!(memory.keep("gone", &thread(2), "x".into()).await.is_err());
        assert!(memory.forget(&thread(2)).await.is_err(), "who asks for it must ask again");
        assert!(memory.reaches_back_to().is_some(), "others may have done something meanwhile");
        assert_eq!(memory.recall("a").await.unwrap().as_deref(), Some("done"));
        assert!(memory.recall("c").await.is_err(), "not known is not forgotten");
        assert_eq!(memory.owed(), 2);

        tokio::time::sleep(AGAIN * 3).await;
        assert_eq!(memory.owed(), 2, "still away");
        far.away.store(false, Ordering::SeqCst);
        while memory.owed() > 0 {
            tokio::time::sleep(AGAIN).await;
        }
        assert_eq!(far.recall("a").await.unwrap().as_deref(), Some("done"));
        assert_eq!(far.recall("b").await.unwrap().as_deref(), Some("done"));
        assert_eq!(far.recall("gone").await.unwrap(), None);
        tokio::time::sleep(RESPITE).await;
        assert_eq!(memory.recall("c").await.unwrap(), None);
        // And again, the next time.
        far.away.store(true, Ordering::SeqCst);
        assert!(memory.keep("d", &thread(1), "x".into()).await.is_err());
        far.away.store(false, Ordering::SeqCst);
        while memory.owed() > 0 {
            tokio::time::sleep(AGAIN).await;
        }
        assert_eq!(far.recall("d").await.unwrap().as_deref(), Some("x"));
    }
}
