//! Pages of a timeline, although nobody says in which order Plain keeps it.
//!
//! Plain documents no order for a thread's timeline, so that "the newest 50" may be `first: 50` or `last: 50`. A
//! page that comes back tells by its times; what was learned holds for the process and is checked on every read.

use crate::{
    domain::time::At,
    server::plain::operations::{Page, Timeline, conversation::wire::Item},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::sync::atomic::{AtomicBool, Ordering};

/// The longest page cursor that is taken from outside.
const LONGEST: usize = 1024;

/// In which order Plain keeps a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    NewestFirst,
    OldestFirst,
}

impl Order {
    /// The newest entries.
    pub fn newest(self) -> Page {
        match self {
            Self::NewestFirst => Page::First(None),
            Self::OldestFirst => Page::Last(None),
        }
    }

    /// The oldest entries.
    pub fn oldest_end(self) -> Page {
        match self {
            Self::NewestFirst => Page::Last(None),
            Self::OldestFirst => Page::First(None),
        }
    }

    /// The cursor of the page's newest entry, if newer ones exist beyond a page that was asked for with
    /// [`Order::oldest_end`] or as a newer one.
    pub fn next_newer(self, timeline: &Timeline) -> Option<PageCursor> {
        let (more, entry) = match self {
            Self::NewestFirst => (timeline.has_previous, timeline.items.first()),
            Self::OldestFirst => (timeline.has_next, timeline.items.last()),
        };
        let (plain, _) = entry.filter(|_| more)?;
        Some(PageCursor { order: self, plain: plain.clone() })
    }

    /// Whether entries older than this page exist, if it was asked for with [`Order::newest`] or as an older one.
    pub fn has_older(self, timeline: &Timeline) -> bool {
        match self {
            Self::NewestFirst => timeline.has_next,
            Self::OldestFirst => timeline.has_previous,
        }
    }

    /// The cursor of the page's oldest entry.
    pub fn oldest(self, timeline: &Timeline) -> Option<PageCursor> {
        let (plain, _) = match self {
            Self::NewestFirst => timeline.items.last(),
            Self::OldestFirst => timeline.items.first(),
        }?;
        Some(PageCursor { order: self, plain: plain.clone() })
    }

    /// Leaves only the newest entries of a page, down to so many that count.
    pub fn keep_newest(self, timeline: &mut Timeline, most: usize, counts: impl Fn(&Item) -> bool) {
        self.keep(timeline, most, counts, self == Self::NewestFirst);
    }

    /// Leaves only the oldest ones.
    pub fn keep_oldest(self, timeline: &mut Timeline, most: usize, counts: impl Fn(&Item) -> bool) {
        self.keep(timeline, most, counts, self == Self::OldestFirst);
    }

    fn keep(
        self,
        timeline: &mut Timeline,
        most: usize,
        counts: impl Fn(&Item) -> bool,
        from_start: bool,
    ) {
        let mut counted = 0;
        let mut beyond = |(_, item): &(String, Item)| {
            counted += usize::from(counts(item));
            counted > most
        };
        let items = &mut timeline.items;
        if from_start {
            if let Some(first_out) = items.iter().position(&mut beyond) {
                items.truncate(first_out);
                timeline.has_next = true;
            }
        } else if let Some(last_out) = items.iter().rposition(&mut beyond) {
            items.drain(..=last_out);
            timeline.has_previous = true;
        }
    }

    /// What a page shows; none if all its times are equal.
    pub fn shown_by(times: &[At]) -> Option<Self> {
        match times.first()?.cmp(times.last()?) {
            std::cmp::Ordering::Less => Some(Self::OldestFirst),
            std::cmp::Ordering::Greater => Some(Self::NewestFirst),
            std::cmp::Ordering::Equal => None,
        }
    }
}

/// What the process learned.
#[derive(Debug, Default)]
pub(super) struct Learned(AtomicBool);

impl Learned {
    pub fn get(&self) -> Order {
        if self.0.load(Ordering::Relaxed) { Order::OldestFirst } else { Order::NewestFirst }
    }

    pub fn set(&self, order: Order) {
        self.0.store(order == Order::OldestFirst, Ordering::Relaxed);
    }
}

/// A place in a timeline, as browsers keep it: Plain's cursor and the order it was made in, in characters that need
/// no escaping in a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PageCursor {
    order: Order,
    plain: String,
}

impl PageCursor {
    pub fn encode(&self) -> String {
        let order = match self.order {
            Order::NewestFirst => 'n',
            Order::OldestFirst => 'o',
        };
        format!("{order}{}", URL_SAFE_NO_PAD.encode(&self.plain))
    }

    /// Reads what a browser gives. None for everything that [`PageCursor::encode`] does not make.
    pub fn decode(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let (order, plain) = match text.split_at_checked(1)? {
            ("n", plain) => (Order::NewestFirst, plain),
            ("o", plain) => (Order::OldestFirst, plain),
            _ => return None,
        };
        let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(plain).ok()?).ok()?;
        let fine = !plain.is_empty() && plain.bytes().all(|b| b.is_ascii_graphic());
        fine.then_some(Self { order, plain })
    }

    pub fn order(&self) -> Order {
        self.order
    }

    /// The entries before this place, the nearest.
    pub fn older(&self) -> Page {
        match self.order {
            Order::NewestFirst => Page::First(Some(self.plain.clone())),
            Order::OldestFirst => Page::Last(Some(self.plain.clone())),
        }
    }

    /// The entries after this place, the nearest.
    pub fn newer(&self) -> Page {
        match self.order {
            Order::NewestFirst => Page::Last(Some(self.plain.clone())),
            Order::OldestFirst => Page::First(Some(self.plain.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_survive_the_journey() {
        for order in [Order::NewestFirst, Order::OldestFirst] {
            let cursor = PageCursor { order, plain: "eyJpZCI6InRfMDEifQ==+/".into() };
            let text = cursor.encode();
            assert!(
                text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)),
                "{text}"
            );
            assert_eq!(PageCursor::decode(&text), Some(cursor));
        }
    }

    #[test]
    fn foreign_cursors_are_refused() {
        let long = format!("n{}", "A".repeat(LONGEST));
        let control = format!("n{}", URL_SAFE_NO_PAD.encode("a\nb"));
        for bad in ["", "n", "x", "xAAAA", "n!!", "nA", "ü", "nAA==", &long, &control] {
            assert_eq!(PageCursor::decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn pages_show_their_order() {
        let at = At::from_millis;
        assert_eq!(Order::shown_by(&[at(1), at(2)]), Some(Order::OldestFirst));
        assert_eq!(Order::shown_by(&[at(2), at(2), at(1)]), Some(Order::NewestFirst));
        assert_eq!(Order::shown_by(&[at(2), at(2)]), None);
        assert_eq!(Order::shown_by(&[]), None);
    }

    #[test]
    fn the_right_arguments() {
        let cursor = |order| PageCursor { order, plain: "c".into() };
        let some = Some("c".to_string());
        assert_eq!(cursor(Order::NewestFirst).older(), Page::First(some.clone()));
        assert_eq!(cursor(Order::NewestFirst).newer(), Page::Last(some.clone()));
        assert_eq!(cursor(Order::OldestFirst).older(), Page::Last(some.clone()));
        assert_eq!(cursor(Order::OldestFirst).newer(), Page::First(some));
    }
}
