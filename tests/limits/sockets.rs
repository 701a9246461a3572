//! What one connection may do, and how many there may be.

use super::streams::heard;
use crate::{
    house::{Form, House, PATIENCE, until},
    live,
};
use axum::{
    Router,
    body::{Body, Bytes},
    routing::get,
};
use futures::{StreamExt, stream};
use hotline::server::listen::{self, ListenSettings};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

fn address(house: &House) -> SocketAddr {
    house.addresses().0.parse().unwrap()
}

/// Everything until the other side closes. A reset is a close, too.
pub async fn rest(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let reading = async {
        let mut bytes = [0; 4096];
        loop {
            match stream.read(&mut bytes).await {
                Ok(0) | Err(_) => break,
                Ok(count) => all.extend_from_slice(&bytes[..count]),
            }
        }
    };
    timeout(PATIENCE, reading).await.expect("it is closed");
    String::from_utf8_lossy(&all).into_owned()
}

/// Sends a first piece, and then another one every few milliseconds, until the other side closes; what it said.
async fn drip(to: SocketAddr, first: &[u8], piece: &'static [u8]) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(first).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let mut answer = Vec::new();
    let dripping = async {
        while writer.write_all(piece).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        std::future::pending::<()>().await
    };
    tokio::select! {
        read = timeout(PATIENCE, reader.read_to_end(&mut answer)) => { let _ = read.expect("it is closed"); }
        () = dripping => {}
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_heads_and_silence_are_closed_while_others_are_served() {
    let house = House::with(&[("HOTLINE_HEADER_TIMEOUT_MS", "500")]).await;
    let to = address(&house);
    let mut slow = JoinSet::new();
    for n in 0..60 {
        slow.spawn(async move {
            match n % 3 {
                // One header line after the other, for ever.
                0 => drip(to, b"GET / HTTP/1.1\r\nhost: x\r\n", b"x-a: b\r\n").await,
                // The request line, letter by letter.
                1 => drip(to, b"GET /", b"a").await,
                _ => drip(to, b"", b"").await,
            }
        });
    }
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("limits-slow-1")).await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    while !slow.is_empty() {
        assert_eq!(dana.get("/").await.status, 200);
        while let Some(closed) = slow.try_join_next() {
            assert_eq!(closed.unwrap(), "", "no answer to half a question");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The stream, which is as old as they were, is nobody's slow head.
    house.agent.answer(&thread, "still here", "chat").await;
    heard(&mut stream, |data| data["entry"]["text"] == "still here").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_bodies_are_given_up_while_others_are_served() {
    let house = House::with(&[("HOTLINE_BODY_TIMEOUT_MS", "500")]).await;
    let to = address(&house);
    let mut slow = JoinSet::new();
    for n in 0..40 {
        let path = ["/", "/api/support/create", "/api/support/reply", "/api/webhooks/plain"][n % 4];
        let kind = if n % 4 == 3 { "application/json" } else { crate::house::FORM };
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\ncontent-length: 100000\r\n\r\n"
        );
        slow.spawn(async move { drip(to, head.as_bytes(), b"a").await });
    }
    let mut dana = house.visitor();
    let mut n = 0;
    while !slow.is_empty() {
        n += 1;
        if n <= 10 {
            dana.ask(&Form::new(&format!("limits-slow-body-{n}"))).await;
        }
        assert_eq!(dana.get("/").await.status, 200);
        while let Some(closed) = slow.try_join_next() {
            let answer = closed.unwrap();
            assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
        }
    }
    assert!(house.agent.threads().await.len() <= n, "none of them did anything");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_headers_is_refused() {
    let house = House::open().await;
    let to = address(&house);
    let many: String = (0..500).map(|n| format!("x-{n}: a\r\n")).collect();
    let long = format!("x-long: {}\r\n", "a".repeat(100_000));
    let endless = format!("x-endless: {}", "a".repeat(1_000_000));
    let cookies = "cookie: a=b\r\n".repeat(10_000);
    for flood in [many, long, endless, cookies] {
        let mut stream = TcpStream::connect(to).await.unwrap();
        let head = format!("GET / HTTP/1.1\r\nhost: x\r\n{flood}\r\n");
        // It may be cut off while it is still sending.
        let _ = stream.write_all(head.as_bytes()).await;
        let answer = rest(&mut stream).await;
        let cut_off = head.len() > 300_000 && answer.is_empty();
        assert!(cut_off || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    let mut stream = TcpStream::connect(to).await.unwrap();
    let line = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(100_000));
    let _ = stream.write_all(line.as_bytes()).await;
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");

    // What a browser sends in the worst case is none.
    let mut stream = TcpStream::connect(to).await.unwrap();
    let cookie = "c".repeat(8_000);
    let usual: String = (0..60).map(|n| format!("x-{n}: {}\r\n", "a".repeat(100))).collect();
    let head = format!(
        "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncookie: {cookie}\r\n{usual}\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 200 "));
}

/// A connection from this address of the machine.
async fn connect_from(from: &str, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from.parse::<IpAddr>().unwrap(), 0))?;
    socket.connect(to).await
}

/// Whether this connection is served.
async fn is_served(stream: &mut TcpStream) -> bool {
    let request = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";
    if stream.write_all(request).await.is_err() {
        return false;
    }
    let mut bytes = [0; 1024];
    let read = timeout(PATIENCE, stream.read(&mut bytes)).await.expect("an answer, or the end");
    read.is_ok_and(|count| bytes[..count].starts_with(b"HTTP/1.1 200"))
}

async fn count_served(from: &str, to: SocketAddr, wanted: usize) -> (usize, Vec<TcpStream>) {
    let (mut served, mut open) = (0, Vec::new());
    for _ in 0..wanted {
        let mut stream = connect_from(from, to).await.unwrap();
        served += usize::from(is_served(&mut stream).await);
        open.push(stream);
    }
    (served, open)
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_cannot_take_all_connections() {
    let house = House::with(&[
        ("HOTLINE_CONNECTIONS_PER_ADDRESS", "5"),
        ("HOTLINE_CONNECTIONS_MAX", "40"),
        ("HOTLINE_TRUSTED_PROXIES", "127.0.0.9"),
    ])
    .await;
    let to = address(&house);
    let (served, open) = count_served("127.0.0.2", to, 30).await;
    assert_eq!(served, 5);
    let visitor = house.visitor();
    assert_eq!(visitor.get("/").await.status, 200, "others do not notice");
    // A proxy brings everybody.
    let (served, proxied) = count_served("127.0.0.9", to, 20).await;
    assert_eq!(served, 20);
    // Nobody takes more than there is: this visitor keeps one, 14 are left.
    let (served, _more) = count_served("127.0.0.9", to, 30).await;
    assert_eq!(served, 40 - 5 - 20 - 1);
    drop((open, proxied));
    until("room again", || async {
        let mut stream = connect_from("127.0.0.2", to).await.unwrap();
        is_served(&mut stream).await.then_some(())
    })
    .await;
    let metrics = visitor.get("/metrics").await.body;
    for full in ["address", "instance"] {
        let counter = format!("hotline_connections_refused_total{{full=\"{full}\"}} ");
        assert!(metrics.contains(&counter), "{metrics}");
    }
}

/// A listener by itself.
pub async fn listen(app: Router, settings: ListenSettings) -> (SocketAddr, CancellationToken) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    tokio::spawn(listen::serve(listener, app, settings, stop.clone()));
    (address, stop)
}

/// Says when it is dropped.
pub struct Dropped(pub Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_is_cut_off() {
    let gone = Arc::new(AtomicBool::new(false));
    let held = gone.clone();
    let endless = move || {
        let dropped = Dropped(held.clone());
        let chunks = stream::repeat(Bytes::from(vec![b'x'; 64 * 1024])).map(move |chunk| {
            let _ = &dropped;
            Ok::<_, io::Error>(chunk)
        });
        async move { Body::from_stream(chunks) }
    };
    let app = Router::new().route("/", get(endless)).route("/ok", get(|| async { "ok" }));
    let stall_timeout = Duration::from_millis(300);
    let (to, _stop) = listen(app, ListenSettings { stall_timeout, ..Default::default() }).await;
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    until("the end of the answer", || async { gone.load(Ordering::SeqCst).then_some(()) }).await;
    let url = format!("http://{to}/ok");
    assert_eq!(live::client().get(url).send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_end_and_streams_do_not() {
    let beats = || async {
        let beat = |n| async move {
            // One pause is longer than anything but an answer may take.
            tokio::time::sleep(Duration::from_millis(if n == 15 { 1000 } else { 50 })).await;
            (n < 30).then(|| (Ok::<_, io::Error>(Bytes::from(format!("data: {n}\n\n"))), n + 1))
        };
        Body::from_stream(stream::unfold(0, beat))
    };
    let app = Router::new().route("/stream", get(beats)).route("/ok", get(|| async { "ok" }));
    let (to, _stop) = listen(
        app,
        ListenSettings {
            header_timeout: Duration::from_millis(200),
            idle_timeout: Duration::from_millis(400),
            stall_timeout: Duration::from_millis(200),
            ..Default::default()
        },
    )
    .await;
    // Six times as long as anything else may last.
    let mut stream = TcpStream::connect(to).await.unwrap();
    let request = b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let heard = rest(&mut stream).await;
    assert!(heard.contains("data: 0\n") && heard.contains("data: 29\n"), "{heard}");

    // Kept alive for the next request, and then closed without a word.
    let mut stream = TcpStream::connect(to).await.unwrap();
    for _ in 0..2 {
        stream.write_all(b"GET /ok HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut bytes = [0; 1024];
        let count = stream.read(&mut bytes).await.unwrap();
        assert!(bytes[..count].starts_with(b"HTTP/1.1 200"));
    }
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_finishes_what_is_in_flight_and_then_closes_the_door() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let (held, begun) = (gate.clone(), Arc::new(AtomicBool::new(false)));
    let began = begun.clone();
    let app = Router::new().route("/ok", get(|| async { "ok" })).route(
        "/",
        get(move || async move {
            began.store(true, Ordering::SeqCst);
            held.acquire().await.unwrap().forget();
            "done"
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (to, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let serving =
        tokio::spawn(listen::serve(listener, app, ListenSettings::default(), stop.clone()));
    // One that idles must not hold the end up.
    let mut idle = TcpStream::connect(to).await.unwrap();
    idle.write_all(b"GET /ok HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(idle.read(&mut [0; 1024]).await.unwrap() > 0);
    let mut silent = TcpStream::connect(to).await.unwrap();
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    until("the request", || async { begun.load(Ordering::SeqCst).then_some(()) }).await;
    stop.cancel();
    assert_eq!(rest(&mut idle).await, "");
    assert_eq!(rest(&mut silent).await, "");
    // As long as one is in flight, others may ask whether we are ready.
    let mut late = TcpStream::connect(to).await.unwrap();
    late.write_all(b"GET /ok HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut bytes = [0; 1024];
    let count = late.read(&mut bytes).await.unwrap();
    assert!(bytes[..count].starts_with(b"HTTP/1.1 200"));
    assert!(!serving.is_finished(), "one is in flight");
    gate.add_permits(1);
    assert!(rest(&mut stream).await.ends_with("done"));
    assert_eq!(rest(&mut late).await, "", "but nobody holds the end up");
    timeout(PATIENCE, serving).await.expect("the end").unwrap().unwrap();
    assert!(TcpStream::connect(to).await.is_err(), "the door is closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_is_served_within_the_same_limits() {
    let house = House::open().await;
    let url = format!("{}/", house.portal);
    let client = || reqwest::Client::builder().no_proxy().http2_prior_knowledge();
    let client = client().build().unwrap();
    let answer = client.get(&url).send().await.unwrap();
    assert_eq!((answer.version(), answer.status().as_u16()), (reqwest::Version::HTTP_2, 200));
    let flood = client.get(&url).header("x-long", "a".repeat(100_000)).send().await;
    assert!(flood.is_err() || flood.is_ok_and(|answer| answer.status() == 431));
    assert_eq!(client.get(&url).send().await.unwrap().status(), 200, "others go on");
    house.close().await;
}

/// A running program, which does not outlive its test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program with very few sockets: when they are used up it waits, and goes on when some are free again.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn running_out_of_sockets_is_survived_and_the_log_names_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let path = env!("CARGO_BIN_EXE_hotline");
    let child = Command::new("sh")
        .args(["-c", "ulimit -n 64 && exec \"$0\"", path])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default())
        .env("LEPTOS_SITE_ADDR", "127.0.0.1:0")
        .env("HOTLINE_SANDBOX_ADDR", "127.0.0.1:0")
        .env("HOTLINE_RATE_FORM", "1/1h")
        .env("HOTLINE_RATE_ADDRESS_FACTOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut program = Program(child);
    let read = || std::fs::read_to_string(&log).unwrap();
    let portal = until("the portal", || async {
        let text = read();
        let (_, rest) = text.split_once("Portal: http://")?;
        let address = rest.split_once('\n')?.0.split_whitespace().next()?;
        address.trim_end_matches('/').parse::<SocketAddr>().ok()
    })
    .await;
    let mut open = Vec::new();
    for _ in 0..100 {
        open.push(connect_from("127.0.0.77", portal).await.unwrap());
    }
    until("a complaint", || async {
        read().contains("No connection can be accepted").then_some(())
    })
    .await;
    assert!(program.0.try_wait().unwrap().is_none(), "it lives");
    drop(open);
    until("being served again", || async {
        let mut stream = connect_from("127.0.0.77", portal).await.unwrap();
        is_served(&mut stream).await.then_some(())
    })
    .await;
    let form = serde_urlencoded::to_string(Form::new("limits-sockets-1").fields()).unwrap();
    for status in ["303", "429"] {
        let mut stream = connect_from("127.0.0.77", portal).await.unwrap();
        let (kind, length) = (crate::house::FORM, form.len());
        let head = format!(
            "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{form}"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    let text = read();
    assert!(text.matches("No connection can be accepted").count() < 20, "it does not chatter");
    assert!(!text.contains("127.0.0.77") && !text.contains("panicked"), "{text}");
}
