//! "Seen by the team": a quiet line under the visitor's last message, that says how we know.

use super::live::Live;
use crate::{
    browser::dom::{Element, cut, find, set_text},
    domain::{thread::Sign, words::Word},
};

/// What the line says.
pub fn word(sign: Sign) -> Word {
    match sign {
        Sign::Assigned => Word::SeenAssigned,
        Sign::InProgress => Word::SeenInProgress,
        Sign::Reaction => Word::SeenReaction,
        Sign::Answer => Word::SeenAnswer,
    }
}

/// The line follows what is known.
pub fn start(live: Live) {
    // After the rows are drawn: those who watch are called in the order in which they began to.
    live.watch(move || {
        let seen = live.timeline.read().seen_of_last();
        let scope = live.scope();
        let line: Option<Element> = find(scope, "[data-part=seen]").map(Into::into);
        let place = seen.and_then(|(entry, sign)| {
            let row = find(scope, &["[data-entry-id=", entry.as_str(), "]"].concat())?;
            Some((row, sign))
        });
        let Some((row, sign)) = place else {
            if let Some(line) = line {
                line.remove();
            }
            return;
        };
        let line = line.or_else(|| cut(scope, "template[data-row=seen]").map(Into::into));
        if let Some(line) = line {
            set_text(&line, live.word(word(sign)));
            if line.parent_element().as_deref() != Some(&*row) {
                let _ = row.append_child(&line);
            }
        }
    });
}
