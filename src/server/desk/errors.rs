//! From what went wrong at Plain to a sentence for the visitor. The operator's line was logged by the client.

use crate::{
    domain::error::{Code, DeskError, FieldError},
    server::plain::{MutationFault, PlainError},
};

/// What a visitor is told. Never what Plain said.
pub(super) fn for_visitor(error: PlainError) -> DeskError {
    match error {
        PlainError::NotFound => DeskError::not_found(),
        PlainError::UnknownOutcome(_) => unknown(),
        PlainError::Rejected(fault) => refused(&fault),
        PlainError::RateLimited { .. } => DeskError::new(
            Code::Unavailable,
            "Our support desk is very busy right now. Your text is kept; please try again in a minute.",
        ),
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
    DeskError::new(
        Code::Unavailable,
        "This file cannot be fetched from our support desk right now. Please try again in a moment.",
    )
}

/// The same for a file that was to be announced.
pub(super) fn for_upload(error: PlainError, name: &str, most: u64) -> DeskError {
    match error {
        PlainError::NotFound => DeskError::removed(),
        PlainError::Rejected(fault) if fault.code == "attachment_file_size_too_large" => {
            super::uploads::too_large(name, most)
        }
        PlainError::Rejected(fault) if fault.code == "attachment_file_type_not_allowed" => {
            let message = format!("Our support desk does not take files like “{name}”.");
            DeskError::invalid(vec![FieldError { field: "files".into(), message }])
        }
        _ => no_upload_now(),
    }
}

/// A file cannot be taken because Plain or its storage cannot be reached or refuses us.
pub(super) fn no_upload_now() -> DeskError {
    DeskError::new(
        Code::Unavailable,
        "Our support desk cannot take files right now. Please try again in a moment.",
    )
}

/// It is not known whether the message arrived.
pub(super) fn unknown() -> DeskError {
    DeskError::new(
        Code::Unknown,
        "Our support desk did not confirm your message. Please send it again; it will not arrive twice.",
    )
}

/// The thread takes no more messages.
pub(super) fn locked() -> DeskError {
    DeskError::new(
        Code::Locked,
        "This conversation is closed for new messages. Please open a new request.",
    )
}

/// The thread is there, its first message is not.
pub(super) fn half_open(error: PlainError) -> DeskError {
    match error {
        PlainError::UnknownOutcome(_) => DeskError::new(
            Code::Unknown,
            "Your request was opened, but our support desk did not confirm its message. Please send it again; \
             it will not arrive twice.",
        ),
        PlainError::Rejected(fault) => refused(&fault),
        _ => DeskError::new(
            Code::Unavailable,
            "Your request was opened, but its message could not be delivered yet. Your text is kept; please \
             send it again.",
        ),
    }
}

fn refused(fault: &MutationFault) -> DeskError {
    if fault.code.starts_with("customer_is_marked_as_spam") {
        return DeskError::new(Code::Forbidden, "This message cannot be accepted.");
    }
    let mut fields: Vec<FieldError> = Vec::new();
    for name in &fault.fields {
        let ours = match name.rsplit('.').next().unwrap_or_default() {
            "email" | "emailAddress" => {
                ("email", "Our support desk does not accept this e-mail address.")
            }
            "fullName" | "name" => ("name", "Our support desk does not accept this name."),
            "title" => ("subject", "Our support desk does not accept this subject."),
            "text" => ("message", "Our support desk does not accept this text."),
            _ => continue,
        };
        if fields.iter().all(|f| f.field != ours.0) {
            fields.push(FieldError { field: ours.0.into(), message: ours.1.into() });
        }
    }
    if fields.is_empty() {
        return DeskError::new(
            Code::Internal,
            "Our support desk could not take this. Your text is kept; please try again later.",
        );
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
