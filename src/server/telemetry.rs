//! What an operator sees: logs, metrics, health.

use crate::server::{shutdown::Shutdown, webhook::Peer};
use axum::{
    Extension, Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde_json::json;
use std::{
    future::Future,
    io::BufWriter,
    net::{IpAddr, Ipv6Addr},
    pin::Pin,
    str::FromStr,
    sync::Arc,
    time::Duration,
};
use tokio_util::sync::CancellationToken;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

/// So many bytes of log lines are written at once.
const LOG_BUFFER: usize = 32 * 1024;

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("must be `text` or `json`"),
        }
    }
}

/// Telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `RUST_LOG` is not a filter.
    #[error("RUST_LOG is not a filter such as `info,hotline=debug`: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Somebody else logs already.
    #[error("logging is set up already: {0}")]
    Log(#[from] tracing_subscriber::util::TryInitError),
    /// Somebody else collects already, or a bucket is not one.
    #[error("metrics cannot be set up: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
}

/// Starts logging to standard error. `filter` is what `RUST_LOG` says; none or empty: `info`.
///
/// Whoever logs leaves a line and goes on; a thread writes what has gathered. A webhook leaves three lines, and a system
/// call for each would take longer than all the rest of its work. No line is left out: where the reader of the log is
/// slower than we are, whoever logs waits. At the end of the guard everything said so far is written.
pub fn init_log(format: LogFormat, filter: Option<&str>) -> Result<WorkerGuard, TelemetryError> {
    use tracing_subscriber::util::SubscriberInitExt;
    let filter = EnvFilter::try_new(filter.filter(|text| !text.is_empty()).unwrap_or("info"))?;
    let out = BufWriter::with_capacity(LOG_BUFFER, std::io::stderr());
    let (writer, guard) = NonBlockingBuilder::default().lossy(false).thread_name("log").finish(out);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    match format {
        LogFormat::Text => log.finish().try_init()?,
        LogFormat::Json => log.json().flatten_event(true).finish().try_init()?,
    }
    log_panics();
    Ok(guard)
}

/// From now on a panic is a log line that names its place. Of its message only fixed words are told: a message that was
/// put together may hold what somebody wrote.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload().downcast_ref::<&'static str>().unwrap_or(&"(withheld)");
        tracing::error!(place, message, "panicked");
    }));
}

/// The collected metrics. Clones are the same.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

/// Upper bounds of durations, in seconds: from what a webhook should take to what a person notices.
const SECONDS: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

impl Metrics {
    /// Starts collecting, once in a process. Spawn [`Metrics::upkeep`] too.
    pub fn install() -> Result<Self, TelemetryError> {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)?;
        Ok(Self(builder.install_recorder()?))
    }

    /// The Prometheus text.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Folds samples into their buckets every few seconds, so that memory stays flat where nobody scrapes.
    pub async fn upkeep(self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(Duration::from_secs(5));
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.0.run_upkeep();
        }
    }
}

/// What a check answers: nothing to say, or what is wrong (for the log).
pub type Verdict = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// Something that must work for this instance to be given visitors.
pub struct Check {
    name: &'static str,
    probe: Box<dyn Fn() -> Verdict + Send + Sync>,
}

impl Check {
    /// A check, by a name that operators read.
    pub fn new<F, V>(name: &'static str, probe: F) -> Self
    where
        F: Fn() -> V + Send + Sync + 'static,
        V: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self { name, probe: Box::new(move || Box::pin(probe())) }
    }

    /// How long a check may take.
    const PATIENCE: Duration = Duration::from_secs(2);

    async fn passes(&self) -> bool {
        let verdict = tokio::time::timeout(Self::PATIENCE, (self.probe)()).await;
        let fault = match verdict {
            Ok(Ok(())) => return true,
            Ok(Err(fault)) => fault,
            Err(_) => "no answer in time".into(),
        };
        tracing::warn!(check = self.name, fault, "Not ready");
        false
    }
}

/// Who may read `/metrics`. They hold no names and no texts, but they do say how busy a team is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsFor {
    /// Private and loopback addresses that ask directly: what comes through a proxy comes from outside.
    Private,
    /// Everybody.
    All,
}

impl MetricsFor {
    fn lets_in(self, peer: Option<IpAddr>, headers: &HeaderMap) -> bool {
        let forwarded = ["x-forwarded-for", "forwarded", "x-real-ip", "via"]
            .iter()
            .any(|it| headers.contains_key(*it));
        self == Self::All || (!forwarded && peer.is_none_or(is_private))
    }
}

/// Loopback and the addresses of private networks.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => {
            v6 == Ipv6Addr::LOCALHOST || v6.is_unique_local() || v6.is_unicast_link_local()
        }
    }
}

