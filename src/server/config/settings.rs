//! The table of settings.

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
    setting(
        "PLAIN_CHANNEL",
        ("plain", "channel"),
        "channel in which threads are opened: chat or slack",
        "chat",
    ),
    setting(
        "PLAIN_SLACK_TEAM_ID",
        ("plain", "slack-team-id"),
        "with PLAIN_CHANNEL=slack: Slack's id of the team",
        "T0123456789",
    ),
    setting(
        "PLAIN_SLACK_CHANNEL_ID",
        ("plain", "slack-channel-id"),
        "with PLAIN_CHANNEL=slack: Slack's id of the connected channel",
        "C0123456789",
    ),
    setting(
        "HOTLINE_TOPICS",
        ("hotline", "topics"),
        "the form's topics: name=labels:priority|words; …",
        "question=lt_01KQS44ER0KVVBRC15MBB8ADPP:2;billing=:0;refund=:1|A refund",
    ),
    setting(
        "PLAIN_TIMEOUT_MS",
        ("plain", "timeout-ms"),
        "longest wait for one answer of Plain",
        "10000",
    ),
    setting(
        "HOTLINE_SECRET",
        ("hotline", "secret"),
        "signs cookies and links; several allowed, the first signs; made once if absent",
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
        "where the cookie secret, the used links, what was read and the sandbox's data are kept",
        ".hotline",
    ),
    setting(
        "HOTLINE_LINK_DAYS",
        ("hotline", "link-days"),
        "how long a link to a conversation can be exchanged",
        "7",
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
    setting(
        "HOTLINE_RATE_WEBHOOK_ADDRESSES",
        ("hotline", "rate-webhook-addresses"),
        "addresses for which unverified webhook posts are counted at once; the oldest go first",
        "500",
    ),
    setting("HOTLINE_LOG", ("hotline", "log"), "text or json; RUST_LOG filters", "text"),
    setting(
        "HOTLINE_METRICS",
        ("hotline", "metrics"),
        "who may read /metrics: private addresses that ask directly, or all",
        "private",
    ),
    setting("HOTLINE_NAME", ("hotline", "name"), "the name visitors see", "Hotline"),
    setting(
        "HOTLINE_HOURS",
        ("hotline", "hours"),
        "when the team is there, in its own time zone; empty: not told",
        "mon-fri 09:00-17:00, sat 10:00-13:00",
    ),
    setting(
        "HOTLINE_TIME_ZONE",
        ("hotline", "time-zone"),
        "the team's time zone, by its IANA name",
        "Europe/Berlin",
    ),
    setting(
        "HOTLINE_HOLIDAYS",
        ("hotline", "holidays"),
        "days on which nobody is there, comma-separated",
        "2026-12-25,2027-01-01",
    ),
    setting(
        "HOTLINE_ANSWER_MINUTES",
        ("hotline", "answer-minutes"),
        "how long an answer usually takes while the team is there; 0: not told",
        "30",
    ),
    setting(
        "HOTLINE_FORM_MIN_MS",
        ("hotline", "form-min-ms"),
        "a form that is sent sooner after its page was made is taken for a program's; 0: off",
        "2000",
    ),
    setting(
        "HOTLINE_LANGUAGES",
        ("hotline", "languages"),
        "languages of the pages, of en, de, fr, es, ja, ar; the first where a visitor asks for none of them",
        "de,en",
    ),
    setting(
        "HOTLINE_LOGO",
        ("hotline", "logo"),
        "a picture (SVG, PNG, WebP, JPEG) beside the name",
        "/etc/hotline/logo.svg",
    ),
    setting(
        "HOTLINE_ACCENT",
        ("hotline", "accent"),
        "the colour of buttons and links; text on it must be readable",
        "#1a5fb4",
    ),
    setting(
        "HOTLINE_CACHE_MS",
        ("hotline", "cache-ms"),
        "how long a conversation read from Plain may be shown while no event comes",
        "30000",
    ),
    setting(
        "HOTLINE_REPAIR_MS",
        ("repair", "every-ms"),
        "how often a conversation that somebody watches is compared with Plain's; 0: never",
        "60000",
    ),
    setting(
        "HOTLINE_REPAIR_SETTLE_MS",
        ("repair", "settle-ms"),
        "how long a webhook may be on its way before it counts as lost",
        "10000",
    ),
    setting(
        "HOTLINE_REPAIR_PER_SECOND",
        ("repair", "per-second"),
        "conversations compared in a second, at most",
        "4",
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
        "Redis 7 or Valkey that several instances share (redis:// or rediss://, several nodes with commas)",
        "redis://127.0.0.1:6379",
    ),
    setting(
        "REDIS_CA_FILE",
        ("bus", "redis-ca-file"),
        "PEM certificates that rediss:// trusts instead of the system's",
        "/etc/ssl/redis-ca.pem",
    ),
    setting("REDIS_PREFIX", ("bus", "redis-prefix"), "what every key begins with", "hotline:"),
    setting("HOTLINE_BUS_HISTORY", ("bus", "history"), "events kept for replay, a thread", "256"),
    setting("HOTLINE_BUS_THREADS", ("bus", "threads"), "threads whose history is kept", "10000"),
    setting(
        "HOTLINE_DEDUPE_HOURS",
        ("bus", "dedupe-hours"),
        "how long a webhook's event id is remembered; Plain delivers again for five days",
        "144",
    ),
    setting(
        "HOTLINE_DEDUPE_EVENTS",
        ("bus", "dedupe-events"),
        "event ids remembered at most; the oldest go first",
        "200000",
    ),
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
        "HOTLINE_POLL_WAIT_MS",
        ("stream", "poll-wait-ms"),
        "how long a poll waits for something new, where a network lets no stream through",
        "20000",
    ),
    setting(
        "HOTLINE_STREAM_MAX",
        ("stream", "max"),
        "streams open at once on this instance",
        "10000",
    ),
    setting(
        "HOTLINE_TRANSPORT",
        ("stream", "transport"),
        "how tabs follow a conversation: sse or websocket",
        "sse",
    ),
    setting(
        "HOTLINE_STREAM_PER_SESSION",
        ("stream", "per-session"),
        "streams open at once for one session; one more closes the oldest",
        "20",
    ),
    setting(
        "HOTLINE_RATE_FORM",
        ("limits", "form"),
        "threads a session may open: so many at once, refilled evenly over the period",
        "10/10m",
    ),
    setting("HOTLINE_RATE_REPLIES", ("limits", "replies"), "replies a session may send", "30/1m"),
    setting(
        "HOTLINE_RATE_READS",
        ("limits", "reads"),
        "posts, and reads that may reach Plain, of a session",
        "600/1m",
    ),
    setting("HOTLINE_RATE_STREAMS", ("limits", "streams"), "streams a session may open", "120/1m"),
    setting(
        "HOTLINE_RATE_LINKS",
        ("limits", "links"),
        "resume links a session may make or exchange",
        "20/10m",
    ),
    setting(
        "HOTLINE_RATE_DOWNLOADS",
        ("limits", "downloads"),
        "attachments a session may fetch",
        "60/1m",
    ),
    setting("HOTLINE_RATE_UPLOADS", ("limits", "uploads"), "files a session may send", "120/10m"),
    setting(
        "HOTLINE_UPLOAD_MB",
        ("limits", "upload-mb"),
        "the most megabytes that the files of one message may have",
        "100",
    ),
    setting(
        "HOTLINE_RATE_TRANSCRIPTS",
        ("limits", "transcripts"),
        "transcripts a session may fetch",
        "10/10m",
    ),
    setting(
        "HOTLINE_RATE_MARKS",
        ("limits", "marks"),
        "how often a session may rate, solve and reopen",
        "30/10m",
    ),
    setting(
        "HOTLINE_RATE_SIGNALS",
        ("limits", "signals"),
        "signs of typing and reading a session may send",
        "120/1m",
    ),
    setting(
        "HOTLINE_RATE_ADDRESS_FACTOR",
        ("limits", "address-factor"),
        "how many sessions' worth an address (IPv6: a /64) may do",
        "10",
    ),
    setting(
        "HOTLINE_CONNECTIONS_MAX",
        ("limits", "connections"),
        "connections open at once on this instance",
        "15000",
    ),
    setting(
        "HOTLINE_CONNECTIONS_PER_ADDRESS",
        ("limits", "connections-per-address"),
        "connections open at once from one address; trusted proxies are exempt",
        "512",
    ),
    setting(
        "HOTLINE_HEADER_TIMEOUT_MS",
        ("limits", "header-timeout-ms"),
        "how long the head of a request may take to arrive",
        "10000",
    ),
    setting(
        "HOTLINE_BODY_TIMEOUT_MS",
        ("limits", "body-timeout-ms"),
        "how long the body of a request may take to arrive",
        "60000",
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
