//! The words that a page carries to its tab.

use super::{Locale, say_in};
use crate::domain::words::{Word, Words};

/// All of them in this language.
pub(super) fn words(locale: Locale) -> Words {
    Words::new(|it| word(locale, it))
}

/// One of them.
pub(super) fn word(locale: Locale, word: Word) -> String {
    match word {
        Word::Connecting => say_in!(locale, tab.connecting),
        Word::Live => say_in!(locale, tab.live),
        Word::Reconnecting => say_in!(locale, tab.reconnecting),
        Word::Offline => say_in!(locale, tab.offline),
        Word::Slow => say_in!(locale, tab.slow),
        Word::Closed => say_in!(locale, tab.closed),
        Word::InSeconds => say_in!(locale, tab.in_seconds),
        Word::InProgress => say_in!(locale, tab.in_progress),
        Word::WaitingForYou => say_in!(locale, tab.waiting_for_you),
        Word::Done => say_in!(locale, tab.done),
        Word::TurnedInProgress => say_in!(locale, tab.turned_in_progress),
        Word::TurnedWaiting => say_in!(locale, tab.turned_waiting),
        Word::TurnedDone => say_in!(locale, tab.turned_done),
        Word::You => say_in!(locale, tab.you),
        Word::Support => say_in!(locale, tab.support),
        Word::Assistant => say_in!(locale, tab.assistant),
        Word::Customer => say_in!(locale, tab.customer),
        Word::System => say_in!(locale, tab.system),
        Word::Deleted => say_in!(locale, tab.deleted),
        Word::Sending => say_in!(locale, tab.sending),
        Word::Queued => say_in!(locale, tab.queued),
        Word::Sent => say_in!(locale, tab.sent),
        Word::NotSent => say_in!(locale, tab.not_sent),
        Word::New => say_in!(locale, tab.new),
        Word::SeenAssigned => say_in!(locale, tab.seen_assigned),
        Word::SeenInProgress => say_in!(locale, tab.seen_in_progress),
        Word::SeenReaction => say_in!(locale, tab.seen_reaction),
        Word::SeenAnswer => say_in!(locale, tab.seen_answer),
        Word::Typing => say_in!(locale, tab.typing),
        Word::TypingSomebody => say_in!(locale, tab.typing_somebody),
        Word::Removed => say_in!(locale, tab.removed),
        Word::Today => say_in!(locale, tab.today),
        Word::Yesterday => say_in!(locale, tab.yesterday),
        Word::WriteSomething => say_in!(locale, tab.write_something),
        Word::MessageTooLong => say_in!(locale, tab.message_too_long),
        Word::CannotReach => say_in!(locale, tab.cannot_reach),
        Word::Trouble => say_in!(locale, tab.trouble),
        Word::LinkCopied => say_in!(locale, tab.link_copied),
        Word::LinkShown => say_in!(locale, tab.link_shown),
        Word::Answered => say_in!(locale, tab.answered),
        Word::FileTooLarge => say_in!(locale, tab.file_too_large),
        Word::FilesTooLarge => say_in!(locale, tab.files_too_large),
        Word::TooManyFiles => say_in!(locale, tab.too_many_files),
        Word::FileRefused => say_in!(locale, tab.file_refused),
        Word::FileEmpty => say_in!(locale, tab.file_empty),
        Word::UploadFailed => say_in!(locale, tab.upload_failed),
        Word::Uploading => say_in!(locale, tab.uploading),
        Word::Uploaded => say_in!(locale, tab.uploaded),
        Word::WaitForFiles => say_in!(locale, tab.wait_for_files),
        Word::Copied => say_in!(locale, tab.copied),
        Word::Copy => say_in!(locale, tab.copy),
        Word::ShowAll => say_in!(locale, tab.show_all),
        Word::SendRequest => say_in!(locale, tab.send_request),
        Word::SendingRequest => say_in!(locale, tab.sending_request),
        Word::NameMissing => say_in!(locale, tab.name_missing),
        Word::NameTooLong => say_in!(locale, tab.name_too_long),
        Word::EmailMissing => say_in!(locale, tab.email_missing),
        Word::EmailWrong => say_in!(locale, tab.email_wrong),
        Word::TopicMissing => say_in!(locale, tab.topic_missing),
        Word::SubjectMissing => say_in!(locale, tab.subject_missing),
        Word::SubjectTooLong => say_in!(locale, tab.subject_too_long),
        Word::CheckFields => say_in!(locale, tab.check_fields),
        Word::FormStale => say_in!(locale, tab.form_stale),
    }
}
