//! A portal and its sandbox as they run in production, and the people who use them over HTTP.

use super::{
    live::{self, Reader},
    wire::Wire,
};
use hotline::{
    sandbox::{Data, Sandbox, SandboxSettings, TimelineOrder},
    server::{
        Running,
        config::{Config, SANDBOX_API_KEY, SANDBOX_SIGNING_SECRET, Sources},
        start,
        telemetry::Metrics,
    },
};
use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    future::Future,
    path::Path,
    sync::OnceLock,
    time::{Duration, Instant},
};

/// Long enough for a slow machine; nothing waits so long where all is well.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A process has one collector of metrics.
fn metrics() -> Metrics {
    static METRICS: OnceLock<Metrics> = OnceLock::new();
    METRICS.get_or_init(|| Metrics::install().unwrap()).clone()
}

/// Settings as a process would have them, on free ports, with `more` over them.
pub fn config(folder: &Path, more: &[(&str, &str)]) -> Config {
    let file =
        "[package.metadata.leptos]\noutput-name = \"hotline\"\nsite-addr = \"127.0.0.1:0\"\n";
    config_from(folder, more, file)
}

fn config_from(folder: &Path, more: &[(&str, &str)], file: &str) -> Config {
    let folder = folder.display().to_string();
    let env: BTreeMap<String, String> = [
        ("HOTLINE_SANDBOX_ADDR", "127.0.0.1:0"),
        ("HOTLINE_SANDBOX_DATA", ":memory:"),
        ("HOTLINE_SANDBOX_RETRY_SCALE", "0.01"),
        ("HOTLINE_DATA_DIR", folder.as_str()),
    ]
    .iter()
    .chain(more)
    .map(|(name, value)| (name.to_string(), value.to_string()))
    .collect();
    Config::load(&Sources::from_parts(BTreeMap::new(), env, Some(file.into())).unwrap()).unwrap()
}

/// A workspace in memory, for a portal at this address.
pub fn sandbox_of(portal: &str, api_key: &str, signing_secret: &str) -> SandboxSettings {
    SandboxSettings {
        addr: "127.0.0.1:0".parse().unwrap(),
        data: Data::Memory,
        api_key: api_key.into(),
        signing_secret: signing_secret.into(),
        webhook_url: Some(format!("{portal}/api/webhooks/plain")),
        retry_scale: 0.01,
        timeline_order: TimelineOrder::NewestFirst,
    }
}

pub struct House {
    pub portal: String,
    pub agent: Agent,
    running: Running,
    /// Only beside a wire; else the portal has one in itself.
    sandbox: Option<Sandbox>,
    _folder: Option<tempfile::TempDir>,
}

impl House {
    /// The portal with its sandbox inside, as `hotline` alone starts it.
    pub async fn open() -> Self {
        Self::with(&[]).await
    }

    /// The same with other settings.
    pub async fn with(more: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let house = Self::of(&config(folder.path(), more)).await;
        Self { _folder: Some(folder), ..house }
    }

    /// The same in a folder that stays, at the addresses of an earlier time if given.
    pub async fn in_folder(folder: &Path, addresses: Option<(&str, &str)>) -> Self {
        Self::in_folder_with(folder, addresses, &[]).await
    }

    /// The same with other settings.
    pub async fn in_folder_with(
        folder: &Path,
        addresses: Option<(&str, &str)>,
        more: &[(&str, &str)],
    ) -> Self {
        let (portal, sandbox) = addresses.unwrap_or(("127.0.0.1:0", "127.0.0.1:0"));
        let data = folder.join("sandbox.sqlite").display().to_string();
        let places = [("HOTLINE_SANDBOX_DATA", data.as_str()), ("HOTLINE_SANDBOX_ADDR", sandbox)];
        let more = [more, &places].concat();
        let file = format!(
            "[package.metadata.leptos]\noutput-name = \"hotline\"\nsite-addr = \"{portal}\"\n"
        );
        Self::of(&config_from(folder, &more, &file)).await
    }

