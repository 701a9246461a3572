//! The rows in the tab: copies of the page's templates, filled, put into their order, and changed in place. A row that
//! stays is never made anew, so what is selected or focused in it stays so.

use super::{
    files,
    message::{initials, shown_name, shown_role, side, standing, state, turned},
    timeline::{Bubble, Row},
};
use crate::{
    browser::{
        clock,
        dom::{self, Element, cut, find, set_attribute, set_shown, set_text, write},
    },
    domain::{
        message::Reaction,
        time::At,
        words::{Word, Words},
    },
};

/// Longer messages show their beginning, and a button for the rest. In bytes.
const LONG: usize = 2400;
/// So do messages of more lines.
const LONG_LINES: usize = 24;

/// The list in the document.
#[derive(Debug)]
pub struct Rows {
    /// Around everything.
    main: &'static Element,
    list: Element,
    /// Stands below all rows.
    end: Option<Element>,
    thread: &'static str,
    drawn: Vec<Drawn>,
}

#[derive(Debug)]
struct Drawn {
    key: String,
    /// None for what the server rendered and nobody has touched yet.
    looks: Option<[String; 3]>,
    element: Element,
}

impl Rows {
    /// Takes over what the server rendered.
    pub fn adopt(main: &'static Element, thread: &'static str) -> Option<Self> {
        let list: Element = find(main, ".timeline")?.into();
        let end = find(&list, ".timeline__empty").map(Into::into);
        let drawn = dom::children(&list).filter_map(|element| {
            let key = element.get_attribute("data-key")?;
            Some(Drawn { key, looks: None, element })
        });
        let drawn = drawn.collect();
        Some(Self { main, list, end, thread, drawn })
    }

    /// Shows these rows and no others.
    pub fn show(&mut self, rows: Vec<Row>, words: &Words) {
        let mut old = std::mem::take(&mut self.drawn);
        // Rows are mostly where they were: look there first.
        let mut next = 0;
        let mut place = old.first().map(|drawn| drawn.element.clone());
        for row in rows {
            let key = row.key();
            let there = match old.get(next) {
                Some(drawn) if drawn.key == key => Some(next),
                _ => old.iter().position(|drawn| drawn.key == key),
            };
            let mut drawn = match there {
                Some(index) => {
                    let drawn = old.remove(index);
                    next = index.min(old.len());
                    drawn
                }
                None => {
                    let Some(element) = self.made(&row, &key) else { continue };
                    // Unlike all that can be.
                    Drawn { key, looks: Some(["\0"; 3].map(String::from)), element }
                }
            };
            let looks = row.looks();
            if drawn.looks.as_ref() != Some(&looks) {
                // The server's own rendering has the right words, and what stays is left alone: whoever selects in it,
                // plays or reads it is not disturbed.
                let changed =
                    |part: usize| drawn.looks.as_ref().is_some_and(|it| it[part] != looks[part]);
                self.fill(&drawn.element, row, words, (changed(0), changed(1)));
                drawn.looks = Some(looks);
            }
            if place.as_ref() == Some(&drawn.element) {
                place = drawn.element.next_element_sibling();
            } else {
                let before = place.as_ref().or(self.end.as_ref());
                let _ = self.list.insert_before(&drawn.element, before.map(AsRef::as_ref));
            }
            self.drawn.push(drawn);
        }
        old.iter().for_each(|drawn| drawn.element.remove());
    }

    fn made(&self, row: &Row, key: &str) -> Option<Element> {
        let element = self.cut(match row {
            Row::Day { .. } => "day",
            Row::Unread => "unread",
            Row::Turned { .. } => "turned",
            Row::Message(_) => "message",
        })?;
        set_attribute(&element, "data-key", Some(key));
        Some(element)
    }

    fn cut(&self, name: &str) -> Option<Element> {
        cut(self.main, &["template[data-row=", name, "]"].concat()).map(Into::into)
    }

