//! What visitors type, its limits, and the one validation that browser, server function and POST twin share.

use super::{
    error::{DeskError, FieldError},
    ids::SubmissionId,
    sentence::Sentence,
    words::Word,
};
use serde::{Deserialize, Serialize};

/// Limits in characters. `text` is Plain's: a chat holds 1 to 5,000 (webhook schema); titles hold 500.
pub mod limits {
    /// A name.
    pub const NAME: usize = 100;
    /// An e-mail address (RFC 5321 4.5.3.1.3: a path has 256 octets, two of them angle brackets).
    pub const EMAIL: usize = 254;
    /// A subject.
    pub const SUBJECT: usize = 200;
    /// A message, in the form or as a reply.
    pub const TEXT: usize = 5000;
}

/// The topics that a visitor can choose unless the operator chose others: the value in the form, and the words.
pub const TOPICS: [(&str, &str); 5] = [
    ("question", "A question"),
    ("problem", "Something does not work"),
    ("billing", "Billing or account"),
    ("idea", "An idea"),
    ("other", "Something else"),
];

/// The support form as typed, unchecked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// The visitor's name.
    pub name: String,
    /// The visitor's e-mail address.
    pub email: String,
    /// The name of a topic, such as those of [`TOPICS`].
    pub topic: String,
    /// The subject; becomes the thread's title.
    pub subject: String,
    /// The message.
    pub message: String,
    /// The form's idempotency key.
    pub submission_id: String,
    /// A field that people do not see: only programs fill it in.
    pub website: String,
}

/// A support request that passed validation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Trimmed, 1 to [`limits::NAME`].
    pub name: String,
    /// Trimmed, with the domain in lower case.
    pub email: String,
    /// The name of a topic: 1 to 40 of `a-z`, `0-9`, `-` and `_`. Which ones there are, the server knows.
    pub topic: String,
    /// Trimmed, 1 to [`limits::SUBJECT`].
    pub subject: String,
    /// 1 to [`limits::TEXT`], line ends as `\n`.
    pub message: String,
    /// The idempotency key.
    pub submission_id: SubmissionId,
}

impl Draft {
    /// Whether a program filled in the field that people do not see.
    pub fn is_trapped(&self) -> bool {
        !self.website.trim().is_empty()
    }

    /// All faults at once, in the order of the form. Any topic will do.
    pub fn check(&self) -> Result<Request, DeskError> {
        self.check_among(|_| true)
    }

    /// The same where the topics are known.
    pub fn check_among(&self, is_topic: impl Fn(&str) -> bool) -> Result<Request, DeskError> {
        let mut faults = Vec::new();
        let mut fault = |field, sentence| faults.push(FieldError::new(field, sentence));
        let name = one_line(&self.name);
        match name.chars().count() {
            0 => fault("name", Sentence::Word(Word::NameMissing)),
            n if n > limits::NAME => {
                fault("name", Sentence::TooLong(Word::NameTooLong, n, limits::NAME))
            }
            _ => {}
        }
        let email = self.email.trim();
        if email.is_empty() {
            fault("email", Sentence::Word(Word::EmailMissing));
        } else if !is_email(email) {
            fault("email", Sentence::Word(Word::EmailWrong));
        }
        let topic =
            Some(self.topic.as_str()).filter(|topic| is_topic_name(topic) && is_topic(topic));
        if topic.is_none() {
            fault("topic", Sentence::Word(Word::TopicMissing));
        }
        let subject = one_line(&self.subject);
        match subject.chars().count() {
            0 => fault("subject", Sentence::Word(Word::SubjectMissing)),
            n if n > limits::SUBJECT => {
                fault("subject", Sentence::TooLong(Word::SubjectTooLong, n, limits::SUBJECT))
            }
            _ => {}
        }
        let message = check_text(&self.message);
        if let Err(sentence) = message {
            fault("message", sentence);
        }
        let submission_id = SubmissionId::parse(self.submission_id.as_str());
        if submission_id.is_err() {
            fault("submission_id", Sentence::Word(Word::FormStale));
        }
        match (topic, message, submission_id, faults.is_empty()) {
            (Some(topic), Ok(message), Ok(submission_id), true) => Ok(Request {
                name,
                email: lower_domain(email),
                topic: topic.into(),
                subject,
                message,
                submission_id,
            }),
            _ => Err(DeskError::invalid(faults)),
        }
    }
}

