//! Markdown, as the team writes it in Plain.

use super::{link, writer::Writer};
use pulldown_cmark::{Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};

pub fn write(source: &str, to: &mut Writer) {
    let options =
        Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS;
    // In code nothing is a link. In a table's head cells are headers.
    let (mut code, mut head) = (false, false);
    // Where the words of the open links and images begin.
    let mut labels = Vec::new();
    // Text comes in pieces: an address with an underscore must be seen whole.
    let mut words = String::new();
    for event in Parser::new_ext(source, options) {
        if let (Event::Text(text), false) = (&event, code) {
            words.push_str(text);
            continue;
        }
        to.words(&std::mem::take(&mut words));
        if to.is_full() {
            return;
        }
        match event {
            Event::Start(tag) => {
                code |= matches!(tag, Tag::CodeBlock(_));
                head |= matches!(tag, Tag::TableHead);
                if let Tag::Link { .. } | Tag::Image { .. } = tag {
                    labels.push(to.text_len());
                }
                start(tag, head, to);
            }
            Event::End(tag) => {
                code &= tag != TagEnd::CodeBlock;
                head &= tag != TagEnd::TableHead;
                end(tag, &mut labels, to);
            }
            Event::Text(text) => to.text(&text),
            Event::Code(text) => {
                to.open("code");
                to.text(&text);
                to.close();
            }
            // Raw HTML is what somebody wrote, and is shown as they wrote it.
            Event::Html(text) | Event::InlineHtml(text) => to.text(&text),
            Event::SoftBreak | Event::HardBreak => to.text("\n"),
            Event::Rule => to.rule(),
            Event::TaskListMarker(done) => to.text(if done { "☑ " } else { "☐ " }),
            Event::FootnoteReference(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                to.text(&text)
            }
        }
    }
    to.words(&words);
}

fn start(tag: Tag<'_>, head: bool, to: &mut Writer) {
    match tag {
        Tag::Paragraph | Tag::HtmlBlock => to.open("p"),
        // The page's own headings are of the first and second level.
        Tag::Heading { level, .. } => to.open(match level {
            HeadingLevel::H1 => "h3",
            HeadingLevel::H2 => "h4",
            HeadingLevel::H3 => "h5",
            HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => "h6",
        }),
        Tag::BlockQuote(_) => to.open("blockquote"),
        Tag::CodeBlock(_) => {
            to.open("pre");
            to.open("code");
        }
        Tag::List(None) => to.open("ul"),
        Tag::List(Some(1)) => to.open("ol"),
        Tag::List(Some(first)) => to.open_list(first),
        Tag::Item => to.open("li"),
        Tag::Table(_) => to.open("table"),
        Tag::TableHead => {
            to.open("thead");
            to.open("tr");
        }
        Tag::TableRow => to.open("tr"),
        Tag::TableCell => to.open(if head { "th" } else { "td" }),
        Tag::Emphasis => to.open("em"),
        Tag::Strong => to.open("strong"),
        Tag::Strikethrough => to.open("del"),
        Tag::Link { link_type: LinkType::Email, dest_url, .. } => {
            to.open_link(link::target(&format!("mailto:{dest_url}")));
        }
        // An image of elsewhere would tell elsewhere who reads this, so it is a link.
        Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
            to.open_link(link::target(&dest_url));
        }
        // Kinds that the options above do not turn on.
        _ => to.open("p"),
    }
}

fn end(tag: TagEnd, labels: &mut Vec<usize>, to: &mut Writer) {
    if let TagEnd::Link | TagEnd::Image = tag
        && labels.pop() == Some(to.text_len())
    {
        to.text(if tag == TagEnd::Image { "Image" } else { "Link" });
    }
    to.close();
    match tag {
        TagEnd::CodeBlock | TagEnd::TableHead => to.close(),
        TagEnd::Paragraph | TagEnd::HtmlBlock => to.gap(),
        _ => {}
    }
}
