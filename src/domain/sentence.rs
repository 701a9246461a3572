//! What is said to visitors when something fails, before it is said in their language. The server knows the words of all
//! of them, a tab those of its [`Word`]s.

use super::words::{Word, Words};

/// A sentence of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sentence {
    /// One that tabs say as well.
    Word(Word),
    /// The same, of something that has `is` characters where `max` fit.
    TooLong(Word, usize, usize),
    /// Over a limit: what there was too much of, and the seconds to wait.
    TooOften(Much, u64),
    /// A route of the API that does not exist.
    NoRoute,
    /// A route that does not take this method.
    NoMethod,
    /// A body that is too large.
    TooMuch,
    /// A call that lacks something.
    Malformed,
    /// No such conversation, or not this visitor's.
    NotFound,
    /// The conversation was removed for good.
    Removed,
    /// No such file in this conversation.
    NoFile,
    /// The desk cannot be reached.
    Unavailable,
    /// The desk has too much to do.
    Busy,
    /// The desk cannot be asked for a file.
    NoFileNow,
    /// Nobody knows whether the message arrived.
    Unconfirmed,
    /// The thread takes no more messages.
    Locked,
    /// The thread is there; nobody knows whether its message is.
    HalfUnconfirmed,
    /// The thread is there, its message is not.
    HalfOpen,
    /// The desk does not want this visitor's messages.
    NotAccepted,
    /// The desk refuses the address.
    BadEmail,
    /// The desk refuses the name.
    BadName,
    /// The desk refuses the subject.
    BadSubject,
    /// The desk refuses the text.
    BadText,
    /// The desk refuses, and not for a field.
    Refused,
    /// A fault of ours.
    Internal,
    /// No cookie of ours.
    NoSession,
    /// The page's key is none.
    PageStale,
    /// It is not known under which address a link would work.
    NoLink,
    /// A file that is a program, and not taken.
    FileKind,
    /// A file with nothing in it.
    FileEmpty,
    /// A file of more than so many megabytes.
    FileLarge(u64),
    /// Files of more than so many megabytes together.
    FilesLarge(u64),
    /// More files than fit into a message.
    FilesMany(usize),
    /// A file that did not come whole.
    FileBroken,
    /// A file that somebody else uploaded, or long ago.
    FileForeign,
    /// A file that is not shown, only handed out.
    FileNotShown,
    /// The desk takes no files now.
    NoUploadNow,
    /// A page of the conversation that does not exist.
    NoPage,
    /// A file that is a program.
    Program,
    /// A file that is not checked yet.
    BeingChecked,
    /// A file with a virus.
    Harmful,
    /// A file that could not be checked.
    Unchecked,
    /// A post from somebody else's page.
    Foreign,
    /// A form of a wrong content type.
    FormKind,
    /// A form that broke off.
    FormBroken,
    /// A form that is too large.
    FormLarge,
    /// A form that is none.
    FormUnread,
    /// No live updates.
    NoLive,
    /// No place for one more live connection.
    NoPlace,
    /// A rating that is none.
    BadRating,
    /// A rating before the end.
    NotDone,
    /// A change that takes something of the team first.
    TeamFirst,
    /// A change of a thread that is locked.
    Fixed,
    /// A rating or a change that the desk could not note down.
    NotNoted,
}

/// What there was too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Much {
    /// Requests of one visitor.
    Requests,
    /// Messages of one visitor.
    Messages,
    /// Questions of one visitor.
    Asked,
    /// Requests or messages of a network.
    NetworkSends,
    /// Questions of a network.
    NetworkAsks,
}

impl Sentence {
    /// As a tab says it; empty for what only the server says.
    pub fn of_tab(self, words: &Words) -> String {
        match self {
            Self::Word(word) => words.say(word).into(),
            Self::TooLong(word, is, max) => too_long(words.say(word), is, max),
            _ => String::new(),
        }
    }
}

/// Fills in how long something is and how long it may be.
pub fn too_long(sentence: &str, is: usize, max: usize) -> String {
    sentence.replacen("{is}", &is.to_string(), 1).replacen("{max}", &max.to_string(), 1)
}
