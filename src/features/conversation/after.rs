//! After the answer: how it was, and whether it is really solved.

use crate::{
    domain::{
        rating::BEST,
        thread::{Status, Thread},
    },
    language::say,
    ui::icon::{Icon, Shape},
};
use leptos::prelude::*;

/// What a thread that is done says above the reply box. It is there, and hidden, while the thread is open.
#[component]
pub fn After(
    /// The thread.
    thread: Thread,
    /// The visitor's rating, if they gave one.
    rating: Option<u8>,
) -> impl IntoView {
    let here = format!("/t/{}", thread.id);
    let names = [
        say!(after.rate_1),
        say!(after.rate_2),
        say!(after.rate_3),
        say!(after.rate_4),
        say!(after.rate_5),
    ];
    let stars: Vec<_> = (1..=BEST)
        .zip(names)
        .map(|(value, name)| {
            let label = format!("{}: {name}", of_five(value));
            let chosen = rating == Some(value);
            view! {
                <button
                    class="rating__star"
                    type="submit"
                    name="value"
                    value=value.to_string()
                    title=name
                    aria-label=label
                    aria-pressed=if chosen { "true" } else { "false" }
                >
                    <Icon shape=Shape::Star size=22 />
                </button>
            }
        })
        .collect();
    view! {
        <section class="after" id="after" hidden=thread.status != Status::Done aria-labelledby="after-done">
            <div class="after__line">
                <p class="after__done" id="after-done">
                    <Icon shape=Shape::Check />
                    <span>{if thread.locked { say!(tab.done) } else { say!(after.done) }}</span>
                </p>
                {(!thread.locked)
                    .then(|| {
                        view! {
                            <form method="post" action=here.clone()>
                                <button class="text-button" type="submit" name="intent" value="reopen">
                                    {say!(after.reopen)}
                                </button>
                            </form>
                        }
                    })}
            </div>
            <form class="rating" method="post" action=here.clone() data-rated=rating.is_some().then_some("")>
                <input type="hidden" name="intent" value="rate" />
                <p class="rating__ask" id="rating-ask">
                    <span class="rating__question">{say!(after.rate)}</span>
                    <span class="rating__thanks" role="status">
                        <span hidden=rating.is_none()>
                            {say!(after.rated)} " " <b>{rating.map(of_five)}</b>
                        </span>
                    </span>
                </p>
                <div class="rating__stars" role="group" aria-labelledby="rating-ask">
                    {stars}
                </div>
            </form>
        </section>
    }
}

/// `4 of 5`.
fn of_five(rating: u8) -> String {
    say!(after.of_five).replace("{n}", &rating.to_string())
}
