//! The live stream over a WebSocket: the same frames with the same rights, and what a tab says over it.

use crate::{
    house::{Form, House, PATIENCE, Visitor, until},
    live::Reader,
};
use futures::{SinkExt, StreamExt};
use hotline::server::config::SANDBOX_SIGNING_SECRET;
use hotline::server::webhook::signature::Secret;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Bytes, Error, Message, client::IntoClientRequest, http::HeaderValue,
        protocol::frame::coding::CloseCode,
    },
};

/// A tab's end of a socket.
struct Sock(WebSocketStream<TcpStream>);

/// How a socket ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Closed(Option<u16>),
    Broken,
}

impl Sock {
    /// Opens one; the status where it is refused.
    async fn try_open(who: &Visitor, query: &str, origin: Option<&str>) -> Result<Self, u16> {
        let bare = who.base.strip_prefix("http://").unwrap();
        let url = format!("ws://{bare}/api/support/ws?{query}");
        let mut request = url.into_client_request().unwrap();
        let headers = request.headers_mut();
        if let Some(origin) = origin {
            headers.insert("origin", HeaderValue::from_str(origin).unwrap());
        }
        if let Some(cookie) = &who.cookie {
            headers.insert("cookie", HeaderValue::from_str(cookie).unwrap());
        }
        let stream = TcpStream::connect(bare).await.unwrap();
        match timeout(PATIENCE, client_async(request, stream)).await.expect("an answer") {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    async fn open(who: &Visitor, query: &str) -> Self {
        Self::try_open(who, query, Some(&who.base)).await.expect("it opens")
    }

    /// Follows a thread; the socket after its first frame, and that.
    async fn follow(who: &Visitor, query: &str) -> (Self, Value) {
        let mut socket = Self::open(who, query).await;
        let connected = socket.expect("connected").await;
        (socket, connected)
    }

    /// The next frame, or the end.
    async fn next(&mut self) -> Result<Value, End> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("a frame, or the end") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(close))) => {
                    return Err(End::Closed(close.map(|close| close.code.into())));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(End::Broken),
            }
        }
    }

    /// The next frame that is `wanted`, passing over all others.
    async fn find(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let frame = self.next().await.expect("the socket goes on");
            if wanted(&frame) {
                return frame;
            }
        }
    }

    async fn expect(&mut self, kind: &str) -> Value {
        self.find(|frame| frame["type"] == kind).await
    }

    async fn text(&mut self, text: &str) -> Value {
        self.find(|frame| frame["entry"]["text"] == text).await
    }

    async fn say(&mut self, words: Value) {
        self.send(Message::text(words.to_string())).await;
    }

    async fn send(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// Reads to the end.
    async fn end(&mut self) -> (Vec<Value>, End) {
        let mut said = Vec::new();
        loop {
            match self.next().await {
                Ok(frame) => said.push(frame),
                Err(end) => return (said, end),
            }
        }
    }
}

