//! The steps that Redis takes as one, and what they answer. Each touches the keys of one thread, or of one customer,
//! which share a hash tag, so each runs on one node of a cluster.
//!
//! | key | what |
//! |---|---|
//! | `{th_…}:meta` | hash: `epoch`, `seq` and `tag` of the last event, `bytes` of the log, `owner`; or only `removed` |
//! | `{th_…}:log` | Stream: an event at `<seq>-0`, with its `tag`, the one's before it, and its JSON |
//! | `{th_…}:seen:pEv_…` | until when this event id counts, by the publisher's clock |
//! | `{th_…}` | the channel |
//! | `{c_…}:threads` | set: the customer's threads |
//! | `{c_…}:removed` | that the customer was removed |
//!
//! All of them expire some time after their last use.

use super::entry::{Entry, Place};
use crate::{
    domain::ids::{CustomerId, EventId, ThreadId},
    server::redis::{Redis, Script},
};
use ::redis::{FromRedisValue, ParsingError, Value};
use std::sync::LazyLock;

/// The names of what Redis keeps of a thread.
#[derive(Debug, Clone)]
pub struct ThreadKeys {
    pub meta: String,
    pub log: String,
    pub channel: String,
}

impl ThreadKeys {
    pub fn new(redis: &Redis, thread: &ThreadId) -> Self {
        let channel = redis.key(&format!("{{{thread}}}"));
        Self { meta: format!("{channel}:meta"), log: format!("{channel}:log"), channel }
    }

    pub fn seen(&self, event: &EventId) -> String {
        format!("{}:seen:{event}", self.channel)
    }
}

/// The names of what Redis keeps of a customer: the mark of removal, the threads.
pub fn customer_keys(redis: &Redis, customer: &CustomerId) -> [String; 2] {
    ["removed", "threads"].map(|what| redis.key(&format!("{{{customer}}}:{what}")))
}

/// `meta log seen`; `now ttl json id epoch history bytes keep channel owner noted renew` → [`Outcome`].
///
/// A place's tag is made of the tag before it and the event's id: two histories that share a number do not share a
/// tag, unless everything before it is the same, too.
pub static PUBLISH: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local now, ttl, json, id = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local history, most, keep = tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8]
local owner, noted, renew = ARGV[10], ARGV[11] == '1', tonumber(ARGV[12])
if tonumber(redis.call('GET', KEYS[3]) or 0) > now then return {'duplicate'} end
local meta = redis.call('HMGET', KEYS[1], 'removed', 'epoch', 'seq', 'tag', 'bytes', 'owner', 'noted')
if meta[1] then return {'removed'} end
if owner ~= '' and not noted and (meta[6] ~= owner or now - tonumber(meta[7] or 0) > renew) then
  return {'whose'}
end
local epoch, seq, prev, bytes = meta[2], tonumber(meta[3] or 0), meta[4], tonumber(meta[5] or 0)
if not epoch then
  redis.call('DEL', KEYS[2])
  epoch, seq, prev, bytes = ARGV[5], 0, '0', 0
end
seq = seq + 1
local tag = string.sub(redis.sha1hex(prev .. id), 1, 8)
redis.call('XADD', KEYS[2], string.format('%d-0', seq), 'prev', prev, 'tag', tag, 'json', json)
local length = redis.call('XLEN', KEYS[2])
bytes = length == 1 and #json or bytes + #json
while length > 1 and (length > history or bytes > most) do
  local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
  redis.call('XDEL', KEYS[2], first[1])
  bytes, length = bytes - #first[2][6], length - 1
end
redis.call('HSET', KEYS[1], 'epoch', epoch, 'seq', seq, 'tag', tag, 'bytes', bytes)
if noted then redis.call('HSET', KEYS[1], 'owner', owner, 'noted', ARGV[1]) end
redis.call('PEXPIRE', KEYS[1], keep)
redis.call('PEXPIRE', KEYS[2], keep)
redis.call('SET', KEYS[3], string.format('%d', now + ttl), 'PX', ARGV[2])
local message = table.concat({'event', epoch, string.format('%d', seq), tag, prev, json}, ' ')
redis.call('SPUBLISH', ARGV[9], message)
return {'new', epoch, seq, tag, prev}
",
    )
});

/// `meta log`; `epoch keep after` → [`Snapshot`] with the events after a number (none, if that is empty). A thread
/// without a history begins one.
pub static READ: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local meta = redis.call('HMGET', KEYS[1], 'removed', 'epoch', 'seq', 'tag')
if meta[1] then return {'removed'} end
local epoch, seq, tag = meta[2], tonumber(meta[3] or 0), meta[4] or '0'
if not epoch then
  redis.call('DEL', KEYS[2])
  epoch, seq, tag = ARGV[1], 0, '0'
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'seq', seq, 'tag', tag, 'bytes', 0)
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
local events = {}
if ARGV[3] ~= '' then events = redis.call('XRANGE', KEYS[2], '(' .. ARGV[3] .. '-0', '+') end
return {'here', epoch, seq, tag, events}
",
    )
});