    /// The portal with its sandbox inside, and with these files.
    pub async fn with_files(site_root: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = format!(
            "[package.metadata.leptos]\noutput-name = \"hotline\"\nsite-addr = \"127.0.0.1:0\"\nsite-root = \"{}\"\n",
            site_root.display()
        );
        let house = Self::of(&config_from(folder.path(), &[], &file)).await;
        Self { _folder: Some(folder), ..house }
    }

    async fn of(config: &Config) -> Self {
        let running = start(config, metrics()).await.unwrap();
        let agent = Agent::at(format!("http://{}", running.sandbox.unwrap()));
        let portal = format!("http://{}", running.addr);
        Self { portal, agent, running, sandbox: None, _folder: None }
    }

    /// A portal that reaches its Plain over a wire, as it reaches the real one.
    pub async fn wired(more: &[(&str, &str)]) -> (Self, Wire) {
        let folder = tempfile::tempdir().unwrap();
        let wire = Wire::lay().await;
        let all =
            [[("PLAIN_API_KEY", SANDBOX_API_KEY), ("PLAIN_API_URL", &wire.url)].as_slice(), more]
                .concat();
        let running = start(&config(folder.path(), &all), metrics()).await.unwrap();
        assert_eq!(running.sandbox, None);
        let portal = format!("http://{}", running.addr);
        let sandbox = Sandbox::start(sandbox_of(&portal, SANDBOX_API_KEY, SANDBOX_SIGNING_SECRET))
            .await
            .unwrap();
        wire.connect(sandbox.api_url());
        let agent = Agent::at(format!("http://{}", sandbox.addr()));
        (Self { portal, agent, running, sandbox: Some(sandbox), _folder: Some(folder) }, wire)
    }

    /// A portal whose Plain is at this address, whatever is there.
    pub async fn facing(api_url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let more = [
            ("PLAIN_API_KEY", SANDBOX_API_KEY),
            ("PLAIN_API_URL", api_url),
            ("PLAIN_TIMEOUT_MS", "500"),
        ];
        let running = start(&config(folder.path(), &more), metrics()).await.unwrap();
        let portal = format!("http://{}", running.addr);
        let agent = Agent::at("http://127.0.0.1:9".into());
        Self { portal, agent, running, sandbox: None, _folder: Some(folder) }
    }

    /// Both addresses, to come back to.
    pub fn addresses(&self) -> (String, String) {
        let bare = |url: &str| url.trim_start_matches("http://").to_owned();
        (bare(&self.portal), bare(&self.agent.base))
    }

    /// Somebody with a browser that has no cookies yet.
    pub fn visitor(&self) -> Visitor {
        Visitor { base: self.portal.clone(), http: live::client(), cookie: None }
    }

    pub async fn close(self) {
        self.running.shutdown.begin();
        self.running.wait(PATIENCE).await.unwrap();
        if let Some(sandbox) = self.sandbox {
            sandbox.shutdown().await;
        }
    }
}

