//! What is measured with one portal. Each part has a fresh one.

use crate::{
    audience::{Audience, Board},
    exchange::Exchange,
    stage::{Stage, thread, webhook_request},
    table::{Table, count, each, percentiles, rate},
};
use serde_json::json;
use std::{
    cell::Cell,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::{task::JoinSet, time::MissedTickBehavior};

/// Connections over which deliveries are posted.
const POSTING: usize = 32;

/// How much memory an idle stream takes, and where it is after all have left.
pub async fn memory(table: &mut Table) {
    let stage = Stage::start();
    // What is made at first use is made.
    let mut few = Audience::new();
    few.open(stage.at, 200, 200).await;
    few.leave().await;
    settle().await;
    let before = stage.resident();
    let mut audience = Audience::new();
    let mut open = 0;
    for streams in [1_000, 10_000] {
        audience.open(stage.at, streams - open, streams).await;
        open = streams;
        settle().await;
        let each = (stage.resident() - before) / streams as f64;
        table.add(
            format!("memory of an idle stream, {} open", count(streams as f64)),
            format!("{each:.1} KB"),
        );
    }
    audience.leave().await;
}

pub async fn settle() {
    tokio::time::sleep(Duration::from_millis(700)).await;
}

/// How many streams can be opened a second: connection, request, first frame.
pub async fn connects(table: &mut Table) {
    let stage = Stage::start();
    let mut audience = Audience::new();
    audience.open(stage.at, 500, 500).await;
    let took = audience.open(stage.at, 8_000, 8_000).await;
    table.add("streams opened (connection, request, first frame)", rate(8_000, took));
    audience.leave().await;
}

/// From a webhook to its frame, 500 events a second, each for one stream of many.
pub async fn latency(table: &mut Table) {
    for streams in [1, 1_000, 10_000] {
        let stage = Stage::start();
        let mut audience = Audience::new();
        audience.open(stage.at, streams, streams).await;
        settle().await;
        let times = of_spaced_events(&audience.board, stage.at, streams).await;
        table.add(
            format!("webhook in → frame out, {} streams, 500 events/s", count(streams as f64)),
            percentiles(times),
        );
        audience.leave().await;
    }
}

/// Posts an event every two milliseconds, each to the next of so many threads; how long each took to be heard.
pub async fn of_spaced_events(board: &Rc<Board>, to: SocketAddr, threads: usize) -> Vec<Duration> {
    const EVENTS: usize = 2_500;
    const WARM: usize = 500;
    board.expect(EVENTS);
    let mut posts = Vec::new();
    for _ in 0..8 {
        posts.push(Exchange::connect(to).await);
    }
    let mut ticks = tokio::time::interval(Duration::from_millis(2));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut going = JoinSet::new();
    for event in 0..EVENTS {
        // A prime, so that neighbours are not neighbours.
        let request = webhook_request(event, &thread(event * 7919 % threads));
        ticks.tick().await;
        let mut post = match posts.pop() {
            Some(post) => post,
            None => going.join_next().await.unwrap().unwrap(),
        };
        let board = board.clone();
        going.spawn_local(async move {
            board.sent(event);
            assert_eq!(post.ask(&request).await, 200);
            post
        });
        while let Some(done) = going.try_join_next() {
            posts.push(done.unwrap());
        }
    }
    board.heard(EVENTS).await;
    let heard = board.events();
    heard[WARM..].iter().map(|event| event.last - event.sent).collect()
}

/// One thread that everybody follows.
pub async fn fan_out(table: &mut Table) {
    for (streams, burst) in [(1_000, 200), (10_000, 40)] {
        let stage = Stage::start();
        let mut audience = Audience::new();
        audience.open(stage.at, streams, 1).await;
        settle().await;
        one_to_all(table, &audience.board, &stage, streams, burst, "").await;
        audience.leave().await;
    }
}

/// Single events, and bursts of so many, to all of these streams; posted to this portal.
pub async fn one_to_all(
    table: &mut Table,
    board: &Rc<Board>,
    stage: &Stage,
    streams: usize,
    burst: usize,
    how: &str,
) {
    const SINGLE: usize = 20;
    const ROUNDS: usize = 3;
    let written = count(streams as f64);
    board.expect(SINGLE);
    let mut post = Exchange::connect(stage.at).await;
    for event in 0..SINGLE {
        board.sent(event);
        assert_eq!(post.ask(&webhook_request(event, &thread(0))).await, 200);
        board.heard((event + 1) * streams).await;
    }
    let times = board.events().iter().map(|event| event.last - event.sent).collect();
    table.add(
        format!("fan-out 1 → {written}{how}, one event until the last has it"),
        percentiles(times),
    );
    let mut best = Duration::MAX;
    let busy = stage.program.busy();
    for round in 0..ROUNDS {
        // Event ids are not used again.
        let first = SINGLE + round * burst;
        board.expect(first + burst);
        let requests: Vec<_> =
            (first..first + burst).map(|event| webhook_request(event, &thread(0))).collect();
        let began = Instant::now();
        post_all(stage.at, requests, POSTING).await;
        let ended = board.heard(burst * streams).await;
        best = best.min(ended - began);
    }
    let busy = each(stage.program.busy() - busy, ROUNDS * burst * streams);
    table.add(
        format!("fan-out 1 → {written}{how}, a burst of {burst} events, best of three"),
        format!("{} deliveries ({busy})", rate(burst * streams, best)),
    );
}

/// Posts all of them over so many connections, each as soon as the one before it is answered.
pub async fn post_all(to: SocketAddr, requests: Vec<Vec<u8>>, connections: usize) {
    let requests = Rc::new(requests);
    let next = Rc::new(Cell::new(0));
    let mut posting = JoinSet::new();
    for _ in 0..connections {
        let (requests, next) = (requests.clone(), next.clone());
        posting.spawn_local(async move {
            let mut post = Exchange::connect(to).await;
            loop {
                let n = next.get();
                let Some(request) = requests.get(n) else { return };
                next.set(n + 1);
                assert_eq!(post.ask(request).await, 200);
            }
        });
    }
    while let Some(done) = posting.join_next().await {
        done.unwrap();
    }
}

/// Two thousand threads with a stream each, as many events as go through.
pub async fn threads(table: &mut Table) {
    const THREADS: usize = 2_000;
    let stage = Stage::start();
    let mut audience = Audience::new();
    audience.open(stage.at, THREADS, THREADS).await;
    let figure = through(&audience.board, &stage, THREADS, 60_000).await;
    table.add("events in → out over 2,000 threads", figure);
    audience.leave().await;
}

/// Events a second, from the first post until the last is heard; as many threads as streams.
pub async fn through(board: &Rc<Board>, stage: &Stage, threads: usize, events: usize) -> String {
    let warm = events / 10;
    let mut took = Duration::ZERO;
    let mut busy = Duration::ZERO;
    for numbers in [0..warm, warm..warm + events] {
        board.expect(numbers.end);
        let requests: Vec<_> =
            numbers.map(|event| webhook_request(event, &thread(event * 7919 % threads))).collect();
        let number = requests.len();
        let (began, before) = (Instant::now(), stage.program.busy());
        post_all(stage.at, requests, POSTING).await;
        took = board.heard(number).await - began;
        busy = stage.program.busy() - before;
    }
    format!("{} ({})", rate(events, took), each(busy, events))
}

/// Signed deliveries that nobody follows.
pub async fn posts(table: &mut Table) {
    const EVENTS: usize = 80_000;
    let stage = Stage::start();
    let requests = |first: usize, events: usize| {
        (first..first + events)
            .map(|event| webhook_request(event, &thread(event % 2_000)))
            .collect()
    };
    post_all(stage.at, requests(0, 10_000), POSTING).await;
    let requests = requests(10_000, EVENTS);
    let began = Instant::now();
    post_all(stage.at, requests, POSTING).await;
    table
        .add(format!("signed webhook posts, {POSTING} connections"), rate(EVENTS, began.elapsed()));
}

/// What the server renders: a conversation of 50 messages one request after the other, and the form by many.
pub async fn pages(table: &mut Table) {
    const LOOKS: usize = 600;
    let stage = Stage::start();
    let (page, messages) = conversation(&stage).await;
    let mut visitor = Exchange::connect(stage.at).await;
    let mut times = Vec::new();
    for look in 0..LOOKS {
        let began = Instant::now();
        assert_eq!(visitor.ask(&page).await, 200);
        if look >= LOOKS / 6 {
            times.push(began.elapsed());
        }
    }
    table.add(
        format!("conversation page of {messages} messages, rendered on the server"),
        percentiles(times),
    );

    const CONNECTIONS: usize = 64;
    const FORMS: usize = 20_000;
    for (encoding, words) in
        [("", "as it is"), ("accept-encoding: gzip, deflate, br\r\n", "brotli")]
    {
        let form =
            format!("GET / HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/html\r\n{encoding}\r\n");
        let forms = |number| vec![form.clone().into_bytes(); number];
        post_all(stage.at, forms(FORMS / 10), CONNECTIONS).await;
        let began = Instant::now();
        post_all(stage.at, forms(FORMS), CONNECTIONS).await;
        table.add(
            format!("form page, {CONNECTIONS} connections, {words}"),
            rate(FORMS, began.elapsed()),
        );
    }
}

/// A visitor's question and 49 answers: the request for its page, once all of them are on it.
async fn conversation(stage: &Stage) -> (Vec<u8>, usize) {
    const MESSAGES: usize = 50;
    let nowhere = reqwest::redirect::Policy::none();
    let http = reqwest::Client::builder().no_proxy().redirect(nowhere).build().unwrap();
    let form = "name=Dana&email=dana%40northwind.example&topic=problem&subject=Export&message=It+stops\
                &submission_id=live-pages-00001";
    let asked = http
        .post(format!("http://{}/", stage.at))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    assert_eq!(asked.status(), 303);
    let header = |name: &str| asked.headers()[name].to_str().unwrap().to_owned();
    let (path, cookie) = (header("location"), header("set-cookie"));
    let cookie = cookie.split(';').next().unwrap();
    let url = format!("{}/admin/threads{}/replies", stage.desk, path.strip_prefix("/t").unwrap());
    for n in 1..MESSAGES {
        let text =
            format!("Answer {n}: we **found** the cause in `export.rs`, and a fix is on its way.");
        let answer = json!({"text": text, "via": "chat"});
        assert!(http.post(&url).json(&answer).send().await.unwrap().status().is_success());
    }
    let url = format!("http://{}{path}", stage.at);
    let last = format!("Answer {}:", MESSAGES - 1);
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let page = http.get(&url).header("cookie", cookie).send().await.unwrap();
        if page.text().await.unwrap().contains(&last) {
            break;
        }
        assert!(Instant::now() < deadline, "the page never shows all of it");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/html\r\ncookie: {cookie}\r\n\r\n"
    );
    (request.into_bytes(), MESSAGES)
}
