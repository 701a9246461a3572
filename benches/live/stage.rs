//! The portal, as a process of its own, and what a client of it needs to know.

use crate::{delivery::delivery, program::Program};
use hotline::{
    domain::ids::ThreadId,
    server::{
        clock::SystemClock,
        config,
        session::{Session, Sessions},
        webhook::signature::Secret,
    },
};
use std::{net::SocketAddr, path::Path, sync::Arc};

const SIGNING: &str = "live-signing-secret";
const COOKIES: &str = "live-cookie-secret-of-a-measurement";

/// One portal, without limits that a single client would run into; everything else is as it is in production.
pub struct Stage {
    pub at: SocketAddr,
    /// Its sandbox's agent desk.
    pub desk: String,
    pub program: Program,
    _folder: Option<tempfile::TempDir>,
}

impl Stage {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stage = Self::beside("portal", folder.path(), &[]);
        Self { _folder: Some(folder), ..stage }
    }

    /// One of several, with more settings.
    pub fn beside(name: &str, folder: &Path, more: &[(&str, &str)]) -> Self {
        let settings = [
            ("LEPTOS_SITE_ADDR", "127.0.0.1:0"),
            ("HOTLINE_SANDBOX_ADDR", "127.0.0.1:0"),
            ("HOTLINE_SANDBOX_DATA", ":memory:"),
            ("PLAIN_WEBHOOK_SECRET", SIGNING),
            ("HOTLINE_SECRET", COOKIES),
            ("HOTLINE_RATE_LIMITS", "off"),
            ("HOTLINE_STREAM_MAX", "15000"),
            ("HOTLINE_BUS_THREADS", "20000"),
        ];
        let env = [settings.as_slice(), more].concat();
        let mut program = Program::run(name, &[], &env, folder);
        let portal = program.address("Portal: ");
        let at = portal.trim_start_matches("http://").parse().unwrap();
        let desk = program.address("Agent desk (sandbox): ");
        Self { at, desk, program, _folder: None }
    }

    /// Resident, in KiB.
    pub fn resident(&self) -> f64 {
        self.program.memory().kib.expect("Linux tells") as f64
    }
}

/// The thread of a number.
pub fn thread(n: usize) -> String {
    format!("th_{n:026}")
}

/// What a browser sends to open the stream of a thread, with a session of its own that holds it.
pub fn stream_request(thread: &str) -> Vec<u8> {
    let sessions = Sessions::new(vec![config::Secret::new(COOKIES)], false, Arc::new(SystemClock));
    let mut session = Session::new();
    session.grant(ThreadId::parse(thread).unwrap());
    let cookie = sessions.write(&session).unwrap();
    let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
    format!(
        "GET /api/support/stream?threadId={thread} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\n\
         accept-language: en-US,en;q=0.9\r\naccept-encoding: gzip, deflate, br\r\ncache-control: no-cache\r\n\
         user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 \
         Safari/537.36\r\nsec-fetch-dest: empty\r\nsec-fetch-mode: cors\r\nsec-fetch-site: same-origin\r\n\
         cookie: {cookie}\r\n\r\n"
    )
    .into_bytes()
}

/// What Plain sends: the event of a number for a thread. Signed now; it counts for five minutes.
pub fn webhook_request(event: usize, thread: &str) -> Vec<u8> {
    let secret = Secret::new(SIGNING).unwrap();
    let text = "We found the cause: exports stop at row 5000. A fix is on its way.";
    let (body, signature) = delivery(&secret, &format!("{event:026}"), thread, text);
    format!(
        "POST /api/webhooks/plain HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: Plain/1.0\r\naccept: */*\r\n\
         content-type: application/json\r\nplain-request-signature: {signature}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