/// An answer, whole.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Page {
    pub async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.text().await.unwrap() }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The text of a field's `<p id="{id}-error">`, without tags; empty while it is hidden.
    pub fn error_of(&self, field: &str) -> String {
        let Some(tag) = self.tag(&format!("id=\"{field}-error\"")) else { return String::new() };
        if tag.contains(" hidden") {
            return String::new();
        }
        let rest = self.after(tag);
        text_of(&rest[..rest.find("</p>").unwrap()])
    }

    /// All start tags, as a browser would see them: what stands in quotes or between tags is none.
    pub fn tags(&self) -> Vec<&str> {
        let tags = pieces(&self.body).into_iter().filter(|piece| piece.starts_with('<'));
        tags.filter(|tag| !tag.starts_with("</")).collect()
    }

    /// The first start tag with this attribute.
    pub fn tag(&self, attribute: &str) -> Option<&str> {
        let attribute = format!(" {attribute}");
        self.tags().into_iter().find(|tag| tag.contains(&attribute))
    }

    /// What follows a tag that `tag` gave.
    fn after(&self, tag: &str) -> &str {
        &self.body[tag.as_ptr().addr() - self.body.as_ptr().addr() + tag.len()..]
    }

    /// The value of the input with this name.
    pub fn value_of(&self, name: &str) -> String {
        let tag = self.tag(&format!("name=\"{name}\"")).expect("the input");
        let Some((_, rest)) = tag.split_once(" value=\"") else { return String::new() };
        unescape(rest.split('"').next().unwrap())
    }

    /// The text in the text area with this name.
    pub fn area_of(&self, name: &str) -> String {
        let tag = self.tag(&format!("name=\"{name}\"")).expect("the text area");
        let rest = self.after(tag);
        let text = &rest[..rest.find("</textarea>").unwrap()];
        unescape(text.strip_prefix('\n').unwrap_or(text))
    }

    /// Everything between tags.
    pub fn text(&self) -> String {
        text_of(&self.body)
    }
}

/// HTML in tags (from `<` to `>`), comments, and what is between them.
fn pieces(html: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = html;
    while !rest.is_empty() {
        let end = if rest.starts_with("<!--") {
            rest.find("-->").map(|at| at + 3)
        } else if rest.starts_with('<') {
            let mut quoted = false;
            let close = rest.bytes().position(|b| {
                quoted ^= b == b'"';
                b == b'>' && !quoted
            });
            close.map(|at| at + 1)
        } else {
            rest.find('<')
        };
        let (piece, more) = rest.split_at(end.unwrap_or(rest.len()));
        pieces.push(piece);
        rest = more;
    }
    pieces
}

fn text_of(html: &str) -> String {
    // What a page carries for its tab is nothing that it shows.
    let mut script = false;
    let words = pieces(html).into_iter().filter(|piece| {
        if piece.starts_with("<script") || piece.starts_with("</script") {
            script = piece.starts_with("<script");
        }
        !script && !piece.starts_with('<')
    });
    unescape(words.collect::<String>().trim())
}

