//! The one error that crosses from server to browser: `{"error": "<sentence>", "code": "<stable_word>"}`.

use super::{sentence::Sentence, words::Word};
use leptos::server_fn::{
    codec::JsonEncoding,
    error::{FromServerFnError, ServerFnErrorErr},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The stable word of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The request cannot be read as what it should be (400).
    BadRequest,
    /// No session (401).
    NoSession,
    /// Refused: foreign origin (403).
    Forbidden,
    /// No such thing, or not this visitor's (404).
    NotFound,
    /// The thread takes no more messages (409).
    Locked,
    /// Not as the thread stands now (409).
    Conflict,
    /// It existed and was this visitor's, and is gone for good (410).
    Removed,
    /// Larger than allowed (413).
    TooLarge,
    /// Fields are missing or wrong; see `fields` (422).
    Invalid,
    /// Too many requests (429).
    RateLimited,
    /// A fault of ours or of its configuration (500).
    Internal,
    /// The support desk cannot be reached or failed; nothing was sent (503).
    Unavailable,
    /// No answer came at all; only a tab says so. Sending again with the same key is safe.
    Unreachable,
    /// The support desk did not say whether it took the message (504). Sending again with the same key is safe.
    Unknown,
}

impl Code {
    /// The HTTP status that goes with it.
    pub fn status(self) -> u16 {
        match self {
            Code::BadRequest => 400,
            Code::NoSession => 401,
            Code::Forbidden => 403,
            Code::NotFound => 404,
            Code::Locked | Code::Conflict => 409,
            Code::Removed => 410,
            Code::TooLarge => 413,
            Code::Invalid => 422,
            Code::RateLimited => 429,
            Code::Internal => 500,
            Code::Unavailable | Code::Unreachable => 503,
            Code::Unknown => 504,
        }
    }
}

/// What is wrong with one field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// The field's name in the form.
    pub field: String,
    /// A sentence for the person who typed.
    pub message: String,
    /// What it says, until it is said in their language.
    #[serde(skip)]
    pub sentence: Option<Sentence>,
}

impl FieldError {
    /// A fault that is not said yet.
    pub fn new(field: impl Into<String>, sentence: Sentence) -> Self {
        Self { field: field.into(), message: String::new(), sentence: Some(sentence) }
    }
}

/// What went wrong, in a sentence a visitor can act on. Never carries what Plain answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeskError {
    /// The sentence.
    pub error: String,
    /// The stable word.
    pub code: Code,
    /// For [`Code::Invalid`]: the fields at fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldError>,
    /// For [`Code::RateLimited`]: the seconds to wait. It travels as the header `Retry-After`, not in the JSON.
    #[serde(skip)]
    pub retry_after: Option<u32>,
    /// What [`error`](Self::error) says, until the server's edge or the tab says it in the visitor's language; none for
    /// what is meant for programmers, which is said in English.
    #[serde(skip)]
    pub sentence: Option<Sentence>,
}

impl DeskError {
    /// An error whose sentence is for programmers.
    pub fn new(code: Code, error: impl Into<String>) -> Self {
        Self { error: error.into(), code, fields: Vec::new(), retry_after: None, sentence: None }
    }

    /// An error whose sentence is for visitors, each in their language.
    pub fn of(code: Code, sentence: Sentence) -> Self {
        Self { sentence: Some(sentence), ..Self::new(code, "") }
    }

    /// The visitor holds no such thread; says the same whether it exists or not.
    pub fn not_found() -> Self {
        Self::of(Code::NotFound, Sentence::NotFound)
    }

    /// The visitor's thread does not exist any more.
    pub fn removed() -> Self {
        Self::of(Code::Removed, Sentence::Removed)
    }

    /// The thread has no such file, whether it exists elsewhere or not.
    pub fn no_such_file() -> Self {
        Self::of(Code::NotFound, Sentence::NoFile)
    }

    /// Plain cannot be reached.
    pub fn unavailable() -> Self {
        Self::of(Code::Unavailable, Sentence::Unavailable)
    }

    /// Some fields are wrong.
    pub fn invalid(fields: Vec<FieldError>) -> Self {
        let sentence = match fields.as_slice() {
            [one] => one.sentence,
            _ => None,
        };
        let sentence = sentence.unwrap_or(Sentence::Word(Word::CheckFields));
        Self { fields, ..Self::of(Code::Invalid, sentence) }
    }
}

impl fmt::Display for DeskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error)
    }
}

impl std::error::Error for DeskError {}

impl FromServerFnError for DeskError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(value: ServerFnErrorErr) -> Self {
        // Nothing that leptos says: the router gives it the sentence of its code, in the visitor's language.
        match value {
            ServerFnErrorErr::Args(_)
            | ServerFnErrorErr::MissingArg(_)
            | ServerFnErrorErr::Deserialization(_) => {
                Self::of(Code::BadRequest, Sentence::Malformed)
            }
            _ => Self::of(Code::Internal, Sentence::Internal),
        }
    }
}
