//! The only reader of the environment and of `Leptos.toml`: flags, then environment, then file, then defaults.
//!
//! A wrong setting stops the start with its name, the fault and a valid example; secrets never show in `Debug`.

mod settings;

pub use settings::{SETTINGS, Setting};

use super::{
    hours::{self, HoursSettings, Week},
    language::Languages,
    limits::{LimitSettings, Rate},
    look::Look,
    plain::operations::SlackChannel,
    redis::{RedisSettings, check_url},
    telemetry::{LogFormat, MetricsFor},
    topics::Topics,
};
use ipnet::IpNet;
use leptos::config::LeptosOptions;
use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};
use url::Url;

/// A text that must not be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself: for signing, verifying and authenticating only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The start must not go on. Says which setting, what is wrong, and what would be right.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {fault}\n  example: {name}={example}")]
pub struct ConfigError {
    /// The setting's environment name.
    pub name: String,
    /// What is wrong with its value.
    pub fault: String,
    /// A value that would do.
    pub example: String,
}

/// Where the embedded or stand-alone sandbox listens and keeps its data.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// Listen address.
    pub addr: SocketAddr,
    /// A SQLite file; none: in memory.
    pub file: Option<PathBuf>,
    /// Factor on the webhook retry table.
    pub retry_scale: f64,
    /// The key it accepts.
    pub api_key: String,
    /// The secret it signs with.
    pub signing_secret: Secret,
}

/// How tabs follow a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Server-sent events; what tabs say travels by requests.
    Sse,
    /// A WebSocket, for both; server-sent events where none opens.
    WebSocket,
}

impl Transport {
    /// The word for `data-transport`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sse => "sse",
            Self::WebSocket => "websocket",
        }
    }
}

/// Everything the program was told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Leptos' own: address, site root, package folder.
    pub leptos: LeptosOptions,
    /// Plain's endpoint; the sandbox's when it runs embedded.
    pub plain_api_url: Url,
    /// The key for it.
    pub plain_api_key: Secret,
    /// Longest wait for an answer.
    pub plain_timeout: Duration,
    /// The connected Slack channel that threads are opened in; none: they are chats.
    pub slack: Option<SlackChannel>,
    /// What visitors can choose in the form.
    pub topics: Topics,
    /// When the team is there, and how fast it answers.
    pub hours: HoursSettings,
    /// Whoever sends the form sooner is no person; zero: nobody is suspected.
    pub form_min: Duration,
    /// All that verify webhooks.
    pub webhook_secrets: Vec<Secret>,
    /// The embedded sandbox, if it is to start.
    pub sandbox: Option<SandboxConfig>,
    /// What `hotline sandbox` uses.
    pub sandbox_alone: SandboxConfig,
    /// The first signs; all verify.
    pub cookie_secrets: Vec<Secret>,
    /// Whether these were made here, for this data folder alone.
    pub own_secret: bool,
    /// How visitors reach us, if told.
    pub public_url: Option<Url>,
    /// The data folder.
    pub data_dir: PathBuf,
    /// How long a resume link can be exchanged.
    pub link_life: Duration,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether rate limits hold.
    pub rate_limits: bool,
    /// Unverified webhook posts a minute and address.
    pub rate_webhook_per_minute: u32,
    /// Addresses for which that is counted.
    pub rate_webhook_addresses: usize,
    /// Text or JSON.
    pub log: LogFormat,
    /// Who may read `/metrics`.
    pub metrics_for: MetricsFor,
    /// The product's name on the pages.
    pub name: String,
    /// The languages of the pages.
    pub languages: Languages,
    /// The operator's colours and logo.
    pub look: Look,
    /// Age at which a cached conversation is read anew.
    pub cache_ttl: Duration,
    /// How often a watched conversation is compared with Plain's; zero: never.
    pub repair_every: Duration,
    /// How long a webhook may be on its way.
    pub repair_settle: Duration,
    /// Comparisons a second.
    pub repair_per_second: u32,
    /// The Redis that the instances share; none: everything is kept in memory, for one instance.
    pub redis: Option<RedisSettings>,
    /// Events a thread.
    pub bus_history: usize,
    /// Threads.
    pub bus_threads: usize,
    /// How long an event id counts.
    pub dedupe: Duration,
    /// Event ids.
    pub dedupe_events: usize,
    /// Heartbeat of streams.
    pub heartbeat: Duration,
    /// Life of a stream.
    pub lifetime: Duration,
    /// Longest wait of a poll.
    pub poll_wait: Duration,
    /// Streams of this instance.
    pub max_streams: usize,
    /// How tabs follow a conversation.
    pub transport: Transport,
    /// Streams of a session.
    pub streams_per_session: usize,
    /// The most bytes that the files of one message may have.
    pub upload_bytes: u64,
    /// How often a visitor may do what costs something.
    pub limits: LimitSettings,
    /// Connections of this instance.
    pub max_connections: usize,
    /// Connections of an address.
    pub connections_per_address: usize,
    /// How long a request's head may take.
    pub header_timeout: Duration,
    /// How long a request's body may take.
    pub body_timeout: Duration,
    /// Longest shutdown.
    pub drain: Duration,
}