/// What the health routes know.
struct Health {
    metrics: Metrics,
    shutdown: Shutdown,
    checks: Vec<Check>,
    metrics_for: MetricsFor,
}

/// `/livez`: 200 as long as anything answers. `/readyz`: 200, or 503 while draining or while a check fails, with
/// `{"ready":…,"draining":…,"checks":{"<name>":true|false}}`. `/metrics`: Prometheus text, or 403.
pub fn routes(
    metrics: Metrics,
    shutdown: Shutdown,
    checks: Vec<Check>,
    metrics_for: MetricsFor,
) -> Router {
    Router::new()
        .route("/livez", get(|| async { ([(header::CACHE_CONTROL, "no-store")], "ok\n") }))
        .route("/readyz", get(ready))
        .route("/metrics", get(render))
        .with_state(Arc::new(Health { metrics, shutdown, checks, metrics_for }))
}

async fn ready(State(health): State<Arc<Health>>) -> Response {
    let results = futures::future::join_all(health.checks.iter().map(Check::passes)).await;
    let draining = health.shutdown.is_draining();
    let ready = !draining && results.iter().all(|passes| *passes);
    let checks: serde_json::Map<_, _> = health
        .checks
        .iter()
        .zip(results)
        .map(|(check, passes)| (check.name.to_owned(), passes.into()))
        .collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = Json(json!({"ready": ready, "draining": draining, "checks": checks}));
    (status, [(header::CACHE_CONTROL, "no-store")], body).into_response()
}

async fn render(
    State(health): State<Arc<Health>>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
) -> Response {
    if !health.metrics_for.lets_in(peer.map(|Extension(Peer(address))| address), &headers) {
        let sentence = "Metrics are for private addresses that ask directly (HOTLINE_METRICS).\n";
        return (StatusCode::FORBIDDEN, sentence).into_response();
    }
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], health.metrics.render()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{body::Body, http::Request};
    use http_body_util::BodyExt;
    use std::sync::atomic::{AtomicBool, Ordering};
    use tower::ServiceExt;

    async fn get(router: &Router, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn health_and_metrics() {
        let works = Arc::new(AtomicBool::new(true));
        let shutdown = Shutdown::new();
        let metrics = Metrics::install().unwrap();
        let probe = works.clone();
        let check = Check::new("bus", move || {
            let works = probe.load(Ordering::SeqCst);
            async move { if works { Ok(()) } else { Err("gone".to_owned()) } }
        });
        let router = routes(metrics, shutdown.clone(), vec![check], MetricsFor::Private);

        let good = r#"{"checks":{"bus":true},"draining":false,"ready":true}"#;
        assert_eq!(get(&router, "/readyz").await, (StatusCode::OK, good.into()));
        works.store(false, Ordering::SeqCst);
        assert_eq!(get(&router, "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
        works.store(true, Ordering::SeqCst);
        shutdown.begin();
        let (status, body) = get(&router, "/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains(r#""draining":true"#), "{body}");
        assert_eq!(get(&router, "/livez").await.0, StatusCode::OK);

        metrics::histogram!("hotline_webhook_seconds").record(0.002);
        let (status, text) = get(&router, "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        assert!(text.contains("hotline_webhook_seconds_bucket{le=\"0.0025\"} "), "{text}");
    }

    #[test]
    fn metrics_are_for_neighbours() {
        let direct = HeaderMap::new();
        let lets = |address: &str, headers: &HeaderMap| {
            MetricsFor::Private.lets_in(Some(address.parse().unwrap()), headers)
        };
        for near in ["127.0.0.1", "10.1.2.3", "192.168.0.9", "::1", "fd00::1", "::ffff:10.0.0.1"] {
            assert!(lets(near, &direct), "{near}");
            for name in ["x-forwarded-for", "forwarded", "x-real-ip", "via"] {
                let proxied = HeaderMap::from_iter([(name.parse().unwrap(), "x".parse().unwrap())]);
                assert!(!lets(near, &proxied), "{near} {name}");
            }
        }
        for far in ["8.8.8.8", "2001:db8::1", "172.32.0.1", "::ffff:8.8.8.8"] {
            assert!(!lets(far, &direct), "{far}");
            assert!(MetricsFor::All.lets_in(Some(far.parse().unwrap()), &direct));
        }
    }

    #[test]
    fn formats() {
        assert_eq!("json".parse(), Ok(LogFormat::Json));
        assert_eq!("text".parse(), Ok(LogFormat::Text));
        assert!("xml".parse::<LogFormat>().is_err());
    }
}
