//! How each type of the contract is read.

use super::{Read, Value, readable};
use crate::domain::{
    error::{Code, DeskError, FieldError},
    ids::{AttachmentId, Cursor, EntryId, EventId, ThreadId},
    link::ResumeLink,
    live::{LiveEvent, StreamEvent, TYPING_MS},
    message::{Attachment, Author, Message, Reaction, Role},
    opening::Opening,
    thread::{Conversation, LastMessage, Seen, Sign, Status, Thread},
    time::At,
    words::Words,
};

impl Read for String {
    fn read<V: Value>(value: &V) -> Option<Self> {
        value.text()
    }
}

impl Read for bool {
    fn read<V: Value>(value: &V) -> Option<Self> {
        Some(value.is_true())
    }
}

macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl Read for $type {
            fn read<V: Value>(value: &V) -> Option<Self> {
                value.number().map(|number| number as $type)
            }
        }
    )*};
}
numbers!(u8, u32, u64);

macro_rules! ids {
    ($($type:ty),*) => {$(
        impl Read for $type {
            fn read<V: Value>(value: &V) -> Option<Self> {
                Self::parse(value.text()?).ok()
            }
        }
    )*};
}
ids!(AttachmentId, Cursor, EntryId, EventId, ThreadId);

macro_rules! worded {
    ($type:ty { $($word:literal => $variant:ident),* $(,)? }) => {
        impl Read for $type {
            fn read<V: Value>(value: &V) -> Option<Self> {
                Some(match value.text()?.as_str() {
                    $($word => Self::$variant,)*
                    _ => return None,
                })
            }
        }
    };
}
worded!(Role { "customer" => Customer, "agent" => Agent, "bot" => Bot, "system" => System });
worded!(Status { "inProgress" => InProgress, "waitingForYou" => WaitingForYou, "done" => Done });
worded!(Sign {
    "assigned" => Assigned, "inProgress" => InProgress, "reaction" => Reaction, "answer" => Answer,
});
worded!(Code {
    "bad_request" => BadRequest, "no_session" => NoSession, "forbidden" => Forbidden, "not_found" => NotFound,
    "locked" => Locked, "removed" => Removed, "too_large" => TooLarge, "invalid" => Invalid,
    "rate_limited" => RateLimited, "internal" => Internal, "unavailable" => Unavailable,
    "unreachable" => Unreachable, "unknown" => Unknown,
});

impl Read for At {
    fn read<V: Value>(value: &V) -> Option<Self> {
        Self::parse(value.text()?)
    }
}

impl<T: Read> Read for Option<T> {
    fn read<V: Value>(value: &V) -> Option<Self> {
        if value.is_none() { Some(None) } else { T::read(value).map(Some) }
    }
}

impl<T: Read> Read for Vec<T> {
    fn read<V: Value>(value: &V) -> Option<Self> {
        value.items().iter().map(T::read).collect()
    }
}

impl<T: Read> Read for Box<T> {
    fn read<V: Value>(value: &V) -> Option<Self> {
        T::read(value).map(Box::new)
    }
}

impl Read for Words {
    fn read<V: Value>(value: &V) -> Option<Self> {
        Vec::read(value).map(Self::of)
    }
}

readable!(Author { name = "name", role = "role", me = "me", avatar_url = "avatarUrl" });
readable!(Attachment { id = "id", file_name = "fileName", bytes = "bytes", mime_type = "mimeType" });
readable!(Reaction { emoji = "emoji", count = "count" });
readable!(Message {
    id = "id", source_id = "sourceId", author = "author", text = "text", html = "html", at = "at",
    updated_at = "updatedAt", edited = "edited", deleted = "deleted", attachments = "attachments",
    reactions = "reactions", turned = "turned",
});
readable!(LastMessage { name = "name", me = "me", text = "text" });
readable!(Seen { sign = "sign", at = "at" });
readable!(Thread {
    id = "id", reference = "reference", title = "title", status = "status", locked = "locked",
    created_at = "createdAt", last_activity_at = "lastActivityAt", last_message = "lastMessage", unread = "unread",
});
readable!(Conversation {
    thread = "thread", messages = "messages", older = "older", cursor = "cursor", seen = "seen", read_to = "readTo",
    rating = "rating",
});
readable!(Opening { conversation = "conversation", newest = "newest" });
readable!(ResumeLink { url = "url", expires_at = "expiresAt" });
readable!(LiveEvent {
    thread_id = "threadId", event_type = "eventType", event_id = "eventId", prev = "prev", entry = "entry",
    status = "status", seen = "seen", at = "at",
});

