//! A customer who is deleted at Plain is gone from the portal: streams, pages, lists, and what is kept of them.

use crate::{
    house::{Form, House, PATIENCE, Page, Visitor, until},
    intake::{now, post},
    live::{Reader, envelope},
    wire::Bend,
};
use hotline::server::config::SANDBOX_SIGNING_SECRET;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::{sync::Semaphore, time::timeout};

const TITLE: &str = "A very private subject";
const WORDS: &str = "A very private message";

fn form(submission: &str) -> Form {
    Form { subject: TITLE.into(), message: WORDS.into(), ..Form::new(submission) }
}

/// Whose a thread is at Plain.
async fn customer_of(house: &House, thread: &str) -> String {
    let all = house.agent.threads().await;
    let found = all.iter().find(|it| it["id"] == thread).expect("the thread");
    found["customer"]["id"].as_str().unwrap().to_owned()
}

async fn delete_at_plain(house: &House, customer: &str) {
    house.agent.call(Method::DELETE, &format!("/customers/{customer}"), Value::Null).await;
}

/// Plain's word that a customer was deleted, and nothing else.
async fn tell_of_deletion(house: &House, customer: &str, n: u32) -> String {
    let payload = json!({"previousCustomer": {"id": customer, "fullName": "Dana Okafor"}});
    let body = now(envelope(n, "customer.customer_deleted", payload));
    let page = post(&house.portal, SANDBOX_SIGNING_SECRET, &body).await;
    assert_eq!(page.status, 200, "{page:?}");
    page.json()["outcome"].as_str().unwrap().to_owned()
}

/// Reads on to the goodbye; nothing comes after it.
async fn goodbye(stream: &mut Reader) -> Value {
    let search = async {
        loop {
            let frame = stream.next().await.expect("a goodbye before the end");
            if frame.data["type"] == "bye" {
                assert!(stream.next().await.is_none(), "the stream ends");
                return frame.data;
            }
        }
    };
    timeout(PATIENCE, search).await.expect("a goodbye")
}

/// All doors say that it was removed, and none says what it was.
async fn is_removed(who: &mut Visitor, thread: &str) {
    let secret = |page: &Page| {
        assert!(!page.body.contains(TITLE) && !page.body.contains(WORDS), "{page:?}");
    };
    let page = who.get(&format!("/t/{thread}")).await;
    assert_eq!(page.status, 410, "{page:?}");
    assert!(page.text().contains("This conversation was removed"), "{}", page.text());
    assert!(page.tag("name=\"text\"").is_none(), "there is nothing to reply to");
    secret(&page);
    let messages = who.messages(thread).await;
    assert_eq!((messages.status, messages.json()["code"].as_str()), (410, Some("removed")));
    secret(&messages);
    let twin = who.reply(thread, "Are you there?", "removal-reply-1").await;
    assert_eq!(twin.status, 410, "{twin:?}");
    secret(&twin);
    let body = format!("threadId={thread}&text=hello&client_message_id=removal-reply-2");
    let api = who.send(Method::POST, "/api/support/reply", crate::house::FORM, body).await;
    assert_eq!((api.status, api.json()["code"].as_str()), (410, Some("removed")));
    let list = who.get("/threads").await;
    assert_eq!(list.status, 200);
    assert!(!list.body.contains(thread), "{list:?}");
    secret(&list);
}