/// Raw values by environment name, with flags over environment over file.
#[derive(Debug, Default)]
pub struct Sources {
    flags: BTreeMap<String, String>,
    env: BTreeMap<String, String>,
    file: BTreeMap<String, String>,
    file_text: Option<String>,
}

impl Sources {
    /// Reads the process's environment and the file at `path` (a missing one is fine; a broken one is not).
    pub fn read(flags: BTreeMap<String, String>, path: &Path) -> Result<Self, ConfigError> {
        let file_text = match std::fs::read_to_string(path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                return Err(ConfigError {
                    name: path.display().to_string(),
                    fault: format!("cannot be read: {error}"),
                    example: "a readable file".into(),
                });
            }
        };
        Self::from_parts(flags, std::env::vars().collect(), file_text)
    }

    /// The same from given parts, so that tests need no process of their own.
    pub fn from_parts(
        flags: BTreeMap<String, String>,
        env: BTreeMap<String, String>,
        file_text: Option<String>,
    ) -> Result<Self, ConfigError> {
        let mut file = BTreeMap::new();
        if let Some(text) = &file_text {
            let fault = |fault: String| ConfigError {
                name: "Leptos.toml".into(),
                fault,
                example: "the commented file at the top of the repository".into(),
            };
            let table: toml::Table =
                text.parse().map_err(|e| fault(format!("is not TOML: {e}")))?;
            for (name, value) in &table {
                let Some(entries) = value.as_table() else {
                    return Err(fault(format!("`{name}` stands outside a table")));
                };
                if name == "package" || name == "workspace" {
                    continue;
                }
                for (key, value) in entries {
                    let known = SETTINGS.iter().find(|s| s.file == (name.as_str(), key.as_str()));
                    let Some(known) = known else {
                        return Err(fault(format!("`{key}` in [{name}] is not a setting")));
                    };
                    let text = match value {
                        toml::Value::String(text) => text.clone(),
                        toml::Value::Array(list) => {
                            list.iter().filter_map(|v| v.as_str()).collect::<Vec<_>>().join(",")
                        }
                        other => other.to_string(),
                    };
                    file.insert(known.env.to_string(), text);
                }
            }
        }
        Ok(Self { flags, env, file, file_text })
    }

    /// The value of a setting; an empty text counts as not set.
    fn get(&self, name: &str) -> Option<&str> {
        [&self.flags, &self.env, &self.file]
            .into_iter()
            .find_map(|source| source.get(name))
            .map(String::as_str)
            .filter(|value| !value.trim().is_empty())
    }

    /// What `hotline send-webhook` signs with: the first configured secret, else the sandbox's.
    pub fn signing_secret(&self) -> Secret {
        let first = self.secrets("PLAIN_WEBHOOK_SECRET").into_iter().next();
        first.unwrap_or_else(|| Secret::new(SANDBOX_SIGNING_SECRET))
    }

    fn fail(&self, name: &str, fault: impl Into<String>) -> ConfigError {
        let example = SETTINGS.iter().find(|s| s.env == name).map_or("", |s| s.example);
        ConfigError { name: name.into(), fault: fault.into(), example: example.into() }
    }

    fn number<T: std::str::FromStr + PartialOrd + fmt::Display>(
        &self,
        name: &str,
        default: T,
        min: T,
        max: T,
    ) -> Result<T, ConfigError> {
        let Some(text) = self.get(name) else { return Ok(default) };
        match text.trim().parse::<T>() {
            Ok(value) if value >= min && value <= max => Ok(value),
            _ => Err(self.fail(name, format!("`{text}` is not a number from {min} to {max}"))),
        }
    }

    fn millis(
        &self,
        name: &str,
        default: u64,
        min: u64,
        max: u64,
    ) -> Result<Duration, ConfigError> {
        self.number(name, default, min, max).map(Duration::from_millis)
    }

    fn choice<T: Copy>(
        &self,
        name: &str,
        default: T,
        words: &[(&str, T)],
    ) -> Result<T, ConfigError> {
        let Some(text) = self.get(name) else { return Ok(default) };
        words.iter().find(|(word, _)| *word == text.trim()).map(|(_, value)| *value).ok_or_else(
            || {
                let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                self.fail(name, format!("`{text}` is none of {}", words.join(", ")))
            },
        )
    }

    fn rate(&self, name: &str, default: Rate) -> Result<Rate, ConfigError> {
        let Some(text) = self.get(name) else { return Ok(default) };
        text.parse().map_err(|rule| self.fail(name, format!("`{text}` {rule}")))
    }

    fn limits(&self) -> Result<LimitSettings, ConfigError> {
        let usual = LimitSettings::default();
        Ok(LimitSettings {
            form: self.rate("HOTLINE_RATE_FORM", usual.form)?,
            replies: self.rate("HOTLINE_RATE_REPLIES", usual.replies)?,
            reads: self.rate("HOTLINE_RATE_READS", usual.reads)?,
            streams: self.rate("HOTLINE_RATE_STREAMS", usual.streams)?,
            links: self.rate("HOTLINE_RATE_LINKS", usual.links)?,
            downloads: self.rate("HOTLINE_RATE_DOWNLOADS", usual.downloads)?,
            transcripts: self.rate("HOTLINE_RATE_TRANSCRIPTS", usual.transcripts)?,
            marks: self.rate("HOTLINE_RATE_MARKS", usual.marks)?,
            uploads: self.rate("HOTLINE_RATE_UPLOADS", usual.uploads)?,
            signals: self.rate("HOTLINE_RATE_SIGNALS", usual.signals)?,
            address_factor: self.number(
                "HOTLINE_RATE_ADDRESS_FACTOR",
                usual.address_factor,
                NonZeroU32::MIN,
                NonZeroU32::MIN.saturating_add(999),
            )?,
        })
    }

    fn redis(&self) -> Result<Option<RedisSettings>, ConfigError> {
        let Some(url) = self.get("REDIS_URL") else { return Ok(None) };
        check_url(url).map_err(|fault| self.fail("REDIS_URL", format!("its value {fault}")))?;
        let mut settings = RedisSettings::new(url);
        if let Some(prefix) = self.get("REDIS_PREFIX") {
            let fits = |c: char| c.is_ascii_alphanumeric() || ":._-/".contains(c);
            if prefix.len() > 64 || !prefix.chars().all(fits) {
                let fault = format!("`{prefix}` is not up to 64 letters, digits or :._-/");
                return Err(self.fail("REDIS_PREFIX", fault));
            }
            settings.prefix = prefix.into();
        }
        settings.ca_file = self.get("REDIS_CA_FILE").map(PathBuf::from);
        if let Some(path) = &settings.ca_file
            && let Err(error) = std::fs::read(path)
        {
            let fault = format!("{} cannot be read: {error}", path.display());
            return Err(self.fail("REDIS_CA_FILE", fault));
        }
        Ok(Some(settings))
    }

    fn hours(&self) -> Result<HoursSettings, ConfigError> {
        let usual = HoursSettings::default();
        let week = self.get("HOTLINE_HOURS").unwrap_or_default();
        let days = self.get("HOTLINE_HOLIDAYS").unwrap_or_default();
        Ok(HoursSettings {
            week: Week::parse(week).map_err(|why| self.fail("HOTLINE_HOURS", why))?,
            zone: match self.get("HOTLINE_TIME_ZONE").map(str::trim) {
                None => usual.zone,
                Some(name) => hours::zone(name).ok_or_else(|| {
                    self.fail("HOTLINE_TIME_ZONE", format!("`{name}` is no IANA time zone"))
                })?,
            },
            holidays: hours::holidays(days).map_err(|why| self.fail("HOTLINE_HOLIDAYS", why))?,
            answer_minutes: match self.number("HOTLINE_ANSWER_MINUTES", 0, 0, 14 * 24 * 60)? {
                0 => None,
                minutes => Some(minutes),
            },
        })
    }

    /// The Slack channel, if threads are to be opened in one.
    fn slack(&self) -> Result<Option<SlackChannel>, ConfigError> {
        let slack = self.choice("PLAIN_CHANNEL", false, &[("chat", false), ("slack", true)])?;
        let id = |name: &'static str, first: &[char]| {
            let text = self.get(name).map(str::trim);
            let Some(text) = text else {
                return match slack {
                    true => Err(self.fail(name, "is missing; PLAIN_CHANNEL=slack needs it")),
                    false => Ok(None),
                };
            };
            let fits = text.len() <= 40
                && text.starts_with(first)
                && text.len() > 2
                && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
            match fits {
                true => Ok(Some(text.to_owned())),
                false => Err(self.fail(name, format!("`{text}` is not one of Slack's ids"))),
            }
        };
        let team = id("PLAIN_SLACK_TEAM_ID", &['T', 'E'])?;
        let channel = id("PLAIN_SLACK_CHANNEL_ID", &['C', 'G'])?;
        let both = team.zip(channel).filter(|_| slack);
        Ok(both.map(|(team_id, channel_id)| SlackChannel { team_id, channel_id }))
    }

    fn look(&self) -> Result<Look, ConfigError> {
        let mut look = Look::default();
        if let Some(text) = self.get("HOTLINE_ACCENT") {
            let accent = text.trim().parse();
            look.accent(accent.map_err(|fault: String| self.fail("HOTLINE_ACCENT", fault))?);
        }
        if let Some(path) = self.get("HOTLINE_LOGO") {
            look.logo(Path::new(path)).map_err(|fault| self.fail("HOTLINE_LOGO", fault))?;
        }
        Ok(look)
    }

    fn secrets(&self, name: &str) -> Vec<Secret> {
        let text = self.get(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|s| !s.is_empty()).map(Secret::new).collect()
    }
}

