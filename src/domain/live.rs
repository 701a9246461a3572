//! The contract of the live stream (`GET /api/support/stream`): the JSON in each SSE `data:` line.

use super::{
    ids::{Cursor, EventId, ThreadId},
    message::Message,
    thread::{Seen, Status},
    time::At,
};
use serde::{Deserialize, Serialize};

/// One event of the stream. Unnamed SSE events; `type` tells them apart.
///
/// It is read by way of [`Flat`]: what serde derives for tagged enums buffers every value and reads it twice, which
/// is dear in the browser's bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", try_from = "Flat")]
pub enum StreamEvent {
    /// The first one of every connection. After it comes what was missed, in order, then what is new.
    Connected {
        /// The thread that is being followed.
        thread_id: ThreadId,
        /// The place from which this connection goes on.
        cursor: Cursor,
        /// History could not prove that nothing is missing: fetch the conversation once.
        gap: bool,
        /// How often a heartbeat comes, in milliseconds.
        heartbeat_ms: u32,
    },
    /// Something happened to the thread at Plain.
    Webhook(Box<LiveEvent>),
    /// Nothing happened, and the connection lives.
    Heartbeat {
        /// The server's clock.
        now: At,
    },
    /// Somebody of the team is typing. Not part of the history: it carries no cursor and is never replayed.
    Typing {
        /// The thread in which they type.
        thread_id: ThreadId,
        /// Their name, as shown to visitors; may be empty.
        name: String,
        /// How long to show it, in milliseconds, unless another comes; at most [`TYPING_MS`]. 0: they stopped.
        for_ms: u32,
    },
    /// The server closes this connection on purpose; come back after the given time. With a thread: only this thread
    /// ends, for good, and the connection goes on with the others.
    Bye {
        /// `restart` or `lifetime`; [`StreamEvent::REPLACED`]; or [`StreamEvent::REMOVED`]: do not come back. For one
        /// thread: [`StreamEvent::REMOVED`] or [`StreamEvent::DENIED`].
        reason: String,
        /// The thread that ends; none: all of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thread_id: Option<ThreadId>,
        /// This client's personal delay, in milliseconds.
        after_ms: u32,
    },
}

/// The longest that a single sign of typing counts, in milliseconds.
pub const TYPING_MS: u32 = 10_000;

impl StreamEvent {
    /// Why a stream ends when its session opens more than it may: a newer one took its place.
    pub const REPLACED: &'static str = "replaced";
    /// The reason of a `bye` for good: the conversation does not exist any more.
    pub const REMOVED: &str = "removed";
    /// The reason of a `bye` for one thread: it is not this session's, or there is none such.
    pub const DENIED: &str = "denied";
}

/// What a webhook told, as far as a visitor may know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveEvent {
    /// The thread it is about.
    pub thread_id: ThreadId,
    /// Plain's name of the event, for example `thread.chat_sent`.
    pub event_type: String,
    /// Plain's id of the event.
    pub event_id: EventId,
    /// The cursor of the event before this one in the same thread: not ours → something is missing.
    pub prev: Cursor,
    /// The message, where the webhook carries it.
    pub entry: Option<Message>,
    /// The thread's state, where the webhook carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// That the team saw the visitor's last message, where the event tells so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
    /// When it happened at Plain.
    pub at: At,
}

/// All fields that any event has.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Flat {
    r#type: String,
    thread_id: Option<ThreadId>,
    cursor: Option<Cursor>,
    gap: bool,
    heartbeat_ms: u32,
    event_type: String,
    event_id: Option<EventId>,
    prev: Option<Cursor>,
    entry: Option<Message>,
    status: Option<Status>,
    seen: Option<Seen>,
    at: Option<At>,
    now: Option<At>,
    name: String,
    for_ms: u32,
    reason: String,
    after_ms: u32,
}

impl Flat {
    /// None for a type that is not known, and where something is missing.
    fn event(self) -> Option<StreamEvent> {
        Some(match self.r#type.as_str() {
            "connected" => StreamEvent::Connected {
                thread_id: self.thread_id?,
                cursor: self.cursor?,
                gap: self.gap,
                heartbeat_ms: self.heartbeat_ms,
            },
            "webhook" => StreamEvent::Webhook(Box::new(LiveEvent {
                thread_id: self.thread_id?,
                event_type: self.event_type,
                event_id: self.event_id?,
                prev: self.prev?,
                entry: self.entry,
                status: self.status,
                seen: self.seen,
                at: self.at?,
            })),
            "heartbeat" => StreamEvent::Heartbeat { now: self.now? },
            "typing" => StreamEvent::Typing {
                thread_id: self.thread_id?,
                name: self.name,
                for_ms: self.for_ms.min(TYPING_MS),
            },
            "bye" => StreamEvent::Bye {
                reason: self.reason,
                thread_id: self.thread_id,
                after_ms: self.after_ms,
            },
            _ => return None,
        })
    }
}

impl TryFrom<Flat> for StreamEvent {
    type Error = &'static str;

    fn try_from(flat: Flat) -> Result<Self, Self::Error> {
        flat.event().ok_or("not a known event")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_on_the_wire() {
        let thread_id = ThreadId::parse("th_01KQS44ER0KVVBRC15MBB8ADPP").unwrap();
        let connected = StreamEvent::Connected {
            thread_id: thread_id.clone(),
            cursor: Cursor::parse("e-1").unwrap(),
            gap: false,
            heartbeat_ms: 15_000,
        };
        assert_eq!(
            serde_json::to_string(&connected).unwrap(),
            r#"{"type":"connected","threadId":"th_01KQS44ER0KVVBRC15MBB8ADPP","cursor":"e-1","gap":false,"heartbeatMs":15000}"#
        );
        let webhook = StreamEvent::Webhook(Box::new(LiveEvent {
            thread_id: thread_id.clone(),
            event_type: "thread.chat_sent".into(),
            event_id: EventId::parse("pEv_01KQS44ER0G8ATYMQPCR3B9NTQ").unwrap(),
            prev: Cursor::parse("e-1").unwrap(),
            entry: None,
            status: None,
            seen: None,
            at: At::from_millis(0),
        }));
        let json = serde_json::to_string(&webhook).unwrap();
        assert!(json.starts_with(r#"{"type":"webhook","threadId":"#), "{json}");
        assert!(json.contains(r#""entry":null"#), "{json}");
        assert_eq!(serde_json::from_str::<StreamEvent>(&json).unwrap(), webhook);
        let bye = |reason: &str, thread_id| StreamEvent::Bye {
            reason: reason.into(),
            thread_id,
            after_ms: 700,
        };
        for (bye, json) in [
            (bye("restart", None), r#"{"type":"bye","reason":"restart","afterMs":700}"#),
            (
                bye("removed", Some(thread_id)),
                r#"{"type":"bye","reason":"removed","threadId":"th_01KQS44ER0KVVBRC15MBB8ADPP","afterMs":700}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&bye).unwrap(), json);
            assert_eq!(serde_json::from_str::<StreamEvent>(json).unwrap(), bye);
        }
    }
}
