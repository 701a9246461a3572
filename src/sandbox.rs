//! A Plain workspace in a box: the GraphQL API, signed webhooks, file uploads and an agent desk, on a port
//! of its own. The portal talks to it as it talks to Plain, and nothing else connects the two.
//!
//! ```text
//! portal ──► http (keys, limits, faults) ──► graphql ──┐
//! agent  ──► desk, admin ──────────────────────────────┴─► actions ──► store (SQLite)
//!                                                              │
//! portal ◄── webhooks::courier (signed, retried) ◄─────────────┘
//! ```

mod actions;
mod admin;
mod desk;
mod faults;
mod files;
mod graphql;
mod guard;
mod http;
mod ids;
mod model;
mod refusal;
pub mod send;
mod store;
mod time;
mod webhooks;
mod workspace;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use workspace::Workspace;

/// Whether this build has a sandbox.
pub const INCLUDED: bool = true;
/// How long open connections may take to end.
const DRAIN: Duration = Duration::from_secs(3);
/// Events and attempts are kept this long.
const HISTORY_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// What a sandbox needs to know.
#[derive(Clone, Debug)]
pub struct SandboxSettings {
    /// Where to listen; port 0 takes a free one.
    pub addr: SocketAddr,
    pub data: Data,
    /// The one key that the GraphQL API takes.
    pub api_key: String,
    /// Signs webhooks.
    pub signing_secret: String,
    /// The portal's webhook address, registered as a target by itself.
    pub webhook_url: Option<String>,
    /// Stretches the pauses between delivery attempts: 1.0 is Plain's own table (10 s, 30 s, 5 min …).
    pub retry_scale: f64,
    pub timeline_order: TimelineOrder,
}

/// Where the workspace is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    Memory,
    File(PathBuf),
}

/// Which end of a timeline `first` starts from. Plain does not document it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimelineOrder {
    #[default]
    NewestFirst,
    OldestFirst,
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("the sandbox cannot listen on {addr}: {source}")]
    Listen { addr: SocketAddr, source: std::io::Error },
    #[error("the sandbox cannot open its data: {0}")]
    Data(#[from] rusqlite::Error),
    #[error("the sandbox cannot make its data folder: {0}")]
    Folder(std::io::Error),
    #[error("the sandbox cannot build its API: {0}")]
    Schema(String),
    #[error("the sandbox cannot send webhooks: {0}")]
    Client(#[from] reqwest::Error),
    #[error("the sandbox cannot register the portal's webhook target: {0}")]
    Target(String),
}

/// A running sandbox.
pub struct Sandbox {
    addr: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Sandbox {
    /// Opens the data, registers the portal's target, resumes what is owed and listens.
    pub async fn start(settings: SandboxSettings) -> Result<Self, SandboxError> {
        let listener = TcpListener::bind(settings.addr)
            .await
            .map_err(|source| SandboxError::Listen { addr: settings.addr, source })?;
        let addr = listener
            .local_addr()
            .map_err(|source| SandboxError::Listen { addr: settings.addr, source })?;
        let path = match &settings.data {
            Data::Memory => None,
            Data::File(path) => {
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder).map_err(SandboxError::Folder)?;
                }
                Some(path.as_path())
            }
        };
        let store = store::open(path)?;
        store::webhooks::forget_before(&store, time::now() - HISTORY_MS)?;
        let pending = store::webhooks::pending(&store)?;
        let (outbox, inbox) = mpsc::unbounded_channel();
        for due in pending {
            // The receiver is in hand: this cannot fail.
            let _ = outbox.send(due);
        }
        let workspace =
            Arc::new(Workspace::new(store, &settings, base_url(addr), client()?, outbox)?);
        if let Some(url) = &settings.webhook_url {
            workspace
                .act(|act| actions::targets::register_portal(act, url))
                .map_err(|refusal| SandboxError::Target(refusal.message))?;
        }
        let schema = graphql::engine::schema(workspace.clone()).map_err(SandboxError::Schema)?;
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(webhooks::courier::run(
            workspace.clone(),
            inbox,
            settings.retry_scale,
            stop.clone(),
        ));
        tasks.spawn(wake_sleepers(workspace.clone(), stop.clone()));
        let api = http::Api { workspace: workspace.clone(), schema, window: Arc::default() };
        let app = axum::Router::new()
            .merge(admin::routes())
            .merge(files::routes())
            .merge(desk::routes(stop.clone()))
            .with_state(workspace)
            .merge(http::routes(api))
            .layer(axum::middleware::from_fn(guard::watch))
            .into_make_service_with_connect_info::<SocketAddr>();
        let ended = stop.clone();
        tasks.spawn(async move {
            let serving =
                axum::serve(listener, app).with_graceful_shutdown(ended.clone().cancelled_owned());
            tokio::select! {
                served = serving => {
                    if let Err(error) = served {
                        tracing::error!(%error, "the sandbox stopped listening");
                    }
                }
                // Idle or hanging connections must not hold the stop back.
                () = async { ended.cancelled().await; tokio::time::sleep(DRAIN).await } => {}
            }
        });
        tasks.close();
        tracing::info!(%addr, "sandbox listening");
        Ok(Self { addr, stop, tasks })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The address of the GraphQL API.
    pub fn api_url(&self) -> String {
        format!("{}/graphql/v1", base_url(self.addr))
    }

    /// Stops: deliveries that are still owed stay stored for the next start.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

fn base_url(addr: SocketAddr) -> String {
    match addr.ip() {
        ip if ip.is_unspecified() => format!("http://127.0.0.1:{}", addr.port()),
        _ => format!("http://{addr}"),
    }
}

/// Redirects are failures, and loopback targets are never reached through a proxy.
fn client() -> Result<reqwest::Client, reqwest::Error> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody else may install one at the same moment: either will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .tcp_nodelay(true)
        .build()
}

/// Brings threads back whose snooze is over.
async fn wake_sleepers(workspace: Arc<Workspace>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {
                if let Err(refusal) = workspace.act(actions::status::wake) {
                    tracing::error!(message = refusal.message, "snoozed threads could not be woken");
                }
            }
        }
    }
}
