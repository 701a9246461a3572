//! The words that a tab needs while it lives, in the language of its page. The page carries them, so that the browser's
//! bundle holds no catalogue: everything else on the page is the server's.

use serde::{Deserialize, Serialize};

/// Declares the words, so that none can be forgotten where all of them are listed.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// One sentence or word of a tab. `{n}` and the like stand for what [`Words::fill`] puts there.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Word { $($(#[$doc])* $name,)* }

        impl Word {
            /// Every word, in the order in which a page carries them.
            pub const ALL: &'static [Word] = &[$(Word::$name,)*];
        }
    };
}

words! {
    /// The dot while the first connection is made.
    Connecting,
    /// The dot while answers arrive at once.
    Live,
    /// The dot while the connection is made again.
    Reconnecting,
    /// The dot while the browser knows that there is no network.
    Offline,
    /// The dot while answers come by asking.
    Slow,
    /// The dot after the end.
    Closed,
    /// Beside the dot: `{n}` seconds until the next try.
    InSeconds,
    /// [`Status::InProgress`](super::thread::Status).
    InProgress,
    /// [`Status::WaitingForYou`](super::thread::Status).
    WaitingForYou,
    /// [`Status::Done`](super::thread::Status).
    Done,
    /// A status line: the team works on it.
    TurnedInProgress,
    /// A status line: the team waits for the visitor.
    TurnedWaiting,
    /// A status line: done.
    TurnedDone,
    /// The name over one's own messages.
    You,
    /// An agent without a name.
    Support,
    /// A bot without a name.
    Assistant,
    /// Another customer without a name.
    Customer,
    /// The desk itself.
    System,
    /// In the place of a message that was taken back.
    Deleted,
    /// An own message on its way.
    Sending,
    /// An own message that waits for the network.
    Queued,
    /// An own message that arrived.
    Sent,
    /// Before the reason why a message was not sent.
    NotSent,
    /// Beside a message that was changed.
    Edited,
    /// Tries a failed message again.
    TryAgain,
    /// Puts a failed message back into the box.
    Edit,
    /// Drops a failed message.
    Delete,
    /// The line above the first message that was not seen yet.
    NewBelow,
    /// The button to the newest messages: `{n}` came.
    New,
    /// [`Sign::Assigned`](super::thread::Sign).
    SeenAssigned,
    /// [`Sign::InProgress`](super::thread::Sign).
    SeenInProgress,
    /// [`Sign::Reaction`](super::thread::Sign).
    SeenReaction,
    /// [`Sign::Answer`](super::thread::Sign).
    SeenAnswer,
    /// `{name}` is typing.
    Typing,
    /// Somebody without a name is typing.
    TypingSomebody,
    /// A conversation that does not exist any more.
    Removed,
    /// The calendar day of now.
    Today,
    /// The one before.
    Yesterday,
    /// Nothing was written.
    WriteSomething,
    /// A message of `{is}` characters, where `{max}` fit.
    MessageTooLong,
    /// The server cannot be reached; what was typed is kept.
    CannotReach,
    /// The server failed.
    Trouble,
    /// The link is on the clipboard; it works once and until `{day}`.
    LinkCopied,
    /// The link is in the field beside; it works once and until `{day}`.
    LinkShown,
    /// A notification's title: somebody (`{name}`) answered.
    Answered,
    /// A file `{name}` is larger than `{max}`.
    FileTooLarge,
    /// All files together are larger than `{max}`.
    FilesTooLarge,
    /// More files than `{max}`.
    TooManyFiles,
    /// A file `{name}` of a kind that is refused.
    FileRefused,
    /// A file `{name}` with nothing in it.
    FileEmpty,
    /// An upload that failed; it can be tried again.
    UploadFailed,
    /// An upload, `{n}` per cent done.
    Uploading,
    /// An upload that is complete.
    Uploaded,
    /// Files are still on their way, so the message waits.
    WaitForFiles,
    /// Code was put on the clipboard.
    Copied,
    /// The button that puts code on the clipboard.
    Copy,
    /// The button that shows the rest of a long message.
    ShowAll,
    /// The button that sends the form.
    SendRequest,
    /// The form, on its way: the same as for messages, on a button.
    SendingRequest,
    /// The form: no name.
    NameMissing,
    /// The form: a name of `{is}` characters, where `{max}` fit.
    NameTooLong,
    /// The form: no address.
    EmailMissing,
    /// The form: an address that is none.
    EmailWrong,
    /// The form: no topic.
    TopicMissing,
    /// The form: no subject.
    SubjectMissing,
    /// The form: a subject of `{is}` characters, where `{max}` fit.
    SubjectTooLong,
    /// The form: something is missing or wrong.
    CheckFields,
    /// The form: its key is none.
    FormStale,
}

/// All words of a page, in the order of [`Word::ALL`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Words(Vec<String>);

impl Words {
    /// The `id` of the element that carries them.
    pub const ID: &str = "words";

    /// From a catalogue that knows every word.
    pub fn new(catalogue: impl Fn(Word) -> String) -> Self {
        Self(Word::ALL.iter().map(|word| catalogue(*word)).collect())
    }

    /// As the page carried them.
    pub fn of(list: Vec<String>) -> Self {
        Self(list)
    }

    /// A word; empty where the page did not carry it.
    pub fn say(&self, word: Word) -> &str {
        self.0.get(word as usize).map_or("", String::as_str)
    }

    /// A word with something put in the place of `{name}`.
    pub fn fill(&self, word: Word, name: &str, value: &str) -> String {
        self.say(word).replacen(&["{", name, "}"].concat(), value, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_by_their_place() {
        let words = Words::new(|word| format!("{word:?} {{n}}"));
        assert_eq!(words.say(Word::FormStale), "FormStale {n}");
        assert_eq!(words.fill(Word::New, "n", "3"), "New 3");
        assert_eq!(Words::default().say(Word::New), "");
    }
}
