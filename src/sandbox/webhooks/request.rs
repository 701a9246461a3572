//! One attempt to deliver an event: Plain's body and headers around a payload, signed over the exact bytes.

use serde_json::json;

use super::sign::sign;
use crate::sandbox::time::iso;

/// What an attempt tells. Times are milliseconds since 1970.
#[derive(Debug)]
pub struct Attempt<'a> {
    pub workspace_id: &'a str,
    pub target_id: &'a str,
    pub version: &'a str,
    pub event_id: &'a str,
    pub kind: &'a str,
    pub event_at: i64,
    /// JSON, with its `eventType`.
    pub payload: &'a str,
    /// `whAttempt_…`, another one each time.
    pub id: &'a str,
    /// Counted from 1.
    pub number: u32,
    pub at: i64,
}

/// What goes over the wire.
#[derive(Debug)]
pub struct Request {
    pub headers: [(&'static str, String); 12],
    pub body: String,
}

impl Attempt<'_> {
    /// The request. Each attempt has metadata, and so a signature, of its own.
    pub fn signed(&self, secret: &str) -> Request {
        let body = self.body();
        let signature = sign(secret, body.as_bytes());
        let headers = [
            ("Accept", "application/json".into()),
            ("Content-Type", "application/json".into()),
            ("User-Agent", "Plain-Webhooks/1.0 (plain.com; help@plain.com)".into()),
            ("Plain-Workspace-Id", self.workspace_id.into()),
            ("Plain-Webhook-Target-Id", self.target_id.into()),
            ("Plain-Webhook-Target-Version", self.version.into()),
            ("Plain-Webhook-Delivery-Attempt-Id", self.id.into()),
            ("Plain-Webhook-Delivery-Attempt-Number", self.number.to_string()),
            ("Plain-Webhook-Delivery-Attempt-Timestamp", iso(self.at)),
            ("Plain-Event-Type", self.kind.into()),
            ("Plain-Event-Id", self.event_id.into()),
            ("Plain-Request-Signature", signature),
        ];
        Request { headers, body }
    }

    fn body(&self) -> String {
        let metadata = json!({
            "webhookTargetId": self.target_id,
            "webhookTargetVersion": self.version,
            "webhookDeliveryAttemptId": self.id,
            "webhookDeliveryAttemptNumber": self.number,
            "webhookDeliveryAttemptTimestamp": iso(self.at),
        });
        format!(
            r#"{{"id":"{}","type":"{}","timestamp":"{}","workspaceId":"{}","webhookMetadata":{metadata},"payload":{}}}"#,
            self.event_id,
            self.kind,
            iso(self.event_at),
            self.workspace_id,
            self.payload,
        )
    }
}

impl Request {
    /// A POST to this address and no other; credentials in the URL go as basic authorization.
    pub fn to(self, http: &reqwest::Client, url: &str) -> reqwest::RequestBuilder {
        let mut request = http.post(url);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        if let Some((user, password)) = credentials(url) {
            request = request.basic_auth(user, password);
        }
        request.body(self.body)
    }
}

/// `user:password@` of a URL.
pub fn credentials(url: &str) -> Option<(String, Option<String>)> {
    let url = url::Url::parse(url).ok()?;
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let plain =
        |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some((plain(url.username()), url.password().map(plain)))
}
