//! Where the reader is in the conversation. On the server nothing here runs.
//!
//! The list is laid out from its end (`flex-direction: column-reverse`): it opens at the newest message without any
//! script, `scrollTop` is 0 there and negative further up, and what is put above moves nothing.

use web_sys::HtmlElement;

/// How near to the end still counts as "at the end", in pixels.
const NEAR: i32 = 40;

/// Whether the reader is at the end.
pub fn at_end(list: &HtmlElement) -> bool {
    list.scroll_top() > -NEAR
}

/// Goes to the end.
pub fn to_end(list: &HtmlElement) {
    list.set_scroll_top(0);
}
