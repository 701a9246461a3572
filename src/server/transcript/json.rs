//! A transcript for programs. The shape is stable: fields are added, never renamed.
//!
//! ```json
//! {
//!   "version": 1,
//!   "thread": {"id": "th_…", "reference": "T-12", "title": "…", "status": "done", "createdAt": "…Z"},
//!   "savedAt": "…Z",
//!   "timeZone": "Europe/Berlin",
//!   "messages": [
//!     {
//!       "id": "t_…", "at": "2026-05-04T09:12:00.000Z", "localTime": "2026-05-04 11:12",
//!       "author": {"name": "Ines", "role": "agent", "me": false},
//!       "text": "…", "edited": false, "deleted": false,
//!       "attachments": [{"fileName": "a.png", "bytes": 48211, "mimeType": "image/png"}],
//!       "status": null
//!     }
//!   ],
//!   "count": 1,
//!   "complete": true
//! }
//! ```
//!
//! `role` is `customer`, `agent`, `bot` or `system`; `status`, of a line that says that the thread changed its state,
//! `inProgress`, `waitingForYou` or `done`. Moments are UTC; `localTime` is in `timeZone`. A document without its end was
//! not transferred whole.

use super::{About, Writer};
use crate::{
    domain::{
        message::{Message, Role},
        thread::Status,
    },
    server::zone,
};
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::json;

pub(super) struct Json {
    head: String,
    zone: TimeZone,
    comma: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Said<'a> {
    id: &'a str,
    at: &'a str,
    local_time: String,
    author: Who<'a>,
    text: &'a str,
    edited: bool,
    deleted: bool,
    attachments: Vec<File<'a>>,
    status: Option<Status>,
}

#[derive(Serialize)]
struct Who<'a> {
    name: &'a str,
    role: Role,
    me: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    file_name: &'a str,
    bytes: u64,
    mime_type: &'a str,
}

impl Json {
    pub fn new(about: &About) -> Self {
        let thread = &about.thread;
        let head = json!({
            "version": 1,
            "thread": {
                "id": thread.id, "reference": thread.reference, "title": thread.title,
                "status": thread.status, "createdAt": thread.created_at,
            },
            "savedAt": about.now,
            "timeZone": zone::name(&about.zone),
        });
        Self { head: head.to_string(), zone: about.zone.clone(), comma: "" }
    }
}

impl Writer for Json {
    /// The object, still open.
    fn head(&mut self) -> String {
        format!("{},\"messages\":[\n", self.head.trim_end_matches('}'))
    }

    fn message(&mut self, message: &Message) -> String {
        let said = Said {
            id: message.id.as_str(),
            at: message.at.as_str(),
            local_time: zone::minute(&message.at, &self.zone),
            author: Who {
                name: &message.author.name,
                role: message.author.role,
                me: message.author.me,
            },
            text: if message.deleted { "" } else { &message.text },
            edited: message.edited,
            deleted: message.deleted,
            attachments: message
                .attachments
                .iter()
                .map(|file| File {
                    file_name: &file.file_name,
                    bytes: file.bytes,
                    mime_type: &file.mime_type,
                })
                .collect(),
            status: message.turned,
        };
        let comma = std::mem::replace(&mut self.comma, ",\n");
        comma.to_owned() + &serde_json::to_string(&said).unwrap_or_default()
    }

    fn tail(&mut self, count: usize, whole: bool) -> String {
        format!("\n],\"count\":{count},\"complete\":{whole}}}\n")
    }
}