async fn stream_status(who: &Visitor, thread: &str, place: Option<&str>) -> u16 {
    who.stream(&format!("threadId={thread}"), place.map(str::as_bytes)).await.status().as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_customer_is_gone_at_once_and_others_stay() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&form("removal-0001")).await;
    let second = dana.ask(&form("removal-0002")).await;
    // In the same browser, under another address.
    let other = Form { email: "eve@other.example".into(), ..Form::new("removal-0003") };
    let stays = dana.ask(&other).await;
    let (mut stream, connected) = dana.follow(&thread, None).await;
    let (mut of_second, _) = dana.follow(&second, None).await;
    let (mut of_other, _) = dana.follow(&stays, None).await;
    let place = connected["cursor"].as_str().unwrap().to_owned();

    let customer = customer_of(&house, &thread).await;
    delete_at_plain(&house, &customer).await;
    for stream in [&mut stream, &mut of_second] {
        assert_eq!(
            goodbye(stream).await,
            json!({"type": "bye", "reason": "removed", "afterMs": 0})
        );
    }
    for place in [None, Some(place.as_str())] {
        assert_eq!(stream_status(&dana, &thread, place).await, 204);
    }
    is_removed(&mut dana, &thread).await;
    is_removed(&mut dana, &second).await;

    // Who holds no such thread learns nothing new.
    let mut stranger = house.visitor();
    stranger.ask(&Form { email: "mallory@x.example".into(), ..Form::new("removal-0004") }).await;
    assert_eq!(stranger.get(&format!("/t/{thread}")).await.status, 404);
    assert_eq!(stream_status(&stranger, &thread, None).await, 404);

    // The other customer's conversation goes on.
    house.agent.answer(&stays, "Still here.", "chat").await;
    crate::following::message(&mut of_other, "Still here.").await;
    assert_eq!(dana.get(&format!("/t/{stays}")).await.status, 200);
    assert!(dana.get("/threads").await.body.contains(&stays));
    // And the same person may begin anew.
    let again = dana.ask(&form("removal-0005")).await;
    assert_ne!(again, thread);
    assert_eq!(dana.get(&format!("/t/{again}")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_late_brings_nothing_back() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&form("removal-0006")).await;
    // An answer is on its way when the customer goes.
    house.agent.faults(json!({"webhooks": {"drop": true}})).await;
    house.agent.answer(&thread, WORDS, "chat").await;
    let customer = customer_of(&house, &thread).await;
    assert_eq!(tell_of_deletion(&house, &customer, 1).await, "published");
    assert_eq!(tell_of_deletion(&house, &customer, 2).await, "duplicate");
    house.agent.faults(json!({})).await;
    until("the late delivery", || async {
        let list = house.agent.call(Method::GET, "/deliveries", Value::Null).await;
        let taken = |it: &Value| it["type"] == "thread.chat_sent" && it["status"] == 200;
        list.as_array().unwrap().iter().any(taken).then_some(())
    })
    .await;
    assert_eq!(stream_status(&dana, &thread, None).await, 204);
    is_removed(&mut dana, &thread).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_portals_own_memory_is_enough() {
    let (house, wire) = House::wired(&[]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&form("removal-0007")).await;
    assert_eq!(dana.messages(&thread).await.status, 200);
    let customer = customer_of(&house, &thread).await;

    // Somebody is reading while the customer goes.
    house.agent.answer(&thread, "one more", "chat").await;
    let gate = Arc::new(Semaphore::new(0));
    let held = gate.clone();
    wire.bend(move |operation, _| match operation {
        "Conversation" => Bend::When(held.clone()),
        _ => Bend::Straight,
    });
    let reading = tokio::spawn({
        let (dana, thread) = (dana.clone(), thread.clone());
        async move {
            // A page that is kept still is no read.
            loop {
                let page = dana.messages(&thread).await;
                if page.status != 200 {
                    return page;
                }
            }
        }
    });
    until("the read", || async { (wire.count("Conversation") > 0).then_some(()) }).await;
    tell_of_deletion(&house, &customer, 1).await;
    gate.add_permits(1000);
    let page = timeout(PATIENCE, reading).await.unwrap().unwrap();
    assert_eq!((page.status, page.json()["code"].as_str()), (410, Some("removed")), "{page:?}");

    // Plain still has the thread in this story, and is not even asked.
    wire.straighten();
    assert_eq!(house.agent.threads().await.len(), 1);
    is_removed(&mut dana, &thread).await;
    assert_eq!(wire.count("Conversation") + wire.count("SendCustomerChat"), 0);
    assert_eq!(house.agent.chats(&thread).await, [WORDS, "one more"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_plain_knows_of_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::in_folder(folder.path(), None).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&form("removal-0008")).await;
    let addresses = house.addresses();
    let customer = customer_of(&house, &thread).await;
    delete_at_plain(&house, &customer).await;
    house.close().await;

    let house = House::in_folder(folder.path(), Some((&addresses.0, &addresses.1))).await;
    is_removed(&mut dana, &thread).await;
    house.close().await;
}