    /// `changed`: whether what it says is another text, and whether what hangs on it is.
    fn fill(&self, row: &Element, content: Row, words: &Words, changed: (bool, bool)) {
        match content {
            Row::Day { at, .. } => {
                if let Some(time) = find(row, "time") {
                    set_text(&time, &clock::day_words(at.as_str(), words));
                    set_attribute(&time, "datetime", Some(at.as_str()));
                }
            }
            Row::Unread => {}
            Row::Turned { status, at, .. } => {
                set_attribute(row, "data-status", Some(status.word()));
                write(row, "span", turned(status, words));
                moment(row, &at);
            }
            Row::Message(bubble) => self.message(row, &bubble, words, changed),
        }
    }

    fn message(&self, row: &Element, bubble: &Bubble, words: &Words, (says, hangs): (bool, bool)) {
        let author = &bubble.author;
        let side = side(author);
        let entry = bubble.entry_id.as_ref().map(|id| id.as_str());
        let flag = |is: bool| is.then_some("");
        for (name, value) in [
            ("data-role", Some(side)),
            ("data-state", Some(state(bubble))),
            ("data-entry-id", entry),
            ("data-mine", flag(author.me)),
            ("data-continued", flag(bubble.continued)),
            ("data-new", flag(bubble.fresh)),
        ] {
            set_attribute(row, name, value);
        }
        moment(row, &bubble.at);
        let name = shown_name(author, words);
        let letters = if side == "agent" { initials(&name) } else { String::new() };
        write(row, ".avatar", &letters);
        write(row, ".message__name", &name);
        write(row, ".message__role", shown_role(author, words));
        if says && let Some(text) = find(row, ".bubble__text") {
            match &bubble.html {
                // The server made it and lets nothing through but words, their marks and links.
                Some(html) if !bubble.deleted => {
                    text.set_class_name("bubble__text bubble__text--rich");
                    text.set_inner_html(html);
                }
                _ => {
                    text.set_class_name("bubble__text");
                    let deleted = || words.say(Word::Deleted);
                    set_text(&text, if bubble.deleted { deleted() } else { &bubble.text });
                }
            }
        }
        if hangs {
            let there = bubble.entry_id.is_some();
            self.list_of(row, ".attachments", &bubble.attachments, |file| {
                files::filled(self.main, self.thread, file, there)
            });
            self.list_of(row, ".reactions", &bubble.reactions, |reaction| self.reaction(reaction));
        }
        set_shown(row, ".message__edited", bubble.edited);
        write(row, ".message__status", &standing(bubble, words));
        set_shown(row, ".message__again", state(bubble) == "failed");
        self.read_on(row, bubble);
    }

    /// A button for each block of code, and one for the rest of a long message.
    fn read_on(&self, row: &Element, bubble: &Bubble) {
        let Some(box_) = find(row, ".bubble") else { return };
        if bubble.html.is_some() && !bubble.deleted {
            for block in dom::all(&box_, "pre:not(:has(> .copy))") {
                if let Some(button) = self.cut("copy") {
                    let _ = block.prepend_with_node_1(&button);
                }
            }
        }
        let words = bubble.html.as_ref().unwrap_or(&bubble.text);
        let long = words.len() > LONG || words.bytes().filter(|b| *b == b'\n').count() > LONG_LINES;
        if long && !box_.has_attribute("data-long") {
            set_attribute(&box_, "data-long", Some("cut"));
            if let Some(button) = self.cut("all") {
                let _ = box_.append_child(&button);
            }
        }
    }

    fn list_of<T>(
        &self,
        row: &Element,
        selector: &str,
        items: &[T],
        made: impl Fn(&T) -> Option<Element>,
    ) {
        let Some(list) = find(row, selector) else { return };
        list.set_text_content(None);
        for item in items.iter().filter_map(made) {
            let _ = list.append_child(&item);
        }
        list.set_hidden(items.is_empty());
    }

    fn reaction(&self, reaction: &Reaction) -> Option<Element> {
        let item = self.cut("reaction")?;
        let mut parts = dom::children(&item);
        set_text(&parts.next()?, &reaction.emoji);
        set_text(&parts.next()?, &reaction.count.to_string());
        Some(item)
    }
}

/// In the visitor's zone.
fn moment(row: &Element, at: &At) {
    if let Some(time) = find(row, "time.time") {
        set_attribute(&time, "datetime", Some(at.as_str()));
        set_attribute(&time, "title", Some(&clock::full(at.as_str())));
        set_text(&time, &clock::hour_minute(at.as_str()));
    }
}
