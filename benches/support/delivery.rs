//! A delivery as Plain makes it, signed.

use hotline::server::webhook::signature::Secret;
use serde_json::json;

/// A body in which an agent says something in a thread, and its signature. `number` names the event: 26 digits.
pub fn delivery(secret: &Secret, number: &str, thread: &str, text: &str) -> (String, String) {
    let now = jiff::Timestamp::now().to_string();
    let agent = json!({"actorType": "user", "userId": "u_01KQS44ER0KVVBRC15MBB8ADPP"});
    let body = json!({
        "id": format!("pEv_{number}"),
        "type": "thread.chat_sent",
        "timestamp": now,
        "workspaceId": "w_01KEKJ4HM0G61NKTVPFMC4CP3P",
        "webhookMetadata": {
            "webhookTargetId": "whTarget_01KEP13D003SAD3TJXBYE33Z6T",
            "webhookTargetVersion": "2026-04-21",
            "webhookDeliveryAttemptId": "whAttempt_01KQS44JHW3Y36180RZ4THSKGV",
            "webhookDeliveryAttemptNumber": 1,
            "webhookDeliveryAttemptTimestamp": now,
        },
        "payload": {
            "eventType": "thread.chat_sent",
            "thread": {"id": thread},
            "chat": {
                "timelineEntryId": format!("t_{number}"),
                "id": format!("ch_{number}"),
                "text": text,
                "attachments": [],
                "createdAt": now,
                "createdBy": agent,
                "updatedAt": now,
                "updatedBy": agent,
            },
        },
    })
    .to_string();
    let signature = secret.sign(body.as_bytes());
    (body, signature)
}
