//! The intake's reader of bodies.

use hotline::{
    domain::ids::Cursor,
    server::{
        bus::LiveFrame,
        desk::gate::Visible,
        webhook::event::{BadBody, decode as read},
    },
};
use serde_json::Value;

/// Events that tell a thread's followers something without carrying a message.
const STATUS: [&str; 2] = ["thread.thread_status_transitioned", "thread.status_changed"];
const TIMELINE: &str = "timeline.timeline_entry_changed";
/// The names of the portal's first design, taken for messages.
const FIRST_NAMES: [&str; 2] = ["thread.reply_sent", "thread.message_sent"];

/// Decodes; what comes out must have passed the gate, and must fit into one SSE frame.
pub fn decode(body: &[u8]) {
    let json = serde_json::from_slice::<Value>(body);
    let delivery = match read(body) {
        Ok(delivery) => delivery,
        Err(error) => {
            assert!(
                error != BadBody::Syntax || json.is_err() || deep(body),
                "JSON, but called none"
            );
            return;
        }
    };
    let Some(event) = delivery.event else { return };
    let kind = delivery.kind;
    assert_eq!(event.event_type, kind);
    assert_eq!(event.event_id, delivery.id);
    let status = STATUS.contains(&kind);
    assert!(
        status
            || kind == TIMELINE
            || FIRST_NAMES.contains(&kind)
            || Visible::from_event(kind).is_some(),
        "{kind} must not be told"
    );
    if status {
        assert!(event.entry.is_none(), "a status carries no message");
    }
    if let (Some(entry), Ok(json)) = (&event.entry, &json) {
        let payload = &json["payload"];
        assert!(!entry.deleted || entry.text.is_empty(), "a deleted message has no text");
        assert!(entry.updated_at >= entry.at, "changed before it was written");
        // The parser and this test may disagree about which of two equal keys counts.
        let twice = ["\"note\"", "\"entryType\"", "\"entry\"", "\"type\"", "\"payload\""]
            .iter()
            .any(|key| count(body, key.as_bytes()) > 1);
        if !twice && FIRST_NAMES.contains(&kind) {
            assert!(payload["note"].is_null(), "a note passed");
        }
    }
    let place = |text: &str| Cursor::parse(text).expect("a cursor");
    let frame = LiveFrame::encode(event, place("e-2"), place("e-1")).expect("it can be encoded");
    let text = std::str::from_utf8(&frame.sse).expect("UTF-8");
    let lines: Vec<&str> = text.split('\n').collect();
    assert!(
        matches!(lines[..], [id, data, "", ""] if id == "id: e-2" && data.starts_with("data: {"))
    );
    assert!(!text.contains('\r'));
}

fn count(body: &[u8], key: &[u8]) -> usize {
    body.windows(key.len()).filter(|window| *window == key).count()
}

/// Whether it may be nested deeper than the parser goes.
fn deep(body: &[u8]) -> bool {
    body.iter().filter(|b| matches!(b, b'[' | b'{')).count() >= 127
}
