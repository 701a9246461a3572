//! The only reader of the environment and of `Leptos.toml`: flags, then environment, then file, then defaults.
//!
//! A wrong setting stops the start with its name, the fault and a valid example; secrets never show in `Debug`.

use super::telemetry::LogFormat;
use ipnet::IpNet;
use leptos::config::LeptosOptions;
use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
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

/// One setting: where it may be written, and what it means. The command line's help is made of this table, and a
/// test holds `Leptos.toml` to it.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The environment variable; the flag is its lower-case form with dashes.
    pub env: &'static str,
    /// Where it stands in `Leptos.toml`: table and key.
    pub file: (&'static str, &'static str),
    /// One line for `--help`.
    pub help: &'static str,
    /// A valid value, for error messages.
    pub example: &'static str,
}

const fn setting(
    env: &'static str,
    file: (&'static str, &'static str),
    help: &'static str,
    example: &'static str,
) -> Setting {
    Setting { env, file, help, example }
}

/// All settings of ours. (Leptos' own, `LEPTOS_…`, are leptos' business.)
pub const SETTINGS: &[Setting] = &[
    setting(
        "PLAIN_API_KEY",
        ("plain", "api-key"),
        "Plain API key; without one the sandbox is used",
        "plainApiKey_…",
    ),
    setting(
        "PLAIN_API_URL",
        ("plain", "api-url"),
        "Plain's GraphQL endpoint",
        "https://core-api.uk.plain.com/graphql/v1",
    ),
    setting(
        "PLAIN_WEBHOOK_SECRET",
        ("plain", "webhook-secret"),
        "request signing secret(s), comma-separated; all verify",
        "whsec-new,whsec-old",
    ),
    setting("PLAIN_CHANNEL", ("plain", "channel"), "channel in which threads are opened", "chat"),
    setting(
        "PLAIN_TIMEOUT_MS",
        ("plain", "timeout-ms"),
        "longest wait for one answer of Plain",
        "10000",
    ),
    setting(
        "HOTLINE_SECRET",
        ("hotline", "secret"),
        "signs cookies; several allowed, the first signs; made once if absent",
        "a-long-random-text",
    ),
    setting(
        "HOTLINE_PUBLIC_URL",
        ("hotline", "public-url"),
        "how visitors reach the portal; https turns on Secure cookies and HSTS",
        "https://support.example.com",
    ),
    setting(
        "HOTLINE_DATA_DIR",
        ("hotline", "data-dir"),
        "where the cookie secret and the sandbox's data are kept",
        ".hotline",
    ),
    setting(
        "HOTLINE_TRUSTED_PROXIES",
        ("hotline", "trusted-proxies"),
        "peers whose X-Forwarded-For counts",
        "127.0.0.1,10.0.0.0/8",
    ),
    setting("HOTLINE_RATE_LIMITS", ("hotline", "rate-limits"), "on, or off for benchmarks", "on"),
    setting(
        "HOTLINE_RATE_WEBHOOK_PER_MINUTE",
        ("hotline", "rate-webhook-per-minute"),
        "unverified webhook posts a minute and address",
        "10",
    ),
    setting("HOTLINE_LOG", ("hotline", "log"), "text or json; RUST_LOG filters", "text"),
    setting("HOTLINE_NAME", ("hotline", "name"), "the name visitors see", "Hotline"),
    setting(
        "HOTLINE_CACHE_MS",
        ("hotline", "cache-ms"),
        "how long a conversation read from Plain may be shown while no event comes",
        "30000",
    ),
    setting("HOTLINE_SANDBOX", ("sandbox", "mode"), "auto, on or off", "auto"),
    setting(
        "HOTLINE_SANDBOX_ADDR",
        ("sandbox", "addr"),
        "where the sandbox and its agent desk listen",
        "127.0.0.1:3100",
    ),
    setting(
        "HOTLINE_SANDBOX_DATA",
        ("sandbox", "data"),
        "a SQLite file, or :memory:",
        ".hotline/sandbox.sqlite",
    ),
    setting(
        "HOTLINE_SANDBOX_RETRY_SCALE",
        ("sandbox", "retry-scale"),
        "factor on Plain's webhook retry delays",
        "1.0",
    ),
    setting(
        "REDIS_URL",
        ("bus", "redis-url"),
        "share the bus between instances",
        "redis://127.0.0.1:6379",
    ),
    setting("HOTLINE_BUS_HISTORY", ("bus", "history"), "events kept for replay, a thread", "256"),
    setting("HOTLINE_BUS_THREADS", ("bus", "threads"), "threads whose history is kept", "10000"),
    setting(
        "HOTLINE_STREAM_HEARTBEAT_MS",
        ("stream", "heartbeat-ms"),
        "how often an idle stream says that it lives",
        "15000",
    ),
    setting(
        "HOTLINE_STREAM_LIFETIME_MS",
        ("stream", "lifetime-ms"),
        "how long a stream lives before it is renewed, ± 20 %",
        "600000",
    ),
    setting(
        "HOTLINE_STREAM_MAX",
        ("stream", "max"),
        "streams open at once on this instance",
        "10000",
    ),
    setting(
        "HOTLINE_DRAIN_MS",
        ("hotline", "drain-ms"),
        "longest shutdown; open streams are told to come back within it",
        "10000",
    ),
];

