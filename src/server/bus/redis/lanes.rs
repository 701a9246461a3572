//! The connections that listen: one to the only node, or one to each node of a cluster, for a sharded channel is heard
//! only where its slot is. A lane that is lost is made again for as long as it takes.

use super::Shared;
use crate::server::{
    bus::BusError,
    redis::{Redis, RedisFault, slot, within},
};
use ::redis::{PushInfo, PushKind, RedisResult, Value, aio::MultiplexedConnection};
use metrics::{counter, gauge};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    task::AbortHandle,
    time::Instant,
};

/// A node, by host and port; none: the only one.
type Node = Option<(String, u16)>;

/// All lanes, and which slots each has.
#[derive(Debug)]
pub struct Lanes {
    redis: Redis,
    shared: Weak<Shared>,
    /// How long a lane may be away before its followers are ended.
    grace: Duration,
    /// Counts connections over all lanes; 0 is none.
    connections: AtomicU64,
    table: Mutex<Table>,
    refreshing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Table {
    lanes: HashMap<Node, Arc<Lane>>,
    /// Sorted by the last slot.
    slots: Vec<(u16, Arc<Lane>)>,
}

/// One of them.
#[derive(Debug)]
pub struct Lane {
    node: Node,
    up: watch::Sender<Option<Up>>,
    task: Mutex<Option<AbortHandle>>,
}

/// A lane's connection.
#[derive(Clone)]
pub struct Up {
    /// Which one.
    pub number: u64,
    connection: MultiplexedConnection,
}

impl std::fmt::Debug for Up {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Up({})", self.number)
    }
}

impl Lane {
    /// Its connection, as soon as it has one.
    pub async fn up(&self) -> Result<Up, BusError> {
        let mut watch = self.up.subscribe();
        let up = watch.wait_for(Option::is_some).await;
        up.ok().and_then(|up| up.clone()).ok_or_else(|| BusError("not listening".into()))
    }

    fn is_up(&self) -> bool {
        self.up.borrow().is_some()
    }

    /// The number of its connection; 0: none.
    pub fn number(&self) -> u64 {
        self.up.borrow().as_ref().map_or(0, |up| up.number)
    }
}

impl Up {
    /// Answers when the channel is heard.
    pub async fn subscribe(&self, channel: &str) -> RedisResult<()> {
        self.one("SSUBSCRIBE", channel).await
    }

    /// Answers when it is not heard any more.
    pub async fn unsubscribe(&self, channel: &str) -> RedisResult<()> {
        self.one("SUNSUBSCRIBE", channel).await
    }

    /// The answer to one channel is one confirmation.
    async fn one(&self, command: &str, channel: &str) -> RedisResult<()> {
        let cmd = ::redis::cmd(command).arg(channel).take();
        cmd.query_async::<Value>(&mut self.connection.clone()).await.map(drop)
    }
}