/// The key that the sandbox accepts.
pub const SANDBOX_API_KEY: &str = "plainApiKey_sandbox";
/// The secret that it signs with unless told otherwise.
pub const SANDBOX_SIGNING_SECRET: &str = "sandbox-signing-secret";
const PLAIN_API_URL: &str = "https://core-api.uk.plain.com/graphql/v1";

impl Config {
    /// Checks everything at once; the first fault stops the start. Makes the data folder and the cookie secret if
    /// they are missing.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let s = sources;
        let leptos = leptos_options(s)?;
        let public_url = match s.get("HOTLINE_PUBLIC_URL") {
            None => None,
            Some(text) => match Url::parse(text) {
                Ok(url) if matches!(url.scheme(), "http" | "https") && url.host().is_some() => {
                    Some(url)
                }
                _ => {
                    return Err(s.fail(
                        "HOTLINE_PUBLIC_URL",
                        format!("`{text}` is not an http(s) address"),
                    ));
                }
            },
        };
        let https = public_url.as_ref().is_some_and(|url| url.scheme() == "https");
        let data_dir = PathBuf::from(s.get("HOTLINE_DATA_DIR").unwrap_or(".hotline"));
        check_site_root(&leptos.site_root, &data_dir)?;

        #[derive(Clone, Copy, PartialEq)]
        enum Mode {
            Auto,
            On,
            Off,
        }
        let mode = s.choice(
            "HOTLINE_SANDBOX",
            Mode::Auto,
            &[("auto", Mode::Auto), ("on", Mode::On), ("off", Mode::Off)],
        )?;
        let key = s.get("PLAIN_API_KEY").map(Secret::new);
        let mut webhook_secrets = s.secrets("PLAIN_WEBHOOK_SECRET");
        let addr = s.get("HOTLINE_SANDBOX_ADDR").unwrap_or("127.0.0.1:3100");
        let addr: SocketAddr = addr.parse().map_err(|_| {
            s.fail("HOTLINE_SANDBOX_ADDR", format!("`{addr}` is not an address with a port"))
        })?;
        let sandbox_alone = SandboxConfig {
            addr,
            file: match s.get("HOTLINE_SANDBOX_DATA") {
                Some(":memory:") => None,
                Some(path) => Some(path.into()),
                None => Some(data_dir.join("sandbox.sqlite")),
            },
            retry_scale: s.number("HOTLINE_SANDBOX_RETRY_SCALE", 1.0, 0.000_001, 1000.0)?,
            api_key: SANDBOX_API_KEY.into(),
            signing_secret: webhook_secrets
                .first()
                .cloned()
                .unwrap_or_else(|| Secret::new(SANDBOX_SIGNING_SECRET)),
        };
        let use_sandbox = match mode {
            Mode::On => true,
            Mode::Off => false,
            Mode::Auto => key.is_none() && !https,
        };
        if use_sandbox && !super::run::HAS_SANDBOX {
            return Err(s.fail(
                "PLAIN_API_KEY",
                "is missing, and this build has no sandbox: create a key in Plain under Settings → Machine users",
            ));
        }
        if use_sandbox && !addr.ip().is_loopback() {
            return Err(s.fail(
                "HOTLINE_SANDBOX_ADDR",
                "the embedded sandbox only listens on a loopback address",
            ));
        }
        let (plain_api_url, plain_api_key) = match (use_sandbox, key) {
            (true, _) => (format!("http://{addr}/graphql/v1"), Secret::new(SANDBOX_API_KEY)),
            (false, Some(key)) => {
                (s.get("PLAIN_API_URL").unwrap_or(PLAIN_API_URL).to_string(), key)
            }
            (false, None) => {
                return Err(s.fail(
                    "PLAIN_API_KEY",
                    "is missing: create a key in Plain under Settings → Machine users (the sandbox is off, or the public URL is https)",
                ));
            }
        };
        let plain_api_url = match Url::parse(&plain_api_url) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => url,
            _ => {
                return Err(s.fail(
                    "PLAIN_API_URL",
                    format!("`{plain_api_url}` is not an http(s) address"),
                ));
            }
        };
        if webhook_secrets.is_empty() {
            if !use_sandbox && plain_api_key.expose() != SANDBOX_API_KEY {
                return Err(s.fail(
                    "PLAIN_WEBHOOK_SECRET",
                    "is missing: copy it from Plain under Settings → Request signing; without it no webhook can be trusted",
                ));
            }
            webhook_secrets.push(Secret::new(SANDBOX_SIGNING_SECRET));
        }
        let slack = s.slack()?;
        let to_slack = slack.is_some();
        let topics = match s.get("HOTLINE_TOPICS") {
            None => Topics::default(),
            Some(text) => text.parse().map_err(|why: String| s.fail("HOTLINE_TOPICS", why))?,
        };
        let mut trusted_proxies = Vec::new();
        for part in s.get("HOTLINE_TRUSTED_PROXIES").unwrap_or_default().split(',').map(str::trim) {
            if part.is_empty() {
                continue;
            }
            let net = part
                .parse::<IpNet>()
                .or_else(|_| part.parse::<std::net::IpAddr>().map(IpNet::from));
            trusted_proxies.push(net.map_err(|_| {
                s.fail(
                    "HOTLINE_TRUSTED_PROXIES",
                    format!("`{part}` is neither an address nor a network"),
                )
            })?);
        }
        std::fs::create_dir_all(&data_dir).map_err(|e| {
            s.fail("HOTLINE_DATA_DIR", format!("{} cannot be made: {e}", data_dir.display()))
        })?;
        let mut cookie_secrets = s.secrets("HOTLINE_SECRET");
        if let Some(short) = cookie_secrets.iter().find(|secret| secret.expose().len() < 16) {
            let n = short.expose().len();
            return Err(
                s.fail("HOTLINE_SECRET", format!("has {n} characters; at least 16 are needed"))
            );
        }
        let own_secret = cookie_secrets.is_empty();
        if own_secret {
            cookie_secrets.push(stored_secret(&data_dir).map_err(|e| {
                s.fail(
                    "HOTLINE_DATA_DIR",
                    format!("the cookie secret in {} fails: {e}", data_dir.display()),
                )
            })?);
        }
        let max_streams = s.number("HOTLINE_STREAM_MAX", 10_000, 1, 1_000_000)?;
        Ok(Self {
            leptos,
            plain_api_url,
            plain_api_key,
            plain_timeout: s.millis("PLAIN_TIMEOUT_MS", 10_000, 50, 120_000)?,
            slack,
            topics,
            hours: s.hours()?,
            form_min: s.millis("HOTLINE_FORM_MIN_MS", 0, 0, 600_000)?,
            webhook_secrets,
            sandbox: use_sandbox.then(|| sandbox_alone.clone()),
            sandbox_alone,
            cookie_secrets,
            own_secret,
            public_url,
            data_dir,
            link_life: Duration::from_secs(86_400 * s.number("HOTLINE_LINK_DAYS", 7, 1, 90)?),
            trusted_proxies,
            metrics_for: s.choice(
                "HOTLINE_METRICS",
                MetricsFor::Private,
                &[("private", MetricsFor::Private), ("all", MetricsFor::All)],
            )?,
            rate_limits: s.choice("HOTLINE_RATE_LIMITS", true, &[("on", true), ("off", false)])?,
            rate_webhook_per_minute: s.number(
                "HOTLINE_RATE_WEBHOOK_PER_MINUTE",
                10,
                1,
                1_000_000,
            )?,
            rate_webhook_addresses: s.number(
                "HOTLINE_RATE_WEBHOOK_ADDRESSES",
                500,
                1,
                1_000_000,
            )?,
            log: match s.get("HOTLINE_LOG") {
                None => LogFormat::default(),
                Some(text) => text
                    .trim()
                    .parse()
                    .map_err(|rule| s.fail("HOTLINE_LOG", format!("`{text}` {rule}")))?,
            },
            languages: s.get("HOTLINE_LANGUAGES").map_or(Ok(Languages::default()), |text| {
                text.parse().map_err(|fault: String| s.fail("HOTLINE_LANGUAGES", fault))
            })?,
            look: s.look()?,
            name: s.get("HOTLINE_NAME").unwrap_or("Hotline").trim().to_string(),
            cache_ttl: s.millis("HOTLINE_CACHE_MS", 30_000, 0, 600_000)?,
            repair_every: s.millis("HOTLINE_REPAIR_MS", 60_000, 0, 3_600_000)?,
            repair_settle: s.millis("HOTLINE_REPAIR_SETTLE_MS", 10_000, 0, 600_000)?,
            repair_per_second: s.number("HOTLINE_REPAIR_PER_SECOND", 4, 1, 1000)?,
            redis: s.redis()?,
            bus_history: s.number("HOTLINE_BUS_HISTORY", 256, 1, 100_000)?,
            bus_threads: s.number("HOTLINE_BUS_THREADS", 10_000, 1, 10_000_000)?,
            // Plain's last try comes five days after its first.
            dedupe: Duration::from_secs(3600 * s.number("HOTLINE_DEDUPE_HOURS", 144, 121, 8760)?),
            dedupe_events: s.number("HOTLINE_DEDUPE_EVENTS", 200_000, 1000, 100_000_000)?,
            heartbeat: s.millis("HOTLINE_STREAM_HEARTBEAT_MS", 15_000, 100, 60_000)?,
            lifetime: s.millis("HOTLINE_STREAM_LIFETIME_MS", 600_000, 1000, 86_400_000)?,
            poll_wait: s.millis("HOTLINE_POLL_WAIT_MS", 20_000, 0, 55_000)?,
            max_streams,
            transport: s.choice(
                "HOTLINE_TRANSPORT",
                Transport::Sse,
                &[("sse", Transport::Sse), ("websocket", Transport::WebSocket)],
            )?,
            streams_per_session: s.number("HOTLINE_STREAM_PER_SESSION", 20, 1, 1_000_000)?,
            // Plain takes no more with one chat, and half of that with a message into Slack.
            upload_bytes: 1_000_000
                * s.number("HOTLINE_UPLOAD_MB", 100, 1, 100)?.min(if to_slack { 50 } else { 100 }),
            limits: s.limits()?,
            // Room for every stream, and for whoever else asks something.
            max_connections: s.number(
                "HOTLINE_CONNECTIONS_MAX",
                max_streams + 5_000,
                1,
                10_000_000,
            )?,
            connections_per_address: s.number(
                "HOTLINE_CONNECTIONS_PER_ADDRESS",
                512,
                1,
                10_000_000,
            )?,
            header_timeout: s.millis("HOTLINE_HEADER_TIMEOUT_MS", 10_000, 50, 120_000)?,
            body_timeout: s.millis("HOTLINE_BODY_TIMEOUT_MS", 60_000, 50, 3_600_000)?,
            drain: s.millis("HOTLINE_DRAIN_MS", 10_000, 100, 120_000)?,
        })
    }

    /// The same for `hotline sandbox`, which needs no key and no public address.
    pub fn load_for_sandbox(sources: &Sources) -> Result<Self, ConfigError> {
        let mut env = sources.env.clone();
        env.extend(sources.flags.clone());
        env.remove("PLAIN_API_KEY");
        env.remove("HOTLINE_PUBLIC_URL");
        env.insert("HOTLINE_SANDBOX".into(), "on".into());
        let file_text = sources.file_text.clone();
        Self::load(&Sources { flags: BTreeMap::new(), env, file: sources.file.clone(), file_text })
    }

    /// Whether visitors come over https.
    pub fn https(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.scheme() == "https")
    }

    /// How visitors reach the portal, without a slash at the end.
    pub fn portal_url(&self) -> String {
        match &self.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_string(),
            None => format!("http://{}", self.leptos.site_addr),
        }
    }
}

