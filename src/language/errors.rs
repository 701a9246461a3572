//! The sentences of errors.

use super::{Locale, say_in, tab};
use crate::domain::{
    error::DeskError,
    sentence::{Much, Sentence, too_long},
};

/// The error as this visitor hears it. What has been said already, and what is meant for programmers, stays as it is.
pub fn said(locale: Locale, mut error: DeskError) -> DeskError {
    if let Some(key) = error.sentence {
        error.error = sentence(locale, key);
    }
    for field in &mut error.fields {
        if let Some(key) = field.sentence {
            field.message = sentence(locale, key);
        }
    }
    error
}

/// A sentence in this language.
pub fn sentence(locale: Locale, sentence: Sentence) -> String {
    match sentence {
        Sentence::Word(word) => tab::word(locale, word),
        Sentence::TooLong(word, is, max) => too_long(&tab::word(locale, word), is, max),
        Sentence::TooOften(much, seconds) => too_often(locale, much, seconds),
        Sentence::NoRoute => say_in!(locale, errors.no_route),
        Sentence::NoMethod => say_in!(locale, errors.no_method),
        Sentence::TooMuch => say_in!(locale, errors.too_much),
        Sentence::Malformed => say_in!(locale, errors.malformed),
        Sentence::NotFound => say_in!(locale, errors.not_found),
        Sentence::Removed => say_in!(locale, errors.removed),
        Sentence::NoFile => say_in!(locale, errors.no_file),
        Sentence::Unavailable => say_in!(locale, errors.unavailable),
        Sentence::Busy => say_in!(locale, errors.busy),
        Sentence::NoFileNow => say_in!(locale, errors.no_file_now),
        Sentence::Unconfirmed => say_in!(locale, errors.unconfirmed),
        Sentence::Locked => say_in!(locale, errors.locked),
        Sentence::HalfUnconfirmed => say_in!(locale, errors.half_unconfirmed),
        Sentence::HalfOpen => say_in!(locale, errors.half_open),
        Sentence::NotAccepted => say_in!(locale, errors.not_accepted),
        Sentence::BadEmail => say_in!(locale, errors.bad_email),
        Sentence::BadName => say_in!(locale, errors.bad_name),
        Sentence::BadSubject => say_in!(locale, errors.bad_subject),
        Sentence::BadText => say_in!(locale, errors.bad_text),
        Sentence::Refused => say_in!(locale, errors.refused),
        Sentence::Internal => say_in!(locale, errors.internal),
        Sentence::NoSession => say_in!(locale, errors.no_session),
        Sentence::PageStale => say_in!(locale, errors.page_stale),
        Sentence::NoLink => say_in!(locale, errors.no_link),
        Sentence::FileKind => say_in!(locale, files.wrong_kind),
        Sentence::FileEmpty => say_in!(locale, files.empty),
        Sentence::FileLarge(max) => up_to(say_in!(locale, files.too_large), max),
        Sentence::FilesLarge(max) => up_to(say_in!(locale, files.too_large_together), max),
        Sentence::FilesMany(max) => up_to(say_in!(locale, files.too_many), max),
        Sentence::FileBroken => say_in!(locale, files.not_whole),
        Sentence::FileForeign => say_in!(locale, files.foreign),
        Sentence::FileNotShown => say_in!(locale, files.not_shown),
        Sentence::NoUploadNow => say_in!(locale, files.not_now),
        Sentence::NoPage => say_in!(locale, errors.no_page),
        Sentence::Program => say_in!(locale, errors.program),
        Sentence::BeingChecked => say_in!(locale, errors.being_checked),
        Sentence::Harmful => say_in!(locale, errors.harmful),
        Sentence::Unchecked => say_in!(locale, errors.unchecked),
        Sentence::Foreign => say_in!(locale, errors.foreign),
        Sentence::FormKind => say_in!(locale, errors.form_kind),
        Sentence::FormBroken => say_in!(locale, errors.form_broken),
        Sentence::FormLarge => say_in!(locale, errors.form_large),
        Sentence::FormUnread => say_in!(locale, errors.form_unread),
        Sentence::NoLive => say_in!(locale, errors.no_live),
        Sentence::NoPlace => say_in!(locale, errors.no_place),
        Sentence::BadRating => say_in!(locale, after.bad_rating),
        Sentence::NotDone => say_in!(locale, after.not_done),
        Sentence::TeamFirst => say_in!(locale, after.team_first),
        Sentence::Fixed => say_in!(locale, after.fixed),
        Sentence::NotNoted => say_in!(locale, after.not_noted),
    }
}

fn too_often(locale: Locale, much: Much, seconds: u64) -> String {
    let what = match much {
        Much::Requests => say_in!(locale, errors.often_requests),
        Much::Messages => say_in!(locale, errors.often_messages),
        Much::Asked => say_in!(locale, errors.often_asked),
        Much::NetworkSends | Much::NetworkAsks => say_in!(locale, errors.often_network),
    };
    let time = wait(locale, seconds);
    let again = match much {
        Much::Requests | Much::Messages | Much::NetworkSends => {
            say_in!(locale, errors.again_kept, time = time)
        }
        Much::Asked | Much::NetworkAsks => say_in!(locale, errors.again, time = time),
    };
    // Japanese writes no blank between sentences.
    let between = if locale == Locale::ja { "" } else { " " };
    [what, again].join(between)
}

/// `1 second`, `59 seconds`, `2 minutes`, `3 hours`: never less than it takes.
fn wait(locale: Locale, seconds: u64) -> String {
    match seconds {
        0..60 => say_in!(locale, errors.seconds, count = seconds.max(1)),
        60..3600 => say_in!(locale, errors.minutes, count = seconds.div_ceil(60)),
        _ => say_in!(locale, errors.hours, count = seconds.div_ceil(3600)),
    }
}

fn up_to(sentence: String, max: impl std::fmt::Display) -> String {
    sentence.replacen("{max}", &max.to_string(), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_never_shorter_than_it_takes() {
        for (seconds, text) in [
            (0, "1 second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (61, "2 minutes"),
            (3600, "1 hour"),
            (86_400, "24 hours"),
        ] {
            assert_eq!(wait(Locale::en, seconds), text);
        }
        assert_eq!(wait(Locale::de, 61), "2 Minuten");
        assert_eq!(wait(Locale::ar, 61), "دقيقتين");
        assert_eq!(wait(Locale::ar, 300), "5 دقائق");
        assert_eq!(wait(Locale::ja, 61), "2分");
    }

    #[test]
    fn numbers_stand_in_their_places() {
        let word = crate::domain::words::Word::MessageTooLong;
        let text = sentence(Locale::fr, Sentence::TooLong(word, 5001, 5000));
        assert!(text.contains("5001") && text.contains("5000") && !text.contains('{'), "{text}");
    }
}
