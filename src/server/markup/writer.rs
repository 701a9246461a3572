//! Writes HTML of which every tag is ours.

use super::link;

/// Elements within elements. Deeper ones lose their tags and keep their text.
const MAX_DEPTH: usize = 12;

/// What was written.
pub struct Written {
    pub html: String,
    /// The same words without tags.
    pub text: String,
    /// Whether there is more in the HTML than words and paragraphs.
    pub marked: bool,
    /// Whether it became too long, and the end is missing.
    pub cut: bool,
}

pub struct Writer {
    out: Written,
    limit: usize,
    /// The elements that are open; none where the tag was left out.
    open: Vec<Option<&'static str>>,
    /// How many of them have a tag.
    depth: usize,
    /// Links do not stand in links.
    links: usize,
}

impl Writer {
    /// Stops at `limit` bytes of HTML.
    pub fn new(limit: usize) -> Self {
        let out = Written { html: String::new(), text: String::new(), marked: false, cut: false };
        Self { out, limit, open: Vec::new(), depth: 0, links: 0 }
    }

    /// Whether there is no room for more.
    pub fn is_full(&self) -> bool {
        self.out.cut
    }

    /// Bytes of text so far.
    pub fn text_len(&self) -> usize {
        self.out.text.len()
    }

    /// Text as it is.
    pub fn text(&mut self, text: &str) {
        if self.out.html.len() + text.len() > self.limit {
            self.out.cut = true;
            return;
        }
        self.out.text.push_str(text);
        escape(text, &mut self.out.html);
    }

    /// Text in which bare addresses become links.
    pub fn words(&mut self, text: &str) {
        let mut from = 0;
        if self.links == 0 {
            while let Some((place, target)) = link::next(text, from) {
                self.text(&text[from..place.start]);
                self.open_link(Some(target));
                self.text(&text[place.clone()]);
                self.close();
                from = place.end;
            }
        }
        self.text(&text[from..]);
    }

    /// Separates what follows, in the text; HTML does it by its elements.
    pub fn gap(&mut self) {
        self.out.text.push('\n');
    }

    /// Opens an element.
    pub fn open(&mut self, tag: &'static str) {
        self.out.marked |= tag != "p";
        self.start(tag, "");
    }

    /// Opens an ordered list that starts at a number.
    pub fn open_list(&mut self, start: u64) {
        self.out.marked = true;
        self.start("ol", &format!(" start=\"{start}\""));
    }

    /// Opens a link; without a target, or inside of another link, only its words remain.
    pub fn open_link(&mut self, target: Option<String>) {
        self.out.marked = true;
        match target {
            Some(target) if self.links == 0 => {
                let mut href = String::from(" href=\"");
                escape(&target, &mut href);
                href.push('"');
                self.start("a", &href);
                self.links += usize::from(self.open.last() == Some(&Some("a")));
            }
            _ => self.open.push(None),
        }
    }

    fn start(&mut self, tag: &'static str, attributes: &str) {
        let fits = self.depth < MAX_DEPTH;
        if fits {
            self.depth += 1;
            self.tag(&["<", tag, attributes, ">"]);
        }
        self.open.push(fits.then_some(tag));
    }

    /// Closes what was opened last.
    pub fn close(&mut self) {
        if let Some(Some(tag)) = self.open.pop() {
            self.depth -= 1;
            self.links -= usize::from(tag == "a");
            self.tag(&["</", tag, ">"]);
        }
    }

    /// A line across.
    pub fn rule(&mut self) {
        self.out.marked = true;
        self.tag(&["<hr>"]);
    }

    fn tag(&mut self, parts: &[&str]) {
        parts.iter().for_each(|part| self.out.html.push_str(part));
        self.out.cut |= self.out.html.len() > self.limit;
    }

    pub fn finish(self) -> Written {
        self.out
    }
}

pub fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            // A parser would read them as something else.
            '\r' | '\0' => {}
            c => html.push(c),
        }
    }
}
