//! Inputs that a fuzz target broke once (scripts/fuzz), kept so that they stay whole.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use hotline::server::webhook::event::{BadBody, decode};
use serde_json::{Value, json};

fn chat_sent(thread: Value) -> Value {
    json!({
        "id": "pEv_01KQS44ER0G8ATYMQPCR3B9NTQ",
        "type": "thread.chat_sent",
        "timestamp": "2026-05-04T09:12:03.410Z",
        "webhookMetadata": {"webhookDeliveryAttemptTimestamp": "2026-05-04T09:12:04.000Z"},
        "payload": {
            "thread": thread,
            "chat": {"timelineEntryId": "t_01KQS44ER0G8ATYMQPCR3B9NTQ", "text": "hi"},
        },
    })
}

/// webhook_decode: serde calls an array in an object's place a fault of syntax, so the body was refused as no JSON,
/// and Plain would have sent it again for five days.
#[test]
fn an_array_in_an_objects_place_costs_only_the_text() {
    let thread = "th_01KQS44ER0KVVBRC15MBB8ADPP";
    for assignee in [json!(["a", "b", "c"]), json!([]), json!([[[]]]), json!(["u_1", "Ines", 3, 4])]
    {
        let body = chat_sent(json!({"id": thread, "assignee": assignee})).to_string();
        let event = decode(body.as_bytes()).unwrap().event.expect("the thread is told");
        assert_eq!((event.thread_id.as_str(), event.entry), (thread, None), "{assignee}");
    }
    // Nothing is known of the thread then; the delivery is taken all the same.
    let body = chat_sent(json!([thread, "x", "y", "z", 1, 2, 3, 4, 5])).to_string();
    assert!(decode(body.as_bytes()).unwrap().event.is_none());
    assert_eq!(decode(b"[1, 2").unwrap_err(), BadBody::Syntax);
    assert_eq!(decode(b"[1, 2]").unwrap_err(), BadBody::Envelope);
}
