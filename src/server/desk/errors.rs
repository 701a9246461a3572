//! From what went wrong at Plain to a sentence for the visitor. The operator's line was logged by the client.

use super::uploads;
use crate::{
    domain::{
        error::{Code, DeskError, FieldError},
        sentence::Sentence,
    },
    server::plain::{MutationFault, PlainError},
};

/// What a visitor is told. Never what Plain said.
pub(super) fn for_visitor(error: PlainError) -> DeskError {
    match error {
        PlainError::NotFound => DeskError::not_found(),
        PlainError::UnknownOutcome(_) => unknown(),
        PlainError::Rejected(fault) => refused(&fault),
        PlainError::RateLimited { .. } => DeskError::of(Code::Unavailable, Sentence::Busy),
        _ => DeskError::unavailable(),
    }
}

/// The same for somebody who holds the thread: then it was there, and what Plain does not find was removed.
pub(super) fn for_holder(error: PlainError) -> DeskError {
    match error {
        PlainError::NotFound => DeskError::removed(),
        error => for_visitor(error),
    }
}

/// The same for a file that was asked for.
pub(super) fn for_download(error: PlainError) -> DeskError {
    match error {
        PlainError::NotFound => DeskError::no_such_file(),
        PlainError::Rejected(fault) if fault.code == "not_found" => DeskError::no_such_file(),
        _ => no_file_now(),
    }
}

/// A file cannot be had because Plain cannot be reached or refuses us.
pub(super) fn no_file_now() -> DeskError {
    DeskError::of(Code::Unavailable, Sentence::NoFileNow)
}

/// The same for a file that was to be announced.
pub(super) fn for_upload(error: PlainError, most: u64) -> DeskError {
    match error {
        PlainError::NotFound => DeskError::removed(),
        PlainError::Rejected(fault) if fault.code == "attachment_file_size_too_large" => {
            uploads::too_large(most)
        }
        PlainError::Rejected(fault) if fault.code == "attachment_file_type_not_allowed" => {
            uploads::wrong(Sentence::FileKind)
        }
        _ => no_upload_now(),
    }
}

/// A file cannot be taken because Plain or its storage cannot be reached or refuses us.
pub(super) fn no_upload_now() -> DeskError {
    DeskError::of(Code::Unavailable, Sentence::NoUploadNow)
}

/// It is not known whether the message arrived.
pub(super) fn unknown() -> DeskError {
    DeskError::of(Code::Unknown, Sentence::Unconfirmed)
}

/// The thread takes no more messages.
pub(super) fn locked() -> DeskError {
    DeskError::of(Code::Locked, Sentence::Locked)
}

/// The thread is locked, so nothing about it changes.
pub(super) fn fixed() -> DeskError {
    DeskError::of(Code::Locked, Sentence::Fixed)
}

/// A rating before the end.
pub(super) fn not_done() -> DeskError {
    DeskError::of(Code::Conflict, Sentence::NotDone)
}

/// What went wrong when a visitor rated, solved or reopened: nothing was typed that could be lost.
pub(super) fn for_mark(error: PlainError) -> DeskError {
    match error {
        PlainError::NotFound => DeskError::removed(),
        // The workspace asks for thread fields, and only agents can fill them in.
        PlainError::Rejected(fault) if fault.kind == "VALIDATION" => {
            DeskError::of(Code::Conflict, Sentence::TeamFirst)
        }
        _ => DeskError::of(Code::Unavailable, Sentence::NotNoted),
    }
}

/// The thread is there, its first message is not.
pub(super) fn half_open(error: PlainError) -> DeskError {
    match error {
        PlainError::UnknownOutcome(_) => DeskError::of(Code::Unknown, Sentence::HalfUnconfirmed),
        PlainError::Rejected(fault) => refused(&fault),
        _ => DeskError::of(Code::Unavailable, Sentence::HalfOpen),
    }
}

