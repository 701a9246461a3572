//! Where the reader is in the conversation. On the server nothing here runs.
//!
//! The list is laid out from its end (`flex-direction: column-reverse`): it opens at the newest message without any
//! script, `scrollTop` is 0 there and negative further up, and what is put above moves nothing by itself.

use web_sys::Element;

/// How near to the end still counts as "at the end", in pixels.
const NEAR: i32 = 40;
/// What rounding may make of a place, in pixels.
const SLACK: i32 = 2;
/// How near to the beginning the messages before are fetched, in pixels.
const EARLY: i32 = 300;

/// Whether the reader is at the end.
pub fn at_end(list: &Element) -> bool {
    list.scroll_top() > -NEAR
}

/// Whether the reader comes near to the beginning.
pub fn near_start(list: &Element) -> bool {
    let above = list.scroll_height() - list.client_height() + list.scroll_top();
    list.scroll_top() < 0 && above < EARLY
}

/// How far the view is from the end of the list.
pub fn place(list: &Element) -> i32 {
    list.scroll_top()
}

/// Goes back to a [`place`].
pub fn restore(list: &Element, place: i32) {
    list.set_scroll_top(place);
}

/// Where the view is in a list of which length, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    place: i32,
    height: i32,
}

impl Extent {
    /// As it is now.
    pub fn of(list: &Element) -> Self {
        Self { place: place(list), height: list.scroll_height() }
    }

    /// Whether somebody went up since. What was put below is no reason: browsers may keep the lines in view where they are,
    /// which then are as much further from the end.
    pub fn is_scrolled_up_from(self, before: Self) -> bool {
        self.place < before.place - (self.height - before.height).max(0) - SLACK
    }
}

/// Goes to the end.
pub fn to_end(list: &Element) {
    list.set_scroll_top(0);
}

/// Goes to the last message: to the end, or, where it is taller than the view, to its first line.
pub fn to_last(list: &Element, last: &Element) {
    to_end(list);
    let above = last.get_bounding_client_rect().top() - list.get_bounding_client_rect().top();
    if above < 0.0 {
        list.set_scroll_top(above as i32 - 8);
    }
}

/// Whether at least half of an element, or of the view, is taken up by it.
pub fn is_in_view(list: &Element, element: &Element) -> bool {
    let (view, row) = (list.get_bounding_client_rect(), element.get_bounding_client_rect());
    let shown = row.bottom().min(view.bottom()) - row.top().max(view.top());
    shown > 0.0 && shown * 2.0 >= row.height().min(view.height())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_scrolls_up_is_told_from_a_list_that_grows() {
        let at = |place, height| Extent { place, height };
        let end = at(0, 1000);
        assert!(!end.is_scrolled_up_from(end));
        // Grown below: by browsers that stay at the end, and by those that stay at the lines.
        assert!(!at(0, 1060).is_scrolled_up_from(end));
        assert!(!at(-60, 1060).is_scrolled_up_from(end));
        // Shorter: something was deleted.
        assert!(!at(0, 900).is_scrolled_up_from(end));
        assert!(at(-100, 1000).is_scrolled_up_from(end));
        assert!(at(-100, 1060).is_scrolled_up_from(end));
        assert!(at(-300, 900).is_scrolled_up_from(end));
        // Down again is not up.
        assert!(!at(-50, 1000).is_scrolled_up_from(at(-200, 1000)));
    }
}