fn reply(thread: &str, text: &str, key: &str) -> Value {
    json!({"type": "reply", "threadId": thread, "text": text, "clientMessageId": key, "attachmentIds": []})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_holders_and_only_our_own_pages() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("socket-0001")).await;
    let mut eve = house.visitor();
    eve.ask(&Form::new("socket-0002")).await;
    let query = format!("threadId={thread}");
    let own = Some(dana.base.as_str());
    let refused =
        async |who: &Visitor, query: &str, origin| Sock::try_open(who, query, origin).await.err();
    assert_eq!(refused(&house.visitor(), &query, own).await, Some(401));
    assert_eq!(refused(&eve, &query, own).await, Some(404));
    assert_eq!(refused(&dana, "threadId=x", own).await, Some(404));
    assert_eq!(refused(&dana, "", own).await, Some(404));
    let port = dana.base.rsplit_once(':').unwrap().1.parse::<u16>().unwrap() ^ 1;
    let (next, within) =
        (format!("http://127.0.0.1:{port}"), format!("{}.evil.example", dana.base));
    for origin in
        [None, Some("https://evil.example"), Some("null"), Some(""), Some(&*next), Some(&*within)]
    {
        assert_eq!(refused(&dana, &query, origin).await, Some(403), "{origin:?}");
    }
    let request = dana.request(Method::GET, &format!("/api/support/ws?{query}"));
    let plain = request.header("origin", &dana.base).send().await.unwrap();
    assert_eq!(
        (plain.status().as_u16(), &plain.headers()["upgrade"]),
        (426, &"websocket".parse().unwrap())
    );
    assert!(refused(&dana, &query, own).await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_frames_are_those_of_the_stream() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("socket-0003")).await;
    house.agent.all_delivered().await;
    let (mut stream, connected) = dana.follow(&thread, None).await;
    let place = connected["cursor"].as_str().unwrap().to_owned();
    let query = format!("threadId={thread}&after={place}");
    let (mut socket, opened) = Sock::follow(&dana, &query).await;
    assert_eq!((&opened["id"], &opened["gap"]), (&json!(place), &json!(false)));
    house.agent.answer(&thread, "One for both.", "chat").await;
    let by_stream = crate::following::message(&mut stream, "One for both.").await;
    let mut by_socket = socket.text("One for both.").await;
    assert_eq!(by_socket["id"].as_str(), by_stream.id.as_deref());
    by_socket.as_object_mut().unwrap().remove("id");
    assert_eq!(by_socket, by_stream.data);
    drop(socket);

    // What was missed comes again, once and in order, from the place that the socket was told.
    let place = by_stream.id.unwrap();
    for n in 1..=3 {
        house.agent.answer(&thread, &format!("missed {n}"), "chat").await;
    }
    crate::following::message(&mut stream, "missed 3").await;
    let (mut socket, opened) =
        Sock::follow(&dana, &format!("threadId={thread}&after={place}")).await;
    assert_eq!((&opened["id"], &opened["gap"]), (&json!(place), &json!(false)));
    let mut prev = json!(place);
    let mut texts = Vec::new();
    while texts.len() < 3 {
        let frame = socket.expect("webhook").await;
        assert_eq!(frame["prev"], prev, "no hole: {frame}");
        prev = frame["id"].clone();
        texts.extend(frame["entry"]["text"].as_str().map(str::to_owned));
    }
    // Webhooks overtake each other.
    texts.sort();
    assert_eq!(texts, ["missed 1", "missed 2", "missed 3"]);
    // A place that is none is a gap.
    let (_, opened) = Sock::follow(&dana, &format!("threadId={thread}&after=no+place")).await;
    assert_eq!(opened["gap"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_threads_and_one_of_somebody_else() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let one = dana.ask(&Form::new("socket-0004")).await;
    let two = dana.ask(&Form::new("socket-0005")).await;
    let mut eve = house.visitor();
    let hers = eve.ask(&Form::new("socket-0006")).await;
    let query = format!("threadId={one}&threadId={two}&threadId={hers}");
    let mut socket = Sock::open(&dana, &query).await;
    for thread in [&one, &two] {
        assert_eq!(socket.expect("connected").await["threadId"], thread.as_str());
    }
    let bye = socket.expect("bye").await;
    assert_eq!((&bye["reason"], &bye["threadId"]), (&json!("denied"), &json!(hers)));
    house.agent.answer(&hers, "not for Dana", "chat").await;
    house.agent.answer(&two, "in two", "chat").await;
    let frame = socket.find(|frame| frame["entry"]["author"]["role"] == "agent").await;
    assert_eq!((&frame["entry"]["text"], &frame["threadId"]), (&json!("in two"), &json!(two)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_are_acknowledged_and_sent_once() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("socket-0007")).await;
    let mut eve = house.visitor();
    let hers = eve.ask(&Form::new("socket-0008")).await;
    let (mut socket, _) = Sock::follow(&dana, &format!("threadId={thread}")).await;
    socket.say(reply(&thread, "Over the socket.", "socket-key-1")).await;
    let ack = socket.expect("ack").await;
    assert_eq!(ack["clientMessageId"], "socket-key-1");
    assert!(ack["messageId"].as_str().unwrap().starts_with("ch_"), "{ack}");
    assert!(ack["at"].is_string(), "{ack}");
    // The same again, over a new socket and by a form: it is the same message.
    drop(socket);
    let (mut socket, _) = Sock::follow(&dana, &format!("threadId={thread}")).await;
    socket.say(reply(&thread, "Over the socket.", "socket-key-1")).await;
    assert_eq!(socket.expect("ack").await["messageId"], ack["messageId"]);
    assert_eq!(dana.reply(&thread, "Over the socket.", "socket-key-1").await.status, 303);
    assert_eq!(house.agent.chats(&thread).await, ["It stops at row 5000.", "Over the socket."]);

    // In order, however quickly they come.
    for n in 1..=5 {
        socket.say(reply(&thread, &format!("n{n}"), &format!("socket-key-1{n}"))).await;
    }
    for n in 1..=5 {
        assert_eq!(socket.expect("ack").await["clientMessageId"], format!("socket-key-1{n}"));
    }
    let chats = house.agent.chats(&thread).await;
    assert_eq!(chats[2..], ["n1", "n2", "n3", "n4", "n5"]);

    for (words, code) in [
        (reply(&hers, "not mine", "socket-key-2"), "not_found"),
        (reply("x", "nowhere", "socket-key-2"), "not_found"),
        (reply(&thread, "  ", "socket-key-2"), "invalid"),
        (reply(&thread, "no key", "?"), "bad_request"),
    ] {
        socket.say(words.clone()).await;
        let refused = socket.expect("refused").await;
        assert_eq!(refused["code"], code, "{refused}");
        assert_eq!(refused["clientMessageId"], words["clientMessageId"]);
        assert!(!refused["error"].as_str().unwrap().is_empty());
    }
    assert_eq!(house.agent.chats(&thread).await, chats);
    assert_eq!(house.agent.chats(&hers).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limits_are_those_of_requests() {
    let house = House::with(&[
        ("HOTLINE_RATE_REPLIES", "1/10m"),
        ("HOTLINE_RATE_STREAMS", "2/10m"),
        ("HOTLINE_STREAM_PER_SESSION", "1"),
    ])
    .await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("socket-0009")).await;
    let query = format!("threadId={thread}");
    let (mut first, _) = Sock::follow(&dana, &query).await;
    first.say(reply(&thread, "one", "socket-key-3")).await;
    first.expect("ack").await;
    first.say(reply(&thread, "two", "socket-key-4")).await;
    let refused = first.expect("refused").await;
    assert_eq!(refused["code"], "rate_limited");
    assert!(refused["retryAfter"].as_u64().unwrap() > 0, "{refused}");
    // One more of the same session, and the oldest goes, with a word.
    let (_second, _) = Sock::follow(&dana, &query).await;
    let (said, end) = first.end().await;
    assert_eq!(said.last().unwrap()["reason"], "replaced", "{said:?}");
    assert_eq!(end, End::Closed(Some(CloseCode::Normal.into())));
    assert_eq!(Sock::try_open(&dana, &query, Some(&dana.base)).await.err(), Some(429));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_count_among_all_streams() {
    let house = House::with(&[("HOTLINE_STREAM_MAX", "1")]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("socket-0010")).await;
    let query = format!("threadId={thread}");
    let (socket, _) = Sock::follow(&dana, &query).await;
    assert_eq!(dana.stream(&query, None).await.status(), 503);
    assert_eq!(Sock::try_open(&dana, &query, Some(&dana.base)).await.err(), Some(503));
    drop(socket);
    until("the place is free", || async {
        (dana.stream(&query, None).await.status() == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn typing_goes_both_ways() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("socket-0011")).await;
    let (mut socket, _) = Sock::follow(&dana, &format!("threadId={thread}")).await;
    let signed = async |route: &str, body: Value| {
        let body = body.to_string();
        let signature = Secret::new(SANDBOX_SIGNING_SECRET).unwrap().sign(body.as_bytes());
        let request = house.visitor().request(Method::POST, &format!("/api/support/{route}"));
        let request = request.header("content-type", "application/json");
        let answer = request.header("plain-request-signature", signature).body(body).send().await;
        answer.unwrap().text().await.unwrap()
    };
    let now = || jiff::Timestamp::now().to_string();
    let body = json!({"threadId": thread, "name": "Ines", "typing": true, "at": now()});
    assert_eq!(signed("typing", body).await, "");
    let frame = socket.expect("typing").await;
    assert_eq!((&frame["name"], &frame["id"]), (&json!("Ines"), &Value::Null));
    for typing in [true, false] {
        socket.say(json!({"type": "typing", "threadId": thread, "typing": typing})).await;
        until("it is told", || async {
            let answer = signed("presence", json!({"threadIds": [thread], "at": now()})).await;
            let answer: Value = serde_json::from_str(&answer).unwrap();
            let typed = answer["typing"] == json!([thread]);
            (typed == typing).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_makes_no_sense_ends_the_socket_and_nothing_else() {
    let house = House::with(&[("HOTLINE_RATE_SIGNALS", "3/10m")]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("socket-0012")).await;
    let query = format!("threadId={thread}");
    let (mut bystander, _) = Sock::follow(&dana, &query).await;
    for (message, code) in [
        (Message::binary(Bytes::from_static(b"\x00\x01")), Some(CloseCode::Unsupported)),
        (Message::text("{"), Some(CloseCode::Policy)),
        (Message::text("not json"), Some(CloseCode::Policy)),
        (Message::text("x".repeat(70_000)), None),
    ] {
        let (mut socket, _) = Sock::follow(&dana, &query).await;
        // One that is too long may be hung up on before all of it is sent.
        let _ = socket.0.send(message).await;
        let (_, end) = socket.end().await;
        if let Some(code) = code {
            assert_eq!(end, End::Closed(Some(code.into())));
        }
    }
    // Words of tomorrow are borne for a while.
    let (mut socket, _) = Sock::follow(&dana, &query).await;
    for _ in 0..3 {
        socket.say(json!({"type": "dance", "more": [1]})).await;
    }
    socket.say(reply(&thread, "still here", "socket-key-5")).await;
    socket.expect("ack").await;
    socket.say(json!({"type": "dance"})).await;
    assert_eq!(socket.end().await.1, End::Closed(Some(CloseCode::Policy.into())));
    // Whoever was there beside them noticed nothing.
    bystander.text("still here").await;
    bystander.say(reply(&thread, "and I", "socket-key-6")).await;
    bystander.expect("ack").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_is_told() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("socket-0013")).await;
    let query = format!("threadId={thread}");
    let (mut socket, _) = Sock::follow(&dana, &query).await;
    let mut closing = std::pin::pin!(house.close());
    let ends = async { socket.end().await };
    let ((), (said, end)) = tokio::join!(&mut closing, ends);
    let bye = said.last().expect("a last word");
    assert_eq!((&bye["type"], &bye["reason"]), (&json!("bye"), &json!("restart")));
    assert_eq!(end, End::Closed(Some(CloseCode::Normal.into())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_conversation_ends_for_good() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("socket-0014")).await;
    let query = format!("threadId={thread}");
    let (mut socket, _) = Sock::follow(&dana, &query).await;
    let customer = house.agent.threads().await[0]["customer"]["id"].as_str().unwrap().to_owned();
    house.agent.call(Method::DELETE, &format!("/customers/{customer}"), Value::Null).await;
    let (said, end) = socket.end().await;
    assert_eq!(said.last().unwrap()["reason"], "removed", "{said:?}");
    assert_eq!(end, End::Closed(Some(CloseCode::Normal.into())));
    assert_eq!(Sock::try_open(&dana, &query, Some(&dana.base)).await.err(), Some(204));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_and_lifetimes_are_the_streams() {
    let more = [("HOTLINE_STREAM_HEARTBEAT_MS", "600"), ("HOTLINE_STREAM_LIFETIME_MS", "4000")];
    let house = House::with(&more).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("socket-0015")).await;
    let (mut socket, opened) = Sock::follow(&dana, &format!("threadId={thread}")).await;
    assert_eq!(opened["heartbeatMs"], 600);
    // Longer than it would take to be given up by who heard no pong.
    let (said, end) = socket.end().await;
    assert!(said.iter().any(|frame| frame["type"] == "heartbeat"), "{said:?}");
    assert_eq!(said.last().unwrap()["reason"], "lifetime", "{said:?}");
    assert_eq!(end, End::Closed(Some(CloseCode::Normal.into())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_answers_a_ping_gives_the_place_back() {
    let more = [("HOTLINE_STREAM_HEARTBEAT_MS", "100"), ("HOTLINE_STREAM_MAX", "1")];
    let house = House::with(&more).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("socket-0016")).await;
    let query = format!("threadId={thread}");
    // It is open and never read: pongs are sent by whoever reads.
    let silent = Sock::open(&dana, &query).await;
    let mut stream: Option<Reader> = None;
    until("the place is free", || {
        let request = dana.stream(&query, None);
        async { (request.await.status() == 200).then_some(()) }
    })
    .await;
    drop((silent, stream.take()));
}
