//! Several conversations on one stream.

use crate::{
    following::message,
    house::{Form, House, PATIENCE, Page, Visitor},
    live::{Frame, Reader},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

/// Opens the stream and reads what is said first, one frame a thread.
async fn follow(who: &Visitor, query: &str, threads: usize) -> (Reader, Vec<Value>) {
    let response = who.stream(query, None).await;
    assert_eq!(response.status(), 200);
    let mut stream = Reader::of(response);
    let mut said = Vec::new();
    for _ in 0..threads {
        said.push(next(&mut stream).await.data);
    }
    (stream, said)
}

async fn next(stream: &mut Reader) -> Frame {
    timeout(PATIENCE, stream.next()).await.expect("in time").expect("the stream goes on")
}

/// Reads on to a goodbye.
async fn bye(stream: &mut Reader) -> Value {
    loop {
        let frame = next(stream).await;
        if frame.data["type"] == "bye" {
            return frame.data;
        }
    }
}

fn form(n: u32, email: &str) -> Form {
    Form { email: email.into(), ..Form::new(&format!("several-{n:04}")) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_thread_goes_on_from_its_own_place() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let one = dana.ask(&form(1, "dana@northwind.example")).await;
    let two = dana.ask(&form(2, "dana@northwind.example")).await;
    let (mut stream, said) = follow(&dana, &format!("threadId={one}&threadId={two}"), 2).await;
    for (said, thread) in said.iter().zip([&one, &two]) {
        assert_eq!((&said["type"], &said["gap"]), (&json!("connected"), &json!(false)));
        assert_eq!(said["threadId"], thread.as_str());
    }
    house.agent.answer(&one, "first in one", "chat").await;
    let in_one = message(&mut stream, "first in one").await;
    assert_eq!(in_one.data["threadId"], one.as_str());
    house.agent.answer(&two, "first in two", "chat").await;
    let in_two = message(&mut stream, "first in two").await;
    assert_eq!(in_two.data["threadId"], two.as_str());
    drop(stream);

    // A second pair of eyes tells when the portal has them.
    let (mut witness, _) = follow(&dana, &format!("threadId={one}&threadId={two}"), 2).await;
    for (thread, text) in [(&two, "second in two"), (&one, "second in one")] {
        house.agent.answer(thread, text, "chat").await;
        message(&mut witness, text).await;
    }
    let places = [(&one, in_one.id.unwrap()), (&two, in_two.id.unwrap())];
    let [(_, at_one), (_, at_two)] = &places;
    let query = format!("threadId={one}&after={at_one}&threadId={two}&after={at_two}");
    // A header could be for either; it is for none. The newest place of all would skip what was missed.
    let response = dana.stream(&query, witness_place(&mut witness, &house, &one).await).await;
    let mut stream = Reader::of(response);
    let mut missed = Vec::new();
    let mut at = places.map(|(thread, place)| (thread.clone(), place));
    while missed.len() < 2 {
        let frame = next(&mut stream).await;
        let of = frame.data["threadId"].as_str().unwrap();
        let (_, place) = at.iter_mut().find(|(thread, _)| thread == of).unwrap();
        if frame.data["type"] == "webhook" {
            assert_eq!(frame.data["prev"], place.as_str(), "nothing is left out");
        } else {
            assert_eq!(frame.data["gap"], false);
        }
        *place = frame.id.unwrap();
        let text = frame.data["entry"]["text"].as_str().unwrap_or_default();
        if text.starts_with("second") {
            missed.push((of.to_owned(), text.to_owned()));
        }
    }
    missed.sort_by_key(|(_, text)| text.clone());
    assert_eq!(missed, [(one.clone(), "second in one".into()), (two, "second in two".into())]);
}

/// The value of a `Last-Event-ID` header that is newer than anything asked for.
async fn witness_place(witness: &mut Reader, house: &House, thread: &str) -> Option<&'static [u8]> {
    house.agent.answer(thread, "newest", "chat").await;
    let place = message(witness, "newest").await.id.unwrap();
    Some(place.leak().as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_held_is_denied_and_nothing_of_it_is_heard() {
    let house = House::open().await;
    let (mut dana, mut eve) = (house.visitor(), house.visitor());
    let mine = dana.ask(&form(3, "dana@northwind.example")).await;
    let hers = eve.ask(&form(4, "eve@other.example")).await;
    let nowhere = "th_01KQS44ER0KVVBRC15MBB8ADPP";
    let query = format!("threadId={hers}&threadId={mine}&threadId={nowhere}&threadId=garbage");
    let (mut stream, said) = follow(&dana, &query, 3).await;
    assert_eq!((&said[0]["type"], &said[0]["threadId"]), (&json!("connected"), &json!(mine)));
    for (said, thread) in said[1..].iter().zip([hers.as_str(), nowhere]) {
        // Foreign and unknown are one.
        let bye = json!({"type": "bye", "reason": "denied", "threadId": thread, "afterMs": 0});
        assert_eq!(*said, bye);
    }
    let (mut of_eve, _) = eve.follow(&hers, None).await;
    house.agent.answer(&hers, "for Eve", "chat").await;
    message(&mut of_eve, "for Eve").await;
    house.agent.answer(&mine, "for Dana", "chat").await;
    loop {
        let frame = next(&mut stream).await;
        assert_ne!(frame.data["threadId"], hers.as_str(), "{frame:?}");
        if frame.data["entry"]["text"] == "for Dana" {
            break;
        }
    }
    for route in ["stream", "poll"] {
        let none = format!("/api/support/{route}?threadId={hers}&threadId={nowhere}");
        let page = dana.get(&none).await;
        assert_eq!((page.status, &page.json()["code"]), (404, &json!("not_found")));
        let many: Vec<_> = (0..33).map(|n| format!("threadId=th_{n:026}")).collect();
        let page = dana.get(&format!("/api/support/{route}?{}", many.join("&"))).await;
        assert_eq!((page.status, &page.json()["code"]), (400, &json!("bad_request")));
        // As many as there may be, one of them hers to have.
        let query = format!("{}&threadId={mine}", many[..31].join("&"));
        let page = dana.request(Method::GET, &format!("/api/support/{route}?{query}"));
        assert_eq!(page.send().await.unwrap().status(), 200);
        let nobody = house.visitor().get(&format!("/api/support/{route}?threadId={mine}")).await;
        assert_eq!((nobody.status, &nobody.json()["code"]), (401, &json!("no_session")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_that_is_removed_ends_alone() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let goes = dana.ask(&form(5, "dana@northwind.example")).await;
    let stays = dana.ask(&form(6, "other@northwind.example")).await;
    let both = format!("threadId={goes}&threadId={stays}");
    let (mut stream, _) = follow(&dana, &both, 2).await;
    let delete = async |thread: &str| {
        let all = house.agent.threads().await;
        let found = all.iter().find(|it| it["id"] == thread).expect("the thread");
        let customer = found["customer"]["id"].as_str().unwrap();
        house.agent.call(Method::DELETE, &format!("/customers/{customer}"), Value::Null).await;
    };
    delete(&goes).await;
    let gone = |thread: &str| json!({"type": "bye", "reason": "removed", "threadId": thread, "afterMs": 0});
    assert_eq!(bye(&mut stream).await, gone(&goes));
    house.agent.answer(&stays, "Still here.", "chat").await;
    message(&mut stream, "Still here.").await;

    // Who comes back is told so again, and goes on with the other.
    let (again, said) = follow(&dana, &both, 2).await;
    assert_eq!((&said[0]["threadId"], &said[1]), (&json!(stays), &gone(&goes)));
    drop(again);
    delete(&stays).await;
    assert_eq!(bye(&mut stream).await, gone(&stays));
    assert_eq!(
        bye(&mut stream).await,
        json!({"type": "bye", "reason": "removed", "afterMs": 0}),
        "and with the last one, all"
    );
    assert!(stream.next().await.is_none());
    for query in [both.as_str(), &format!("threadId={goes}")] {
        assert_eq!(dana.stream(query, None).await.status(), 204);
        let page = Page::of(
            dana.request(Method::GET, &format!("/api/support/poll?{query}")).send().await.unwrap(),
        )
        .await;
        assert_eq!((page.status, page.header("cache-control")), (204, "no-store"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_threads_are_one_stream_of_the_session() {
    let house = House::with(&[("HOTLINE_STREAM_PER_SESSION", "2")]).await;
    let mut dana = house.visitor();
    let mut query = Vec::new();
    for n in 7..10 {
        query.push(format!("threadId={}", dana.ask(&form(n, "dana@northwind.example")).await));
    }
    let query = query.join("&");
    let (mut oldest, _) = follow(&dana, &query, 3).await;
    let (mut older, _) = follow(&dana, &query, 3).await;
    let (_newest, _) = follow(&dana, &query, 3).await;
    let goodbye = bye(&mut oldest).await;
    assert_eq!((&goodbye["reason"], &goodbye["threadId"]), (&json!("replaced"), &Value::Null));
    assert!(oldest.next().await.is_none());
    let thread = query.split(['=', '&']).nth(1).unwrap();
    house.agent.answer(thread, "for who is left", "chat").await;
    message(&mut older, "for who is left").await;
}
