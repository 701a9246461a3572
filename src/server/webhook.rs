//! The webhook intake: `POST /api/webhooks/plain`.
//!
//! Each step is cheaper than the one after it, and nothing is believed before the signature: size, content type, the
//! patience with this address, signature, shape, age, and then the bus, which knows duplicates. Plain is told 200 only
//! when the bus holds the event; anything else makes it deliver again. So nothing waits in a list here: what the bus
//! cannot take (503) and what is signed but no envelope (400) stays in Plain's list of failed deliveries, is delivered
//! again for five days, and can be looked at there. Nothing is asked of Plain on the way.
//!
//! # Changing the signing secret
//!
//! Plain has one secret and no overlap. Give both, new and old; when
//! `hotline_webhook_signature_total{secret="1"}` (the place in the list, counted from 0) stands still for five days,
//! the old one may go.

pub mod event;
pub mod signature;
mod strangers;

use crate::{
    domain::ids::{CustomerId, EventId, ThreadId},
    server::{
        bus::{BusError, EventBus, Published},
        clock::Clock,
        desk::Desk,
        signals::Signals,
    },
};
use axum::{
    Extension, Json, Router,
    body::Body,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use event::Delivery;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use metrics::{counter, histogram};
use serde_json::json;
use signature::{Secret, Signature};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};
use strangers::Strangers;

/// What the intake believes, and how patient it is.
#[derive(Debug, Clone)]
pub struct IntakeSettings {
    /// The secrets that may have signed a request. Without any, every request is refused.
    pub secrets: Vec<Secret>,
    /// How far an attempt's time may be from ours, either way.
    pub tolerance: Duration,
    /// The largest body, in bytes.
    pub max_body: usize,
    /// How long a body may take to arrive.
    pub read_timeout: Duration,
    /// How many requests that fail verification an address may send in a minute before it hears 429.
    pub unverified_per_minute: u32,
    /// For how many addresses that is counted at once.
    pub tracked_addresses: usize,
}

impl Default for IntakeSettings {
    fn default() -> Self {
        Self {
            secrets: Vec::new(),
            tolerance: Duration::from_secs(300),
            max_body: 1024 * 1024,
            read_timeout: Duration::from_secs(10),
            unverified_per_minute: 10,
            tracked_addresses: 500,
        }
    }
}

/// The address that a request came from, where somebody who knows better than the socket (trusted proxies) put it
/// into the request's extensions.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// The intake.
#[derive(Debug)]
pub struct Intake {
    settings: IntakeSettings,
    bus: Arc<dyn EventBus>,
    clock: Arc<dyn Clock>,
    desk: Option<Desk>,
    signals: Option<Signals>,
    strangers: Strangers,
}

impl Intake {
    /// An intake that publishes to a bus.
    pub fn new(settings: IntakeSettings, bus: Arc<dyn EventBus>, clock: Arc<dyn Clock>) -> Self {
        let strangers = Strangers::new(settings.unverified_per_minute, settings.tracked_addresses);
        Self { settings, bus, clock, desk: None, signals: None, strangers }
    }

    /// With a desk that is told when a customer was removed.
    pub fn telling(mut self, desk: Desk) -> Self {
        self.desk = Some(desk);
        self
    }

    /// With what knows who types and what was read, which is told so, too.
    pub fn and_telling(mut self, signals: Signals) -> Self {
        self.signals = Some(signals);
        self
    }
}

/// The route, with and without a slash at its end: Plain takes a redirect for a failure.
pub fn routes(intake: Arc<Intake>) -> Router {
    let route = || post(receive).fallback(only_post);
    Router::new()
        .route("/api/webhooks/plain", route())
        .route("/api/webhooks/plain/", route())
        .with_state(intake)
}

async fn only_post() -> Response {
    let body = json!({"error": "Webhooks are posted", "code": "method_not_allowed"});
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST")], Json(body)).into_response()
}

/// Takes one delivery.
pub async fn receive(
    State(intake): State<Arc<Intake>>,
    peer: Option<Extension<Peer>>,
    socket: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let began = Instant::now();
    let outcome = intake.take(address(peer, socket), &headers, body).await;
    let label = match &outcome {
        Ok(taken) => taken.word(),
        Err(refusal) => refusal.code(),
    };
    counter!("hotline_webhooks_total", "outcome" => label).increment(1);
    histogram!("hotline_webhook_seconds").record(began.elapsed());
    match outcome {
        Ok(taken) => Json(json!({"received": true, "outcome": taken.word()})).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// Who sent a request. Where nobody knows, all strangers share one address, and only they.
pub(super) fn address(
    peer: Option<Extension<Peer>>,
    socket: Option<Extension<ConnectInfo<SocketAddr>>>,
) -> IpAddr {
    match (peer, socket) {
        (Some(Extension(Peer(address))), _) => address,
        (None, Some(Extension(ConnectInfo(socket)))) => socket.ip(),
        (None, None) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    }
}

/// What became of a believed delivery.
#[derive(Debug, Clone, Copy)]
enum Taken {
    Published,
    Duplicate,
    Ignored,
}

impl Taken {
    fn word(self) -> &'static str {
        match self {
            Taken::Published => "published",
            Taken::Duplicate => "duplicate",
            Taken::Ignored => "ignored",
        }
    }
}

/// Why a delivery was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    TooLarge,
    UnsupportedType,
    RateLimited { seconds: u64 },
    TooSlow,
    BadRequest,
    InvalidSignature,
    Stale,
    Unavailable,
}

