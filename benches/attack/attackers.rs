//! What strangers send, all at once.

use crate::honest::Conversation;
use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinHandle,
};

const FORM: &str = "application/x-www-form-urlencoded";
const ADDRESSES: u8 = 8;

/// What was answered, by what was tried.
#[derive(Default)]
pub struct Tally(Mutex<BTreeMap<&'static str, BTreeMap<String, u32>>>);

impl Tally {
    fn count(&self, kind: &'static str, answer: String) {
        *self.0.lock().unwrap().entry(kind).or_default().entry(answer).or_default() += 1;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, answers) in self.0.lock().unwrap().iter() {
            let answers: Vec<_> = answers.iter().map(|(it, n)| format!("{n} × {it}")).collect();
            writeln!(f, "  {kind:<32} {}", answers.join(", "))?;
        }
        Ok(())
    }
}

fn address(n: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 1, 1 + (n % u32::from(ADDRESSES)) as u8))
}

fn clients() -> Vec<reqwest::Client> {
    let client = |n| {
        reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .local_address(address(n))
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap()
    };
    (0..u32::from(ADDRESSES)).map(client).collect()
}

/// So many requests of all kinds, some at once.
pub async fn round(
    portal: &str,
    honest: &Conversation,
    round: u32,
    requests: u32,
    at_once: usize,
) -> Tally {
    let tally = Tally::default();
    let clients = clients();
    let next = AtomicU32::new(0);
    let genuine = honest.delivery("pEv_9999999999999999999999XXXX", "captured on the way");
    let worker = async || {
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= requests {
                return;
            }
            let client = &clients[n as usize % clients.len()];
            // Each round has texts and keys of its own, or the portal would know the forms of the last one.
            one(portal, honest, &genuine, client, round * 1_000_000 + n, &tally).await;
        }
    };
    futures::future::join_all((0..at_once).map(|_| worker())).await;
    tally
}

async fn one(
    portal: &str,
    honest: &Conversation,
    genuine: &(String, String),
    client: &reqwest::Client,
    n: u32,
    tally: &Tally,
) {
    let thread = &honest.thread;
    let get = |path: &str| client.get(format!("{portal}{path}"));
    let post = |path: &str, kind: &str, body: String| {
        client.post(format!("{portal}{path}")).header("content-type", kind).body(body)
    };
    let forged = "hotline=eyJzIjoiYWJjIiwiZyI6W119.c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2ln";
    let form = format!(
        "name=Bot&email=bot{n}%40evil.example&topic=other&subject=Spam&message=Spam&submission_id=attack-{n:08}"
    );
    let json = "application/json";
    let (kind, request) = match n % 20 {
        0 => ("webhook, unsigned", post("/api/webhooks/plain", json, "{}".into())),
        1 => (
            "webhook, wrongly signed, 64 KiB",
            post("/api/webhooks/plain", json, "x".repeat(64 * 1024))
                .header("plain-request-signature", "0".repeat(64)),
        ),
        2 => (
            "webhook, captured and replayed",
            post("/api/webhooks/plain", json, genuine.0.clone())
                .header("plain-request-signature", &genuine.1),
        ),
        3 | 4 => ("form, filled in by a robot", post("/", FORM, form)),
        5 => (
            "form, with a forged address",
            post("/api/support/create", FORM, form)
                .header("x-forwarded-for", format!("8.8.{}.1", n % 250)),
        ),
        6 => ("form, 1 MiB", post("/", FORM, "a".repeat(1024 * 1024))),
        7 => (
            "form, of another website",
            post("/", FORM, form).header("origin", "https://evil.example"),
        ),
        8 => ("conversation, forged cookie", get(&format!("/t/{thread}")).header("cookie", forged)),
        9 => (
            "messages, forged cookie",
            get(&format!("/api/support/messages?threadId={thread}")).header("cookie", forged),
        ),
        10 => (
            "stream, forged cookie",
            get(&format!("/api/support/stream?threadId={thread}")).header("cookie", forged),
        ),
        11 => (
            "reply, forged cookie",
            post(
                &format!("/t/{thread}"),
                FORM,
                format!("text=spam&client_message_id=attack-{n:08}"),
            )
            .header("cookie", forged),
        ),
        12 => ("resume link, guessed", get(&format!("/r/{n:064}"))),
        13 => ("cursor, 4 KiB", get(&format!("/t/{thread}?before={}", "9".repeat(4096)))),
        14 => ("page that is not there", get(&format!("/{n}/nothing"))),
        15 => ("form page", get("/")),
        16 => (
            "cookie, 8 KiB",
            get("/threads").header("cookie", "hotline=".to_owned() + &"A".repeat(8192)),
        ),
        17 => {
            return raw(
                portal,
                "path trick",
                n,
                b"GET /pkg/../../Cargo.toml HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                tally,
            )
            .await;
        }
        18 => {
            let flood: String = (0..500).map(|n| format!("x-h{n}: {n}\r\n")).collect();
            let request = format!("GET / HTTP/1.1\r\nHost: x\r\n{flood}\r\n");
            return raw(portal, "header flood", n, request.as_bytes(), tally).await;
        }
        _ => {
            return raw(
                portal,
                "noise",
                n,
                &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, b'\r', b'\n', b'\r', b'\n'],
                tally,
            )
            .await;
        }
    };
    let answer = match request.send().await {
        Ok(answer) => {
            let status = answer.status().as_u16().to_string();
            let _ = answer.bytes().await;
            status
        }
        Err(_) => "closed".into(),
    };
    assert!(!answer.starts_with("50") || answer == "503", "{kind}: {answer}");
    tally.count(kind, answer);
}

