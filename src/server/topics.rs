//! What visitors can choose in the form, and what each choice means to the team: labels and a priority.
//!
//! `HOTLINE_TOPICS` is the list of choices in its order, separated by `;` (or `,`), each `name=labels:priority|words`:
//!
//! ```text
//! question=lt_01KQS44ER0KVVBRC15MBB8ADPP+lt_01KQS44CX8CYA55WM6RTQ4G2RH:2 ; billing=:0 ; refund=:1|A refund ; other
//! ```
//!
//! | part | meaning |
//! |---|---|
//! | name | one of the form's own ([`TOPICS`]), whose words are known in every language, or a new one |
//! | labels | ids of label types, joined by `+`; may be empty |
//! | priority | 0 (urgent) to 3 (low); without it, Plain's default |
//! | words | what visitors read; needed for a new name, and instead of the form's own words otherwise |

use crate::domain::{ids::EntryId, request::TOPICS};
use std::str::FromStr;

/// More choices than this are no help to anybody.
const MOST: usize = 20;
/// The longest words, in characters.
const LONGEST: usize = 60;

/// One choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name in the form.
    pub name: String,
    /// The operator's words for it; none: the form's own.
    pub words: Option<String>,
    /// Label types (`lt_…`) that a thread about it gets.
    pub labels: Vec<String>,
    /// 0 (urgent) to 3 (low); none: Plain's default.
    pub priority: Option<u8>,
}

impl Topic {
    /// What the team reads: the operator's words, or the form's in English.
    pub fn told(&self) -> &str {
        let own = || TOPICS.iter().find(|(name, _)| *name == self.name).map(|(_, words)| *words);
        self.words.as_deref().or_else(own).unwrap_or(&self.name)
    }
}

/// The choices, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics(Vec<Topic>);

impl Default for Topics {
    /// The form's own, without labels.
    fn default() -> Self {
        let topic = |(name, _): &(&str, &str)| Topic {
            name: (*name).into(),
            words: None,
            labels: Vec::new(),
            priority: None,
        };
        Self(TOPICS.iter().map(topic).collect())
    }
}

impl Topics {
    /// All of them.
    pub fn all(&self) -> &[Topic] {
        &self.0
    }

    /// The one with this name.
    pub fn get(&self, name: &str) -> Option<&Topic> {
        self.0.iter().find(|topic| topic.name == name)
    }
}

impl FromStr for Topics {
    type Err = String;

    /// Reads the setting. The error says what is wrong with which part.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut topics: Vec<Topic> = Vec::new();
        for part in text.split([';', ',']).map(str::trim).filter(|part| !part.is_empty()) {
            let topic = topic(part)?;
            if topics.iter().any(|known| known.name == topic.name) {
                return Err(format!("`{}` stands there twice", topic.name));
            }
            topics.push(topic);
        }
        match topics.len() {
            0 => Err("names no topic".into()),
            n if n > MOST => Err(format!("has {n} topics; at most {MOST} are allowed")),
            _ => Ok(Self(topics)),
        }
    }
}

fn topic(part: &str) -> Result<Topic, String> {
    let (rest, words) = match part.split_once('|') {
        Some((rest, words)) => (rest.trim(), Some(words.trim())),
        None => (part, None),
    };
    let (name, meaning) = rest.split_once('=').unwrap_or((rest, ""));
    let name = name.trim();
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if !(1..=40).contains(&name.len()) || !name.bytes().all(fits) {
        return Err(format!("`{name}` is no name: 1 to 40 of a-z, 0-9, - and _"));
    }
    match words {
        None if TOPICS.iter().all(|(known, _)| *known != name) => {
            let known: Vec<_> = TOPICS.iter().map(|(known, _)| *known).collect();
            let known = known.join(", ");
            return Err(format!(
                "`{name}` is none of {known}; a topic of your own needs words: {name}|What visitors read"
            ));
        }
        Some(words) if words.is_empty() || words.chars().count() > LONGEST => {
            return Err(format!("the words of `{name}` must have 1 to {LONGEST} characters"));
        }
        _ => {}
    }
    let (labels, priority) = meaning.split_once(':').unwrap_or((meaning, ""));
    let mut ids: Vec<String> = Vec::new();
    for label in labels.split('+').map(str::trim).filter(|label| !label.is_empty()) {
        if !label.starts_with("lt_") || EntryId::parse(label).is_err() {
            return Err(format!(
                "`{label}` of `{name}` is no label type id (lt_ and 26 characters, from Plain under Settings → Labels)"
            ));
        }
        if !ids.iter().any(|known| known == label) {
            ids.push(label.into());
        }
    }
    let priority = match priority.trim() {
        "" => None,
        text => match text.parse::<u8>() {
            Ok(priority @ 0..=3) => Some(priority),
            _ => {
                return Err(format!(
                    "`{text}` of `{name}` is no priority: 0 (urgent), 1, 2 or 3 (low)"
                ));
            }
        },
    };
    Ok(Topic { name: name.into(), words: words.map(Into::into), labels: ids, priority })
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "lt_01KQS44ER0KVVBRC15MBB8ADPP";
    const B: &str = "lt_01KQS44CX8CYA55WM6RTQ4G2RH";

    #[test]
    fn a_list_is_read_in_its_order() {
        let text =
            format!(" question={A}+{B}:1; billing=:0 ;refund = {A} | A refund ;other,idea|Wishes");
        let topics = text.parse::<Topics>().unwrap();
        let names: Vec<_> = topics.all().iter().map(|topic| topic.name.as_str()).collect();
        assert_eq!(names, ["question", "billing", "refund", "other", "idea"]);
        let question = topics.get("question").unwrap();
        assert_eq!(
            (question.labels.as_slice(), question.priority),
            (&[A.into(), B.into()][..], Some(1))
        );
        assert_eq!(question.told(), "A question");
        assert_eq!(topics.get("billing").unwrap().priority, Some(0));
        let refund = topics.get("refund").unwrap();
        assert_eq!((refund.told(), refund.priority), ("A refund", None));
        assert_eq!(topics.get("idea").unwrap().told(), "Wishes");
        assert_eq!(topics.get("problem"), None);
    }

    #[test]
    fn by_default_the_forms_own() {
        let topics = Topics::default();
        assert_eq!(topics.all().len(), TOPICS.len());
        assert!(topics.all().iter().all(|it| it.labels.is_empty() && it.priority.is_none()));
    }

    #[test]
    fn faults_are_named() {
        for (text, named) in [
            (";", "no topic"),
            ("refund=:1", "`refund` is none of question"),
            ("Question", "`Question` is no name"),
            ("question=lt_1", "`lt_1` of `question` is no label type"),
            ("question=l_01KQS44ER0KVVBRC15MBB8ADPP", "is no label type"),
            ("question=:4", "`4` of `question` is no priority"),
            ("question=:-1", "is no priority"),
            ("question=:high", "is no priority"),
            ("question;question=:1", "`question` stands there twice"),
            ("refund|", "the words of `refund`"),
        ] {
            let fault = text.parse::<Topics>().unwrap_err();
            assert!(fault.contains(named), "{text}: {fault}");
        }
        let many: Vec<_> = (0..21).map(|n| format!("t{n}|T")).collect();
        assert!(many.join(";").parse::<Topics>().unwrap_err().contains("21 topics"));
    }
}