/// Leptos' options: from the file's literal `[package.metadata.leptos]` table with `LEPTOS_…` over it, or from
/// `LEPTOS_…` alone.
fn leptos_options(s: &Sources) -> Result<LeptosOptions, ConfigError> {
    const NONE: &str = "[package.metadata.leptos]\noutput-name = \"hotline\"\n";
    let text = match &s.file_text {
        // Only this table is leptos'; it would take ours for its own keys.
        Some(text) => {
            let table = text.parse::<toml::Table>().unwrap_or_default();
            let own =
                table.get("package").and_then(|t| t.get("metadata")).and_then(|t| t.get("leptos"));
            match own.and_then(|t| toml::to_string(t).ok()) {
                Some(own) => format!("[package.metadata.leptos]\n{own}"),
                None => NONE.into(),
            }
        }
        None => NONE.into(),
    };
    let mut options = leptos::config::get_config_from_str(&text).map_err(|error| ConfigError {
        name: "LEPTOS_… or [package.metadata.leptos]".into(),
        fault: error.to_string(),
        example: "LEPTOS_SITE_ADDR=127.0.0.1:3000".into(),
    })?;
    // Leptos' own default is the folder that the program runs in.
    if &*options.site_root == "." && !text.contains("site-root") {
        options.site_root = "target/site".into();
    }
    Ok(options)
}

