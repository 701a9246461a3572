//! What a refused form shows again: everything that was typed, and what is wrong with it.

use super::{
    error::{DeskError, FieldError},
    ids::SubmissionId,
    request::Draft,
};
use serde::{Deserialize, Serialize};

/// The support form after a refused POST; empty for a fresh one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormEcho {
    /// As typed.
    pub draft: Draft,
    /// Beside the fields.
    pub fields: Vec<FieldError>,
    /// Above the form.
    pub error: String,
    /// A submission id for a form that has none yet.
    pub fresh_key: String,
}

impl FormEcho {
    /// What to show after `error`. A submission id that is none is not kept: the form gets a fresh one, under which
    /// it can be sent.
    pub fn of(mut draft: Draft, error: DeskError) -> Self {
        if SubmissionId::parse(draft.submission_id.as_str()).is_err() {
            draft.submission_id.clear();
        }
        Self { draft, fields: error.fields, error: error.error, fresh_key: String::new() }
    }
}

/// The reply box after a refused POST; empty for a fresh one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyEcho {
    /// As typed.
    pub text: String,
    /// What is wrong, empty for nothing.
    pub error: String,
    /// The key it was sent under: kept, so that a retry cannot send it twice.
    pub key: String,
}
