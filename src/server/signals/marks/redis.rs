//! The marks of several instances, in the Redis that they share.

use super::{Mark, Marking, Marks};
use crate::{
    domain::ids::{EntryId, ThreadId},
    server::redis::{Redis, Script},
};
use std::sync::LazyLock;

/// A mark goes after so many days in which nothing more was read: longer than a visitor's cookie lives.
const KEEP_SECONDS: u64 = 200 * 86_400;

/// `mark`; `at entry keep` → the mark that holds, and whether it moved. As one step, so that of two screens the one that
/// is further wins.
static ADVANCE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local at, entry = tonumber(ARGV[1]), ARGV[2]
local held = redis.call('HMGET', KEYS[1], 'at', 'entry')
local was = tonumber(held[1])
if was and (was > at or (was == at and held[2] >= entry)) then return {held[1], held[2], 0} end
redis.call('HSET', KEYS[1], 'at', ARGV[1], 'entry', entry)
redis.call('EXPIRE', KEYS[1], ARGV[3])
return {ARGV[1], entry, 1}
",
    )
});

/// A key a thread.
#[derive(Debug, Clone)]
pub struct MarksInRedis(Redis);

impl MarksInRedis {
    /// Over a connection.
    pub fn new(redis: Redis) -> Self {
        Self(redis)
    }

    fn key(&self, thread: &ThreadId) -> String {
        self.0.key(&format!("read:{thread}"))
    }
}

fn mark(at: i64, entry: String) -> std::io::Result<Mark> {
    let entry = EntryId::parse(entry).map_err(std::io::Error::other)?;
    Ok(Mark { at, entry })
}

impl Marks for MarksInRedis {
    fn advance<'a>(&'a self, thread: &'a ThreadId, to: &'a Mark) -> Marking<'a, (Mark, bool)> {
        Box::pin(async move {
            let args = (to.at, to.entry.as_str(), KEEP_SECONDS);
            let (at, entry, moved): (i64, String, bool) =
                self.0.eval(&ADVANCE, &[&self.key(thread)], args).await?;
            Ok((mark(at, entry)?, moved))
        })
    }

    fn of<'a>(&'a self, thread: &'a ThreadId) -> Marking<'a, Option<Mark>> {
        Box::pin(async move {
            let cmd = ::redis::cmd("HMGET").arg(self.key(thread)).arg("at").arg("entry").take();
            let held: (Option<i64>, Option<String>) = self.0.run(&cmd).await?;
            match held {
                (Some(at), Some(entry)) => mark(at, entry).map(Some),
                _ => Ok(None),
            }
        })
    }

    fn forget<'a>(&'a self, threads: &'a [ThreadId]) -> Marking<'a, ()> {
        Box::pin(async move {
            // One by one: in a cluster they live in different places.
            for thread in threads {
                let cmd = ::redis::cmd("DEL").arg(self.key(thread)).take();
                self.0.run::<::redis::Value>(&cmd).await?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::conformance::{self, mark, thread},
        *,
    };
    use crate::server::redis::{RedisSettings, testing::RedisServer};

    async fn instance(server: &RedisServer) -> MarksInRedis {
        MarksInRedis::new(Redis::connect(&RedisSettings::new(server.url())).await.unwrap())
    }

    #[tokio::test]
    async fn conforms() {
        let server = RedisServer::start();
        conformance::all(&instance(&server).await).await;
    }

    #[tokio::test]
    async fn of_many_screens_on_two_instances_the_furthest_wins() {
        let server = RedisServer::start();
        let (one, other) = (instance(&server).await, instance(&server).await);
        let id = thread(1);
        let marks: Vec<_> = (0..20).map(|n| mark(n * 7 % 20, 1)).collect();
        let moves = marks.iter().enumerate().map(|(n, mark)| {
            let instance = if n % 2 == 0 { &one } else { &other };
            instance.advance(&id, mark)
        });
        futures::future::join_all(moves).await.into_iter().for_each(|moved| drop(moved.unwrap()));
        assert_eq!(one.of(&id).await.unwrap(), Some(mark(19, 1)));
        let left: u64 = server.ask(&format!("TTL hotline:read:{id}")).parse().unwrap();
        assert!((1..=KEEP_SECONDS).contains(&left), "{left}");
    }
}
