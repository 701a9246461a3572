//! Instances, what they publish, and who reads there.

use hotline::{
    domain::{
        ids::{Cursor, EventId, ThreadId},
        live::{LiveEvent, StreamEvent},
        time::At,
    },
    server::{
        bus::{
            EventBus, LiveFrame, LiveReceiver, NewEvent, Published,
            redis::{RedisBus, RedisBusSettings},
        },
        clock::SystemClock,
        redis::{Redis, RedisSettings, Script},
    },
};
use std::{collections::VecDeque, sync::Arc, time::Duration};

/// Long enough for a slow machine; nothing waits so long where all is well.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// An instance that is patient with a busy machine.
pub async fn instance(url: &str) -> Arc<RedisBus> {
    let grace = Duration::from_secs(60);
    with(url, RedisBusSettings { grace, ..RedisBusSettings::default() }).await
}

pub async fn with(url: &str, settings: RedisBusSettings) -> Arc<RedisBus> {
    let redis = connect(url).await;
    Arc::new(RedisBus::start(redis, settings, Arc::new(SystemClock)).await.unwrap())
}

pub async fn connect(url: &str) -> Redis {
    let patience = Duration::from_secs(5);
    Redis::connect(&RedisSettings { patience, ..RedisSettings::new(url) }).await.unwrap()
}

pub fn thread(n: u32) -> ThreadId {
    ThreadId::parse(format!("th_{n:026}")).unwrap()
}

pub fn id(n: u32) -> EventId {
    EventId::parse(format!("pEv_{n:026}")).unwrap()
}

pub fn ids(numbers: impl IntoIterator<Item = u32>) -> Vec<EventId> {
    numbers.into_iter().map(id).collect()
}

/// Event `n` of thread `of`.
pub fn event(of: u32, n: u32) -> NewEvent {
    NewEvent {
        thread_id: thread(of),
        customer: None,
        event_type: "thread.chat_sent".into(),
        event_id: id(n),
        at: At::from_millis(1_800_000_000_000 + i64::from(n)),
        entry: None,
        status: None,
        seen: None,
    }
}

/// As Plain does: delivers again until it is taken. Tells whether any try failed.
pub async fn deliver(bus: &RedisBus, event: NewEvent) -> bool {
    let mut failed = false;
    let taken = async {
        while bus.publish(event.clone()).await.is_err() {
            failed = true;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, taken).await.expect("it is taken in the end");
    failed
}

pub async fn publish(bus: &RedisBus, event: NewEvent) -> Cursor {
    match bus.publish(event).await.unwrap() {
        Published::New { cursor, .. } => cursor,
        other => panic!("not new: {other:?}"),
    }
}

/// What a browser reads in a frame.
pub fn decode(frame: &LiveFrame) -> LiveEvent {
    let text = std::str::from_utf8(&frame.sse).unwrap();
    let (id, data) = text.trim_end().split_once("\ndata: ").expect("two lines");
    assert_eq!(id, format!("id: {}", frame.cursor));
    match serde_json::from_str(data).unwrap() {
        StreamEvent::Webhook(event) => *event,
        other => panic!("not a webhook event: {other:?}"),
    }
}

/// Somebody who follows a thread, and comes back with their place whenever the stream ends.
pub struct Reader {
    bus: Arc<RedisBus>,
    thread: ThreadId,
    pub place: Cursor,
    replay: VecDeque<Arc<LiveFrame>>,
    live: Option<LiveReceiver>,
    /// How often they were told that something may be missing.
    pub gaps: usize,
    /// How often the stream ended.
    pub ends: usize,
}

impl Reader {
    pub async fn of(bus: &Arc<RedisBus>, of: u32) -> Self {
        let place = bus.head(&thread(of)).await.unwrap();
        let mut reader = Self {
            bus: bus.clone(),
            thread: thread(of),
            place,
            replay: VecDeque::new(),
            live: None,
            gaps: 0,
            ends: 0,
        };
        reader.open().await;
        reader
    }

    /// Comes (back), as often as it takes.
    pub async fn open(&mut self) {
        let open = async {
            loop {
                match self.bus.subscribe(&self.thread, Some(&self.place)).await {
                    Ok(subscription) => return subscription,
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        let subscription = tokio::time::timeout(PATIENCE, open).await.expect("an open stream");
        if subscription.gap {
            self.gaps += 1;
            self.place = subscription.cursor;
        } else {
            assert_eq!(subscription.cursor, self.place, "never ahead of the replay");
        }
        self.replay = subscription.replay.into();
        self.live = Some(subscription.live);
    }

    /// The next event, which must follow the one before it.
    pub async fn next(&mut self) -> EventId {
        loop {
            let frame = match (self.replay.pop_front(), &mut self.live) {
                (Some(frame), _) => Some(frame),
                (None, Some(live)) => {
                    tokio::time::timeout(PATIENCE, live.next()).await.expect("an event, or the end")
                }
                (None, None) => None,
            };
            let Some(frame) = frame else {
                self.ends += 1;
                self.open().await;
                continue;
            };
            assert_eq!(frame.prev, self.place, "no hole");
            self.place = frame.cursor.clone();
            return decode(&frame).event_id;
        }
    }

    pub async fn hear(&mut self, count: usize) -> Vec<EventId> {
        let mut heard = Vec::new();
        while heard.len() < count {
            heard.push(self.next().await);
        }
        heard
    }

    /// Waits for the end of the stream, and does not come back yet.
    pub async fn end(&mut self) {
        let mut live = self.live.take().expect("an open stream");
        let end = tokio::time::timeout(PATIENCE, live.next()).await.expect("an end");
        assert!(end.is_none(), "an event instead of the end");
        self.ends += 1;
    }

    pub fn is_removed(&self) -> bool {
        self.live.as_ref().is_some_and(LiveReceiver::is_removed)
    }
}

/// Appends an event to a thread's history, and its message is lost on its way.
pub async fn publish_unheard(redis: &Redis, of: u32, n: u32) {
    let script = Script::new(
        r"
local meta = redis.call('HMGET', KEYS[1], 'seq', 'tag')
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1][2]
local seq, tag = meta[1] + 1, string.sub(redis.sha1hex(meta[2] .. ARGV[1]), 1, 8)
local json = string.gsub(last[6], 'pEv_%w+', ARGV[1])
redis.call('XADD', KEYS[2], seq .. '-0', 'prev', meta[2], 'tag', tag, 'json', json)
redis.call('HSET', KEYS[1], 'seq', seq, 'tag', tag)
return 1
",
    );
    redis.eval::<()>(&script, &keys(redis, of), id(n).as_str()).await.unwrap();
}

/// Takes the last events of a thread back, as when a replica takes over that had not heard of them yet.
pub async fn lose_the_last(redis: &Redis, of: u32, count: u32) {
    let script = Script::new(
        r"
for _, entry in ipairs(redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', ARGV[1])) do
  local seq = redis.call('HINCRBY', KEYS[1], 'seq', -1)
  redis.call('HSET', KEYS[1], 'tag', entry[2][2])
  redis.call('XDEL', KEYS[2], entry[1])
end
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
redis.call('XSETID', KEYS[2], last[1][1])
return 1
",
    );
    redis.eval::<()>(&script, &keys(redis, of), count).await.unwrap();
}

fn keys(redis: &Redis, of: u32) -> [String; 2] {
    ["meta", "log"].map(|what| redis.key(&format!("{{{}}}:{what}", thread(of))))
}
