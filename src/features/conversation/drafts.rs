//! What is typed and not sent: it outlives a reload, and is the same in every tab that has the conversation open.

use super::live::Live;
use crate::browser::{
    document::{PageEvent, StorageEvent, memory, page},
    dom::on,
    form,
};

fn name(thread: &str) -> String {
    ["hotline:reply:", thread].concat()
}

/// Puts back what was typed before, and remembers what is typed from now on.
pub fn start(live: Live) {
    let scope = live.scope();
    let name = name(live.thread());
    if form::value(scope, "text").is_empty() {
        form::set_value(scope, "text", &memory::get(&name).unwrap_or_default());
    }
    let key = name.clone();
    on(scope, "input", move |_: PageEvent| {
        memory::set(&key, &form::value(scope, "text"));
    });
    // Another tab writes, or has sent it.
    on(&page(), "storage", move |event: StorageEvent| {
        if event.key().as_deref() == Some(&name) {
            form::set_value(scope, "text", &event.new_value().unwrap_or_default());
        }
    });
}

/// It is sent.
pub fn forget(live: Live) {
    memory::set(&name(live.thread()), "");
}