async fn connect(portal: &str, from: IpAddr) -> std::io::Result<TcpStream> {
    let to: SocketAddr = portal.trim_start_matches("http://").parse().unwrap();
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from, 0))?;
    socket.connect(to).await
}

async fn raw(portal: &str, kind: &'static str, n: u32, bytes: &[u8], tally: &Tally) {
    let answer = async {
        let mut socket = connect(portal, address(n)).await.ok()?;
        let _ = socket.write_all(bytes).await;
        let mut heard = [0; 64];
        let read = tokio::time::timeout(Duration::from_secs(20), socket.read(&mut heard)).await;
        let heard = &heard[..read.ok()?.ok()?];
        let status = std::str::from_utf8(heard).ok()?.split(' ').nth(1)?.to_owned();
        Some(status)
    };
    tally.count(kind, answer.await.unwrap_or_else(|| "closed".into()));
}

/// Connections that send a byte of a header a second, for ever; each begins anew when it is cut off.
pub fn slow(portal: &str, connections: u8, over: Arc<AtomicBool>) -> JoinHandle<String> {
    let portal = portal.to_owned();
    tokio::spawn(async move {
        let cut = Arc::new(AtomicU32::new(0));
        let one = |n: u8| {
            let (portal, over, cut) = (portal.clone(), over.clone(), cut.clone());
            async move {
                let from = IpAddr::V4(Ipv4Addr::new(127, 0, 2, 1 + n % 50));
                while !over.load(Ordering::Relaxed) {
                    let Ok(mut socket) = connect(&portal, from).await else { continue };
                    let _ = socket.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ").await;
                    let mut byte = [0];
                    while !over.load(Ordering::Relaxed) && socket.write_all(b"a").await.is_ok() {
                        let pause =
                            tokio::time::timeout(Duration::from_secs(1), socket.read(&mut byte));
                        if pause.await.is_ok() {
                            break;
                        }
                    }
                    cut.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        futures::future::join_all((0..connections).map(one)).await;
        format!("{connections} at once, cut off {} times", cut.load(Ordering::Relaxed))
    })
}
