//! From settings to a running server, and back to none.

use super::{
    bundle::Bundle,
    bus::{
        EventBus,
        memory::{MemoryBus, MemoryBusSettings},
        redis::{RedisBus, RedisBusSettings},
    },
    clock::{Clock, SystemClock},
    config::{Config, SandboxConfig},
    desk::{
        Desk, DeskSettings,
        memory::{LocalMemory, Memory, doubled::Doubled, redis::RedisMemory},
        repair::RepairSettings,
    },
    forms::Forms,
    guard::Guard,
    hours::Hours,
    limits::Limits,
    links::{
        Links,
        used::{UsedFile, UsedInRedis, UsedLinks},
    },
    listen::{self, ListenSettings},
    plain::{ApiKey, PlainClient, PlainSettings},
    redis::Redis,
    router::router,
    session::Sessions,
    shutdown::Shutdown,
    signals::{
        Signals,
        marks::{Marks, MarksFile, MarksInRedis},
        reading::Receipts,
        typing::Typists,
    },
    state::AppState,
    stream::{StreamContext, StreamSettings},
    telemetry::{self, Check, Metrics},
    uploads::{Tickets, Uploads},
    webhook::{Intake, IntakeSettings, signature::Secret},
};
use crate::sandbox::{Data, Sandbox, SandboxSettings, TimelineOrder};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::task::JoinHandle;

/// Whether this build has the sandbox.
pub(super) const HAS_SANDBOX: bool = crate::sandbox::INCLUDED;

/// What a visitor reads within this time is told to agents at once.
const RECEIPT_PAUSE: Duration = Duration::from_secs(3);

/// Why the server could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// An address is taken or not ours.
    #[error(
        "cannot listen on {addr} ({setting}): {source}\n  another program may use it; choose another with {setting}=127.0.0.1:PORT"
    )]
    Listen {
        /// The setting to change.
        setting: &'static str,
        /// The address.
        addr: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Logging or metrics.
    #[error(transparent)]
    Telemetry(#[from] telemetry::TelemetryError),
    /// The sandbox.
    #[error("the sandbox cannot start: {0}")]
    Sandbox(String),
    /// A file in the data folder: used resume links, or what was read.
    #[error("{} cannot be used: {source}\n  HOTLINE_DATA_DIR must be writable", path.display())]
    DataFile {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The shared Redis.
    #[error(
        "REDIS_URL: {0}\n  Redis 7 or Valkey must be reachable at the start; without REDIS_URL one instance keeps everything in memory"
    )]
    Redis(String),
    /// The client for Plain.
    #[error("the client for Plain cannot be made: {0}")]
    Plain(String),
    /// The sockets.
    #[error("the server stopped: {0}")]
    Serve(#[from] std::io::Error),
}

/// A server that answers requests.
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Where its sandbox listens, if it has one.
    pub sandbox: Option<SocketAddr>,
    /// Ends it.
    pub shutdown: Shutdown,
    /// The bus, for tests that look behind the routes.
    pub bus: Arc<dyn EventBus>,
    task: JoinHandle<std::io::Result<()>>,
    embedded: Option<Sandbox>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("addr", &self.addr)
            .field("sandbox", &self.sandbox)
            .finish_non_exhaustive()
    }
}

impl Running {
    /// Waits for the end, which somebody begins through `shutdown`; at most `grace` longer.
    pub async fn wait(self, grace: Duration) -> Result<(), RunError> {
        let mut task = self.task;
        let ended = tokio::select! {
            ended = &mut task => ended.unwrap_or_else(|e| Err(std::io::Error::other(e))),
            () = self.shutdown.overdue(grace) => { task.abort(); Ok(()) }
        };
        if let Some(sandbox) = self.embedded {
            sandbox.shutdown().await;
        }
        ended.map_err(RunError::from)
    }
}

fn sandbox_settings(config: &SandboxConfig, webhook_url: Option<String>) -> SandboxSettings {
    SandboxSettings {
        addr: config.addr,
        data: config.file.clone().map_or(Data::Memory, Data::File),
        api_key: config.api_key.clone(),
        signing_secret: config.signing_secret.expose().into(),
        webhook_url,
        retry_scale: config.retry_scale,
        timeline_order: TimelineOrder::default(),
    }
}

fn repair_settings(config: &Config) -> RepairSettings {
    RepairSettings {
        every: config.repair_every,
        longest: config.repair_every * 15,
        settle: config.repair_settle,
        fresh: config.repair_settle,
        delay: RepairSettings::default().delay.min(config.repair_every),
        per_second: config.repair_per_second,
    }
}

async fn connect_redis(config: &Config) -> Result<Option<Redis>, RunError> {
    let Some(settings) = &config.redis else { return Ok(None) };
    let redis = Redis::connect(settings).await.map_err(|fault| RunError::Redis(fault.0))?;
    tracing::info!(?redis, "Sharing Redis with other instances");
    if config.own_secret {
        tracing::warn!(
            "HOTLINE_SECRET is not set: other instances will not know this one's visitors"
        );
    }
    Ok(Some(redis))
}

