//! A new version is rolled out, a process is killed: what those who look on are told, and that they miss nothing.

use crate::{
    following::message,
    house::{Agent, Form, House, Visitor, said, sandbox_of, until},
    live::{self, Reader},
    process::Program,
    wire::Wire,
};
use futures::future::join_all;
use hotline::{
    sandbox::Sandbox,
    server::config::{SANDBOX_API_KEY, SANDBOX_SIGNING_SECRET},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

fn visitor(portal: &str) -> Visitor {
    Visitor { base: portal.into(), http: live::client(), cookie: None }
}

async fn follow(who: &Visitor, thread: &str, streams: usize) -> Vec<Reader> {
    let all = (0..streams).map(|_| async { who.follow(thread, None).await.0 });
    join_all(all).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_from_the_instance_before_reads_what_only_that_one_was_told_of() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("deploys-0004")).await;
    let texts = async || {
        let read = said(&dana.messages(&thread).await.json());
        read.iter().map(|it| it["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    house.agent.all_delivered().await;
    // Read here before, by whomever; the webhook of what comes then reaches the one that is on its way out.
    assert_eq!(texts().await, ["It stops at row 5000."]);
    house.agent.faults(json!({"webhooks": {"drop": true}})).await;
    house.agent.answer(&thread, "in between", "chat").await;
    assert_eq!(texts().await, ["It stops at row 5000."], "nobody told this one of it");

    let (_stream, connected) = dana.follow(&thread, Some("0123456789abcdef-7")).await;
    assert_eq!(connected["gap"], true);
    assert_eq!(texts().await, ["It stops at row 5000.", "in between"]);
    house.close().await;
}

/// A post of which half has arrived: the server works on it, and waits for the rest.
async fn half_a_post(portal: &str) -> TcpStream {
    let address = portal.strip_prefix("http://").unwrap();
    let mut socket = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/webhooks/plain HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: 2\r\nexpect: 100-continue\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut told = [0; 25];
    socket.read_exact(&mut told).await.unwrap();
    assert!(told.starts_with(b"HTTP/1.1 100"), "{told:?}");
    socket.write_all(b"{").await.unwrap();
    socket
}

/// The status of a page, asked for over a connection of its own; none if there was no answer.
async fn status(portal: &str, path: &str) -> Option<u16> {
    let request = live::client().get(format!("{portal}{path}"));
    Some(request.send().await.ok()?.status().as_u16())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_are_told_when_to_come_back_and_the_process_ends() {
    const STREAMS: usize = 300;
    let settings = [("HOTLINE_RATE_LIMITS", "off"), ("HOTLINE_DRAIN_MS", "60000")];
    let mut program = Program::with(&settings);
    let portal = program.address("Portal: ").await;
    let mut dana = visitor(&portal);
    let thread = dana.ask(&Form::new("deploys-0001")).await;
    let streams = follow(&dana, &thread, STREAMS).await;
    assert_eq!(status(&portal, "/readyz").await, Some(200));
    let mut half = half_a_post(&portal).await;

    program.terminate();
    // As long as anything goes on, balancers can ask, and hear that nobody is to be sent here.
    until("not ready", || async { (status(&portal, "/readyz").await == Some(503)).then_some(()) })
        .await;
    assert_eq!(status(&portal, "/livez").await, Some(200));
    let byes = streams.into_iter().map(|mut stream| async move {
        loop {
            let frame = stream.next().await.expect("a goodbye before the end");
            if frame.data["type"] == "bye" {
                assert_eq!(frame.data["reason"], "restart");
                assert!(stream.next().await.is_none(), "nothing after it");
                return frame.data["afterMs"].as_u64().unwrap();
            }
        }
    });
    let mut delays = join_all(byes).await;
    assert!(delays.iter().all(|delay| (300..=3300).contains(delay)), "{delays:?}");
    delays.sort_unstable();
    delays.dedup();
    assert!(delays.len() > STREAMS / 2, "each has a delay of its own: {delays:?}");

    // What was begun is done.
    half.write_all(b"}").await.unwrap();
    let mut answer = String::new();
    half.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    let ended = program.end().await;
    assert_eq!(ended.code(), Some(0), "{}", program.log());
    assert!(!program.log().contains("Drain took too long"), "{}", program.log());
    assert_eq!(status(&portal, "/livez").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_finishes_is_left_behind() {
    let mut program = Program::with(&[("HOTLINE_DRAIN_MS", "1000")]);
    let portal = program.address("Portal: ").await;
    let mut dana = visitor(&portal);
    let thread = dana.ask(&Form::new("deploys-0002")).await;
    let _streams = follow(&dana, &thread, 5).await;
    let _half = half_a_post(&portal).await;
    program.terminate();
    let ended = program.end().await;
    assert_eq!(ended.code(), Some(0), "{}", program.log());
    assert!(program.log().contains("Drain took too long"), "{}", program.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_nothing_is_missing() {
    const STREAMS: usize = 50;
    let folder = tempfile::tempdir().unwrap();
    let wire = Wire::lay().await;
    let mut settings = vec![
        ("PLAIN_API_KEY", SANDBOX_API_KEY),
        ("PLAIN_API_URL", &wire.url),
        ("PLAIN_WEBHOOK_SECRET", SANDBOX_SIGNING_SECRET),
        ("HOTLINE_RATE_LIMITS", "off"),
    ];
    let mut program = Program::in_folder(folder.path(), &settings);
    let portal = program.address("Portal: ").await;
    let sandbox = Sandbox::start(sandbox_of(&portal, SANDBOX_API_KEY, SANDBOX_SIGNING_SECRET));
    let sandbox = sandbox.await.unwrap();
    wire.connect(sandbox.api_url());
    let agent = Agent::at(format!("http://{}", sandbox.addr()));
    let mut dana = visitor(&portal);
    let thread = dana.ask(&Form::new("deploys-0003")).await;
    let streams = follow(&dana, &thread, STREAMS).await;
    agent.answer(&thread, "before", "chat").await;
    let mut places = Vec::new();
    for mut stream in streams {
        let seen = message(&mut stream, "before").await;
        places.push((stream, seen.id.unwrap()));
    }

    program.signal("KILL");
    assert_eq!(program.end().await.code(), None);
    agent.answer(&thread, "while away", "chat").await;
    for (stream, _) in &mut places {
        // No goodbye, only the end.
        while let Ok(Some(frame)) = stream.try_next().await {
            assert_ne!(frame.data["type"], "bye");
        }
    }
    let address = portal.strip_prefix("http://").unwrap();
    settings.push(("LEPTOS_SITE_ADDR", address));
    let again = Program::in_folder(folder.path(), &settings);
    assert_eq!(again.address("Portal: ").await, portal);

    // The cookie is good, the place proves nothing any more, and the page has it all.
    let mut streams = Vec::new();
    for (_, place) in places {
        let (stream, connected) = dana.follow(&thread, Some(&place)).await;
        assert_eq!(connected["gap"], true);
        streams.push(stream);
    }
    let read = said(&dana.messages(&thread).await.json());
    let read: Vec<_> = read.iter().map(|it| it["text"].as_str().unwrap()).collect();
    assert_eq!(read, ["It stops at row 5000.", "before", "while away"]);
    assert!(dana.get(&format!("/t/{thread}")).await.text().contains("while away"));
    agent.answer(&thread, "after", "chat").await;
    for stream in &mut streams {
        message(stream, "after").await;
    }
    sandbox.shutdown().await;
}
