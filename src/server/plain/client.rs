//! The HTTP side: one connection pool, time limits, tries, request ids, rate-limit headers.

use super::{
    answer::{self, Failure},
    error::{PlainError, SetupError},
};
use graphql_client::GraphQLQuery;
use reqwest::{
    Response,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

/// Plain's API key. Shows itself to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// The key as Plain shows it once, `plainApiKey_…`.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(redacted)")
    }
}

/// How to reach Plain. [`PlainSettings::new`] fills in everything but the address and the key.
#[derive(Debug, Clone)]
pub struct PlainSettings {
    /// The GraphQL endpoint.
    pub api_url: url::Url,
    /// The key of the portal's machine user.
    pub api_key: ApiKey,
    /// Limit of one try, from sending to the last byte.
    pub request_timeout: Duration,
    /// Limit for making a connection.
    pub connect_timeout: Duration,
    /// No new try begins later than this after the first.
    pub patience: Duration,
    /// Tries at most.
    pub tries: u32,
    /// The wait before the second try; it doubles, and up to as much again is added by chance.
    pub backoff: Duration,
    /// The longest wait for the rate limit to be filled again; what takes longer is an error at once.
    pub longest_wait: Duration,
    /// Answers above this many bytes are not read.
    pub max_bytes: usize,
}

impl PlainSettings {
    /// The usual limits.
    pub fn new(api_url: url::Url, api_key: ApiKey) -> Self {
        Self {
            api_url,
            api_key,
            request_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(3),
            patience: Duration::from_secs(15),
            tries: 3,
            backoff: Duration::from_millis(200),
            longest_wait: Duration::from_secs(5),
            max_bytes: 8 * 1024 * 1024,
        }
    }
}

/// Whether an operation may simply be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Reads, and writes that change nothing when repeated.
    Repeatable,
    /// The same, but an answer in part is an error.
    Whole,
    /// Writes that would happen twice.
    Once,
}

/// The client. Cheap to clone; all clones share their connections.
#[derive(Debug, Clone)]
pub struct PlainClient(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: PlainSettings,
    http: reqwest::Client,
    /// For files: without the key, and without any decoding that would change their length.
    storage: reqwest::Client,
    /// The answer to everything, instead of asking anybody.
    canned: Option<(u16, bytes::Bytes)>,
}