impl Setting {
    /// `--plain-api-key` for `PLAIN_API_KEY`.
    pub fn flag(&self) -> String {
        self.env.to_ascii_lowercase().replace('_', "-")
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
    /// All that verify webhooks.
    pub webhook_secrets: Vec<Secret>,
    /// The embedded sandbox, if it is to start.
    pub sandbox: Option<SandboxConfig>,
    /// What `hotline sandbox` uses.
    pub sandbox_alone: SandboxConfig,
    /// The first signs; all verify.
    pub cookie_secrets: Vec<Secret>,
    /// How visitors reach us, if told.
    pub public_url: Option<Url>,
    /// The data folder.
    pub data_dir: PathBuf,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether rate limits hold.
    pub rate_limits: bool,
    /// Unverified webhook posts a minute and address.
    pub rate_webhook_per_minute: u32,
    /// Text or JSON.
    pub log: LogFormat,
    /// The product's name on the pages.
    pub name: String,
    /// Age at which a cached conversation is read anew.
    pub cache_ttl: Duration,
    /// Events a thread.
    pub bus_history: usize,
    /// Threads.
    pub bus_threads: usize,
    /// Heartbeat of streams.
    pub heartbeat: Duration,
    /// Life of a stream.
    pub lifetime: Duration,
    /// Streams of this instance.
    pub max_streams: usize,
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
        s.choice("PLAIN_CHANNEL", (), &[("chat", ())])?;
        if s.get("REDIS_URL").is_some() {
            return Err(s.fail(
                "REDIS_URL",
                "this version keeps the bus in memory: run one instance, without REDIS_URL",
            ));
        }
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
        if cookie_secrets.is_empty() {
            cookie_secrets.push(stored_secret(&data_dir).map_err(|e| {
                s.fail(
                    "HOTLINE_DATA_DIR",
                    format!("the cookie secret in {} fails: {e}", data_dir.display()),
                )
            })?);
        }
        Ok(Self {
            leptos,
            plain_api_url,
            plain_api_key,
            plain_timeout: s.millis("PLAIN_TIMEOUT_MS", 10_000, 50, 120_000)?,
            webhook_secrets,
            sandbox: use_sandbox.then(|| sandbox_alone.clone()),
            sandbox_alone,
            cookie_secrets,
            public_url,
            data_dir,
            trusted_proxies,
            rate_limits: s.choice("HOTLINE_RATE_LIMITS", true, &[("on", true), ("off", false)])?,
            rate_webhook_per_minute: s.number(
                "HOTLINE_RATE_WEBHOOK_PER_MINUTE",
                10,
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
            name: s.get("HOTLINE_NAME").unwrap_or("Hotline").trim().to_string(),
            cache_ttl: s.millis("HOTLINE_CACHE_MS", 30_000, 0, 600_000)?,
            bus_history: s.number("HOTLINE_BUS_HISTORY", 256, 1, 100_000)?,
            bus_threads: s.number("HOTLINE_BUS_THREADS", 10_000, 1, 10_000_000)?,
            heartbeat: s.millis("HOTLINE_STREAM_HEARTBEAT_MS", 15_000, 100, 60_000)?,
            lifetime: s.millis("HOTLINE_STREAM_LIFETIME_MS", 600_000, 1000, 86_400_000)?,
            max_streams: s.number("HOTLINE_STREAM_MAX", 10_000, 1, 1_000_000)?,
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
    leptos::config::get_config_from_str(&text).map_err(|error| ConfigError {
        name: "LEPTOS_… or [package.metadata.leptos]".into(),
        fault: error.to_string(),
        example: "LEPTOS_SITE_ADDR=127.0.0.1:3000".into(),
    })
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
    fn faults_name_setting_and_example() {
        for (name, value) in [
            ("HOTLINE_SANDBOX", "yes"),
            ("HOTLINE_SANDBOX_ADDR", "3100"),
            ("HOTLINE_PUBLIC_URL", "support.example.com"),
            ("HOTLINE_TRUSTED_PROXIES", "10.0.0.0/99"),
            ("HOTLINE_STREAM_HEARTBEAT_MS", "0"),
            ("HOTLINE_LOG", "xml"),
            ("HOTLINE_SECRET", "short"),
            ("PLAIN_CHANNEL", "fax"),
        ] {
            let error = load(&[(name, value)], None).unwrap_err();
            assert_eq!(error.name, name);
            assert!(error.to_string().contains("example:"), "{error}");
        }
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