fn is_topic_name(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    (1..=40).contains(&text.len()) && text.bytes().all(fits)
}

/// Checks a message's text: outer blank lines go, line ends become `\n`, 1 to [`limits::TEXT`] characters.
/// The error is a sentence for the person who typed.
pub fn check_text(text: &str) -> Result<String, Sentence> {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' => clean.push('\n'),
            c if c.is_control() && c != '\n' && c != '\t' => {}
            c => clean.push(c),
        }
    }
    let text = clean;
    let text = text.trim_end().trim_start_matches('\n').to_string();
    match text.chars().count() {
        _ if text.trim().is_empty() => Err(Sentence::Word(Word::WriteSomething)),
        n if n > limits::TEXT => Err(Sentence::TooLong(Word::MessageTooLong, n, limits::TEXT)),
        _ => Ok(text),
    }
}

/// White space and control characters to single blanks.
fn one_line(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The shape that HTML's own `<input type=email>` asks for, and a dot in the domain. Whether the mailbox exists
/// only a mail can tell.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    text.len() <= limits::EMAIL
        && (1..=64).contains(&local.len())
        && local.bytes().all(|b| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&b))
        && !local.split('.').any(str::is_empty)
        && domain.contains('.')
        && domain.split('.').all(label)
}

fn lower_domain(email: &str) -> String {
    match email.rsplit_once('@') {
        Some((local, domain)) => format!("{local}@{}", domain.to_ascii_lowercase()),
        None => email.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Draft {
        Draft {
            name: " Ada  Lovelace ".into(),
            email: "ada@Example.COM".into(),
            topic: "problem".into(),
            subject: "Export\nstops".into(),
            message: "\r\nIt stops at row 5000.\r\n\r\n  indented\r\n".into(),
            submission_id: "0123456789abcdef".into(),
            website: String::new(),
        }
    }

    #[test]
    fn a_good_draft_is_normalised() {
        let request = good().check().unwrap();
        assert_eq!(request.name, "Ada Lovelace");
        assert_eq!(request.email, "ada@example.com");
        assert_eq!(request.subject, "Export stops");
        assert_eq!(request.message, "It stops at row 5000.\n\n  indented");
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let error = Draft::default().check().unwrap_err();
        let fields: Vec<_> = error.fields.iter().map(|f| f.field.as_str()).collect();
        assert_eq!(fields, ["name", "email", "topic", "subject", "message", "submission_id"]);
    }

    #[test]
    fn lengths_count_characters() {
        let mut draft = good();
        draft.message = "ä".repeat(limits::TEXT);
        assert!(draft.check().is_ok());
        draft.message.push('ä');
        let error = draft.check().unwrap_err();
        assert_eq!(error.fields[0].field, "message");
        let too_long = Sentence::TooLong(Word::MessageTooLong, 5001, limits::TEXT);
        assert_eq!(error.sentence, Some(too_long));
    }

    #[test]
    fn addresses() {
        for good in ["a@b.co", "first.last+tag@sub.example.org", "o'brien@example.ie"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "a@b",
            "@b.co",
            "a@",
            "a b@c.de",
            "a@b..co",
            "a@-b.co",
            ".a@b.co",
            "a@b.co\n",
            "a@b@c.d e",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn text_keeps_what_was_meant() {
        assert_eq!(check_text("a\0b\u{7}c\td").unwrap(), "abc\td");
        assert!(check_text(" \n\t ").is_err());
    }
}
