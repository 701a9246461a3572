//! What people wrote, as HTML that is safe to show.
//!
//! Rendered once, on the server, where a message passes the gate: the page, a live event and a read of the
//! conversation then carry the same HTML, and the browser needs no Markdown of its own.
//!
//! Two fences stand one behind the other. The [`writer`] makes every tag itself from a fixed list and escapes all else,
//! so raw HTML of a message is shown as the text that it is; then ammonia parses the result as a browser would and
//! keeps only the elements, attributes and schemes of [`FENCE`]. Whatever is larger than a person's message stays
//! plain text, so hostile input costs no more than a long message.

mod link;
mod mail;
mod markdown;
mod slack;
mod writer;

use ammonia::{Builder, UrlRelative};
use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};
use writer::Writer;

/// A source of more bytes stays plain text. Plain takes 5,000 characters for a chat and 10,000 for a component.
const MAX_SOURCE: usize = 32 * 1024;
/// So does one whose HTML becomes longer than this: tables and links grow.
const MAX_HTML: usize = 48 * 1024;

/// The elements that a message may have.
pub const ELEMENTS: [&str; 24] = [
    "a",
    "blockquote",
    "code",
    "del",
    "details",
    "em",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "strong",
    "summary",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
];
/// The schemes that a link may have.
pub const SCHEMES: [&str; 3] = ["http", "https", "mailto"];

/// The second fence.
static FENCE: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut fence = Builder::empty();
    fence
        .tags(HashSet::from(ELEMENTS))
        // By default every element may have some.
        .generic_attributes(HashSet::new())
        .clean_content_tags(HashSet::from(["script", "style"]))
        .tag_attributes(HashMap::from([
            ("a", HashSet::from(["href"])),
            ("ol", HashSet::from(["start"])),
        ]))
        .url_schemes(HashSet::from(SCHEMES))
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener nofollow ugc"))
        .set_tag_attribute_value("a", "target", "_blank")
        .strip_comments(true);
    fence
});

/// How a text was meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// As it is; only addresses become links. What customers type.
    Plain,
    /// CommonMark with strikethrough, tables and task lists; line breaks stay. What the team writes.
    Markdown,
    /// Slack's `mrkdwn`, whoever wrote it: entities and `<…>` are Slack's doing.
    Slack,
}

/// A text and how to show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// To copy, to speak, and to show where there is no HTML.
    pub text: String,
    /// To show; none where it would say nothing more than the text.
    pub html: Option<String>,
}

/// What opens the folded part of an e-mail, in no language; [`in_words`] puts words in its place.
const SUMMARY: &str = "<summary>•••</summary>";

/// The HTML with words in the place of the sign on folded parts. `words` is a catalogue's.
pub fn in_words(html: &str, words: &str) -> Option<String> {
    let mut safe = String::new();
    writer::escape(words, &mut safe);
    html.contains(SUMMARY).then(|| html.replace(SUMMARY, &format!("<summary>{safe}</summary>")))
}

/// Renders an e-mail: what it quotes and its signature are there, folded. `more` is what Plain cut off of it already.
pub fn render_mail(source: String, dialect: Dialect, more: &str) -> Rendered {
    let (own, quoted) = source.split_at(mail::fold(&source).unwrap_or(source.len()));
    if own.len() > MAX_SOURCE || quoted.trim().is_empty() && more.trim().is_empty() {
        return render(source, dialect);
    }
    let mut writer = Writer::new(MAX_HTML);
    write(own.trim_end(), dialect, &mut writer);
    if writer.is_full() {
        return render(source, dialect);
    }
    writer.open("details");
    writer.open("summary");
    writer.text("•••");
    writer.close();
    // A long history is not worth more than its beginning.
    let room = (MAX_HTML - MAX_SOURCE).min(MAX_SOURCE) / 2;
    let mut history = [quoted.trim(), more.trim()].join("\n");
    if history.len() > room {
        let end = history.floor_char_boundary(room);
        history.truncate(end);
        history.push('…');
    }
    writer.words(history.trim());
    writer.close();
    let written = writer.finish();
    let html = (!written.cut)
        .then(|| FENCE.clean(&written.html).to_string())
        .filter(|html| html.len() <= MAX_HTML);
    Rendered { text: source, html }
}

/// Renders a text. Takes time in proportion to its length, whatever is in it.
pub fn render(source: String, dialect: Dialect) -> Rendered {
    if source.len() > MAX_SOURCE {
        return Rendered { text: source, html: None };
    }
    let mut writer = Writer::new(MAX_HTML);
    write(&source, dialect, &mut writer);
    let written = writer.finish();
    // Slack's own text is full of entities and ids; the others are shown as they were typed.
    let readable = dialect == Dialect::Slack && !written.cut;
    let plain = !written.marked && (readable || same_words(&written.text, &source))
        // Nothing to see, as where there are only definitions of links: then better what was typed.
        || written.text.trim().is_empty();
    let text = if readable { written.text } else { source };
    let html = (!plain && !written.cut)
        .then(|| FENCE.clean(&written.html).to_string())
        .filter(|html| html.len() <= MAX_HTML);
    Rendered { text, html }
}

/// A message as one line of words, without marks and without what is folded; at most so many characters. The HTML is one of
/// [`render`]'s.
pub fn one_line(text: &str, html: Option<&str>, most: usize) -> String {
    let words = match html {
        None => text.to_owned(),
        Some(html) => {
            let shown = html.split("<details>").next().unwrap_or_default();
            let mut words = String::with_capacity(shown.len());
            let mut pieces = shown.split('<');
            words.push_str(pieces.next().unwrap_or_default());
            for piece in pieces {
                let (tag, rest) = piece.split_once('>').unwrap_or((piece, ""));
                let name = tag.trim_start_matches('/').split([' ', '>']).next().unwrap_or_default();
                // Blocks stand apart.
                if !["a", "code", "del", "em", "strong"].contains(&name) {
                    words.push(' ');
                }
                words.push_str(rest);
            }
            let entities =
                [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&nbsp;", " "), ("&amp;", "&")];
            entities.iter().fold(words, |words, (from, to)| words.replace(from, to))
        }
    };
    let mut line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(most) {
        line.truncate(end);
        line.truncate(line.trim_end().len());
        line.push('…');
    }
    line
}

fn write(source: &str, dialect: Dialect, to: &mut Writer) {
    match dialect {
        Dialect::Plain => to.words(source),
        Dialect::Markdown => markdown::write(source, to),
        Dialect::Slack => slack::write(source, to),
    }
}

fn same_words(one: &str, other: &str) -> bool {
    let words = |text| str::split_whitespace(text).flat_map(str::chars);
    words(one).eq(words(other))
}

#[cfg(test)]
mod tests;