impl Read for FieldError {
    fn read<V: Value>(value: &V) -> Option<Self> {
        let (field, message) = (value.get("field").text()?, value.get("message").text()?);
        Some(Self { field, message, sentence: None })
    }
}

impl Read for DeskError {
    fn read<V: Value>(value: &V) -> Option<Self> {
        let mut error = Self::new(Code::read(&value.get("code"))?, value.get("error").text()?);
        error.fields = Read::read(&value.get("fields"))?;
        Some(error)
    }
}

impl Read for StreamEvent {
    fn read<V: Value>(value: &V) -> Option<Self> {
        fn field<T: Read>(value: &impl Value, name: &str) -> Option<T> {
            T::read(&value.get(name))
        }
        Some(match value.get("type").text()?.as_str() {
            "connected" => Self::Connected {
                thread_id: field(value, "threadId")?,
                cursor: field(value, "cursor")?,
                gap: field(value, "gap")?,
                heartbeat_ms: field(value, "heartbeatMs")?,
            },
            "webhook" => Self::Webhook(Read::read(value)?),
            "heartbeat" => Self::Heartbeat { now: field(value, "now")? },
            "typing" => Self::Typing {
                thread_id: field(value, "threadId")?,
                name: field(value, "name")?,
                for_ms: field::<u32>(value, "forMs")?.min(TYPING_MS),
            },
            "bye" => Self::Bye {
                reason: field(value, "reason")?,
                thread_id: field(value, "threadId")?,
                after_ms: field(value, "afterMs")?,
            },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;
    use std::fmt::Debug;

    impl Value for serde_json::Value {
        fn get(&self, name: &str) -> Self {
            self.as_object().and_then(|object| object.get(name)).cloned().unwrap_or_default()
        }

        fn is_none(&self) -> bool {
            self.is_null()
        }

        fn text(&self) -> Option<String> {
            self.as_str().map(Into::into)
        }

        fn number(&self) -> Option<f64> {
            self.as_f64()
        }

        fn is_true(&self) -> bool {
            self.as_bool() == Some(true)
        }

        fn items(&self) -> Vec<Self> {
            self.as_array().cloned().unwrap_or_default()
        }
    }

    /// What serde writes is what the tab reads.
    fn same<T: Read + Serialize + PartialEq + Debug>(value: T) {
        let json = serde_json::to_value(&value).unwrap();
        assert_eq!(T::read(&json), Some(value), "{json}");
    }

    fn message() -> Message {
        Message {
            id: EntryId::parse("t_01KQS44ER0KVVBRC15MBB8ADPP").unwrap(),
            source_id: Some("ch_1".into()),
            author: Author {
                name: "Ines".into(),
                role: Role::Agent,
                me: false,
                avatar_url: Some("/a.png".into()),
            },
            text: "Hello".into(),
            html: Some("<p>Hello</p>".into()),
            at: At::from_millis(1),
            updated_at: At::from_millis(2),
            edited: true,
            deleted: false,
            attachments: vec![
                Attachment::new("att_01KQS44ER0KVVBRC15MBB8ADPP".into(), "a.txt", 7, "text/plain")
                    .unwrap(),
            ],
            reactions: vec![Reaction { emoji: "👍".into(), count: 2 }],
            turned: None,
        }
    }

    #[test]
    fn conversations() {
        let thread = Thread {
            id: ThreadId::parse("th_01KQS44ER0KVVBRC15MBB8ADPP").unwrap(),
            reference: "T-1".into(),
            title: "Export".into(),
            status: Status::WaitingForYou,
            locked: true,
            created_at: At::from_millis(0),
            last_activity_at: At::from_millis(9),
            last_message: Some(LastMessage { name: "Ines".into(), me: false, text: "Hi".into() }),
            unread: true,
        };
        let bare = Message {
            source_id: None,
            html: None,
            edited: false,
            deleted: true,
            attachments: vec![],
            reactions: vec![],
            turned: Some(Status::Done),
            ..message()
        };
        let full = Conversation {
            thread,
            messages: vec![message(), bare],
            older: Some("cursor".into()),
            cursor: Cursor::parse("e-1").unwrap(),
            seen: Some(Seen { sign: Sign::Reaction, at: At::from_millis(3) }),
            read_to: Some(message().id),
            rating: Some(4),
        };
        let less =
            Conversation { older: None, seen: None, read_to: None, rating: None, ..full.clone() };
        same(Opening { conversation: full, newest: true });
        same(Opening { conversation: less, newest: false });
    }

    #[test]
    fn words_of_enums() {
        for role in [Role::Customer, Role::Agent, Role::Bot, Role::System] {
            same(role);
        }
        for status in [Status::InProgress, Status::WaitingForYou, Status::Done] {
            same(status);
        }
        for sign in [Sign::Assigned, Sign::InProgress, Sign::Reaction, Sign::Answer] {
            same(sign);
        }
        use Code::*;
        for code in [
            BadRequest,
            NoSession,
            Forbidden,
            NotFound,
            Locked,
            Removed,
            TooLarge,
            Invalid,
            RateLimited,
            Internal,
            Unavailable,
            Unreachable,
            Unknown,
        ] {
            same(code);
        }
    }

    #[test]
    fn events() {
        let thread_id = ThreadId::parse("th_01KQS44ER0KVVBRC15MBB8ADPP").unwrap();
        let cursor = || Cursor::parse("e-1").unwrap();
        let webhook = |entry, status, seen| {
            StreamEvent::Webhook(Box::new(LiveEvent {
                thread_id: thread_id.clone(),
                event_type: "thread.chat_sent".into(),
                event_id: EventId::parse("pEv_01KQS44ER0G8ATYMQPCR3B9NTQ").unwrap(),
                prev: cursor(),
                entry,
                status,
                seen,
                at: At::from_millis(5),
            }))
        };
        let seen = Some(Seen { sign: Sign::Assigned, at: At::from_millis(3) });
        same(webhook(Some(message()), None, None));
        same(webhook(None, Some(Status::Done), seen));
        let id = thread_id.clone();
        same(StreamEvent::Connected {
            thread_id: id,
            cursor: cursor(),
            gap: true,
            heartbeat_ms: 15_000,
        });
        same(StreamEvent::Heartbeat { now: At::from_millis(7) });
        same(StreamEvent::Typing {
            thread_id: thread_id.clone(),
            name: "Ines".into(),
            for_ms: 4000,
        });
        same(StreamEvent::Bye { reason: "restart".into(), thread_id: None, after_ms: 700 });
        same(StreamEvent::Bye {
            reason: "removed".into(),
            thread_id: Some(thread_id),
            after_ms: 0,
        });
        assert_eq!(StreamEvent::read(&serde_json::json!({"type": "later"})), None);
    }

    #[test]
    fn errors_and_words() {
        let mut error = DeskError::new(Code::Invalid, "Two faults.");
        same(error.clone());
        error.fields =
            vec![FieldError { field: "name".into(), message: "No.".into(), sentence: None }];
        same(error);
        same(Words::new(|word| format!("{word:?}")));
    }
}
