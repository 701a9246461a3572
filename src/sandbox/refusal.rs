//! Why a mutation was refused, in the words of Plain's `MutationError`.

use serde_json::{Value, json};

#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    pub kind: &'static str,
    pub code: &'static str,
    pub message: String,
    pub fields: Vec<(String, &'static str, String)>,
}

impl Refusal {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { kind: "VALIDATION", code, message: message.into(), fields: Vec::new() }
    }

    /// One input field is wrong.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::new("input_validation", "There was a validation error.").with(
            field,
            "VALIDATION",
            message,
        )
    }

    /// One input field is missing or blank.
    pub fn required(field: &str) -> Self {
        Self::new("input_validation", "There was a validation error.").with(
            field,
            "REQUIRED",
            "This field is required.",
        )
    }

    /// An input field points at nothing.
    pub fn not_found(field: &str, what: &str) -> Self {
        Self::new("not_found", "There was a validation error.").with(
            field,
            "NOT_FOUND",
            format!("{what} not found."),
        )
    }

    /// The key lacks a permission.
    pub fn forbidden(permission: &str) -> Self {
        let message = format!("Insufficient permissions, missing \"{permission}\".");
        Self { kind: "FORBIDDEN", ..Self::new("forbidden", message) }
    }

    /// The sandbox itself failed, mostly its storage.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "the sandbox could not finish a call");
        Self {
            kind: "INTERNAL",
            code: "internal",
            message: "Something went wrong.".into(),
            fields: Vec::new(),
        }
    }

    fn with(mut self, field: &str, kind: &'static str, message: impl Into<String>) -> Self {
        self.fields.push((field.into(), kind, message.into()));
        self
    }

    /// GraphQL's `MutationError`.
    pub fn json(&self) -> Value {
        let fields: Vec<_> = self
            .fields
            .iter()
            .map(|(field, kind, message)| json!({"field": field, "type": kind, "message": message}))
            .collect();
        json!({"type": self.kind, "code": self.code, "message": self.message, "fields": fields})
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(cause: rusqlite::Error) -> Self {
        Self::internal(cause)
    }
}

impl From<serde_json::Error> for Refusal {
    fn from(cause: serde_json::Error) -> Self {
        Self::internal(cause)
    }
}
