//! Replies over the WebSocket, where the page wants one. A reply counts as sent when the server has acknowledged it; one that
//! is not answered goes by a request as well, under the same key.

use super::{api::Replied, live::Live, sending};
use crate::{
    browser::{
        json::{self, Read, Value},
        later::later,
        outbox::Waiting,
    },
    domain::{error::DeskError, ids::ClientMessageId},
};
use leptos::prelude::*;
use std::time::Duration;

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

later! {
    /// Says a reply.
    pub fn say(live: Live, one: Waiting) {
        if !live.speak(&one.spoken(live.thread())) {
            sending::by_request(live, one);
            return Ok(());
        }
        let key = one.key.clone();
        live.outbox.borrow_mut().asked = Some(one);
        set_timeout(move || sending::unanswered(live, Some(&key)), PATIENCE);
    }
}

later! {
    /// The server said something over the socket that is no event.
    pub fn heard(live: Live, words: String) {
        if let Some(Answer { key, result }) = json::parse(&words) {
            sending::answered(live, &key, result);
        }
    }
}

/// `ack` or `refused`.
struct Answer {
    key: ClientMessageId,
    result: Result<Replied, DeskError>,
}

impl Read for Answer {
    fn read<V: Value>(value: &V) -> Option<Self> {
        let key = ClientMessageId::parse(value.get("clientMessageId").text()?).ok()?;
        let result = match value.get("type").text()?.as_str() {
            "ack" => Ok(Replied::read(value)?),
            "refused" => Err(DeskError::read(value)?),
            _ => return None,
        };
        Some(Self { key, result })
    }
}
