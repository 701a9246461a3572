//! The poll: the stream in slices, for networks that let no stream through.

use crate::{
    following::message,
    house::{Form, House, Page, Visitor, until},
    live::{Frame, frames},
};
use reqwest::Method;
use serde_json::{Value, json};

/// Longer than a test is: whoever waits so long waits for what happens.
const LONG: &str = "3600000";

async fn ask(who: &Visitor, query: &str) -> Page {
    Page::of(who.request(Method::GET, &format!("/api/support/poll?{query}")).send().await.unwrap())
        .await
}

/// A poll's frames.
async fn slice(who: &Visitor, query: &str) -> Vec<Frame> {
    let page = ask(who, query).await;
    assert_eq!(page.status, 200, "{page:?}");
    frames(&page.body)
}

fn texts(frames: &[Frame]) -> Vec<&str> {
    frames.iter().filter_map(|frame| frame.data["entry"]["text"].as_str()).collect()
}

/// A portal where nothing happens by itself: Plain's webhooks do not arrive.
async fn quiet(more: &[(&str, &str)]) -> House {
    let house = House::with(&[&[("HOTLINE_POLL_WAIT_MS", "55000")], more].concat()).await;
    house.agent.faults(json!({"webhooks": {"drop": true}})).await;
    house
}

/// Waits as long as it may, and once more whenever there was no seat; the answer.
async fn wait(who: Visitor, thread: String) -> Page {
    loop {
        let page = ask(&who, &format!("threadId={thread}&wait={LONG}")).await;
        if page.status != 503 {
            return page;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slice_is_the_stream_cut_off() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let form = Form::new("slices-0001");
    let thread = dana.ask(&form).await;
    let (mut stream, connected) = dana.follow(&thread, None).await;
    let start = connected["cursor"].as_str().unwrap();
    let mut streamed = Vec::new();
    for text in ["one", "two", "three"] {
        house.agent.answer(&thread, text, "chat").await;
        loop {
            let frame = stream.expect("webhook").await;
            let found = frame.data["entry"]["text"] == text;
            streamed.push(frame);
            if found {
                break;
            }
        }
    }

    // Even where everything is compressed that can be.
    let path = format!("/api/support/poll?threadId={thread}&after={start}&wait={LONG}");
    let request = dana.request(Method::GET, &path).header("accept-encoding", "gzip, br");
    let page = Page::of(request.send().await.unwrap()).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/plain; charset=utf-8");
    assert!(page.header("cache-control").contains("no-store"), "{page:?}");
    assert_eq!(page.header("content-length"), page.body.len().to_string());
    assert_eq!(page.header("content-encoding"), "");
    let said = frames(&page.body);
    assert_eq!(said[0].data["type"], "connected");
    assert_eq!((&said[0].data["gap"], said[0].id.as_deref()), (&json!(false), Some(start)));
    let same = |frame: &Frame| (frame.id.clone(), frame.data.clone());
    // More may have come since.
    let replayed: Vec<_> = said[1..].iter().map(same).collect();
    assert!(replayed.starts_with(&streamed.iter().map(same).collect::<Vec<_>>()), "{replayed:?}");

    // The place of a replacement of EventSource counts, and so does the header.
    let last = streamed[streamed.len() - 2].id.clone().unwrap();
    let old = format!("threadId={thread}&after={start}");
    let by_query = slice(&dana, &format!("{old}&lastEventId={last}")).await;
    let request = dana.request(Method::GET, &format!("/api/support/poll?{old}"));
    let by_header = Page::of(request.header("last-event-id", &last).send().await.unwrap()).await;
    for said in [by_query, frames(&by_header.body)] {
        assert_eq!(said[0].id.as_ref(), Some(&last));
        assert_eq!(same(&said[1]), same(streamed.last().unwrap()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_is_told_at_once() {
    let house = House::with(&[("HOTLINE_POLL_WAIT_MS", "55000")]).await;
    let mut dana = house.visitor();
    let form = Form::new("slices-0002");
    let thread = dana.ask(&form).await;
    let other = dana.ask(&Form::new("slices-0003")).await;
    let mut places = [thread.clone(), other.clone()].map(|thread| (thread, None::<String>));
    let mut heard = Vec::new();
    // Asks as a page does: again and again, each time from the newest places.
    while !heard.iter().any(|text| text == "to who waits") {
        let query: Vec<_> = places
            .iter()
            .map(|(thread, place)| {
                let after = place.as_ref().map(|place| format!("&after={place}"));
                format!("threadId={thread}{}", after.unwrap_or_default())
            })
            .collect();
        let known = places.iter().all(|(_, place)| place.is_some());
        let wait = if known { LONG } else { "0" };
        let query = format!("{}&wait={wait}", query.join("&"));
        let polling = tokio::spawn({
            let dana = dana.clone();
            async move { slice(&dana, &query).await }
        });
        if known && heard.is_empty() {
            house.agent.answer(&other, "to who waits", "chat").await;
            heard.push(String::new());
        }
        for frame in polling.await.unwrap() {
            let of = frame.data["threadId"].as_str().unwrap();
            let (_, place) = places.iter_mut().find(|(thread, _)| thread == of).unwrap();
            let type_ = frame.data["type"].as_str().unwrap();
            match (type_, &place) {
                ("connected", _) => assert_eq!(frame.data["gap"], false),
                ("webhook", Some(place)) => assert_eq!(frame.data["prev"], place.as_str()),
                _ => panic!("{frame:?}"),
            }
            heard.extend(texts(std::slice::from_ref(&frame)).iter().map(|&text| text.to_owned()));
            *place = frame.id;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_new_is_an_answer_too() {
    // However long the client would wait.
    let house = House::with(&[("HOTLINE_POLL_WAIT_MS", "50")]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("slices-0004")).await;
    let one = format!("threadId={thread}");
    for query in [&one, &format!("{one}&wait=0"), &format!("{one}&wait={LONG}")] {
        let said = slice(&dana, query).await;
        assert_eq!(said[0].data["type"], "connected", "{query}");
        assert!(said.iter().all(|frame| frame.data["type"] != "heartbeat"));
    }
    // A gap is not waited with.
    let house = House::with(&[("HOTLINE_POLL_WAIT_MS", "55000")]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("slices-0005")).await;
    let said = slice(&dana, &format!("threadId={thread}&after=unknown&wait={LONG}")).await;
    assert_eq!(said[0].data["gap"], true);
    let nobodys = "th_01KQS44ER0KVVBRC15MBB8ADPP";
    let said = slice(&dana, &format!("threadId={thread}&threadId={nobodys}&wait={LONG}")).await;
    assert_eq!(said[1].data["reason"], "denied");
    for wait in ["soon", "-1", "", "1e3", "99999999999999999999999"] {
        let page = ask(&dana, &format!("threadId={thread}&wait={wait}")).await;
        assert_eq!((page.status, &page.json()["code"]), (400, &json!("bad_request")), "{wait}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_is_a_read() {
    let house = House::with(&[("HOTLINE_RATE_READS", "3/1h")]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("slices-0006")).await;
    let query = format!("threadId={thread}");
    for _ in 0..3 {
        slice(&dana, &query).await;
    }
    let refused = ask(&dana, &query).await;
    assert_eq!((refused.status, &refused.json()["code"]), (429, &json!("rate_limited")));
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_that_waits_holds_a_seat_and_gives_it_back() {
    let house = quiet(&[("HOTLINE_STREAM_MAX", "1")]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("slices-0007")).await;
    let (stream, _) = dana.follow(&thread, None).await;
    let query = format!("threadId={thread}");
    let refused = ask(&dana, &query).await;
    assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("unavailable")));
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    drop(stream);
    let room = || async { (ask(&dana, &query).await.status == 200).then_some(()) };
    until("the seat of the stream", room).await;
    // While one waits, another is refused; when the one that waits gives up, there is room again.
    let waits = tokio::spawn(wait(dana.clone(), thread.clone()));
    until("a refusal", || async { (ask(&dana, &query).await.status == 503).then_some(()) }).await;
    assert_eq!(dana.stream(&query, None).await.status(), 503);
    waits.abort();
    until("room", room).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_drain_answers_whoever_waits() {
    let house = quiet(&[("HOTLINE_STREAM_MAX", "1")]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("slices-0008")).await;
    let waits = tokio::spawn(wait(dana.clone(), thread.clone()));
    let query = format!("threadId={thread}");
    until("one who waits", || async { (ask(&dana, &query).await.status == 503).then_some(()) })
        .await;
    house.close().await;
    let said = frames(&waits.await.unwrap().body);
    assert_eq!(said[0].data["type"], "connected");
    let bye = &said[1].data;
    assert_eq!((&bye["type"], &bye["reason"]), (&json!("bye"), &json!("restart")));
    assert_eq!(bye["threadId"], Value::Null);
    assert!((300..=3300).contains(&bye["afterMs"].as_u64().unwrap()), "{bye}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_makes_room_for_the_next_of_the_session() {
    let house = quiet(&[("HOTLINE_STREAM_PER_SESSION", "1"), ("HOTLINE_STREAM_MAX", "2")]).await;
    let (mut dana, mut eve) = (house.visitor(), house.visitor());
    let thread = dana.ask(&Form::new("slices-0010")).await;
    let form = Form { email: "eve@other.example".into(), ..Form::new("slices-0011") };
    let other = eve.ask(&form).await;
    let mut mia = house.visitor();
    let form = Form { email: "mia@third.example".into(), ..Form::new("slices-0012") };
    let third = mia.ask(&form).await;
    let (_of_eve, _) = eve.follow(&other, None).await;
    let waits = tokio::spawn(wait(dana.clone(), thread.clone()));
    // Full, as a third one sees, who takes nobody's place by asking: one streams, one waits.
    let query = format!("threadId={third}");
    until("one who waits", || async { (ask(&mia, &query).await.status == 503).then_some(()) })
        .await;
    drop(_of_eve);
    let (_stream, _) = until("a seat", || async {
        let response = dana.stream(&format!("threadId={thread}"), None).await;
        (response.status() == 200).then_some((response, ()))
    })
    .await;
    let said = frames(&waits.await.unwrap().body);
    assert_eq!(said[1].data["reason"], "replaced");
    assert!((45_000..=75_000).contains(&said[1].data["afterMs"].as_u64().unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_stream_to_slices_and_back_nothing_is_lost() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("slices-0009")).await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    let (mut witness, _) = dana.follow(&thread, None).await;
    house.agent.answer(&thread, "by stream", "chat").await;
    let place = message(&mut stream, "by stream").await.id.unwrap();
    drop(stream);
    house.agent.answer(&thread, "by poll", "chat").await;
    message(&mut witness, "by poll").await;
    let said = slice(&dana, &format!("threadId={thread}&after={place}")).await;
    assert!(texts(&said).contains(&"by poll"), "{said:?}");
    assert!(!texts(&said).contains(&"by stream"), "{said:?}");
    let place = said.last().unwrap().id.clone().unwrap();
    house.agent.answer(&thread, "by stream again", "chat").await;
    message(&mut witness, "by stream again").await;
    let (mut stream, connected) = dana.follow(&thread, Some(&place)).await;
    assert_eq!(connected["gap"], false);
    let frame = stream.expect("webhook").await;
    assert_eq!(frame.data["prev"], place.as_str());
}
