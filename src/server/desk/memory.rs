//! What was sent under which key, and the rule that one key is worked on by one caller at a time.

use crate::domain::ids::ThreadId;
use std::{
    collections::HashMap,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

/// A boxed future, so that the trait stays object safe.
pub type Recall<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Remembers for a day or so. A memory that fails says nothing and forgets: the desk then finds out by reading.
pub trait Memory: Send + Sync + fmt::Debug + 'static {
    /// What was kept under the key.
    fn recall<'a>(&'a self, key: &'a str) -> Recall<'a, Option<String>>;
    /// Keeps a value that has to do with a thread, in place of an older one.
    fn keep<'a>(&'a self, key: &'a str, thread: &'a ThreadId, value: String) -> Recall<'a, ()>;
    /// Forgets everything that has to do with a thread.
    fn forget<'a>(&'a self, thread: &'a ThreadId) -> Recall<'a, ()>;
}

/// The memory of a single instance.
#[derive(Debug)]
pub struct LocalMemory(moka::future::Cache<String, (ThreadId, String)>);

impl LocalMemory {
    /// Remembers for `ttl`, and at most 100,000 keys.
    pub fn new(ttl: Duration) -> Self {
        Self(moka::future::Cache::builder().max_capacity(100_000).time_to_live(ttl).build())
    }
}

impl Memory for LocalMemory {
    fn recall<'a>(&'a self, key: &'a str) -> Recall<'a, Option<String>> {
        Box::pin(async move { self.0.get(key).await.map(|(_, value)| value) })
    }

    fn keep<'a>(&'a self, key: &'a str, thread: &'a ThreadId, value: String) -> Recall<'a, ()> {
        Box::pin(async move { self.0.insert(key.to_owned(), (thread.clone(), value)).await })
    }

    /// Looks at everything: it is seldom wanted.
    fn forget<'a>(&'a self, thread: &'a ThreadId) -> Recall<'a, ()> {
        Box::pin(async move {
            let all = self.0.iter().filter(|(_, (of, _))| of == thread);
            let keys: Vec<_> = all.map(|(key, _)| key).collect();
            for key in keys {
                self.0.invalidate(&*key).await;
            }
        })
    }
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

    #[test]
    fn keys_do_not_run_together() {
        assert_ne!(key("a", &["b", "c"]), key("a", &["bc", ""]));
        assert_eq!(key("a", &["b"]), key("a", &["b"]));
    }

    #[tokio::test]
    async fn a_thread_is_forgotten_whole_and_alone() {
        let memory = LocalMemory::new(Duration::from_secs(60));
        let thread = |n: u32| ThreadId::parse(format!("th_{n:026}")).unwrap();
        for (key, n) in [("a", 1), ("b", 1), ("c", 2)] {
            memory.keep(key, &thread(n), key.to_uppercase()).await;
        }
        memory.forget(&thread(1)).await;
        assert_eq!(memory.recall("a").await, None);
        assert_eq!(memory.recall("b").await, None);
        assert_eq!(memory.recall("c").await.as_deref(), Some("C"));
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
}
