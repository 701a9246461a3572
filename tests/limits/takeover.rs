//! Streams whose connection lets go of what served the request: what the other side sees is HTTP/1.1 as before, byte
//! for byte, whatever it does.

use super::sockets::{Dropped, listen, rest};
use crate::{
    house::{Form, House, PATIENCE, until},
    live::Reader,
};
use axum::{
    Extension, Router,
    body::{Body, Bytes},
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use futures::{Stream, StreamExt, stream};
use hotline::server::listen::{ListenSettings, TakeOver};
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

fn answer(frames: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (kind, Body::from_stream(frames.map(Ok::<_, io::Error>))).into_response()
}

fn taken(frames: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    (Extension(TakeOver), answer(frames)).into_response()
}

/// Frames of all sizes, an empty one among them, each of its own letter.
fn frames() -> Vec<Bytes> {
    let sizes = [1, 15, 16, 17, 0, 300, 4096, 70_000, 2];
    let letters = b'a'..;
    sizes.into_iter().zip(letters).map(|(size, letter)| vec![letter; size].into()).collect()
}

/// A frame every few milliseconds.
fn trickle() -> impl Stream<Item = Bytes> {
    stream::iter(frames()).then(async |frame| {
        tokio::time::sleep(Duration::from_millis(3)).await;
        frame
    })
}

async fn house() -> SocketAddr {
    let app = Router::new()
        .route("/ok", get(|| async { "ok" }))
        .route("/large", get(|| async { vec![b'x'; LARGE] }))
        .route("/hyper", get(|| async { answer(trickle()) }))
        .route("/taken", get(|| async { taken(trickle()) }))
        .route("/at-once", get(|| async { taken(stream::iter(frames())) }));
    listen(app, ListenSettings::default()).await.0
}

/// More than the buffers between the two take.
const LARGE: usize = 24 * 1024 * 1024;

/// The other end of a connection, which reads strictly what HTTP/1.1 promises.
struct Client {
    stream: TcpStream,
    read: Vec<u8>,
    /// Bytes read at once.
    step: usize,
}

impl Client {
    async fn connect(to: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(to).await.unwrap(), read: Vec::new(), step: 8192 }
    }

    async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    async fn get(&mut self, path: &str) {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
    }

    async fn more(&mut self) {
        let mut bytes = vec![0; self.step];
        let reading = timeout(PATIENCE, self.stream.read(&mut bytes));
        let count = reading.await.expect("it goes on").unwrap();
        assert_ne!(count, 0, "it broke off after {:?}", String::from_utf8_lossy(&self.read));
        self.read.extend_from_slice(&bytes[..count]);
    }

    /// Up to and with a line end.
    async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.read.windows(2).position(|two| two == b"\r\n") {
                let line: Vec<u8> = self.read.drain(..end + 2).collect();
                return String::from_utf8(line[..end].to_vec()).unwrap();
            }
            self.more().await;
        }
    }

    async fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.read.len() < count {
            self.more().await;
        }
        self.read.drain(..count).collect()
    }

    /// A head without its date.
    async fn head(&mut self) -> Vec<String> {
        let mut head = Vec::new();
        loop {
            let line = self.line().await;
            if line.is_empty() {
                return head;
            }
            if !line.starts_with("date: ") {
                head.push(line);
            }
        }
    }

    /// One chunk; empty: the last.
    async fn chunk(&mut self) -> Vec<u8> {
        let line = self.line().await;
        let data = self.exactly(usize::from_str_radix(&line, 16).unwrap()).await;
        assert_eq!(self.line().await, "", "the end of a chunk");
        data
    }

    async fn chunks(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let chunk = self.chunk().await;
            if chunk.is_empty() {
                return all;
            }
            all.extend_from_slice(&chunk);
        }
    }

    /// A short answer with a length.
    async fn ok(&mut self) {
        let head = self.head().await;
        assert_eq!(head[0], "HTTP/1.1 200 OK");
        assert!(head.contains(&"content-length: 2".to_owned()), "{head:?}");
        assert_eq!(self.exactly(2).await, b"ok");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_seen_is_what_hyper_would_have_written() {
    let to = house().await;
    let mut seen = Vec::new();
    for path in ["/hyper", "/taken"] {
        let mut client = Client::connect(to).await;
        client.get(path).await;
        let head = client.head().await;
        assert!(head.contains(&"transfer-encoding: chunked".to_owned()), "{head:?}");
        let mut chunks = Vec::new();
        loop {
            chunks.push(client.chunk().await);
            if chunks.last().unwrap().is_empty() {
                break;
            }
        }
        // Neither sends empty frames, and both are good for another request.
        client.get("/ok").await;
        client.ok().await;
        seen.push((head, chunks));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[1].1.concat(), frames().concat());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stream_of_a_thread_has_the_head_of_every_answer() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("takeover-head-1")).await;
    let mut client = Client::connect(house.addresses().0.parse().unwrap()).await;
    let cookie = dana.cookie.clone().unwrap();
    client
        .send(&format!(
            "GET /api/support/stream?threadId={thread} HTTP/1.1\r\nhost: x\r\ncookie: {cookie}\r\n\r\n"
        ))
        .await;
    let head = client.head().await;
    assert_eq!(head[0], "HTTP/1.1 200 OK");
    let mut names: Vec<_> = head[1..].iter().map(|line| line.split(':').next().unwrap()).collect();
    names.sort_unstable();
    let wanted = [
        "cache-control",
        "content-security-policy",
        "content-type",
        "cross-origin-opener-policy",
        "cross-origin-resource-policy",
        "origin-agent-cluster",
        "permissions-policy",
        "referrer-policy",
        "transfer-encoding",
        "x-accel-buffering",
        "x-content-type-options",
    ];
    assert_eq!(names, wanted);
    let first = String::from_utf8(client.chunk().await).unwrap();
    assert!(first.starts_with("retry: ") && first.contains(r#""type":"connected""#), "{first}");
    // The other versions of HTTP get theirs from hyper.
    let h2 = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    let url = format!("{}/api/support/stream?threadId={thread}", house.portal);
    let answer = h2.get(url).header("cookie", cookie).send().await.unwrap();
    assert_eq!((answer.version(), answer.status().as_u16()), (reqwest::Version::HTTP_2, 200));
    let mut names: Vec<_> = answer.headers().keys().map(ToString::to_string).collect();
    names.retain(|name| name != "date");
    names.push("transfer-encoding".into());
    names.sort_unstable();
    assert_eq!(names, wanted);
    let mut second = Reader::of(answer);
    second.expect("connected").await;
    house.agent.answer(&thread, "to both", "chat").await;
    loop {
        if second.next().await.unwrap().data["entry"]["text"] == "to both" {
            break;
        }
    }
    loop {
        if String::from_utf8(client.chunk().await).unwrap().contains("to both") {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_byte_by_byte_gets_every_byte() {
    let to = house().await;
    for path in ["/taken", "/at-once"] {
        let mut client = Client::connect(to).await;
        client.step = 1;
        client.get(path).await;
        client.head().await;
        assert_eq!(client.chunks().await, frames().concat());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_before_and_after_on_the_same_connection() {
    let mut client = Client::connect(house().await).await;
    for _ in 0..3 {
        client.get("/ok").await;
        client.ok().await;
        client.get("/taken").await;
        client.head().await;
        assert_eq!(client.chunks().await, frames().concat());
    }
    // All at once, and answered in order.
    for path in ["/ok", "/taken", "/at-once", "/ok", "/taken", "/ok"] {
        client.get(path).await;
    }
    client.ok().await;
    for _ in 0..2 {
        client.head().await;
        assert_eq!(client.chunks().await, frames().concat());
    }
    client.ok().await;
    client.head().await;
    assert_eq!(client.chunks().await, frames().concat());
    client.ok().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_before_is_finished_first() {
    let mut client = Client::connect(house().await).await;
    client.get("/large").await;
    client.get("/taken").await;
    // The large one does not fit into what lies between; only now is it read.
    client.step = 256 * 1024;
    let head = client.head().await;
    assert!(head.contains(&format!("content-length: {LARGE}")), "{head:?}");
    assert_eq!(client.exactly(LARGE).await, vec![b'x'; LARGE]);
    client.head().await;
    assert_eq!(client.chunks().await, frames().concat());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_last_request_is_the_last() {
    let to = house().await;
    for words in ["close", "Keep-Alive, Close"] {
        let mut client = Client::connect(to).await;
        let more = "GET /ok HTTP/1.1\r\nhost: x\r\n\r\n";
        client
            .send(&format!("GET /taken HTTP/1.1\r\nhost: x\r\nconnection: {words}\r\n\r\n"))
            .await;
        let head = client.head().await;
        assert!(head.contains(&"connection: close".to_owned()), "{head:?}");
        let _ = client.stream.write_all(more.as_bytes()).await;
        assert_eq!(client.chunks().await, frames().concat());
        assert!(client.read.is_empty());
        assert_eq!(rest(&mut client.stream).await, "");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_plain_get_of_http_1_1_stays_with_hyper() {
    let to = house().await;
    let mut old = TcpStream::connect(to).await.unwrap();
    old.write_all(b"GET /taken HTTP/1.0\r\nhost: x\r\n\r\n").await.unwrap();
    let heard = rest(&mut old).await;
    let (head, body) = heard.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.0 200 OK") && !head.contains("chunked"), "{head}");
    assert_eq!(body.as_bytes(), frames().concat(), "no chunks");

    let mut client = Client::connect(to).await;
    client.send("HEAD /taken HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(client.head().await[0], "HTTP/1.1 200 OK");
    client.get("/ok").await;
    client.ok().await;

    // The body of a request is no request, wherever it stands.
    for framing in ["content-length: 30", "transfer-encoding: chunked"] {
        let mut client = Client::connect(to).await;
        let inner = "GET /ok HTTP/1.1\r\nhost: x\r\n\r\nX";
        let inner = if framing.starts_with('t') {
            format!("1e\r\n{inner}\r\n0\r\n\r\n")
        } else {
            inner.into()
        };
        client.send(&format!("GET /taken HTTP/1.1\r\nhost: x\r\n{framing}\r\n\r\n")).await;
        let head = client.head().await;
        assert_eq!(head[0], "HTTP/1.1 200 OK");
        let _ = client.stream.write_all(inner.as_bytes()).await;
        assert_eq!(client.chunks().await, frames().concat());
        let after = client.stream.shutdown().await;
        let left = rest(&mut client.stream).await;
        assert!(!left.contains("HTTP/1.1 200"), "{after:?} {left}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beginnings_that_look_like_http2() {
    let to = house().await;
    // `P` may become anything.
    for (first, second) in
        [("P", "ATCH /ok HTTP/1.1\r\nhost: x\r\n\r\n"), ("PR", "I /ok HTTP/1.1\r\nhost: x\r\n\r\n")]
    {
        let mut client = Client::connect(to).await;
        client.send(first).await;
        tokio::task::yield_now().await;
        client.send(second).await;
        assert_eq!(client.head().await[0], "HTTP/1.1 405 Method Not Allowed");
    }
    let (quick, _stop) = listen(
        Router::new(),
        ListenSettings { header_timeout: Duration::from_millis(200), ..Default::default() },
    )
    .await;
    for piece in ["", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r"] {
        let mut stream = TcpStream::connect(quick).await.unwrap();
        stream.write_all(piece.as_bytes()).await.unwrap();
        assert_eq!(rest(&mut stream).await, "", "after {piece:?}");
    }
}

/// A body that says once what it is given, and no more, until it is dropped.
fn silent(gone: Arc<AtomicBool>) -> Response {
    let dropped = Dropped(gone);
    let first = stream::once(async { Bytes::from_static(b"data: 1\n\n") });
    taken(first.chain(stream::pending()).map(move |frame| {
        let _ = &dropped;
        frame
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_is_noticed_at_once() {
    let gone = Arc::new(AtomicBool::new(false));
    let held = gone.clone();
    let app = Router::new().route("/", get(move || async move { silent(held.clone()) }));
    let (to, _stop) = listen(app, ListenSettings::default()).await;
    for way in 0..3 {
        gone.store(false, Ordering::SeqCst);
        let mut client = Client::connect(to).await;
        client.get("/").await;
        client.head().await;
        assert_eq!(client.chunk().await, b"data: 1\n\n");
        assert!(!gone.load(Ordering::SeqCst));
        match way {
            0 => drop(client),
            // One direction is enough: nobody is there to ask for more.
            1 => client.stream.shutdown().await.unwrap(),
            _ => {
                socket2::SockRef::from(&client.stream).set_linger(Some(Duration::ZERO)).unwrap();
                drop(client);
            }
        }
        until("the end of the stream", || async { gone.load(Ordering::SeqCst).then_some(()) })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_slowly_gets_everything_in_order() {
    const FRAMES: usize = 400;
    let frame = |n: usize| Bytes::from(format!("{n:08} {}\n", "z".repeat(30_000)));
    let made = Arc::new(AtomicUsize::new(0));
    let counter = made.clone();
    let body = move || {
        let counter = counter.clone();
        async move {
            taken(stream::iter(0..FRAMES).map(move |n| {
                counter.fetch_add(1, Ordering::SeqCst);
                frame(n)
            }))
        }
    };
    let (to, _stop) = listen(Router::new().route("/", get(body)), ListenSettings::default()).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(to).await.unwrap();
    let mut client = Client { stream, read: Vec::new(), step: 20_000 };
    client.get("/").await;
    client.head().await;
    for n in 0..FRAMES {
        assert_eq!(client.chunk().await, frame(n), "frame {n}");
        if n == 0 {
            // What is not read is not made: 12 MB do not lie around.
            assert!(made.load(Ordering::SeqCst) < FRAMES, "all of it was made already");
        }
    }
    assert_eq!(client.chunk().await, b"");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_reading_a_stream_is_cut_off_and_others_are_not() {
    let gone = Arc::new(AtomicBool::new(false));
    let (held, of_silent) = (gone.clone(), Arc::new(AtomicBool::new(false)));
    let quiet = of_silent.clone();
    let app = Router::new()
        .route("/silent", get(move || async move { silent(quiet.clone()) }))
        .route("/ok", get(|| async { "ok" }))
        .route(
            "/",
            get(move || {
                let dropped = Dropped(held.clone());
                async move {
                    taken(stream::repeat(Bytes::from(vec![b'x'; 64 * 1024])).map(move |frame| {
                        let _ = &dropped;
                        frame
                    }))
                }
            }),
        );
    let stall_timeout = Duration::from_millis(300);
    let (to, _stop) = listen(app, ListenSettings { stall_timeout, ..Default::default() }).await;
    let mut other = Client::connect(to).await;
    other.get("/silent").await;
    other.head().await;
    other.chunk().await;
    let mut client = Client::connect(to).await;
    client.get("/").await;
    until("the end of the stream", || async { gone.load(Ordering::SeqCst).then_some(()) }).await;
    assert!(!of_silent.load(Ordering::SeqCst), "who has nothing to read is not slow");
    let mut client = Client::connect(to).await;
    client.get("/ok").await;
    client.ok().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_body_is_no_whole_one() {
    let broken = || async {
        let frames = stream::iter([Ok(Bytes::from_static(b"half")), Err(io::Error::other("x"))]);
        (Extension(TakeOver), Body::from_stream(frames))
    };
    let (to, _stop) =
        listen(Router::new().route("/", get(broken)), ListenSettings::default()).await;
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let heard = rest(&mut stream).await;
    assert!(heard.starts_with("HTTP/1.1 200 OK") && !heard.ends_with("0\r\n\r\n"), "{heard}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_waits_for_the_stream_and_closes_behind_it() {
    let (end, ended) = tokio::sync::watch::channel(false);
    let body = move || {
        let mut ended = ended.clone();
        async move {
            let last = stream::once(async move {
                ended.wait_for(|ended| *ended).await.unwrap();
                Bytes::from_static(b"bye")
            });
            taken(stream::once(async { Bytes::from_static(b"hello") }).chain(last))
        }
    };
    let (to, stop) = listen(Router::new().route("/", get(body)), ListenSettings::default()).await;
    let mut client = Client::connect(to).await;
    client.get("/").await;
    client.head().await;
    assert_eq!(client.chunk().await, b"hello");
    stop.cancel();
    end.send(true).unwrap();
    assert_eq!(client.chunks().await, b"bye");
    assert_eq!(rest(&mut client.stream).await, "");
    until("a closed door", || async { TcpStream::connect(to).await.is_err().then_some(()) }).await;
}
