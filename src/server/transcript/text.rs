//! A transcript for people.
//!
//! What somebody wrote is indented, all of it: no message can look like another one's head.

use super::{About, Writer};
use crate::{
    domain::{
        message::{Message, Role},
        thread::Status,
        time::At,
    },
    server::zone,
};
use jiff::tz::TimeZone;

/// Before every line that somebody wrote.
const INDENT: &str = "    ";

pub(super) struct Text {
    head: String,
    zone: TimeZone,
}

impl Text {
    pub fn new(about: &About) -> Self {
        let thread = &about.thread;
        let minute = |at: &At| zone::minute(at, &about.zone);
        let mut head = format!("{}\n\n", one_line(&thread.title));
        for (label, value) in [
            ("Reference", one_line(&thread.reference)),
            ("Status", status(thread.status).into()),
            ("Opened", minute(&thread.created_at)),
            ("Saved", minute(&about.now)),
            ("Time zone", zone::name(&about.zone).into()),
        ] {
            head.push_str(&format!("{label}: {value}\n"));
        }
        Self { head, zone: about.zone.clone() }
    }
}

impl Writer for Text {
    fn head(&mut self) -> String {
        std::mem::take(&mut self.head)
    }

    fn message(&mut self, message: &Message) -> String {
        let at = zone::minute(&message.at, &self.zone);
        if let Some(turned) = message.turned {
            return format!("\n{at}  — {} —\n", status(turned));
        }
        let mut text = format!("\n{at}  {}", who(message));
        if message.edited {
            text.push_str(" (edited)");
        }
        text.push('\n');
        if message.deleted {
            text.push_str(&format!("{INDENT}[message deleted]\n"));
        }
        for line in message.text.trim_end().lines().filter(|_| !message.deleted) {
            let line: String = line.chars().filter(|c| *c == '\t' || !c.is_control()).collect();
            text.push_str(format!("{INDENT}{line}").trim_end());
            text.push('\n');
        }
        for file in &message.attachments {
            let name = one_line(&file.file_name);
            text.push_str(&format!("{INDENT}[attachment: {name}, {}]\n", size(file.bytes)));
        }
        text
    }

    fn tail(&mut self, count: usize, whole: bool) -> String {
        let end = if whole { "End of the conversation" } else { "Cut off here; there is more" };
        format!("\n{end}. Entries: {count}\n")
    }
}

fn status(status: Status) -> &'static str {
    status.label()
}

fn who(message: &Message) -> String {
    let author = &message.author;
    let role = match author.role {
        Role::Customer => "Customer",
        Role::Agent => "Support",
        Role::Bot => "Assistant",
        Role::System => "System",
    };
    let name = one_line(&author.name);
    match author.role {
        _ if name.is_empty() => role.into(),
        Role::Customer => name,
        _ if name == role => name,
        _ => format!("{name} ({role})"),
    }
}

/// A name cannot begin a line of its own, nor turn the line around.
fn one_line(text: &str) -> String {
    let odd = |c: &char| {
        c.is_control()
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let words: String = text.chars().map(|c| if odd(&c) { ' ' } else { c }).collect();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} KB", bytes.div_ceil(1000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}
