//! Everything that can come back from Plain instead of an answer.

use std::fmt;

/// Why the client cannot be made; a fault of the settings.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The key has characters that no HTTP header can carry.
    #[error("the Plain API key holds characters that cannot be sent in a header")]
    Key,
    /// The HTTP client could not be built.
    #[error("the HTTP client cannot be set up: {0}")]
    Http(#[source] reqwest::Error),
}

/// What a call to Plain ended with. `Display` carries codes only, never what anybody typed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlainError {
    /// The key is missing, wrong or revoked.
    #[error("Plain does not accept the API key")]
    Unauthorized,
    /// The key lacks a permission.
    #[error("the API key lacks a permission{}", .permission.as_deref().map(|p| format!(": {p}")).unwrap_or_default())]
    Forbidden {
        /// Its name, for example `thread:read`, where Plain tells it.
        permission: Option<String>,
    },
    /// Something in front of Plain refuses this client.
    #[error("a gateway in front of Plain blocks this client")]
    Blocked,
    /// The workspace's request limit is used up. Nothing was executed.
    #[error("Plain's rate limit is used up")]
    RateLimited {
        /// When it is filled again, in milliseconds since 1970.
        reset: Option<i64>,
    },
    /// A mutation was refused. Nothing was executed.
    #[error("Plain refused the mutation: {0}")]
    Rejected(MutationFault),
    /// The query failed or was refused as a whole.
    #[error("the query failed: {}", .codes.join(", "))]
    Query {
        /// `extensions.code` of each error.
        codes: Vec<String>,
    },
    /// The thing asked for does not exist.
    #[error("no such thing at Plain")]
    NotFound,
    /// Plain answered with a failure of its own.
    #[error("Plain answered with status {status}")]
    Unavailable {
        /// The HTTP status.
        status: u16,
    },
    /// No complete answer in time.
    #[error("Plain did not answer in time")]
    Timeout,
    /// No connection, or it broke.
    #[error("Plain cannot be reached")]
    Unreachable,
    /// The answer is not what it should be: HTML, cut off, too large, without data.
    #[error("Plain's answer cannot be read: {0}")]
    Malformed(&'static str),
    /// A write that cannot be repeated ended in a way that leaves open whether it was executed.
    #[error("it is not known whether Plain executed the write ({0})")]
    UnknownOutcome(Box<PlainError>),
}

impl PlainError {
    /// The word for logs and metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Forbidden { .. } => "forbidden",
            Self::Blocked => "blocked",
            Self::RateLimited { .. } => "rate_limited",
            Self::Rejected(_) => "rejected",
            Self::Query { .. } => "query",
            Self::NotFound => "not_found",
            Self::Unavailable { .. } => "unavailable",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Malformed(_) => "malformed",
            Self::UnknownOutcome(_) => "unknown_outcome",
        }
    }
}

/// Plain's `MutationError`. Plain's sentences are written for developers and may repeat input, so they are for
/// looking at, not for logs or visitors.
#[derive(Clone, PartialEq, Eq)]
pub struct MutationFault {
    /// An open set, for example `input_validation`.
    pub code: String,
    /// `VALIDATION`, `FORBIDDEN`, `INTERNAL`, or what Plain adds to them.
    pub kind: String,
    /// The names of the fields at fault.
    pub fields: Vec<String>,
    /// Plain's sentence.
    pub message: String,
}

impl fmt::Display for MutationFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", loggable(&self.code), loggable(&self.kind))?;
        if !self.fields.is_empty() {
            let fields: Vec<_> = self.fields.iter().take(10).map(|name| loggable(name)).collect();
            write!(f, " in {}", fields.join(", "))?;
        }
        Ok(())
    }
}

impl fmt::Debug for MutationFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MutationFault({self})")
    }
}

impl MutationFault {
    /// The error that this fault of a mutation is.
    pub(super) fn into_error(self) -> PlainError {
        if self.kind == "INTERNAL" || self.code == "internal" {
            return PlainError::Query { codes: vec!["INTERNAL_SERVER_ERROR".into()] };
        }
        let lacks = matches!(self.code.as_str(), "forbidden" | "insufficient_permissions");
        if lacks || self.kind == "FORBIDDEN" {
            return PlainError::Forbidden { permission: permission_in(&self.message) };
        }
        if self.code == "not_found" && self.fields.is_empty() {
            return PlainError::NotFound;
        }
        PlainError::Rejected(self)
    }
}

/// A word of Plain's that may stand in a log: a code or a field's path by its looks. Anything else might be what
/// somebody typed.
pub(super) fn loggable(word: &str) -> &str {
    let fine = word.len() <= 64
        && word
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'[' | b']'));
    if fine { word } else { "?" }
}

/// The permission that a message such as `Insufficient permissions, missing "customer:read".` names.
pub(super) fn permission_in(message: &str) -> Option<String> {
    message
        .split('"')
        .skip(1)
        .step_by(2)
        .find(|quoted| {
            quoted.len() <= 64
                && quoted.contains(':')
                && quoted.bytes().all(|b| b.is_ascii_alphanumeric() || b == b':')
        })
        .map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(kind: &str, code: &str, message: &str) -> MutationFault {
        MutationFault {
            code: code.into(),
            kind: kind.into(),
            fields: vec![],
            message: message.into(),
        }
    }

    #[test]
    fn permissions_are_found_and_nothing_else() {
        let lacks = |m: &str| permission_in(m);
        assert_eq!(
            lacks("Insufficient permissions, missing \"customer:read\".").as_deref(),
            Some("customer:read")
        );
        assert_eq!(lacks("nothing quoted"), None);
        assert_eq!(lacks("\"not a permission\" \"ada@example.com: hi\""), None);
    }

    #[test]
    fn what_looks_like_input_is_not_logged() {
        let fault = MutationFault {
            fields: vec![
                "input.onCreate.email.email".into(),
                "ada@example.com".into(),
                "a b".into(),
            ],
            ..fault("my name is Ada", "input_validation", "")
        };
        assert_eq!(fault.to_string(), "input_validation (?) in input.onCreate.email.email, ?, ?");
    }

    #[test]
    fn kinds_of_fault() {
        assert_eq!(
            fault("FORBIDDEN", "forbidden", "missing \"chat:create\"").into_error(),
            PlainError::Forbidden { permission: Some("chat:create".into()) }
        );
        assert!(matches!(fault("INTERNAL", "internal", "").into_error(), PlainError::Query { .. }));
        assert_eq!(fault("VALIDATION", "not_found", "").into_error(), PlainError::NotFound);
        let odd = fault("SOMETHING_NEW", "code_of_tomorrow", "secret text");
        let shown = format!("{odd:?} {}", odd.clone().into_error());
        assert!(matches!(odd.into_error(), PlainError::Rejected(_)));
        assert!(shown.contains("code_of_tomorrow") && !shown.contains("secret"), "{shown}");
    }
}