async fn make_bus(
    config: &Config,
    redis: Option<&Redis>,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn EventBus>, RunError> {
    let Some(redis) = redis else {
        let settings = MemoryBusSettings {
            history_per_thread: config.bus_history,
            max_threads: config.bus_threads,
            dedupe_ttl: config.dedupe,
            dedupe_capacity: config.dedupe_events,
            ..MemoryBusSettings::default()
        };
        return Ok(Arc::new(MemoryBus::new(settings, clock)));
    };
    let settings = RedisBusSettings {
        history_per_thread: config.bus_history,
        dedupe_ttl: config.dedupe,
        ..RedisBusSettings::default()
    };
    let bus = RedisBus::start(redis.clone(), settings, clock).await;
    Ok(Arc::new(bus.map_err(|error| RunError::Redis(error.0))?))
}

/// Listens, starts the sandbox if it is wanted, and serves. Does not wait.
pub async fn start(config: &Config, metrics: Metrics) -> Result<Running, RunError> {
    let wanted = config.leptos.site_addr;
    let listener = listen::bind(wanted).map_err(|source| RunError::Listen {
        setting: "LEPTOS_SITE_ADDR",
        addr: wanted,
        source,
    })?;
    let addr = listener.local_addr()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let redis = connect_redis(config).await?;
    let bus = make_bus(config, redis.as_ref(), clock.clone()).await?;

    let mut plain_api_url = config.plain_api_url.clone();
    let mut sandbox = None;
    if let Some(settings) = &config.sandbox {
        // The sandbox reaches us on loopback, whatever visitors use.
        let host = if addr.ip().is_unspecified() {
            SocketAddr::from(([127, 0, 0, 1], addr.port()))
        } else {
            addr
        };
        let url = format!("http://{host}/api/webhooks/plain");
        let started = Sandbox::start(sandbox_settings(settings, Some(url))).await;
        let started = started.map_err(|e| {
            RunError::Sandbox(format!("{e} (HOTLINE_SANDBOX_ADDR={})", settings.addr))
        })?;
        let url = started.api_url();
        plain_api_url =
            url.parse().map_err(|_| RunError::Sandbox(format!("{url} is not a URL")))?;
        sandbox = Some(started);
    }

    let shutdown = Shutdown::new();
    let client = PlainClient::new(PlainSettings {
        request_timeout: config.plain_timeout,
        ..PlainSettings::new(plain_api_url, ApiKey::new(config.plain_api_key.expose()))
    })
    .map_err(|e| RunError::Plain(e.to_string()))?;
    let desk_settings = DeskSettings {
        cache_ttl: config.cache_ttl,
        repair: repair_settings(config),
        upload_bytes: config.upload_bytes,
        slack: config.slack.clone(),
        topics: config.topics.clone(),
        ..DeskSettings::default()
    };
    let memory: Arc<dyn Memory> = match &redis {
        None => Arc::new(LocalMemory::new(desk_settings.memory_ttl)),
        Some(redis) => {
            let shared = RedisMemory::new(redis.clone(), desk_settings.memory_ttl);
            Arc::new(Doubled::new(Arc::new(shared), desk_settings.memory_ttl))
        }
    };
    let desk = Desk::with_memory(client, bus.clone(), desk_settings, memory);
    tokio::spawn(desk.clone().keep_repaired(shutdown.token()));
    let intake = Intake::new(
        IntakeSettings {
            secrets: config
                .webhook_secrets
                .iter()
                .filter_map(|s| Secret::new(s.expose()))
                .collect(),
            unverified_per_minute: if config.rate_limits {
                config.rate_webhook_per_minute
            } else {
                u32::MAX
            },
            tracked_addresses: config.rate_webhook_addresses,
            ..IntakeSettings::default()
        },
        bus.clone(),
        clock.clone(),
    );
    let marks: Arc<dyn Marks> = match &redis {
        Some(redis) => Arc::new(MarksInRedis::new(redis.clone())),
        None => {
            let path = config.data_dir.join("read-marks");
            let file = MarksFile::open(path.clone());
            Arc::new(file.map_err(|source| RunError::DataFile { path, source })?)
        }
    };
    let receipts = Receipts::new(desk.clone(), RECEIPT_PAUSE, shutdown.token());
    let typists = Typists::new(redis.clone());
    let signals = Signals::new(bus.clone(), desk.clone(), typists, marks, receipts);
    let intake = Arc::new(intake.telling(desk.clone()).and_telling(signals.clone()));
    let streams = StreamSettings::default();
    let streams = StreamContext::new(
        bus.clone(),
        shutdown.clone(),
        clock.clone(),
        StreamSettings {
            heartbeat: config.heartbeat,
            lifetime: config.lifetime,
            max_streams: config.max_streams,
            poll_wait: config.poll_wait,
            per_session: if config.rate_limits { config.streams_per_session } else { usize::MAX },
            // All have said goodbye when the time is up.
            drain_spread: streams.drain_spread.min(config.drain / 2),
            ..streams
        },
    )
    .watched_by(Arc::new(desk.clone()));
    let used_links: Arc<dyn UsedLinks> = match redis {
        Some(redis) => Arc::new(UsedInRedis::new(redis, clock.clone())),
        None => {
            let path = config.data_dir.join("used-links");
            let file = UsedFile::open(path.clone(), clock.clone());
            Arc::new(file.map_err(|source| RunError::DataFile { path, source })?)
        }
    };
    let links = Links::new(
        config.cookie_secrets.clone(),
        config.link_life,
        config.public_url.as_ref().map(|url| url.origin().ascii_serialization()),
        used_links,
        clock.clone(),
    );
    let mut leptos = config.leptos.clone();
    leptos.site_addr = addr;
    let bundle = Bundle::of(&leptos);
    let state = AppState {
        leptos,
        bundle,
        desk: desk.clone(),
        limits: if config.rate_limits { Limits::new(&config.limits) } else { Limits::off() },
        uploads: Uploads::new(config, Tickets::new(config.cookie_secrets.clone(), clock.clone())),
        hours: Hours::new(config.hours.clone(), clock.clone()),
        forms: Forms::new(config.cookie_secrets.clone(), config.form_min, clock.clone()),
        sessions: Sessions::new(config.cookie_secrets.clone(), config.https(), clock),
        links,
        signals,
        streams,
        transport: config.transport,
        name: config.name.as_str().into(),
        languages: config.languages.clone(),
        look: config.look.clone().into(),
        https: config.https(),
    };
    let of_bus = bus.clone();
    let checks = vec![
        Check::new("bus", move || {
            let bus = of_bus.clone();
            async move { bus.health().await.map_err(|e| e.to_string()) }
        }),
        Check::new("desk", move || {
            let desk = desk.clone();
            async move { desk.ready().await.map_err(|e| e.to_string()) }
        }),
    ];
    tokio::spawn(metrics.clone().upkeep(shutdown.token()));
    let health = telemetry::routes(metrics, shutdown.clone(), checks, config.metrics_for);
    let app = router(state, intake, Guard::new(config), health, config.body_timeout);
    let sockets = ListenSettings {
        header_timeout: config.header_timeout,
        connections: config.max_connections,
        connections_per_address: if config.rate_limits {
            config.connections_per_address
        } else {
            usize::MAX
        },
        exempt: config.trusted_proxies.clone(),
        ..ListenSettings::default()
    };
    let task = tokio::spawn(listen::serve(listener, app, sockets, shutdown.token()));
    Ok(Running {
        addr,
        sandbox: sandbox.as_ref().map(Sandbox::addr),
        shutdown,
        bus,
        task,
        embedded: sandbox,
    })
}

/// `hotline serve`: serves until a signal comes.
pub async fn run(config: Config, rust_log: Option<String>) -> Result<(), RunError> {
    let _log = telemetry::init_log(config.log, rust_log.as_deref())?;
    let running = start(&config, Metrics::install()?).await?;
    tracing::info!(addr = %running.addr, "Portal: {}", visible_url(&config, running.addr));
    if let Some(addr) = running.sandbox {
        tracing::info!(%addr, "Agent desk (sandbox): http://{addr}");
    }
    let shutdown = running.shutdown.clone();
    tokio::spawn(async move {
        if let Err(error) = shutdown.wait_for_signal().await {
            tracing::warn!(%error, "signals cannot be heard; only kill -9 ends this process");
        }
    });
    running.wait(config.drain).await
}

/// `hotline sandbox`: the sandbox alone, until a signal comes.
pub async fn run_sandbox(
    config: Config,
    webhook_url: Option<String>,
    rust_log: Option<String>,
) -> Result<(), RunError> {
    let _log = telemetry::init_log(config.log, rust_log.as_deref())?;
    let settings = sandbox_settings(&config.sandbox_alone, webhook_url);
    let sandbox = Sandbox::start(settings).await.map_err(|e| RunError::Sandbox(e.to_string()))?;
    tracing::info!(addr = %sandbox.addr(), "Agent desk (sandbox): http://{}", sandbox.addr());
    tracing::info!("GraphQL: {}", sandbox.api_url());
    Shutdown::new().wait_for_signal().await?;
    sandbox.shutdown().await;
    Ok(())
}

fn visible_url(config: &Config, addr: SocketAddr) -> String {
    match &config.public_url {
        Some(url) => url.to_string(),
        None => format!("http://{addr}"),
    }
}
