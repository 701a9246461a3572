//! The memory of a single instance.

use super::{Memory, Recall};
use crate::domain::ids::ThreadId;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Bytes of keys and values; the longest unused go first.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// In this process, and gone with it.
#[derive(Debug)]
pub struct LocalMemory {
    kept: moka::future::Cache<String, (ThreadId, String)>,
    /// Who has which key until when.
    claims: Mutex<HashMap<String, (String, Instant)>>,
    born: i64,
}

impl LocalMemory {
    /// Remembers for `ttl`.
    pub fn new(ttl: Duration) -> Self {
        let weigh = |key: &String, (_, value): &(ThreadId, String)| {
            u32::try_from(key.len() + value.len() + 128).unwrap_or(u32::MAX)
        };
        let kept = moka::future::Cache::builder()
            .max_capacity(MAX_BYTES)
            .weigher(weigh)
            .time_to_live(ttl)
            .build();
        Self { kept, claims: Mutex::default(), born: jiff::Timestamp::now().as_millisecond() }
    }

    pub(super) async fn get(&self, key: &str) -> Option<String> {
        self.kept.get(key).await.map(|(_, value)| value)
    }
}

impl Memory for LocalMemory {
    fn recall<'a>(&'a self, key: &'a str) -> Recall<'a, Option<String>> {
        Box::pin(async move { Ok(self.get(key).await) })
    }

    fn keep<'a>(&'a self, key: &'a str, thread: &'a ThreadId, value: String) -> Recall<'a, ()> {
        Box::pin(async move {
            self.kept.insert(key.to_owned(), (thread.clone(), value)).await;
            Ok(())
        })
    }

    /// Looks at everything: it is seldom wanted.
    fn forget<'a>(&'a self, thread: &'a ThreadId) -> Recall<'a, ()> {
        Box::pin(async move {
            let all = self.kept.iter().filter(|(_, (of, _))| of == thread);
            let keys: Vec<_> = all.map(|(key, _)| key).collect();
            for key in keys {
                self.kept.invalidate(&*key).await;
            }
            Ok(())
        })
    }

    fn claim<'a>(&'a self, key: &'a str, token: &'a str, lease: Duration) -> Recall<'a, bool> {
        Box::pin(async move {
            let now = Instant::now();
            let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
            claims.retain(|_, (_, until)| *until > now);
            let taken = claims.get(key).is_some_and(|(by, _)| by != token);
            if !taken {
                claims.insert(key.to_owned(), (token.to_owned(), now + lease));
            }
            Ok(!taken)
        })
    }

    fn release<'a>(&'a self, key: &'a str, token: &'a str) -> Recall<'a, ()> {
        Box::pin(async move {
            let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
            if claims.get(key).is_some_and(|(by, _)| by == token) {
                claims.remove(key);
            }
            Ok(())
        })
    }

    fn reaches_back_to(&self) -> Option<i64> {
        Some(self.born)
    }
}
