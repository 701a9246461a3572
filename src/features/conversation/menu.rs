//! The conversation's menu: what is seldom wanted, and does without script.

use super::{alerts::Switches, live::Live, older};
use crate::{
    browser::{
        document::{self, KeyboardEvent, PageEvent, page},
        dom::{around, find, on, set_attribute},
        later::later,
    },
    domain::thread::{Status, Thread},
    language::say,
    ui::icon::{Icon, Shape},
};
use leptos::{prelude::*, task::spawn_local};

/// Wakes up what takes script, and closes the menu where a menu closes.
pub fn start(live: Live) {
    let scope = live.scope();
    if let Some(button) = find(scope, ".menu__print") {
        button.set_hidden(false);
        on(&button, "click", move |_: PageEvent| {
            close(live);
            live.later(print(live));
        });
    }
    on(&page(), "click", move |event: PageEvent| {
        if around(&event, ".menu").is_none() {
            close(live);
        }
    });
    on(scope, "keydown", move |event: KeyboardEvent| {
        if event.key() == "Escape" && around(&event, ".menu[open]").is_some() {
            close(live);
            if let Some(button) = find(live.scope(), ".menu__button") {
                let _ = button.focus();
            }
        }
    });
}

later! {
    /// Prints all of it, also what was not fetched yet.
    fn print(live: Live) {
        spawn_local(async move {
            older::load_all(live).await;
            request_animation_frame(document::print);
        });
    }
}

/// Closes the menu.
pub fn close(live: Live) {
    if let Some(menu) = find(live.scope(), ".menu[open]") {
        set_attribute(&menu, "open", None);
    }
}

/// The menu behind the three dots. What does not fit the thread's state is there and hidden, for a tab that hears of
/// another one.
#[component]
pub fn ConversationMenu(
    /// The thread it belongs to.
    thread: Thread,
) -> impl IntoView {
    let here = format!("/t/{}", thread.id);
    let (text, json) = (format!("{here}.txt"), format!("{here}.json"));
    let done = thread.status == Status::Done;
    view! {
        <details class="menu">
            <summary class="menu__button">
                <Icon shape=Shape::Dots />
                <span class="visually-hidden">{say!(after.more)}</span>
            </summary>
            <ul class="menu__list">
                {(!thread.locked)
                    .then(|| {
                        view! {
                            <li data-when="open" hidden=done>
                                <form method="post" action=here.clone() data-mark>
                                    <button class="menu__item" type="submit" name="intent" value="solve">
                                        <Icon shape=Shape::Check />
                                        {say!(after.solve)}
                                    </button>
                                </form>
                            </li>
                            <li data-when="done" hidden=!done>
                                <form method="post" action=here.clone() data-mark>
                                    <button class="menu__item" type="submit" name="intent" value="reopen">
                                        <Icon shape=Shape::Again />
                                        {say!(after.reopen)}
                                    </button>
                                </form>
                            </li>
                        }
                    })}
                <li>
                    <a class="menu__item" href=text>
                        <Icon shape=Shape::File />
                        {say!(after.text)}
                    </a>
                </li>
                <li>
                    <a class="menu__item" href=json>
                        <Icon shape=Shape::File />
                        {say!(after.json)}
                    </a>
                </li>
                // The rest takes script.
                <li>
                    <button class="menu__item menu__print" type="button" hidden>
                        <Icon shape=Shape::Printer />
                        {say!(after.print)}
                    </button>
                    <Switches sound=say!(conversation.sound) notify=say!(conversation.notify) />
                </li>
            </ul>
        </details>
    }
}