/// Everything below the site root is public: the settings and the data folder must not be there.
fn check_site_root(site_root: &str, data_dir: &Path) -> Result<(), ConfigError> {
    let Ok(root) = Path::new(site_root).canonicalize() else {
        // Nothing there, nothing to leak.
        return Ok(());
    };
    let inside = |path: &Path| {
        std::path::absolute(path)
            .map(|path| path.canonicalize().unwrap_or(path))
            .is_ok_and(|path| path.starts_with(&root))
    };
    for (path, what) in
        [(Path::new("."), "the folder this program runs in"), (data_dir, "the data folder")]
    {
        if inside(path) {
            return Err(ConfigError {
                name: "LEPTOS_SITE_ROOT".into(),
                fault: format!("`{site_root}` holds {what}, and everything in it would be public"),
                example: "target/site".into(),
            });
        }
    }
    Ok(())
}

/// The cookie secret of this data folder, made on first use and readable by its owner only.
fn stored_secret(data_dir: &Path) -> std::io::Result<Secret> {
    use std::io::Write;
    let path = data_dir.join("cookie-secret");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(&path) {
        Ok(mut file) => {
            let mut bytes = [0u8; 32];
            getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
            let text = hex::encode(bytes);
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            Ok(Secret(text))
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let text = std::fs::read_to_string(&path)?;
            if text.trim().len() < 16 {
                return Err(std::io::Error::other(format!(
                    "{} is too short; delete it",
                    path.display()
                )));
            }
            Ok(Secret(text.trim().to_string()))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(env: &[(&str, &str)], file: Option<&str>) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let mut env: BTreeMap<String, String> =
            env.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        env.entry("HOTLINE_DATA_DIR".into()).or_insert(dir.path().join("d").display().to_string());
        Config::load(&Sources::from_parts(BTreeMap::new(), env, file.map(String::from))?)
    }

    #[test]
    fn nothing_set_means_sandbox() {
        let config = load(&[], None).unwrap();
        assert!(config.sandbox.is_some());
        assert_eq!(config.plain_api_url.as_str(), "http://127.0.0.1:3100/graphql/v1");
        assert_eq!(config.webhook_secrets[0].expose(), SANDBOX_SIGNING_SECRET);
        assert!(!config.https());
    }

    #[test]
    fn what_is_private_is_not_in_the_site_root() {
        assert_eq!(&*load(&[], None).unwrap().leptos.site_root, "target/site");
        let file = "[package.metadata.leptos]\noutput-name = \"hotline\"\nsite-root = \".\"\n";
        assert_eq!(load(&[], Some(file)).unwrap_err().name, "LEPTOS_SITE_ROOT");
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let env = [("HOTLINE_DATA_DIR", data.to_str().unwrap())];
        let with_root = |root: &Path| {
            let root = root.display();
            let file = format!(
                "[package.metadata.leptos]\noutput-name = \"hotline\"\nsite-root = \"{root}\"\n"
            );
            load(&env, Some(&file))
        };
        assert_eq!(with_root(folder.path()).unwrap_err().name, "LEPTOS_SITE_ROOT");
        assert_eq!(with_root(Path::new("/")).unwrap_err().name, "LEPTOS_SITE_ROOT");
        std::fs::create_dir(folder.path().join("site")).unwrap();
        assert!(with_root(&folder.path().join("site")).is_ok());
    }

    #[test]
    fn https_never_starts_the_sandbox_by_itself() {
        let error = load(&[("HOTLINE_PUBLIC_URL", "https://help.example.com")], None).unwrap_err();
        assert_eq!(error.name, "PLAIN_API_KEY");
    }

    #[test]
    fn a_real_key_needs_a_signing_secret() {
        let error = load(&[("PLAIN_API_KEY", "plainApiKey_x")], None).unwrap_err();
        assert_eq!(error.name, "PLAIN_WEBHOOK_SECRET");
        let config =
            load(&[("PLAIN_API_KEY", "plainApiKey_x"), ("PLAIN_WEBHOOK_SECRET", "a, b")], None)
                .unwrap();
        assert!(config.sandbox.is_none());
        assert_eq!(config.webhook_secrets.len(), 2);
        assert_eq!(config.plain_api_url.as_str(), PLAIN_API_URL);
    }

    #[test]
    fn redis_is_checked_and_its_password_never_shown() {
        let with = |env: &[(&str, &str)]| load(env, None);
        assert!(with(&[]).unwrap().redis.is_none());
        let url = "rediss://:s3cret@a:1,rediss://:s3cret@b:2";
        let config = with(&[("REDIS_URL", url), ("REDIS_PREFIX", "shop:")]).unwrap();
        assert!(!format!("{config:?}").contains("s3cret"));
        let settings = config.redis.unwrap();
        assert_eq!((settings.url.expose(), settings.prefix.as_str()), (url, "shop:"));
        for bad in ["s3cret", "http://:s3cret@a", "redis://:s3cret@a:x", "redis://a:1,s3cret"] {
            let fault = with(&[("REDIS_URL", bad)]).unwrap_err();
            assert_eq!(fault.name, "REDIS_URL");
            assert!(!fault.to_string().contains("s3cret"), "{fault}");
        }
        let url = ("REDIS_URL", "redis://a:1");
        // A brace would put everything into one place of a cluster.
        for (name, bad) in [("REDIS_PREFIX", "{x}"), ("REDIS_CA_FILE", "/nowhere/ca.pem")] {
            assert_eq!(with(&[url, (name, bad)]).unwrap_err().name, name);
        }
    }

    #[test]
    fn slack_needs_its_channel() {
        let (team, channel) =
            (("PLAIN_SLACK_TEAM_ID", "T0123456789"), ("PLAIN_SLACK_CHANNEL_ID", "C0123456789"));
        let slack = ("PLAIN_CHANNEL", "slack");
        let config = load(&[slack, team, channel], None).unwrap();
        let place = config.slack.unwrap();
        assert_eq!((place.team_id.as_str(), place.channel_id.as_str()), (team.1, channel.1));
        for (given, missing) in [
            (&[slack][..], "PLAIN_SLACK_TEAM_ID"),
            (&[slack, team], "PLAIN_SLACK_CHANNEL_ID"),
            (&[slack, channel], "PLAIN_SLACK_TEAM_ID"),
        ] {
            let error = load(given, None).unwrap_err();
            assert_eq!(error.name, missing);
            assert!(error.fault.contains("PLAIN_CHANNEL=slack"), "{error}");
        }
        // Without it they are only kept ready.
        assert_eq!(load(&[team, channel], None).unwrap().slack, None);
    }

    #[test]
    fn hours_topics_and_patience_are_settings() {
        let file = "[hotline]\ntopics = [\"billing=:0\", \"refund|A refund\"]\nhours = \"mon 09:00-17:00\"\nform-min-ms = 2000";
        let config = load(&[("HOTLINE_TIME_ZONE", "Asia/Tokyo")], Some(file)).unwrap();
        assert_eq!(config.topics.all().len(), 2);
        assert_eq!(config.hours.zone.iana_name(), Some("Asia/Tokyo"));
        assert_eq!(config.hours.answer_minutes, None);
        assert_eq!(config.form_min, Duration::from_secs(2));
        assert_eq!(load(&[], None).unwrap().form_min, Duration::ZERO);
    }

    #[test]
    fn faults_name_setting_and_example() {
        for (name, value) in [
            ("HOTLINE_SANDBOX", "yes"),
            ("HOTLINE_SANDBOX_ADDR", "3100"),
            ("HOTLINE_PUBLIC_URL", "support.example.com"),
            ("HOTLINE_TRUSTED_PROXIES", "10.0.0.0/99"),
            ("HOTLINE_STREAM_HEARTBEAT_MS", "0"),
            ("HOTLINE_RATE_FORM", "10 a minute"),
            ("HOTLINE_RATE_READS", "0/1m"),
            ("HOTLINE_RATE_ADDRESS_FACTOR", "0"),
            ("HOTLINE_STREAM_PER_SESSION", "0"),
            ("HOTLINE_HEADER_TIMEOUT_MS", "0"),
            ("HOTLINE_LOG", "xml"),
            ("PLAIN_CHANNEL", "teams"),
            ("PLAIN_SLACK_TEAM_ID", "support"),
            ("PLAIN_SLACK_CHANNEL_ID", "#support"),
            ("HOTLINE_TOPICS", "refund=:1"),
            ("HOTLINE_HOURS", "mon 9-5"),
            ("HOTLINE_TIME_ZONE", "Berlin"),
            ("HOTLINE_HOLIDAYS", "christmas"),
            ("HOTLINE_ANSWER_MINUTES", "soon"),
            ("HOTLINE_FORM_MIN_MS", "-1"),
            ("HOTLINE_SECRET", "short"),
            ("HOTLINE_LINK_DAYS", "0"),
            ("PLAIN_CHANNEL", "fax"),
            ("HOTLINE_DEDUPE_HOURS", "120"),
            ("HOTLINE_DEDUPE_EVENTS", "0"),
            ("HOTLINE_RATE_WEBHOOK_ADDRESSES", "0"),
        ] {
            let error = load(&[(name, value)], None).unwrap_err();
            assert_eq!(error.name, name);
            assert!(error.to_string().contains("example:"), "{error}");
        }
    }

    #[test]
    fn event_ids_are_kept_longer_than_plain_retries() {
        let config = load(&[], None).unwrap();
        assert_eq!(config.dedupe, Duration::from_secs(6 * 24 * 3600));
        assert_eq!((config.dedupe_events, config.rate_webhook_addresses), (200_000, 500));
        let file = "[bus]\ndedupe-hours = 121\ndedupe-events = 1000\n";
        let config = load(&[], Some(file)).unwrap();
        assert!(config.dedupe > Duration::from_secs(5 * 24 * 3600));
        assert_eq!(config.dedupe_events, 1000);
    }

    #[test]
    fn the_file_is_under_the_environment() {
        let file = "[package.metadata.leptos]\noutput-name = \"hotline\"\nsite-addr = \"127.0.0.1:4000\"\n[stream]\nheartbeat-ms = 5000\nlifetime-ms = 7000\n";
        let config = load(&[("HOTLINE_STREAM_LIFETIME_MS", "9000")], Some(file)).unwrap();
        assert_eq!(config.heartbeat, Duration::from_millis(5000));
        assert_eq!(config.lifetime, Duration::from_millis(9000));
        assert_eq!(config.leptos.site_addr.port(), 4000);
        assert!(
            load(&[], Some("[stream]\nheartbeet = 1\n")).unwrap_err().fault.contains("heartbeet")
        );
    }

    #[test]
    fn examples_of_limits_are_their_defaults() {
        let usual = load(&[], None).unwrap();
        let all: Vec<_> = SETTINGS.iter().filter(|setting| setting.file.0 == "limits").collect();
        assert!(all.len() > 8);
        for setting in all {
            let same = load(&[(setting.env, setting.example)], None).unwrap();
            let told = |config: &Config| {
                let Config { limits, max_connections, connections_per_address, .. } = config;
                let times = (config.header_timeout, config.body_timeout);
                (*limits, *max_connections, *connections_per_address, times)
            };
            assert_eq!(told(&same), told(&usual), "{}", setting.env);
        }
        let more = load(&[("HOTLINE_STREAM_MAX", "20000")], None).unwrap();
        assert!(more.max_connections > 20_000, "there is room for every stream");
    }

    #[test]
    fn secrets_do_not_print() {
        let config = load(&[("HOTLINE_SECRET", "0123456789abcdef-planted")], None).unwrap();
        assert!(!format!("{config:?}").contains("planted"));
    }

    #[test]
    fn the_cookie_secret_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let first = stored_secret(dir.path()).unwrap();
        assert_eq!(stored_secret(dir.path()).unwrap(), first);
        assert_eq!(first.expose().len(), 64);
    }
}