impl PlainClient {
    /// Makes the client; connects to nothing yet.
    pub fn new(settings: PlainSettings) -> Result<Self, SetupError> {
        // The build brings no default provider. An error means that one is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", settings.api_key.0))
            .map_err(|_| SetupError::Key)?;
        bearer.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let http = reqwest::Client::builder()
            .default_headers(headers)
            // Plain's gateway refuses clients without one.
            .user_agent(concat!("hotline/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(SetupError::Http)?;
        let storage = reqwest::Client::builder()
            .user_agent(concat!("hotline/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_gzip()
            .build()
            .map_err(SetupError::Http)?;
        Ok(Self(Arc::new(Inner { settings, http, storage, canned: None })))
    }

    /// For the fuzz targets: every request gets this answer, and nothing is connected to.
    #[doc(hidden)]
    pub fn canned(&self, status: u16, body: impl Into<bytes::Bytes>) -> Self {
        let Inner { settings, http, storage, .. } = &*self.0;
        let canned = Some((status, body.into()));
        let (settings, http, storage) = (settings.clone(), http.clone(), storage.clone());
        Self(Arc::new(Inner { settings, http, storage, canned }))
    }

    pub(super) fn storage(&self) -> &reqwest::Client {
        &self.0.storage
    }

    /// The longest silence of the storage. Longer than anybody may stay silent in the middle of a body sent to us.
    pub(super) fn storage_patience(&self) -> Duration {
        self.0.settings.request_timeout * 3
    }

    pub(super) fn api_url(&self) -> &url::Url {
        &self.0.settings.api_url
    }

    /// Runs an operation; `about` is the thread it is for, for the log.
    pub(super) async fn run<Q: GraphQLQuery>(
        &self,
        kind: Kind,
        variables: Q::Variables,
        about: Option<&str>,
    ) -> Result<Q::ResponseData, PlainError> {
        let settings = &self.0.settings;
        let query = Q::build_query(variables);
        let operation = query.operation_name;
        let body = serde_json::to_vec(&query).map_err(|_| PlainError::Malformed("variables"))?;
        let body = bytes::Bytes::from(body);
        let began = Instant::now();
        let mut tries = 0;
        let error = loop {
            tries += 1;
            let request_id = ulid::Ulid::generate().to_string();
            let (answer, gateway_id) =
                self.attempt::<Q::ResponseData>(body.clone(), &request_id).await;
            let failure = match answer {
                Ok((_, codes)) if kind == Kind::Whole && !codes.is_empty() => {
                    Failure::new(PlainError::Query { codes }, false, false)
                }
                Ok((data, partial)) => {
                    if !partial.is_empty() {
                        tracing::warn!(operation, codes = ?partial, request_id, gateway_id, thread = about,
                            "Plain answered in part");
                    }
                    metrics::counter!("hotline_plain_requests_total", "operation" => operation, "outcome" => "ok")
                        .increment(1);
                    metrics::histogram!("hotline_plain_request_seconds", "operation" => operation)
                        .record(began.elapsed().as_secs_f64());
                    tracing::debug!(
                        operation,
                        request_id,
                        gateway_id,
                        thread = about,
                        tries,
                        "Plain answered"
                    );
                    return Ok(data);
                }
                Err(failure) => failure,
            };
            let again = failure.retryable && (kind != Kind::Once || failure.untouched);
            let wait = self.wait(tries, &failure.error);
            let last = tries >= settings.tries || began.elapsed() + wait > settings.patience;
            if again && !last && wait <= settings.longest_wait {
                tracing::debug!(
                    operation,
                    code = failure.error.word(),
                    request_id,
                    gateway_id,
                    thread = about,
                    wait_ms = wait.as_millis() as u64,
                    "Plain failed; trying again"
                );
                tokio::time::sleep(wait).await;
                continue;
            }
            let error = match kind {
                Kind::Once if !failure.untouched => {
                    PlainError::UnknownOutcome(Box::new(failure.error))
                }
                _ => failure.error,
            };
            tracing::warn!(operation, code = error.word(), detail = %error, request_id, gateway_id,
                thread = about, tries, "Plain failed");
            break error;
        };
        metrics::counter!("hotline_plain_requests_total", "operation" => operation, "outcome" => error.word())
            .increment(1);
        Err(error)
    }

    async fn attempt<T: serde::de::DeserializeOwned>(
        &self,
        body: bytes::Bytes,
        request_id: &str,
    ) -> (Result<(T, Vec<String>), Failure>, Option<String>) {
        let settings = &self.0.settings;
        let mut gateway_id = None;
        let work = async {
            if let Some((status, body)) = &self.0.canned {
                return answer::read(*status, body, None);
            }
            let sent = self
                .0
                .http
                .post(settings.api_url.clone())
                .header("x-request-id", request_id)
                .body(body)
                .send()
                .await;
            let mut response = sent.map_err(transport)?;
            gateway_id =
                header(&response, "apigw-requestid").map(|id| id.chars().take(64).collect());
            let reset = note_limits(&response);
            let status = response.status().as_u16();
            let bytes = match read_bounded(&mut response, settings.max_bytes).await {
                Ok(bytes) => bytes,
                // The status alone decides; its body is of no matter.
                Err(_) if !(200..300).contains(&status) => Vec::new(),
                Err(failure) => return Err(failure),
            };
            answer::read(status, &bytes, reset)
        };
        let answer = tokio::time::timeout(settings.request_timeout, work)
            .await
            .unwrap_or(Err(Failure::new(PlainError::Timeout, true, false)));
        (answer, gateway_id)
    }

    fn wait(&self, tries: u32, error: &PlainError) -> Duration {
        let settings = &self.0.settings;
        let backoff = settings.backoff.saturating_mul(1 << (tries - 1).min(6));
        let backoff = backoff + backoff.mul_f64(by_chance());
        match error {
            PlainError::RateLimited { reset: Some(reset) } => {
                let left = reset - jiff::Timestamp::now().as_millisecond();
                Duration::from_millis(left.max(0).unsigned_abs()) + backoff / 4
            }
            _ => backoff,
        }
    }
}

/// From 0 to 1. Not for secrets; without a source it is just not by chance.
fn by_chance() -> f64 {
    f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX)
}

fn transport(error: reqwest::Error) -> Failure {
    if error.is_connect() {
        // Also when making the connection took too long: the request never left.
        Failure::new(PlainError::Unreachable, true, true)
    } else if error.is_timeout() {
        Failure::new(PlainError::Timeout, true, false)
    } else {
        Failure::new(PlainError::Unreachable, true, false)
    }
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// Publishes the rate-limit headers, where they are and can be read. Answers the moment of the reset.
fn note_limits(response: &Response) -> Option<i64> {
    let number = |name| header(response, name)?.trim().parse::<u32>().ok();
    if let Some(limit) = number("x-ratelimit-limit") {
        metrics::gauge!("hotline_plain_ratelimit_limit").set(limit);
    }
    if let Some(remaining) = number("x-ratelimit-remaining") {
        metrics::gauge!("hotline_plain_ratelimit_remaining").set(remaining);
    }
    let reset: jiff::Timestamp = header(response, "x-ratelimit-reset")?.trim().parse().ok()?;
    Some(reset.as_millisecond())
}

async fn read_bounded(response: &mut Response, max: usize) -> Result<Vec<u8>, Failure> {
    let too_large = || Failure::new(PlainError::Malformed("too large"), false, false);
    if response.content_length().is_some_and(|n| n > max as u64) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() > max => return Err(too_large()),
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => return Ok(bytes),
            Err(error) => {
                // Whatever broke, the request had been sent.
                let failure = transport(error);
                return Err(Failure { untouched: false, ..failure });
            }
        }
    }
}