/// `meta log`; `epoch keep owner now` → whether the thread is there (1) or was removed (0).
pub static OWN: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local meta = redis.call('HMGET', KEYS[1], 'removed', 'epoch')
if meta[1] then return 0 end
if not meta[2] then
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'seq', 0, 'tag', '0', 'bytes', 0)
end
redis.call('HSET', KEYS[1], 'owner', ARGV[3], 'noted', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
",
    )
});

/// `meta log`; `keep channel`: nothing but the mark stays, and everybody is told.
pub static REMOVE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[1], 'removed', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('SPUBLISH', ARGV[2], 'removed')
return 1
",
    )
});

/// What a channel's message begins with that is no event; the frame follows.
pub const WHISPERED: &[u8] = b"whisper ";

/// `meta`; `channel message`: to who listens now, and nowhere else.
pub static WHISPER: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
if redis.call('HEXISTS', KEYS[1], 'removed') == 0 then redis.call('SPUBLISH', ARGV[1], ARGV[2]) end
return 1
",
    )
});

/// `meta`; `channel` → how many instances listen to a thread's channel.
pub static AUDIENCE: LazyLock<Script> =
    LazyLock::new(|| Script::new("return redis.call('PUBSUB', 'SHARDNUMSUB', ARGV[1])[2]"));

/// `removed threads`; `thread keep` → 1, or 0 where the customer was removed. As one step with the question, so that
/// whoever removes the customer finds the thread.
pub static NOTE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return 1
",
    )
});

/// `removed threads`; `keep` → whether it is the first time (1), and the threads that are left.
pub static FORGET: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local first = redis.call('EXISTS', KEYS[1]) == 0
redis.call('SET', KEYS[1], 1, 'PX', ARGV[1])
return {first and 1 or 0, redis.call('SMEMBERS', KEYS[2])}
",
    )
});

/// What [`PUBLISH`] answers.
#[derive(Debug)]
pub enum Outcome {
    New(Place, String),
    Duplicate,
    Removed,
    /// It must be noted first whose thread it is.
    Whose,
}

impl FromRedisValue for Outcome {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let mut parts = parts(value)?;
        match String::from_redis_value(next(&mut parts)?)?.as_str() {
            "new" => {
                let place = place(&mut parts)?;
                Ok(Self::New(place, String::from_redis_value(next(&mut parts)?)?))
            }
            "duplicate" => Ok(Self::Duplicate),
            "removed" => Ok(Self::Removed),
            _ => Ok(Self::Whose),
        }
    }
}

/// What [`READ`] answers.
#[derive(Debug)]
pub enum Snapshot {
    Here {
        /// The last event's.
        head: Place,
        /// Oldest first.
        events: Vec<Entry>,
    },
    Removed,
}

impl FromRedisValue for Snapshot {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let mut parts = parts(value)?;
        if String::from_redis_value(next(&mut parts)?)? == "removed" {
            return Ok(Self::Removed);
        }
        let head = place(&mut parts)?;
        let rows: Vec<(String, Vec<Value>)> = Vec::from_redis_value(next(&mut parts)?)?;
        let mut events = Vec::with_capacity(rows.len());
        for (id, fields) in rows {
            let seq = id.split_once('-').and_then(|(seq, _)| seq.parse().ok());
            let Some(seq) = seq else { return Err("an id that is none of ours".into()) };
            let mut fields = fields.into_iter().skip(1).step_by(2);
            let prev = String::from_redis_value(next(&mut fields)?)?;
            let tag = String::from_redis_value(next(&mut fields)?)?;
            let json = Vec::from_redis_value(next(&mut fields)?)?;
            let place = Place { epoch: head.epoch.clone(), seq, tag };
            events.push(Entry { place, prev, json });
        }
        Ok(Self::Here { head, events })
    }
}

fn parts(value: Value) -> Result<std::vec::IntoIter<Value>, ParsingError> {
    Ok(Vec::<Value>::from_redis_value(value)?.into_iter())
}

fn next(parts: &mut impl Iterator<Item = Value>) -> Result<Value, ParsingError> {
    parts.next().ok_or_else(|| "a part is missing".into())
}

fn place(parts: &mut impl Iterator<Item = Value>) -> Result<Place, ParsingError> {
    Ok(Place {
        epoch: String::from_redis_value(next(parts)?)?,
        seq: u64::from_redis_value(next(parts)?)?,
        tag: String::from_redis_value(next(parts)?)?,
    })
}
