//! The link that continues a conversation on another device.

use super::time::At;
use serde::{Deserialize, Serialize};

/// A link, good for one exchange: what `POST /api/support/link` answers. It has no `Debug`: whoever reads it in a log
/// could use it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResumeLink {
    /// The whole address, `https://support.example.com/r/{token}`.
    pub url: String,
    /// Its end.
    pub expires_at: At,
}

/// Why a link did not lead to its conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotOpened {
    /// It is no link of ours, or not all of it.
    Broken,
    /// It is too late.
    Expired,
    /// It was exchanged before.
    Used,
    /// It cannot be found out whether it was exchanged before.
    Unsure,
    /// Links were opened too often from there; the seconds after which it goes on. It was not used up.
    Often(u32),
    /// Nobody opened it: a program looked at it.
    Looked,
}

impl NotOpened {
    /// The HTTP status that goes with it.
    pub fn status(self) -> u16 {
        match self {
            NotOpened::Broken | NotOpened::Expired | NotOpened::Used => 403,
            NotOpened::Often(_) => 429,
            NotOpened::Unsure => 503,
            NotOpened::Looked => 200,
        }
    }
}
