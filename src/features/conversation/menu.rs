//! The conversation's menu: what is seldom wanted, and does without script.

use crate::{
    domain::thread::{Status, Thread},
    language::say,
    ui::icon::{Icon, Shape},
};
use leptos::prelude::*;

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
                                <form method="post" action=here.clone()>
                                    <button class="menu__item" type="submit" name="intent" value="solve">
                                        <Icon shape=Shape::Check />
                                        {say!(after.solve)}
                                    </button>
                                </form>
                            </li>
                            <li data-when="done" hidden=!done>
                                <form method="post" action=here.clone()>
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
                // Takes script.
                <li data-print hidden>
                    <button class="menu__item" type="button">
                        <Icon shape=Shape::Printer />
                        {say!(after.print)}
                    </button>
                </li>
            </ul>
        </details>
    }
}
