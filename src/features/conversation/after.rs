//! After the answer: how it was, and whether it is really solved. Every form of it does without script.

use super::{client, live::Live, menu};
use crate::{
    browser::{
        document::SubmitEvent,
        dom::{all, around, find, on, set_attribute, set_shown, write},
        form,
        later::later,
    },
    domain::{
        rating::{self, BEST},
        thread::{Status, Thread},
    },
    language::say,
    ui::icon::{Icon, Shape},
};
use leptos::{prelude::*, task::spawn_local};

/// Wakes the forms up, also those of the menu; and what is shown follows the thread's state.
pub fn start(live: Live) {
    on(live.scope(), "submit", move |event: SubmitEvent| {
        if around(&event, "[data-mark]").is_none() {
            return;
        }
        // Where the browser does not tell which button it was, the form goes its way without script.
        if let Some(value) = event.submitter().and_then(|button| button.get_attribute("value")) {
            event.prevent_default();
            menu::close(live);
            live.later(mark(live, value));
        }
    });
    live.watch(move || show(live));
}

later! {
    /// A button was pressed: a rating, `solve` or `reopen`.
    fn mark(live: Live, value: String) {
        send(live, value);
    }
}

/// One at a time.
fn send(live: Live, value: String) {
    let scope = live.scope();
    let Some(panel) = find(scope, ".after") else { return };
    if panel.has_attribute("aria-busy") {
        return;
    }
    set_attribute(&panel, "aria-busy", Some("true"));
    form::say(scope, PROBLEM, "");
    let wanted = rating::read(&value);
    let before = live.timeline.read().rating;
    if wanted.is_some() {
        live.timeline.update(|timeline| timeline.rating = wanted);
    }
    spawn_local(async move {
        let answer = match wanted {
            Some(_) => client::rate(live.thread(), &value).await,
            None => client::solve(live.thread(), value == "solve").await,
        };
        match answer {
            Ok(()) => live.read(),
            Err(error) => {
                if wanted.is_some() {
                    live.timeline.update(|timeline| timeline.rating = before);
                }
                form::say(scope, PROBLEM, &error.error);
            }
        }
        set_attribute(&panel, "aria-busy", None);
    });
}

/// Beside the reply box, which a thread that can be marked always has.
const PROBLEM: &str = "#reply-problem";

fn show(live: Live) {
    let scope = live.scope();
    let (status, rated) = {
        let timeline = live.timeline.read();
        (timeline.thread.status, timeline.rating)
    };
    let state = if status == Status::Done { "done" } else { "open" };
    for element in all(scope, "[data-when]") {
        element.set_hidden(element.get_attribute("data-when").as_deref() != Some(state));
    }
    let mut said = String::new();
    for star in all(scope, ".rating__star") {
        let value = star.get_attribute("value").unwrap_or_default();
        let chosen = rated.is_some() && rating::read(&value) == rated;
        set_attribute(&star, "aria-pressed", Some(if chosen { "true" } else { "false" }));
        if chosen {
            said = star.get_attribute("data-said").unwrap_or_default();
        }
    }
    write(scope, ".rating__thanks strong", &said);
    set_shown(scope, ".rating__thanks span", rated.is_some());
    if let Some(form) = find(scope, ".rating") {
        set_attribute(&form, "data-rated", rated.map(|_| ""));
    }
}

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
                    data-said=of_five(value)
                    aria-pressed=if chosen { "true" } else { "false" }
                >
                    <Icon shape=Shape::Star size=22 />
                </button>
            }
        })
        .collect();
    view! {
        <section
            class="after"
            id="after"
            data-when="done"
            hidden=thread.status != Status::Done
            aria-labelledby="after-done"
        >
            <div class="after__line">
                <p class="after__done" id="after-done">
                    <Icon shape=Shape::Check />
                    <span>{if thread.locked { say!(tab.done) } else { say!(after.done) }}</span>
                </p>
                {(!thread.locked)
                    .then(|| {
                        view! {
                            <form method="post" action=here.clone() data-mark>
                                <button class="text-button" type="submit" name="intent" value="reopen">
                                    {say!(after.reopen)}
                                </button>
                            </form>
                        }
                    })}
            </div>
            <form class="rating" method="post" action=here.clone() data-mark data-rated=rating.is_some().then_some("")>
                <input type="hidden" name="intent" value="rate" />
                <p class="rating__ask" id="rating-ask">
                    <span class="rating__question">{say!(after.rate)}</span>
                    <span class="rating__thanks" role="status">
                        <span hidden=rating.is_none()>
                            {say!(after.rated)} " " <strong>{rating.map(of_five)}</strong>
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::time::At, features::conversation::menu::ConversationMenu};

    fn thread(status: Status, locked: bool) -> Thread {
        Thread {
            id: "th_01KQS44ER0KVVBRC15MBB8ADPP".parse().unwrap(),
            reference: "T-1".into(),
            title: "Export".into(),
            status,
            locked,
            created_at: At::from_millis(0),
            last_activity_at: At::from_millis(0),
            last_message: None,
            unread: false,
        }
    }

    fn panel(status: Status, locked: bool, rating: Option<u8>) -> String {
        view! { <After thread=thread(status, locked) rating=rating /> }.to_html()
    }

    #[test]
    fn it_waits_for_the_end() {
        let opening = |html: &str| html[..html.find('>').unwrap()].to_owned();
        assert!(opening(&panel(Status::InProgress, false, None)).contains(" hidden"));
        assert!(!opening(&panel(Status::Done, false, None)).contains(" hidden"));
    }

    #[test]
    fn the_rating_is_pressed_and_said() {
        let html = panel(Status::Done, false, Some(4));
        assert_eq!(html.matches("aria-pressed=\"true\"").count(), 1, "{html}");
        let star = html.split("<button").find(|it| it.contains("aria-pressed=\"true\"")).unwrap();
        assert!(star.contains("value=\"4\"") && star.contains("4 of 5: Good"), "{star}");
        assert!(html.contains("<strong>4 of 5</strong>"), "{html}");
        let html = panel(Status::Done, false, None);
        assert!(!html.contains("aria-pressed=\"true\""), "{html}");
    }

    #[test]
    fn a_locked_thread_offers_no_change() {
        for status in [Status::InProgress, Status::Done] {
            let locked = thread(status, true);
            let html =
                panel(status, true, None) + &view! { <ConversationMenu thread=locked /> }.to_html();
            for word in ["solve", "reopen", "reopens"] {
                assert!(!html.contains(word), "{word} in {html}");
            }
            assert!(html.contains(".txt") && html.contains("rating"), "{html}");
        }
    }
}