fn unescape(text: &str) -> String {
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// The messages of a page that was read, without the lines about the thread's state.
pub fn said(page: &Value) -> Vec<Value> {
    let all = page["messages"].as_array().unwrap_or_else(|| panic!("no page: {page}"));
    all.iter().filter(|message| message["turned"].is_null()).cloned().collect()
}

/// What a person types into the form.
#[derive(Debug, Clone)]
pub struct Form {
    pub name: String,
    pub email: String,
    pub topic: String,
    pub subject: String,
    pub message: String,
    pub submission_id: String,
}

impl Form {
    pub fn new(submission_id: &str) -> Self {
        Self {
            name: "Dana Okafor".into(),
            email: "dana@northwind.example".into(),
            topic: "problem".into(),
            subject: "Export stops".into(),
            message: "It stops at row 5000.".into(),
            submission_id: submission_id.into(),
        }
    }

    pub fn fields(&self) -> [(&str, &str); 6] {
        [
            ("name", &self.name),
            ("email", &self.email),
            ("topic", &self.topic),
            ("subject", &self.subject),
            ("message", &self.message),
            ("submission_id", &self.submission_id),
        ]
    }
}

pub const FORM: &str = "application/x-www-form-urlencoded";

/// A browser without script: forms, links, one cookie.
#[derive(Clone)]
pub struct Visitor {
    pub base: String,
    pub http: reqwest::Client,
    pub cookie: Option<String>,
}

impl Visitor {
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base)).timeout(PATIENCE);
        match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Page {
        Page::of(self.request(Method::GET, path).send().await.unwrap()).await
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: impl Into<reqwest::Body>,
    ) -> Page {
        let request = self.request(method, path).header("content-type", kind).body(body);
        Page::of(request.send().await.unwrap()).await
    }

    /// Sends a form and keeps the cookie that comes back.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let body = serde_urlencoded::to_string(fields).unwrap();
        let page = self.send(Method::POST, path, FORM, body).await;
        if let Some(cookie) = page.headers.get("set-cookie") {
            self.cookie = Some(cookie.to_str().unwrap().split(';').next().unwrap().into());
        }
        page
    }

    /// Opens a request; the thread's id.
    pub async fn ask(&mut self, form: &Form) -> String {
        let page = self.post("/", &form.fields()).await;
        assert_eq!(page.status, 303, "{page:?}");
        page.header("location").strip_prefix("/t/").expect("a conversation").to_owned()
    }

    pub async fn reply(&mut self, thread: &str, text: &str, key: &str) -> Page {
        self.post(&format!("/t/{thread}"), &[("text", text), ("client_message_id", key)]).await
    }

    pub async fn messages(&self, thread: &str) -> Page {
        self.get(&format!("/api/support/messages?threadId={thread}")).await
    }

    /// Asks for the stream, whatever the answer.
    pub async fn stream(&self, query: &str, last_event_id: Option<&[u8]>) -> reqwest::Response {
        // Without the time limit of the other requests: a stream goes on.
        let mut request = self.http.get(format!("{}/api/support/stream?{query}", self.base));
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        if let Some(id) = last_event_id {
            let id = reqwest::header::HeaderValue::from_bytes(id).unwrap();
            request = request.header("last-event-id", id);
        }
        request.send().await.unwrap()
    }

    /// Follows a thread that this visitor holds; the stream after its first frame, and that frame's cursor.
    pub async fn follow(&self, thread: &str, last_event_id: Option<&str>) -> (Reader, Value) {
        let query = format!("threadId={thread}");
        let response = self.stream(&query, last_event_id.map(str::as_bytes)).await;
        assert_eq!(response.status(), 200);
        let mut reader = Reader::of(response);
        let connected = reader.expect("connected").await;
        (reader, connected.data)
    }
}

/// Somebody at the agent desk.
#[derive(Clone)]
pub struct Agent {
    pub base: String,
    http: reqwest::Client,
}

impl Agent {
    pub fn at(base: String) -> Self {
        Self { base, http: live::client() }
    }

    pub async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        let url = format!("{}/admin{path}", self.base);
        let answer = self.http.request(method, url).json(&body).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    pub async fn threads(&self) -> Vec<Value> {
        self.call(Method::GET, "/threads", Value::Null).await.as_array().unwrap().clone()
    }

    /// Answers; the timeline entry's id.
    pub async fn answer(&self, thread: &str, text: &str, via: &str) -> String {
        let body = json!({"text": text, "via": via});
        let made = self.call(Method::POST, &format!("/threads/{thread}/replies"), body).await;
        made["timelineEntryId"].as_str().unwrap().into()
    }

    /// The texts of the chats on a thread, oldest first.
    pub async fn chats(&self, thread: &str) -> Vec<String> {
        let thread = self.call(Method::GET, &format!("/threads/{thread}"), Value::Null).await;
        let entries = thread["timelineEntries"].as_array().unwrap();
        entries
            .iter()
            .filter(|it| it["entry"]["__typename"] == "ChatEntry")
            .map(|it| it["entry"]["text"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Waits until the portal has heard of all that happened so far, so that no event moves what is counted next.
    pub async fn all_delivered(&self) {
        until("the webhooks", || async {
            let pending = self.call(Method::GET, "/deliveries/pending", Value::Null).await;
            pending.as_array().unwrap().is_empty().then_some(())
        })
        .await;
    }

    pub async fn faults(&self, faults: Value) {
        self.call(Method::PUT, "/faults", faults).await;
    }
}

/// Asks again until the answer is there.
pub async fn until<T, F>(what: &str, mut question: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = question().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
