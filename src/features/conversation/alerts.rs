//! Sound and desktop notifications, both only for whoever switched them on, and remembered on this device.

use super::live::Live;
use crate::{
    browser::{
        alert,
        document::{self, PageEvent, memory},
        dom::{Element, find, on, set_attribute},
        later::{self, later},
    },
    domain::words::Word,
};
use leptos::{prelude::*, task::spawn_local};

const SOUND: &str = "hotline:sound";
const NOTIFY: &str = "hotline:notify";

/// The switches. Nothing without script, so they are hidden until they work.
#[component]
pub fn Switches(
    /// The words of the switch for sound.
    sound: String,
    /// The words of the switch for notifications.
    notify: String,
) -> impl IntoView {
    view! {
        <button class="menu__item" type="button" data-switch=SOUND aria-pressed="false" hidden>
            {sound}
        </button>
        <button class="menu__item" type="button" data-switch=NOTIFY aria-pressed="false" hidden>
            {notify}
        </button>
    }
}

/// Wakes the switches up.
pub fn start(live: Live) {
    for name in [SOUND, NOTIFY] {
        let Some(switch) = find(live.scope(), &["[data-switch='", name, "']"].concat()) else {
            continue;
        };
        switch.set_hidden(name == NOTIFY && !alert::can_notify());
        let switch: Element = switch.into();
        set(&switch, is_on(name));
        let pressed = switch.clone();
        on(&switch, "click", move |_: PageEvent| {
            live.later(turn(pressed.clone(), name));
        });
    }
}

later! {
    /// A switch was pressed.
    fn turn(switch: Element, name: &'static str) {
        let on = !is_on(name);
        spawn_local(async move {
            let on = on && (name == SOUND || alert::ask().await);
            memory::set(name, if on { "1" } else { "" });
            set(&switch, on);
            // The visitor hears what they will hear; the browser learns that it was their wish.
            if on && name == SOUND {
                alert::sound().await;
            }
        });
    }
}

fn is_on(name: &str) -> bool {
    memory::get(name).is_some()
}

fn set(switch: &Element, on: bool) {
    set_attribute(switch, "aria-pressed", Some(if on { "true" } else { "false" }));
}

/// Somebody of the team answered.
pub fn answered(live: Live, who: String, what: String) {
    let (sound, notify) = (is_on(SOUND), is_on(NOTIFY) && !document::is_visible());
    if sound || notify {
        later::run(announce(live, who, what, (sound, notify)), || ());
    }
}

later! {
    fn announce(live: Live, who: String, what: String, how: (bool, bool)) {
        let (sound, notify) = how;
        if sound {
            spawn_local(alert::sound());
        }
        if notify {
            alert::notify(&live.fill(Word::Answered, "name", &who), &what, live.thread());
        }
    }
}
