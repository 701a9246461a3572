//! Files: a visitor opens those of a conversation that they hold, and Plain is never asked for any other.

use crate::{
    following::message,
    house::{FORM, Form, House, Page, Visitor, until},
    wire::Bend,
};
use reqwest::Method;
use serde_json::{Value, json};

const MINT: &str = "CreateAttachmentDownloadUrl";

fn path(thread: &str, file: &str) -> String {
    format!("/api/support/attachment?threadId={thread}&attachmentId={file}")
}

/// An agent's answer with one file; the file's id.
async fn answer(house: &House, thread: &str, name: &str, text: &str, via: &str) -> String {
    let body =
        json!({"text": "See the file.", "via": via, "files": [{"fileName": name, "text": text}]});
    bring(house, thread, "replies", body).await
}

/// An internal note with one file; the file's id.
async fn note(house: &House, thread: &str, name: &str) -> String {
    let body = json!({"text": "Not for them.", "files": [{"fileName": name, "text": "internal"}]});
    bring(house, thread, "notes", body).await
}

async fn bring(house: &House, thread: &str, what: &str, body: Value) -> String {
    let made = house.agent.call(Method::POST, &format!("/threads/{thread}/{what}"), body).await;
    let thread = house.agent.call(Method::GET, &format!("/threads/{thread}"), Value::Null).await;
    let entries = thread["timelineEntries"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["id"] == made["timelineEntryId"]).unwrap();
    entry["entry"]["attachmentIds"][0].as_str().expect("a file").to_owned()
}

/// As a browser asks that follows a link.
async fn navigate(who: &Visitor, path: &str) -> Page {
    let accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    Page::of(who.request(Method::GET, path).header("accept", accept).send().await.unwrap()).await
}

#[track_caller]
fn refused(page: &Page, status: u16, code: &str, words: &str) {
    assert_eq!((page.status, page.json()["code"].as_str()), (status, Some(code)), "{page:?}");
    assert!(page.json()["error"].as_str().unwrap().contains(words), "{page:?}");
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(page.headers.get("location").is_none());
}