impl Refusal {
    fn code(self) -> &'static str {
        match self {
            Refusal::TooLarge => "too_large",
            Refusal::UnsupportedType => "unsupported_type",
            Refusal::RateLimited { .. } => "rate_limited",
            Refusal::TooSlow => "too_slow",
            Refusal::BadRequest => "bad_request",
            Refusal::InvalidSignature => "invalid_signature",
            Refusal::Stale => "stale",
            Refusal::Unavailable => "unavailable",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Refusal::TooLarge => "Body too large",
            Refusal::UnsupportedType => "Content type must be application/json",
            Refusal::RateLimited { .. } => "Too many requests that could not be verified",
            Refusal::TooSlow => "Body did not arrive in time",
            Refusal::BadRequest => "Not a Plain webhook",
            Refusal::InvalidSignature => "Invalid signature",
            Refusal::Stale => "Delivery attempt is too old or from the future",
            Refusal::Unavailable => "Event bus unavailable, please deliver again",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::UnsupportedType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refusal::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Refusal::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Refusal::BadRequest => StatusCode::BAD_REQUEST,
            Refusal::InvalidSignature | Refusal::Stale => StatusCode::UNAUTHORIZED,
            Refusal::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Json(json!({"error": self.sentence(), "code": self.code()}));
        let mut response = (self.status(), body).into_response();
        let wait = match self {
            Refusal::RateLimited { seconds } => Some(seconds),
            Refusal::Unavailable => Some(10),
            _ => None,
        };
        if let Some(seconds) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl Intake {
    async fn take(
        &self,
        address: IpAddr,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Taken, Refusal> {
        let body = self.believed(address, headers, body).await?;
        let delivery = event::decode(&body).map_err(|error| {
            tracing::warn!(%error, "Cannot read Plain webhook");
            Refusal::BadRequest
        })?;
        drop(body);
        self.accept(delivery).await
    }

    /// The body of a request that somebody with the secret signed. How old it is, the body itself must say.
    pub(super) async fn believed(
        &self,
        address: IpAddr,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Bytes, Refusal> {
        let max = self.settings.max_body;
        if content_length(headers).is_some_and(|length| length > max as u64) {
            return Err(Refusal::TooLarge);
        }
        if !is_json(headers) {
            return Err(Refusal::UnsupportedType);
        }
        // An address out of patience may still be Plain's: what is signed passes. What cannot be is not even read.
        let signature = signature_in(headers);
        if signature.is_none()
            && let Some(seconds) = self.strangers.limited(address, self.clock.now_ms())
        {
            return Err(Refusal::RateLimited { seconds });
        }
        let body = self.read(body).await?;
        self.verify(address, signature, &body)?;
        Ok(body)
    }

    /// Whether something signed at this moment (milliseconds since 1970) is neither too old nor from the future.
    pub(super) fn is_fresh(&self, signed_at: i64) -> bool {
        let off = self.clock.now_ms().saturating_sub(signed_at).unsigned_abs();
        u128::from(off) <= self.settings.tolerance.as_millis()
    }

    /// How many live streams follow a thread.
    pub(super) async fn audience(&self, thread: &ThreadId) -> Result<usize, Refusal> {
        self.bus.audience(thread).await.map_err(|_| Refusal::Unavailable)
    }

    async fn read(&self, body: Body) -> Result<Bytes, Refusal> {
        let limited = Limited::new(body, self.settings.max_body).collect();
        match tokio::time::timeout(self.settings.read_timeout, limited).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::TooLarge),
            Ok(Err(_)) => Err(Refusal::BadRequest),
            Err(_) => Err(Refusal::TooSlow),
        }
    }

    fn verify(
        &self,
        address: IpAddr,
        signature: Option<Signature>,
        body: &[u8],
    ) -> Result<(), Refusal> {
        let verified = signature
            .and_then(|signature| signature::verify(&self.settings.secrets, body, &signature));
        if let Some(place) = verified {
            // Tells when an old secret is no longer used and may go.
            counter!("hotline_webhook_signature_total", "secret" => place.to_string()).increment(1);
            return Ok(());
        }
        let now = self.clock.now_ms();
        if let Some(seconds) = self.strangers.limited(address, now) {
            return Err(Refusal::RateLimited { seconds });
        }
        self.strangers.failed(address, now);
        tracing::warn!("Refused a webhook: invalid signature");
        Err(Refusal::InvalidSignature)
    }

    async fn accept(&self, delivery: Delivery) -> Result<Taken, Refusal> {
        let Delivery { id, kind, attempted_at, event, removed, unreadable, known_version } =
            delivery;
        tracing::info!(eventType = kind, eventId = %id, "Received Plain webhook");
        if !self.is_fresh(attempted_at) {
            let off_ms = self.clock.now_ms().saturating_sub(attempted_at);
            tracing::warn!(eventType = kind, eventId = %id, off_ms, "Refused a webhook: stale");
            return Err(Refusal::Stale);
        }
        if unreadable {
            counter!("hotline_webhook_unreadable_total", "type" => kind).increment(1);
            tracing::warn!(
                eventType = kind,
                eventId = %id,
                announced = event.is_some(),
                "The shape of a webhook could not be read; conversations are read from Plain instead"
            );
        }
        if let Some(customer) = removed {
            return self.forget(&customer, &id).await;
        }
        let Some(event) = event else {
            let why = match (kind, known_version) {
                ("other", _) => "unknown_type",
                (_, false) => "unknown_version",
                _ if unreadable => "unreadable",
                _ => "not_for_visitors",
            };
            return Ok(ignored(kind, why));
        };
        let thread = event.thread_id.clone();
        tracing::info!(eventType = kind, threadId = %thread, "Processing webhook");
        match self.bus.publish(event).await {
            Ok(Published::New { listeners, .. }) => {
                counter!("hotline_events_published_total").increment(1);
                tracing::info!(
                    eventType = kind,
                    threadId = %thread,
                    eventId = %id,
                    listeners,
                    "Emitted event"
                );
                Ok(Taken::Published)
            }
            Ok(Published::Duplicate) => {
                tracing::debug!(eventType = kind, eventId = %id, "Already known");
                Ok(Taken::Duplicate)
            }
            Ok(Published::Removed) => Ok(ignored(kind, "removed")),
            Err(error) => {
                tracing::error!(%error, eventId = %id, "Cannot publish; Plain will deliver again");
                Err(Refusal::Unavailable)
            }
        }
    }

    /// The bus first: from then on nobody can learn anew what the desk is about to forget.
    async fn forget(&self, customer: &CustomerId, id: &EventId) -> Result<Taken, Refusal> {
        let forgotten = async {
            let forgotten = self.bus.forget(customer).await?;
            if let Some(desk) = &self.desk {
                desk.forget(customer, &forgotten.threads).await?;
            }
            if let Some(signals) = &self.signals {
                let forgot = signals.forget(&forgotten.threads).await;
                forgot.map_err(|error| BusError(error.to_string()))?;
            }
            Ok::<_, BusError>(forgotten)
        };
        match forgotten.await {
            Ok(forgotten) => {
                counter!("hotline_customers_removed_total").increment(u64::from(forgotten.first));
                tracing::info!(
                    eventId = %id,
                    threads = forgotten.threads.len(),
                    listeners = forgotten.listeners,
                    "Removed a customer"
                );
                Ok(if forgotten.first { Taken::Published } else { Taken::Duplicate })
            }
            Err(error) => {
                tracing::error!(%error, eventId = %id, "Cannot remove a customer; Plain will deliver again");
                Err(Refusal::Unavailable)
            }
        }
    }
}

/// Both labels come from small fixed sets.
fn ignored(kind: &'static str, why: &'static str) -> Taken {
    counter!("hotline_webhook_ignored_total", "type" => kind, "why" => why).increment(1);
    Taken::Ignored
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// `application/json` or `…+json`, with whatever parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let Some(("application", subtype)) = essence.split_once('/') else { return false };
    subtype == "json" || subtype.ends_with("+json")
}

fn signature_in(headers: &HeaderMap) -> Option<Signature> {
    let value = headers.get(signature::HEADER).or_else(|| headers.get(signature::OLD_HEADER))?;
    Signature::parse(value.as_bytes().trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types() {
        let is = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, value.parse().unwrap());
            is_json(&headers)
        };
        for good in ["application/json", "Application/JSON; charset=utf-8", "application/x+json"] {
            assert!(is(good), "{good}");
        }
        for bad in
            ["", "text/plain", "application/jsonp", "text/json", "json", "multipart/form-data"]
        {
            assert!(!is(bad), "{bad}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
