//! All routes, and how a friend would knock. A test reads the source and fails when one is missing here.

use crate::{
    house::{FORM, Page, Visitor},
    stage::{ACCENT, Stage},
};
use hotline::server::look::Look;
use reqwest::{Method, RequestBuilder};
use std::{collections::BTreeSet, fs, path::Path};

/// Who is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// Everybody.
    All,
    /// Who holds Dana's thread.
    Holder,
    /// Who can sign as Plain.
    Plain,
    /// Whoever brings a genuine resume link. The one knocked with here is not genuine, so: nobody.
    Bearer,
}

/// One route and method, asked for as its friends do.
#[derive(Debug, Clone)]
pub struct Door {
    /// As the source has it.
    pub route: &'static str,
    pub method: Method,
    /// With Dana's thread in it.
    pub path: String,
    /// A form, or JSON for Plain's.
    pub body: String,
    pub who: For,
}

impl Door {
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub fn kind(&self) -> &'static str {
        if self.who == For::Plain { "application/json" } else { FORM }
    }

    /// What Dana is answered.
    pub fn welcome(&self) -> u16 {
        match (self.who, self.route) {
            (For::Bearer, _) => 403,
            // On to the file.
            (_, "/api/support/attachment") => 303,
            // Spoken to without the words that open a socket.
            (_, "/api/support/ws") => 426,
            _ => 200,
        }
    }

    pub fn changes(&self) -> bool {
        self.method == Method::POST && self.who != For::Plain
    }

    /// The friendly request, to be spoilt.
    pub fn knock(&self, who: &Visitor) -> RequestBuilder {
        let request = who.request(self.method.clone(), &self.path);
        // A socket opens only for a page that says that it is ours.
        let request = match self.route {
            "/api/support/ws" => request.header("origin", who.base.clone()),
            _ => request,
        };
        if self.method == Method::POST {
            request.header("content-type", self.kind()).body(self.body.clone())
        } else {
            request
        }
    }

    pub async fn ask(&self, who: &Visitor) -> Page {
        whole(self.knock(who)).await
    }
}

/// An answer to its end. A stream has none: what it says first is enough.
pub async fn whole(request: RequestBuilder) -> Page {
    let response = request.send().await.unwrap();
    let stream = response.headers().get("content-type");
    if stream.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream")) {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut response = response;
        let body = response.chunk().await.unwrap().unwrap_or_default();
        let body = String::from_utf8_lossy(&body).into_owned();
        return Page { status, headers, body };
    }
    Page::of(response).await
}

