//! Used links, in the Redis that the instances share.

use super::{Claim, GRACE_SECONDS, UsedLinks};
use crate::server::{clock::Clock, redis::Redis};
use std::sync::Arc;

/// The memory of several instances: a key a link, which goes some time after the link's end.
#[derive(Debug, Clone)]
pub struct UsedInRedis {
    redis: Redis,
    clock: Arc<dyn Clock>,
}

impl UsedInRedis {
    /// Over a connection.
    pub fn new(redis: Redis, clock: Arc<dyn Clock>) -> Self {
        Self { redis, clock }
    }
}

impl UsedLinks for UsedInRedis {
    fn claim<'a>(&'a self, id: &'a str, expires: i64) -> Claim<'a> {
        Box::pin(async move {
            let now = self.clock.now_ms().div_euclid(1000);
            let keep = expires.saturating_add(GRACE_SECONDS).saturating_sub(now).max(1);
            let key = self.redis.key(&format!("link:{id}"));
            let cmd = ::redis::cmd("SET").arg(key).arg(1).arg("NX").arg("EX").arg(keep).take();
            Ok(self.redis.run::<Option<String>>(&cmd).await?.is_some())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{
        clock::FixedClock,
        redis::{RedisSettings, testing::RedisServer},
    };

    const NOW: i64 = 1_777_885_924;

    async fn instance(server: &RedisServer) -> UsedInRedis {
        let redis = Redis::connect(&RedisSettings::new(server.url())).await.unwrap();
        UsedInRedis::new(redis, Arc::new(FixedClock::at(NOW * 1000)))
    }

    #[tokio::test]
    async fn of_many_over_two_instances_one_is_first() {
        let server = RedisServer::start();
        let (one, other) = (instance(&server).await, instance(&server).await);
        let id = format!("{:032x}", 1);
        let claims = (0..20).map(|n| {
            let instance = if n % 2 == 0 { &one } else { &other };
            instance.claim(&id, NOW + 60)
        });
        let firsts = futures::future::join_all(claims).await;
        assert_eq!(firsts.into_iter().filter(|first| *first.as_ref().unwrap()).count(), 1);
        let left: i64 = server.ask(&format!("TTL hotline:link:{id}")).parse().unwrap();
        assert!((GRACE_SECONDS..=GRACE_SECONDS + 60).contains(&left), "{left}");
    }

    #[tokio::test]
    async fn what_redis_does_not_hold_is_not_promised() {
        let mut server = RedisServer::start();
        let instance = instance(&server).await;
        let id = format!("{:032x}", 2);
        server.kill();
        assert!(instance.claim(&id, NOW + 60).await.is_err());
    }
}