/// The same refusal as a person sees it.
#[track_caller]
fn refused_page(page: &Page, status: u16, words: &str) {
    assert_eq!(page.status, status, "{page:?}");
    assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
    assert!(page.text().contains(words), "{}", page.text());
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_opens_by_a_plain_link() {
    let (house, wire) = House::wired(&[("HOTLINE_REPAIR_MS", "0")]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("files-0001")).await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    for (nth, via) in ["chat", "slack", "email"].into_iter().enumerate() {
        let name = format!("export-{via}.csv");
        let file = answer(&house, &thread, &name, "a;b;c", via).await;
        if via != "email" {
            let frame = message(&mut stream, "See the file.").await;
            let told = &frame.data["entry"]["attachments"][0];
            assert_eq!((told["id"].as_str(), &told["bytes"]), (Some(&*file), &json!(5)));
        }
        house.agent.all_delivered().await;
        let page = dana.get(&format!("/t/{thread}")).await;
        assert!(page.text().contains(&name));
        let link = page.tags().into_iter().find(|tag| tag.contains(&file)).expect("a link");
        let href = path(&thread, &file).replace('&', "&amp;");
        assert!(link.starts_with("<a ") && link.contains(&href), "{link}");
        for part in ["target=\"_blank\"", "noopener", "noreferrer"] {
            assert!(link.contains(part), "{link}");
        }
        assert!(page.text().contains("5 B"));

        wire.straighten();
        for read in
            [dana.get(&path(&thread, &file)).await, navigate(&dana, &path(&thread, &file)).await]
        {
            assert_eq!(read.status, 303, "{read:?}");
            assert_eq!(read.header("cache-control"), "no-store");
            assert_eq!(read.header("referrer-policy"), "no-referrer");
            assert!(read.body.is_empty() && read.headers.get("set-cookie").is_none());
            let location = read.header("location");
            assert!(location.starts_with(&house.agent.base), "{location}");
            // Elsewhere: no cookie of ours is needed there.
            let file = Page::of(dana.http.get(location).send().await.unwrap()).await;
            assert_eq!((file.status, &*file.body), (200, "a;b;c"));
        }
        assert_eq!(wire.count(MINT), 2, "an address for each click");
        assert_eq!(wire.count("Conversation"), 0, "what was just read is not read again ({nth})");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_elses_file_opens() {
    let (house, wire) = House::wired(&[]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("files-0002")).await;
    let own = answer(&house, &thread, "own.txt", "own", "chat").await;
    let internal = note(&house, &thread, "salaries.txt").await;
    let mut eve = house.visitor();
    let form = Form { email: "eve@other.example".into(), ..Form::new("files-0003") };
    let other = eve.ask(&form).await;
    let foreign = answer(&house, &other, "foreign.txt", "foreign", "chat").await;
    assert_eq!(eve.get(&path(&other, &foreign)).await.status, 303);
    until("the own file", || async {
        (dana.get(&path(&thread, &own)).await.status == 303).then_some(())
    })
    .await;
    wire.straighten();

    // No session, and none that is proven.
    let mut nobody = house.visitor();
    refused(&nobody.get(&path(&thread, &own)).await, 401, "no_session", "no session");
    nobody.cookie = Some("hotline=forged.cookie".into());
    refused(&nobody.get(&path(&thread, &own)).await, 401, "no_session", "no session");
    refused_page(&navigate(&nobody, &path(&thread, &own)).await, 401, "There is no session");
    // Another's thread, whoever's file.
    for file in [&own, &foreign, &internal] {
        refused(&eve.get(&path(&thread, file)).await, 404, "not_found", "another browser");
    }
    // The own thread, another's file, an internal one, one that nobody has, and what is no id.
    let junk = ["", "x", "att_", "../../etc/passwd", "att_01KQS44ER0KVVBRC15MBB8ADP%00", "%F0%9F"];
    let unknown = "att_01KQS44ER0KVVBRC15MBB8ADPP";
    for file in [foreign.as_str(), &internal, unknown, &thread].into_iter().chain(junk) {
        refused(&dana.get(&path(&thread, file)).await, 404, "not_found", "not part of");
    }
    refused_page(&navigate(&dana, &path(&thread, &internal)).await, 404, "not part of");
    for query in ["", "?threadId=", &format!("?threadId={thread}"), &format!("?attachmentId={own}")]
    {
        let page = dana.get(&format!("/api/support/attachment{query}")).await;
        assert_eq!((page.status, &page.json()["code"]), (404, &json!("not_found")), "{query}");
    }
    let twice = dana.get(&format!("{}&attachmentId={internal}", path(&thread, &own))).await;
    assert_eq!(twice.status, 400);
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let page = dana.send(method, &path(&thread, &own), FORM, "").await;
        assert_eq!(page.status, 405, "{page:?}");
    }
    assert_eq!(wire.count(MINT), 0, "Plain was asked for a file that is not theirs");
    let page = dana.get(&format!("/t/{thread}")).await;
    assert!(!page.body.contains("salaries") && !page.body.contains(&internal));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_scan_did_not_clear_is_not_handed_on() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("files-0004")).await;
    let file = answer(&house, &thread, "tool.zip", "zip", "chat").await;
    let path = path(&thread, &file);
    for (scan, status, code, words) in [
        ("INFECTED", 403, "forbidden", "found to be harmful"),
        ("PENDING", 503, "unavailable", "still being checked"),
        ("FAILED", 403, "forbidden", "could not be checked"),
    ] {
        house.agent.faults(json!({"files": {"scan": scan}})).await;
        let page = dana.get(&path).await;
        refused(&page, status, code, words);
        let person = navigate(&dana, &path).await;
        refused_page(&person, status, words);
        assert!(person.tag(&format!("href=\"/t/{thread}\"")).is_some(), "a way back");
        let again = person.tag(&format!("href=\"{}\"", path.replace('&', "&amp;")));
        assert_eq!(again.is_some(), scan == "PENDING", "{scan}");
        for page in [page, person] {
            assert_eq!(page.headers.contains_key("retry-after"), scan == "PENDING");
        }
    }
    for clean in [json!({"files": {"scan": null}}), json!({"files": {"scan": "CLEAN"}}), json!({})]
    {
        house.agent.faults(clean).await;
        assert_eq!(dana.get(&path).await.status, 303);
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_that_fails_is_a_sentence() {
    let (house, wire) = House::wired(&[("PLAIN_TIMEOUT_MS", "400")]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("files-0005")).await;
    let file = answer(&house, &thread, "a.txt", "a", "chat").await;
    let path = path(&thread, &file);
    let url = |url: &str, scan: &str, more: &str| -> &'static str {
        let url = json!({"downloadUrl": url});
        let text = format!(
            r#"{{"data":{{"createAttachmentDownloadUrl":{{"attachmentDownloadUrl":{url},"attachmentVirusScanResult":{scan},"error":null}}}}{more}}}"#
        );
        text.leak()
    };
    let clean = "\"CLEAN\"";
    let lost = r#","errors":[{"message":"x","path":["createAttachmentDownloadUrl","attachmentVirusScanResult"],"extensions":{"code":"FORBIDDEN"}}]"#;
    let fault = r#"{"data":{"createAttachmentDownloadUrl":{"attachmentDownloadUrl":null,"attachmentVirusScanResult":null,"error":{"message":"PLANTED","type":"FORBIDDEN","code":"forbidden","fields":[]}}}}"#;
    let good = "https://files.example/a";
    for (status, body, wanted) in [
        (500, "PLANTED", 503),
        (401, "{}", 503),
        (200, "<html>PLANTED</html>", 503),
        (200, fault, 503),
        // A result that got lost is not the same as no scanner.
        (200, url(good, "null", lost), 503),
        (200, url(good, "\"RESULT_OF_TOMORROW\"", ""), 403),
        (200, url("http://files.example/a", clean, ""), 503),
        (200, url("javascript:alert(1)//PLANTED", clean, ""), 503),
        (200, url("/t/PLANTED", clean, ""), 503),
    ] {
        wire.bend(move |operation, _| match operation {
            MINT => Bend::Answer(status, "application/json", body),
            _ => Bend::Straight,
        });
        for page in [dana.get(&path).await, navigate(&dana, &path).await] {
            assert_eq!(page.status, wanted, "{body}: {page:?}");
            assert_eq!(page.headers.contains_key("retry-after"), wanted == 503);
            assert!(!page.body.contains("PLANTED") && !page.headers.contains_key("location"));
            assert!(!page.body.contains("Your text is kept"), "nobody typed anything");
        }
    }
    let gone = r#"{"data":{"createAttachmentDownloadUrl":{"attachmentDownloadUrl":null,"attachmentVirusScanResult":null,"error":{"message":"x","type":"VALIDATION","code":"not_found","fields":[{"field":"attachmentId","message":"x","type":"NOT_FOUND"}]}}}}"#;
    wire.bend(move |operation, _| match operation {
        MINT => Bend::Answer(200, "application/json", gone),
        _ => Bend::Straight,
    });
    refused(&dana.get(&path).await, 404, "not_found", "not any more");
    wire.bend(|operation, _| if operation == MINT { Bend::LoseAnswer } else { Bend::Straight });
    refused(&dana.get(&path).await, 503, "unavailable", "cannot be fetched");
    wire.bend(move |operation, _| match operation {
        MINT => Bend::Answer(200, "application/json", url(good, "null", "")),
        _ => Bend::Straight,
    });
    assert_eq!(dana.get(&path).await.header("location"), good);

    // The conversation cannot be read either: nothing is proven, so nothing is asked for.
    let mut late = house.visitor();
    let thread = late.ask(&Form { email: "l@example.org".into(), ..Form::new("files-0006") }).await;
    let file = answer(&house, &thread, "b.txt", "b", "chat").await;
    wire.bend(|_, _| Bend::Answer(503, "text/plain", "down"));
    refused(&late.get(&self::path(&thread, &file)).await, 503, "unavailable", "cannot be fetched");
    assert_eq!(wire.count(MINT), 0);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_older_pages_are_found_and_the_search_has_an_end() {
    let (house, wire) = House::wired(&[("HOTLINE_CACHE_MS", "60000")]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("files-0007")).await;
    let first = answer(&house, &thread, "first.txt", "1", "chat").await;
    let second = answer(&house, &thread, "second.txt", "2", "chat").await;
    for n in 0..100 {
        house.agent.answer(&thread, &format!("{n}"), "chat").await;
    }
    house.agent.all_delivered().await;
    wire.straighten();
    let paths = [path(&thread, &first), path(&thread, &first), path(&thread, &first)];
    let opened = futures::future::join_all(paths.iter().map(|path| dana.get(path))).await;
    assert!(opened.iter().all(|page| page.status == 303), "{opened:?}");
    let reads = wire.count("Conversation");
    assert!((2..=3).contains(&reads), "one search: {reads} reads");
    // The other one was seen on the way.
    assert_eq!(dana.get(&path(&thread, &second)).await.status, 303);
    assert_eq!(wire.count("Conversation"), reads);

    let unknown = |n: u32| path(&thread, &format!("att_{n:026}"));
    for n in 0..8 {
        refused(&dana.get(&unknown(n)).await, 404, "not_found", "not part of");
    }
    let searched = wire.count("Conversation") - reads;
    assert!(searched <= 3, "guessing costs Plain {searched} reads");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_come_as_they_are_read_and_programs_not_at_all() {
    let (house, wire) = House::wired(&[]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("files-0008")).await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    let name = "..\\../invoice\u{202e}fdp.txt<img src=x onerror=alert(1)>\u{2066}.html";
    let file = answer(&house, &thread, name, "x", "chat").await;
    let shown = ".._.._invoicefdp.txt<img src=x onerror=alert(1)>.html";
    let frame = message(&mut stream, "See the file.").await;
    assert_eq!(frame.data["entry"]["attachments"][0]["fileName"], shown);
    let read = dana.messages(&thread).await.json();
    assert_eq!(read["messages"][1]["attachments"][0]["fileName"], shown);
    let page = dana.get(&format!("/t/{thread}")).await;
    assert!(page.text().contains(shown), "{}", page.text());
    assert!(!page.body.contains('\u{202e}') && !page.body.contains("<img src=x"), "{}", page.body);
    assert_eq!(dana.get(&path(&thread, &file)).await.status, 303);

    // Plain takes no upload of a program; whatever way it came, it is not handed on.
    let program = "att_01KQS44ER0KVVBRC15MBB8ADPP";
    let entry = json!({"cursor": "c", "node": {
        "id": "t_01KQS44ER0KVVBRC15MBB8ADPP", "timestamp": {"iso8601": "2026-05-04T09:12:00Z"},
        "actor": {"__typename": "SystemActor"},
        "entry": {"__typename": "ChatEntry", "chatId": "ch_1", "chatText": "", "attachments": [
            {"id": program, "fileName": "invoice.pdf.\u{200b}eXe. ", "fileMimeType": "application/pdf", "fileSize": {"bytes": 1}}]},
    }});
    let answer: &'static str = json!({"data": {"thread": {
        "id": thread, "ref": "T-1", "title": "x", "status": "TODO", "statusDetail": null, "statusChangedAt": {"iso8601": "2026-05-04T09:12:00.000Z"}, "statusChangedBy": {"__typename": "SystemActor"}, "channel": "CHAT", "lockedAt": null,
        "customer": {"id": "c_1", "fullName": "Dana"}, "createdAt": {"iso8601": "2026-05-04T09:12:00Z"},
        "lastInboundMessageInfo": null, "lastOutboundMessageInfo": null,
        "timelineEntries": {"pageInfo": {"hasNextPage": false, "hasPreviousPage": false}, "edges": [entry]},
    }}})
    .to_string()
    .leak();
    wire.bend(move |operation, _| match operation {
        "Conversation" => Bend::Answer(200, "application/json", answer),
        _ => Bend::Straight,
    });
    // A reply makes the portal read anew.
    assert_eq!(dana.reply(&thread, "thanks", "files-reply-01").await.status, 303);
    refused(&dana.get(&path(&thread, program)).await, 403, "forbidden", "can run programs");
    assert_eq!(wire.count(MINT), 0);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_was_taken_back_takes_its_file_along() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("files-0009")).await;
    let body =
        json!({"text": "Oops.", "via": "slack", "files": [{"fileName": "wrong.txt", "text": "w"}]});
    let at = format!("/threads/{thread}/replies");
    let entry = house.agent.call(Method::POST, &at, body).await["timelineEntryId"].clone();
    let read = until("the file", || async {
        let read = dana.messages(&thread).await.json();
        read["messages"][1]["attachments"][0]["id"].as_str().map(str::to_owned)
    })
    .await;
    assert_eq!(dana.get(&path(&thread, &read)).await.status, 303);
    let at = format!("/messages/{}", entry.as_str().unwrap());
    house.agent.call(Method::DELETE, &at, json!({})).await;
    until("the tombstone", || async {
        (dana.messages(&thread).await.json()["messages"][1]["deleted"] == true).then_some(())
    })
    .await;
    refused(&dana.get(&path(&thread, &read)).await, 404, "not_found", "not any more");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_with_files_of_others_is_refused_before_anything_is_sent() {
    let (house, wire) = House::wired(&[]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("files-0010")).await;
    let file = answer(&house, &thread, "a.txt", "a", "chat").await;
    wire.straighten();
    let body = format!(
        "threadId={thread}&text=hello&client_message_id=files-reply-02&attachment_ids[0]={file}"
    );
    let page = dana.send(Method::POST, "/api/support/reply", FORM, body).await;
    refused(&page, 403, "forbidden", "not uploaded here");
    assert_eq!(wire.count("SendCustomerChat"), 0);
    assert_eq!(house.agent.chats(&thread).await.len(), 2);
    house.close().await;
}