/// All of them.
pub fn doors(stage: &Stage) -> Vec<Door> {
    let thread = &stage.thread;
    let door = |route, method: &str, path: String, body: String, who| Door {
        route,
        method: Method::from_bytes(method.as_bytes()).unwrap(),
        path,
        body,
        who,
    };
    let get = |route, path: String, who| door(route, "GET", path, String::new(), who);
    let post = |route, path: String, body: String, who| door(route, "POST", path, body, who);
    let form = "name=Eve&email=eve%40other.example&topic=problem&subject=Mine&message=Mine";
    let create = |n| format!("{form}&submission_id=intruder-form-{n}");
    let reply = "text=I+am+Dana&client_message_id=intruder-say-1";
    let mut look = Look::default();
    look.accent(ACCENT.parse().unwrap());
    vec![
        get("/", "/".into(), For::All),
        post("/preferences", "/preferences".into(), "theme=dark&back=%2F".into(), For::All),
        get("/look/{file}", look.colours_path().unwrap(), For::All),
        post("/", "/".into(), create(1), For::All),
        get("/threads", "/threads".into(), For::All),
        get("/t/{thread_id}", format!("/t/{thread}"), For::Holder),
        post("/t/{thread_id}", format!("/t/{thread}"), reply.into(), For::Holder),
        get("/t/{thread_id}", format!("/t/{thread}.txt"), For::Holder),
        get("/t/{thread_id}", format!("/t/{thread}.json"), For::Holder),
        post("/t/{thread_id}", format!("/t/{thread}"), "intent=reopen".into(), For::Holder),
        post(
            "/api/support/rating",
            "/api/support/rating".into(),
            format!("threadId={thread}&value=1"),
            For::Holder,
        ),
        post(
            "/api/support/status",
            "/api/support/status".into(),
            format!("threadId={thread}&done=true"),
            For::Holder,
        ),
        post("/api/support/create", "/api/support/create".into(), create(2), For::All),
        get(
            "/api/support/messages",
            format!("/api/support/messages?threadId={thread}"),
            For::Holder,
        ),
        post(
            "/api/support/reply",
            "/api/support/reply".into(),
            format!("threadId={thread}&{reply}"),
            For::Holder,
        ),
        get(
            "/api/support/attachment",
            format!("/api/support/attachment?threadId={thread}&attachmentId={}", stage.file),
            For::Holder,
        ),
        post(
            "/api/support/attachments",
            format!("/api/support/attachments?threadId={thread}&fileName=a.txt&fileSizeBytes=5"),
            "hello".into(),
            For::Holder,
        ),
        get("/r/{*token}", stage.altered_link.clone(), For::Bearer),
        post("/r/{*token}", stage.altered_link.clone(), String::new(), For::Bearer),
        get("/r", "/r".into(), For::Bearer),
        post(
            "/api/support/link",
            "/api/support/link".into(),
            format!("threadId={thread}"),
            For::Holder,
        ),
        get("/api/support/threads", "/api/support/threads".into(), For::All),
        get("/api/support/stream", format!("/api/support/stream?threadId={thread}"), For::Holder),
        get("/api/support/poll", format!("/api/support/poll?threadId={thread}"), For::Holder),
        get("/api/support/ws", format!("/api/support/ws?threadId={thread}"), For::Holder),
        post(
            "/api/support/typing",
            "/api/support/typing".into(),
            format!("threadId={thread}&typing=true"),
            For::Holder,
        ),
        post(
            "/api/support/read",
            "/api/support/read".into(),
            format!("threadId={thread}&entryId=t_{:026}", 1),
            For::Holder,
        ),
        post("/api/webhooks/plain", "/api/webhooks/plain".into(), "{}".into(), For::Plain),
        post("/api/webhooks/plain/", "/api/webhooks/plain/".into(), "{}".into(), For::Plain),
        post("/api/support/presence", "/api/support/presence".into(), "{}".into(), For::Plain),
        get("/livez", "/livez".into(), For::All),
        get("/readyz", "/readyz".into(), For::All),
        get("/metrics", "/metrics".into(), For::All),
    ]
}

fn files(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(fs::read_to_string(&path).unwrap());
        }
    }
}

/// What stands between `before` and the next quote, everywhere.
fn quoted<'a>(text: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(|rest| rest.split('"').next())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_of_the_source_is_walked() {
    let mut sources = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for room in ["server", "features"] {
        files(&root.join(room), &mut sources);
    }
    sources.push(fs::read_to_string(root.join("app.rs")).unwrap());
    let mut routes = BTreeSet::new();
    for source in &sources {
        // What stands in the unit tests of a file is no route.
        let source = source.split("#[cfg(test)]").next().unwrap();
        let flat: String = source.split_whitespace().collect::<Vec<_>>().join(" ");
        let flat = flat.replace("( \"", "(\"");
        routes.extend(quoted(&flat, ".route(\"").map(str::to_owned));
        routes.extend(quoted(&flat, "endpoint = \"").map(|name| format!("/api/support/{name}")));
        routes.extend(quoted(&flat, "path!(\"").map(|path| {
            let parts = path.split('/').map(|part| match part.strip_prefix(':') {
                Some(name) => format!("{{{name}}}"),
                None => part.to_owned(),
            });
            format!("/{}", parts.collect::<Vec<_>>().join("/"))
        }));
    }
    assert!(routes.len() > 10, "{routes:?}");
    let stage = Stage::set().await;
    let walked: BTreeSet<String> = doors(&stage).iter().map(|it| it.route.to_owned()).collect();
    assert_eq!(walked, routes, "left: what is walked; right: what the source has");

    // And friends do get in, or all refusals would prove nothing.
    for door in doors(&stage).iter().filter(|door| door.method == Method::GET) {
        let page = door.ask(&stage.dana).await;
        assert_eq!(page.status, door.welcome(), "{}: {page:?}", door.name());
    }
    stage.unharmed().await;
}
