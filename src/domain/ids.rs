//! Identifiers, checked where they enter: a value of one of these types has the shape its name promises.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A text that is not an identifier of the wanted kind. Carries no input, so it may be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadId(pub &'static str);

impl fmt::Display for BadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a valid {}", self.0)
    }
}

impl std::error::Error for BadId {}

/// Plain's ids: a letter prefix, `_`, 26 characters of Crockford base32; 50 characters at most
/// (webhook schema, pattern `^[a-zA-Z]+_[0-9A-HJKMNP-TV-Z]{26}$`).
fn is_plain_id(text: &str) -> bool {
    let Some((prefix, ulid)) = text.split_once('_') else { return false };
    text.len() <= 50
        && !prefix.is_empty()
        && prefix.bytes().all(|b| b.is_ascii_alphabetic())
        && ulid.len() == 26
        && ulid
            .bytes()
            .all(|b| b.is_ascii_digit() || (b.is_ascii_uppercase() && !b"ILOU".contains(&b)))
}

/// Keys that a browser makes up: 8 to 64 characters of `[0-9A-Za-z-]`.
fn is_client_key(text: &str) -> bool {
    (8..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// The stream's cursors: 1 to 64 characters of `[0-9A-Za-z-]`, safe in a header, a URL and an SSE `id:` line.
fn is_cursor(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the shape; [`BadId`] if it does not fit.
            pub fn parse(text: impl Into<String>) -> Result<Self, BadId> {
                let text = text.into();
                if $check(&text) { Ok(Self(text)) } else { Err(BadId($what)) }
            }

            /// The text as it travels.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Self::parse(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A thread at Plain, `th_…`.
    ThreadId, "thread id", is_plain_id
);
id!(
    /// A timeline entry at Plain, `t_…`: the one key under which a message is shown, whichever event brings it.
    EntryId, "timeline entry id", is_plain_id
);
id!(
    /// A customer at Plain, `c_…`.
    CustomerId, "customer id", is_plain_id
);
id!(
    /// A webhook event at Plain, `pEv_…`; the same over all delivery attempts, so it is the key for deduplication.
    EventId, "event id", is_plain_id
);
id!(
    /// An attachment at Plain, `att_…`.
    AttachmentId, "attachment id", is_plain_id
);
id!(
    /// Made when a support form is rendered: one submission gives one thread, however often it is sent.
    SubmissionId, "submission id", is_client_key
);
id!(
    /// Made when a reply is composed: one reply is sent once, however often it is retried.
    ClientMessageId, "client message id", is_client_key
);
id!(
    /// A place in a thread's live history. Opaque to clients; it names the bus's epoch, so that a cursor of a
    /// lost history is recognised and never mistaken.
    Cursor, "cursor", is_cursor
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_ids() {
        for good in ["th_01KQS44ER0KVVBRC15MBB8ADPP", "pEv_01KQS44ER0G8ATYMQPCR3B9NTQ"] {
            assert!(ThreadId::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "_",
            "th_",
            "th_01KQS44ER0KVVBRC15MBB8ADP",
            "th_01KQS44ER0KVVBRC15MBB8ADPPP",
            "th_01kqs44er0kvvbrc15mbb8adpp",
            "th_01KQS44ER0KVVBRC15MBB8ADPI",
            "th/../../01KQS44ER0KVVBRC15MBB",
            "averyveryverylongprefixhere_01KQS44ER0KVVBRC15MBB8ADPP",
            "_01KQS44ER0KVVBRC15MBB8ADPP",
        ] {
            assert!(ThreadId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn cursors_and_keys() {
        assert!(Cursor::parse("0").is_ok());
        assert!(Cursor::parse("a1b2-42").is_ok());
        for bad in ["", "a b", "a\nb", "a\0", "ä", &"x".repeat(65)] {
            assert!(Cursor::parse(bad).is_err(), "{bad:?}");
        }
        assert!(SubmissionId::parse("12345678").is_ok());
        assert!(SubmissionId::parse("1234567").is_err());
    }

    #[test]
    fn serde_checks_too() {
        assert!(serde_json::from_str::<ThreadId>("\"th_x\"").is_err());
        let id = ThreadId::parse("th_01KQS44ER0KVVBRC15MBB8ADPP").unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"th_01KQS44ER0KVVBRC15MBB8ADPP\"");
    }
}
