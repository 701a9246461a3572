//! The memory that several instances share.
//!
//! | key | what |
//! |---|---|
//! | `memory:{key}` | the value, for as long as things are remembered |
//! | `memory-of:{thread}` | the keys that have to do with a thread, to find them when it is to be forgotten |
//! | `lease:{key}` | the token of who works on it, for as long as the lease |
//!
//! Each call touches one key at a time, so a cluster needs no hash tags.

use super::{Memory, MemoryError, Recall};
use crate::{
    domain::ids::ThreadId,
    server::redis::{Redis, RedisFault, Script},
};
use ::redis::cmd;
use futures::future::{try_join, try_join_all};
use std::{sync::LazyLock, time::Duration};

/// In Redis.
#[derive(Debug, Clone)]
pub struct RedisMemory {
    redis: Redis,
    ttl: Duration,
}

/// `KEYS[1]` of `ARGV[1]`, or free: it is `ARGV[1]`'s for `ARGV[2]` ms.
static CLAIM: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local by = redis.call('GET', KEYS[1])
         if by and by ~= ARGV[1] then return 0 end
         redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
         return 1",
    )
});
static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
         return redis.call('DEL', KEYS[1])",
    )
});
/// Notes `ARGV[1]` in the set, which is kept for `ARGV[2]` ms from now on.
static NOTE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "redis.call('SADD', KEYS[1], ARGV[1])
         return redis.call('PEXPIRE', KEYS[1], ARGV[2])",
    )
});

impl RedisMemory {
    /// Remembers for `ttl`.
    pub fn new(redis: Redis, ttl: Duration) -> Self {
        Self { redis, ttl }
    }

    fn value(&self, key: &str) -> String {
        self.redis.key(&format!("memory:{key}"))
    }

    fn keys_of(&self, thread: &ThreadId) -> String {
        self.redis.key(&format!("memory-of:{thread}"))
    }

    fn lease(&self, key: &str) -> String {
        self.redis.key(&format!("lease:{key}"))
    }
}

impl From<RedisFault> for MemoryError {
    fn from(fault: RedisFault) -> Self {
        Self(fault.to_string())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).clamp(1, i64::MAX.unsigned_abs())
}

impl Memory for RedisMemory {
    fn recall<'a>(&'a self, key: &'a str) -> Recall<'a, Option<String>> {
        Box::pin(async move { Ok(self.redis.run(cmd("GET").arg(self.value(key))).await?) })
    }

    fn keep<'a>(&'a self, key: &'a str, thread: &'a ThreadId, value: String) -> Recall<'a, ()> {
        Box::pin(async move {
            let ttl = millis(self.ttl);
            let mut set = cmd("SET");
            set.arg(self.value(key)).arg(value).arg("PX").arg(ttl);
            let of_thread = [self.keys_of(thread)];
            let note = self.redis.eval::<i64>(&NOTE, &of_thread, (key, ttl));
            try_join(note, self.redis.run::<()>(&set)).await?;
            Ok(())
        })
    }

    fn forget<'a>(&'a self, thread: &'a ThreadId) -> Recall<'a, ()> {
        Box::pin(async move {
            let of_thread = self.keys_of(thread);
            let keys: Vec<String> = self.redis.run(cmd("SMEMBERS").arg(&of_thread)).await?;
            let values = keys
                .iter()
                .map(|key| async { self.redis.run::<i64>(cmd("DEL").arg(self.value(key))).await });
            try_join_all(values).await?;
            // Last: what failed above is found again.
            self.redis.run::<i64>(cmd("DEL").arg(of_thread)).await?;
            Ok(())
        })
    }

    fn claim<'a>(&'a self, key: &'a str, token: &'a str, lease: Duration) -> Recall<'a, bool> {
        Box::pin(async move {
            let won: i64 =
                self.redis.eval(&CLAIM, &[self.lease(key)], (token, millis(lease))).await?;
            Ok(won == 1)
        })
    }

    fn release<'a>(&'a self, key: &'a str, token: &'a str) -> Recall<'a, ()> {
        Box::pin(async move {
            self.redis.eval::<i64>(&RELEASE, &[self.lease(key)], token).await?;
            Ok(())
        })
    }
}
