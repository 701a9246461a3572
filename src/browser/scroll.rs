//! Where the reader is in the conversation. On the server nothing here runs.
//!
//! The list is laid out from its end (`flex-direction: column-reverse`): it opens at the newest message without any
//! script, `scrollTop` is 0 there and negative further up, and what is put above moves nothing by itself.

use web_sys::HtmlElement;

/// How near to the end still counts as "at the end", in pixels.
const NEAR: i32 = 40;

/// Whether the reader is at the end.
pub fn at_end(list: &HtmlElement) -> bool {
    list.scroll_top() > -NEAR
}

/// How far the view is from the end of the list.
pub fn place(list: &HtmlElement) -> i32 {
    list.scroll_top()
}

/// Goes back to a [`place`].
pub fn restore(list: &HtmlElement, place: i32) {
    list.set_scroll_top(place);
}

/// Goes to the end.
pub fn to_end(list: &HtmlElement) {
    list.set_scroll_top(0);
}
