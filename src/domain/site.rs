//! What every page needs to know of its installation and its request.

/// The server puts it into the context of each page.
#[derive(Debug, Clone, Default)]
pub struct Site {
    /// The name visitors know.
    pub name: String,
    /// A key for the form on this page, made for this request.
    pub fresh_key: String,
    /// The most bytes that the files of one message may have.
    pub upload_bytes: u64,
    /// How tabs follow a conversation: `sse` or `websocket`.
    pub transport: &'static str,
    /// When the team answers, in the visitor's words and zone; none where there is nothing to tell.
    pub hours: Option<String>,
    /// The topics of the form: name, and the operator's words where they are not the form's own.
    pub topics: Vec<(String, Option<String>)>,
    /// The path and query of this page.
    pub here: String,
    /// The appearance that this visitor chose.
    pub theme: Theme,
    /// The languages of this installation: each tag, and its own name.
    pub languages: Vec<(&'static str, &'static str)>,
    /// The path of the operator's logo.
    pub logo: Option<String>,
    /// The path of the operator's colours.
    pub colours: Option<String>,
}

/// An appearance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system wishes.
    #[default]
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// The word of forms, cookies and `data-theme`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The one of this word.
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.word() == word)
    }
}