impl Lanes {
    pub fn new(redis: Redis, shared: Weak<Shared>, grace: Duration) -> Self {
        Self {
            redis,
            shared,
            grace,
            connections: AtomicU64::new(0),
            table: Mutex::default(),
            refreshing: tokio::sync::Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lane over which a slot's channels are heard.
    pub fn of(&self, slot: u16) -> Option<Arc<Lane>> {
        let table = self.lock();
        let at = table.slots.partition_point(|(last, _)| *last < slot);
        table.slots.get(at).map(|(_, lane)| lane.clone())
    }

    /// Whether all of them listen.
    pub fn are_up(&self) -> bool {
        let table = self.lock();
        !table.slots.is_empty() && table.slots.iter().all(|(_, lane)| lane.is_up())
    }

    /// Waits until all of them listen.
    pub async fn all_up(&self) -> Result<(), RedisFault> {
        let lanes: Vec<_> = self.lock().lanes.values().cloned().collect();
        for lane in lanes {
            // Only a lane that was given up fails, and then another has its slots.
            let _ = lane.up().await;
        }
        Ok(())
    }

    /// Finds out which node has which slots, and opens and ends lanes accordingly.
    pub async fn refresh(self: &Arc<Self>) -> Result<(), RedisFault> {
        let _turn = self.refreshing.lock().await;
        let slots = if self.redis.is_cluster() {
            cluster_slots(&self.redis).await?
        } else {
            vec![(slot::SLOTS - 1, None)]
        };
        let mut table = self.lock();
        let mut old = std::mem::take(&mut table.lanes);
        table.slots.clear();
        for (last, node) in slots {
            let lane = table.lanes.get(&node).cloned().or_else(|| old.remove(&node));
            let lane = lane.unwrap_or_else(|| self.open(node.clone()));
            table.lanes.insert(node, lane.clone());
            table.slots.push((last, lane));
        }
        for lane in old.into_values() {
            lane.end();
        }
        Ok(())
    }

    fn open(self: &Arc<Self>, node: Node) -> Arc<Lane> {
        let lane = Arc::new(Lane { node, up: watch::Sender::new(None), task: Mutex::default() });
        let task = tokio::spawn(run(Arc::downgrade(self), lane.clone())).abort_handle();
        *lane.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        lane
    }
}

impl Lane {
    fn end(&self) {
        if let Some(task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
        self.up.send_replace(None);
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.lock().lanes.values().for_each(|lane| lane.end());
    }
}

/// How often a lane is asked whether it lives.
const PULSE: Duration = Duration::from_millis(1000);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(100);

/// A lane's life.
async fn run(lanes: Weak<Lanes>, lane: Arc<Lane>) {
    let mut heard = Instant::now();
    loop {
        let Some(all) = lanes.upgrade() else { return };
        let (redis, grace) = (all.redis.clone(), all.grace);
        drop(all);
        let end = Arc::new(Notify::new());
        let mut connecting = std::pin::pin!(connect(&lanes, &lane, &redis, end.clone()));
        // One slow answer is not the end of all streams: there is always time for one attempt.
        let deadline = (heard + grace).max(Instant::now() + 5 * PAUSE);
        let (up, was_long) = match tokio::time::timeout_at(deadline, &mut connecting).await {
            Ok(up) => (up, false),
            Err(_) => {
                let Some(shared) = lanes.upgrade().and_then(|all| all.shared.upgrade()) else {
                    return;
                };
                let ended = shared.end_lane(&lane);
                drop(shared);
                tracing::warn!(
                    streams = ended,
                    "Redis is away; live streams end and come back with it"
                );
                (connecting.await, true)
            }
        };
        let Some(up) = up else { return };
        lane.up.send_replace(Some(up.clone()));
        gauge!("hotline_bus_lanes").increment(1.0);
        if was_long {
            tracing::info!("Redis is back");
        }
        if let Some(shared) = lanes.upgrade().and_then(|all| all.shared.upgrade()) {
            shared.look_again();
        }
        heard = listen(&up, &end).await;
        lane.up.send_replace(None);
        gauge!("hotline_bus_lanes").decrement(1.0);
        counter!("hotline_bus_lanes_lost_total").increment(1);
    }
}

/// Tries until it is done; none when the bus is gone.
async fn connect(lanes: &Weak<Lanes>, lane: &Lane, redis: &Redis, end: Arc<Notify>) -> Option<Up> {
    loop {
        let all = lanes.upgrade()?;
        let number = all.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let shared = all.shared.clone();
        drop(all);
        let ended = end.clone();
        let on_push = Arc::new(move |push: PushInfo| {
            let goes_on = push.kind != PushKind::Disconnection
                && shared.upgrade().is_some_and(|shared| hear(&shared, push));
            if !goes_on {
                // Whoever waits for it learns it even if they begin to wait later.
                ended.notify_one();
            }
        });
        let node = lane.node.as_ref().map(|(host, port)| (host.as_str(), *port));
        match redis.listen(node, on_push).await {
            Ok(connection) => return Some(Up { number, connection }),
            Err(fault) => tracing::debug!(%fault, "Cannot listen"),
        }
        tokio::time::sleep(PAUSE).await;
        // The node may be gone for good, and its slots be elsewhere; then this is the end of this lane.
        if redis.is_cluster()
            && let Some(all) = lanes.upgrade()
            && all.refresh().await.is_ok()
            && let Some(shared) = all.shared.upgrade()
        {
            shared.look_again();
        }
    }
}

/// Waits for the connection's end; answers when it was alive for the last time.
async fn listen(up: &Up, end: &Notify) -> Instant {
    let mut heard = Instant::now();
    loop {
        tokio::select! {
            () = end.notified() => return heard,
            () = tokio::time::sleep(PULSE) => {}
        }
        let mut connection = up.connection.clone();
        let ping = async { Ok(::redis::cmd("PING").query_async::<Value>(&mut connection).await?) };
        let asked = Instant::now();
        tokio::select! {
            () = end.notified() => return heard,
            answer = within(PULSE, ping) => if answer.is_err() { return heard },
        }
        heard = asked;
    }
}

/// Takes what a channel brings; false if the connection is of no more use.
fn hear(shared: &Shared, push: PushInfo) -> bool {
    let text = |value: Option<Value>| match value {
        Some(Value::BulkString(bytes)) => Some(bytes),
        Some(Value::SimpleString(text)) => Some(text.into_bytes()),
        _ => None,
    };
    let mut data = push.data.into_iter();
    let Some(channel) = text(data.next()).and_then(|bytes| String::from_utf8(bytes).ok()) else {
        return true;
    };
    match push.kind {
        PushKind::SMessage => {
            if let Some(message) = text(data.next()) {
                shared.hear(&channel, &message);
            }
            true
        }
        // Where nobody asked for it, the slot went to another node. (The client would take it for another command's
        // answer, too.)
        PushKind::SUnsubscribe => !shared.wants(&channel),
        _ => true,
    }
}

/// The last slot of each range, in order, and the node that has it.
async fn cluster_slots(redis: &Redis) -> Result<Vec<(u16, Node)>, RedisFault> {
    let mut cmd = ::redis::cmd("CLUSTER");
    cmd.arg("SLOTS");
    let rows: Vec<(u16, u16, Vec<Value>)> = {
        let rows: Vec<Vec<Value>> = redis.run(&cmd).await?;
        rows.into_iter()
            .filter_map(|row| {
                let mut row = row.into_iter();
                let first = ::redis::from_redis_value(row.next()?).ok()?;
                let last = ::redis::from_redis_value(row.next()?).ok()?;
                Some((first, last, ::redis::from_redis_value(row.next()?).ok()?))
            })
            .collect()
    };
    let mut slots = Vec::with_capacity(rows.len());
    for (_, last, node) in rows {
        let mut node = node.into_iter();
        let host: Option<String> = node.next().and_then(|v| ::redis::from_redis_value(v).ok());
        let port: Option<u16> = node.next().and_then(|v| ::redis::from_redis_value(v).ok());
        let host = host.filter(|host| !host.is_empty() && host != "?");
        let host = host.or_else(|| redis.first_host().map(str::to_owned));
        let (Some(host), Some(port)) = (host, port) else {
            return Err(RedisFault("the cluster does not say where its nodes are".into()));
        };
        slots.push((last, Some((host, port))));
    }
    slots.sort();
    Ok(slots)
}
