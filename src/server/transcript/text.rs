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
    language::{Locale, say_in},
    server::zone,
};
use jiff::tz::TimeZone;

/// Before every line that somebody wrote.
const INDENT: &str = "    ";

pub(super) struct Text {
    head: String,
    zone: TimeZone,
    locale: Locale,
}

impl Text {
    pub fn new(about: &About) -> Self {
        let (thread, locale) = (&about.thread, about.locale);
        let minute = |at: &At| zone::minute(at, &about.zone);
        let mut head = format!("{}\n\n", one_line(&thread.title));
        for (label, value) in [
            (say_in!(locale, after.reference), one_line(&thread.reference)),
            (say_in!(locale, after.status), status(thread.status, locale)),
            (say_in!(locale, after.opened), minute(&thread.created_at)),
            (say_in!(locale, after.saved), minute(&about.now)),
            (say_in!(locale, after.zone), zone::name(&about.zone).into()),
        ] {
            head.push_str(&format!("{label}: {value}\n"));
        }
        Self { head, zone: about.zone.clone(), locale }
    }
}

impl Writer for Text {
    fn head(&mut self) -> String {
        std::mem::take(&mut self.head)
    }

    fn message(&mut self, message: &Message) -> String {
        let (at, locale) = (zone::minute(&message.at, &self.zone), self.locale);
        if let Some(turned) = message.turned {
            return format!("\n{at}  — {} —\n", status(turned, locale));
        }
        let mut text = format!("\n{at}  {}", who(message, locale));
        if message.edited {
            text.push_str(&format!(" ({})", say_in!(locale, after.edited)));
        }
        text.push('\n');
        if message.deleted {
            text.push_str(&format!("{INDENT}[{}]\n", say_in!(locale, after.deleted)));
        }
        for line in message.text.trim_end().lines().filter(|_| !message.deleted) {
            let line: String = line.chars().filter(|c| *c == '\t' || !c.is_control()).collect();
            text.push_str(format!("{INDENT}{line}").trim_end());
            text.push('\n');
        }
        for file in &message.attachments {
            let name = one_line(&file.file_name);
            let label = say_in!(locale, after.attachment);
            text.push_str(&format!("{INDENT}[{label}: {name}, {}]\n", size(file.bytes)));
        }
        text
    }

    fn tail(&mut self, count: usize, whole: bool) -> String {
        let locale = self.locale;
        let end = match whole {
            true => say_in!(locale, after.end),
            false => say_in!(locale, after.cut_off),
        };
        format!("\n{end} {}: {count}\n", say_in!(locale, after.entries))
    }
}

fn status(status: Status, locale: Locale) -> String {
    match status {
        Status::InProgress => say_in!(locale, tab.in_progress),
        Status::WaitingForYou => say_in!(locale, tab.waiting_for_you),
        Status::Done => say_in!(locale, tab.done),
    }
}

fn who(message: &Message, locale: Locale) -> String {
    let author = &message.author;
    let role = match author.role {
        Role::Customer => say_in!(locale, tab.customer),
        Role::Agent => say_in!(locale, tab.support),
        Role::Bot => say_in!(locale, tab.assistant),
        Role::System => say_in!(locale, tab.system),
    };
    let name = one_line(&author.name);
    match author.role {
        _ if name.is_empty() => role,
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
