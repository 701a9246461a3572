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
pub const ELEMENTS: [&str; 22] = [
    "a",
    "blockquote",
    "code",
    "del",
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

/// Renders a text. Takes time in proportion to its length, whatever is in it.
pub fn render(source: String, dialect: Dialect) -> Rendered {
    if source.len() > MAX_SOURCE {
        return Rendered { text: source, html: None };
    }
    let mut writer = Writer::new(MAX_HTML);
    match dialect {
        Dialect::Plain => writer.words(&source),
        Dialect::Markdown => markdown::write(&source, &mut writer),
        Dialect::Slack => slack::write(&source, &mut writer),
    }
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

fn same_words(one: &str, other: &str) -> bool {
    let words = |text| str::split_whitespace(text).flat_map(str::chars);
    words(one).eq(words(other))
}

#[cfg(test)]
mod tests;