fn refused(fault: &MutationFault) -> DeskError {
    if fault.code.starts_with("customer_is_marked_as_spam") {
        return DeskError::of(Code::Forbidden, Sentence::NotAccepted);
    }
    let mut fields: Vec<FieldError> = Vec::new();
    for name in &fault.fields {
        let ours = match name.rsplit('.').next().unwrap_or_default() {
            "email" | "emailAddress" => ("email", Sentence::BadEmail),
            "fullName" | "name" => ("name", Sentence::BadName),
            "title" => ("subject", Sentence::BadSubject),
            "text" => ("message", Sentence::BadText),
            _ => continue,
        };
        if fields.iter().all(|f| f.field != ours.0) {
            fields.push(FieldError::new(ours.0, ours.1));
        }
    }
    if fields.is_empty() {
        return DeskError::of(Code::Internal, Sentence::Refused);
    }
    DeskError::invalid(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(fields: &[&str], code: &str) -> DeskError {
        for_visitor(PlainError::Rejected(MutationFault {
            code: code.into(),
            kind: "VALIDATION".into(),
            fields: fields.iter().map(|f| (*f).into()).collect(),
            message: "Plain's own words".into(),
        }))
    }

    #[test]
    fn fields_are_translated() {
        let error = rejected(
            &["input.onCreate.email.email", "identifier.emailAddress"],
            "input_validation",
        );
        assert_eq!(error.code, Code::Invalid);
        assert_eq!(error.fields.len(), 1);
        assert_eq!(error.fields[0].field, "email");
        assert_eq!(rejected(&["customerId"], "input_validation").code, Code::Internal);
        assert_eq!(rejected(&[], "customer_is_marked_as_spam").code, Code::Forbidden);
    }

    #[test]
    fn marks_have_their_own_words() {
        let rejected = |kind: &str| {
            for_mark(PlainError::Rejected(MutationFault {
                code: "input_validation".into(),
                kind: kind.into(),
                fields: Vec::new(),
                message: "Plain's own words".into(),
            }))
        };
        let told = |error: DeskError| (error.code, error.sentence);
        assert_eq!(told(rejected("VALIDATION")), (Code::Conflict, Some(Sentence::TeamFirst)));
        assert_eq!(told(rejected("FORBIDDEN")), (Code::Unavailable, Some(Sentence::NotNoted)));
        assert_eq!(
            told(for_mark(PlainError::Timeout)),
            (Code::Unavailable, Some(Sentence::NotNoted))
        );
        assert_eq!(for_mark(PlainError::NotFound).code, Code::Removed);
    }

    #[test]
    fn plains_words_never_pass() {
        for error in [
            rejected(&["text"], "x"),
            for_visitor(PlainError::Forbidden { permission: Some("thread:read".into()) }),
            for_visitor(PlainError::Query { codes: vec!["SECRET".into()] }),
        ] {
            let json = serde_json::to_string(&error).unwrap();
            assert!(
                !json.contains("own words")
                    && !json.contains("thread:read")
                    && !json.contains("SECRET")
            );
        }
    }

    #[test]
    fn codes() {
        use PlainError::*;
        assert_eq!(for_visitor(NotFound).code, Code::NotFound);
        assert_eq!(for_holder(NotFound).code, Code::Removed);
        assert_eq!(for_holder(Timeout).code, Code::Unavailable);
        assert_eq!(for_visitor(UnknownOutcome(Box::new(Timeout))).code, Code::Unknown);
        assert_eq!(half_open(UnknownOutcome(Box::new(Timeout))).code, Code::Unknown);
        for error in [
            Unauthorized,
            Blocked,
            Timeout,
            Unreachable,
            Malformed("HTML"),
            RateLimited { reset: None },
        ] {
            assert_eq!(for_visitor(error.clone()).code, Code::Unavailable, "{error}");
            assert_eq!(half_open(error).code, Code::Unavailable);
        }
    }
}
