//! Resume links and the cookie's life, as browsers, robots and thieves meet them.

use crate::house::{FORM, Form, House, Page, Visitor, until};
use hotline::{
    domain::ids::ThreadId,
    server::{
        clock::{Clock, FixedClock, SystemClock},
        config::Secret,
        links::{Links, used::UsedFile},
        session::{Session, Sessions},
    },
};
use reqwest::Method;
use std::{sync::Arc, time::Duration};

const SECRET: &str = "the-secret-of-these-tests";
const DAY: i64 = 86_400_000;

async fn house() -> House {
    House::with(&[("HOTLINE_SECRET", SECRET)]).await
}

/// The path of a link that `who` asks for, and the whole answer.
async fn link(who: &Visitor, thread: &str) -> (String, Page) {
    let body = format!("threadId={thread}");
    let page = who.send(Method::POST, "/api/support/link", FORM, body).await;
    assert_eq!(page.status, 200, "{page:?}");
    let url = page.json()["url"].as_str().unwrap().to_owned();
    (url.strip_prefix(&who.base).unwrap_or_else(|| panic!("{url}")).to_owned(), page)
}

/// Opens a link and keeps the cookie.
async fn open(who: &mut Visitor, path: &str) -> Page {
    let page = who.get(path).await;
    if let Some(cookie) = page.headers.get("set-cookie") {
        who.cookie = Some(cookie.to_str().unwrap().split(';').next().unwrap().into());
    }
    page
}

/// A page that says no: nothing of the conversation, nothing of the token, a way to the form.
#[track_caller]
fn says_no(page: &Page, path: &str, words: &str) {
    assert_eq!(page.status, 403, "{page:?}");
    assert!(page.text().contains(words), "{words} in {}", page.text());
    assert!(page.headers.get("set-cookie").is_none(), "{page:?}");
    shows_nothing(page, path);
    assert!(page.tags().iter().any(|tag| tag.contains(" href=\"/\"")), "a way to the form");
}

#[track_caller]
fn shows_nothing(page: &Page, path: &str) {
    let token = path.strip_prefix("/r/").unwrap();
    let told = format!("{:?} {}", page.headers, page.body);
    assert!(!told.contains(token), "the token is told: {told}");
    for secret in ["row 5000", "Export stops", "Okafor", "northwind", "th_"] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
    // The origin alone: without it the posts of the page's forms would be refused as a stranger's.
    assert_eq!(page.header("referrer-policy"), "strict-origin");
    assert_eq!(page.header("cache-control"), "no-store");
}

/// Links as this house's own, but with a clock that is ours.
fn links_at(secret: &str, now_ms: i64) -> Links {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FixedClock::at(now_ms));
    let used = UsedFile::open(folder.path().join("used"), clock.clone()).unwrap();
    let week = Duration::from_secs(7 * 86_400);
    Links::new(vec![Secret::new(secret)], week, Some("http://x".into()), Arc::new(used), clock)
}

fn minted(secret: &str, thread: &str, now_ms: i64) -> String {
    let thread = ThreadId::parse(thread).unwrap();
    let made = links_at(secret, now_ms).make(&thread, None).unwrap();
    made.url.strip_prefix("http://x").unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_opens_the_conversation_elsewhere_once() {
    let house = house().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("links-0001")).await;
    let (path, made) = link(&dana, &thread).await;
    assert_eq!(made.header("cache-control"), "no-store");
    let expires = made.json()["expiresAt"].as_str().unwrap().to_owned();
    let week = hotline::domain::time::At::from_millis(SystemClock.now_ms() + 7 * DAY);
    assert_eq!(expires[..10], *week.day());

    // Another device, which has a request of its own already.
    let mut phone = house.visitor();
    let other = Form { email: "dana.private@home.example".into(), ..Form::new("links-0002") };
    let own = phone.ask(&other).await;
    let page = open(&mut phone, &path).await;
    assert_eq!((page.status, page.header("location")), (303, &*format!("/t/{thread}")));
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(page.header("set-cookie").contains("HttpOnly; SameSite=Lax"), "{page:?}");
    for held in [&thread, &own] {
        assert_eq!(phone.get(&format!("/t/{held}")).await.status, 200);
        assert!(phone.get("/threads").await.body.contains(held.as_str()));
    }
    assert_eq!(phone.reply(&thread, "From my phone", "links-key-0001").await.status, 303);
    assert!(house.agent.chats(&thread).await.contains(&"From my phone".into()));
    let (_stream, connected) = phone.follow(&thread, None).await;
    assert_eq!(connected["threadId"], thread);

    // Whoever finds the link afterwards finds nothing.
    let mut thief = house.visitor();
    says_no(&open(&mut thief, &path).await, &path, "used already");
    assert_eq!(thief.get(&format!("/t/{thread}")).await.status, 404);
    // Who holds the thread is let through, however often, and needs no link for it.
    for who in [&mut dana, &mut phone] {
        let page = who.get(&path).await;
        assert_eq!((page.status, page.header("location")), (303, &*format!("/t/{thread}")));
    }
    let (second, _) = link(&phone, &thread).await;
    assert_ne!(second, path);
    assert_eq!(dana.get(&second).await.status, 303);
    assert_eq!(open(&mut thief, &second).await.status, 303, "not used up by its owner");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_holds_the_thread_can_make_one() {
    let house = house().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("links-0003")).await;
    let mut eve = house.visitor();
    let form = Form { email: "eve@other.example".into(), ..Form::new("links-0004") };
    eve.ask(&form).await;
    for who in [&eve, &house.visitor()] {
        for id in [thread.as_str(), "th_01KQS44ER0KVVBRC15MBB8ADPP", "nonsense", ""] {
            let body = format!("threadId={id}");
            let page = who.send(Method::POST, "/api/support/link", FORM, body).await;
            assert_eq!((page.status, page.json()["code"].as_str()), (404, Some("not_found")));
        }
        let mut who = who.clone();
        let page = who.post(&format!("/t/{thread}"), &[("intent", "link")]).await;
        assert_eq!(page.status, 404);
        assert!(!page.body.contains("/r/"), "{page:?}");
    }
    let request = dana.request(Method::POST, "/api/support/link");
    let request = request.header("origin", "https://evil.example").header("content-type", FORM);
    let page = Page::of(request.body(format!("threadId={thread}")).send().await.unwrap()).await;
    assert_eq!(page.status, 403);
    assert_eq!(dana.get(&format!("/api/support/link?threadId={thread}")).await.status, 405);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_script_the_page_brings_the_link() {
    let house = house().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("links-0005")).await;
    let here = format!("/t/{thread}");
    let before = dana.get(&here).await;
    assert_eq!(before.value_of("intent"), "link");
    assert!(before.tag("id=\"handover\"").is_none());
    let page = dana.post(&here, &[("intent", "link")]).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("cache-control"), "no-store");
    let field = page.tag("id=\"handover\"").expect("the field").to_owned();
    assert!(field.contains(" readonly"), "{field}");
    let url = field.split_once(" value=\"").unwrap().1.split('"').next().unwrap();
    let path = url.strip_prefix(&house.portal).unwrap();
    assert!(page.text().contains("It stops at row 5000."), "the conversation is still there");
    assert_eq!(open(&mut house.visitor(), path).await.status, 303);
    // Nothing was said in the visitor's name.
    assert_eq!(house.agent.chats(&thread).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_at_once_one_wins() {
    let house = house().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("links-0006")).await;
    for _ in 0..5 {
        let (path, _) = link(&dana, &thread).await;
        let opened = futures::future::join_all((0..8).map(|_| {
            let (mut who, path) = (house.visitor(), path.clone());
            async move { (open(&mut who, &path).await.status, who.cookie.is_some()) }
        }))
        .await;
        assert_eq!(opened.iter().filter(|it| **it == (303, true)).count(), 1, "{opened:?}");
        assert_eq!(opened.iter().filter(|it| **it == (403, false)).count(), 7, "{opened:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looking_at_a_link_does_not_use_it_up() {
    let house = house().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("links-0007")).await;
    let (path, _) = link(&dana, &thread).await;
    let nobody = house.visitor();
    let head = Page::of(nobody.request(Method::HEAD, &path).send().await.unwrap()).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert!(head.headers.get("set-cookie").is_none());
    for (name, value) in [
        ("sec-purpose", "prefetch"),
        ("sec-purpose", "prefetch;prerender"),
        ("purpose", "prefetch"),
        ("sec-fetch-dest", "image"),
        ("sec-fetch-dest", "iframe"),
        ("user-agent", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"),
        ("user-agent", "WhatsApp/2.23.20.0"),
    ] {
        let request = nobody.request(Method::GET, &path).header(name, value);
        let page = Page::of(request.send().await.unwrap()).await;
        assert_eq!(page.status, 200, "{name}: {value}");
        assert!(page.headers.get("set-cookie").is_none(), "{name}: {value}");
        shows_nothing(&page, &path);
        // The same for a link that is none: it is not even looked at.
        let request = nobody.request(Method::GET, "/r/nonsense").header(name, value);
        assert_eq!(Page::of(request.send().await.unwrap()).await.status, 200);
    }
    // A person behind such a browser presses the button of that page.
    let request = nobody.request(Method::POST, &path).header("user-agent", "Mozilla/5.0 CUBOT_X19");
    let page = Page::of(request.send().await.unwrap()).await;
    assert_eq!((page.status, page.header("location")), (303, &*format!("/t/{thread}")));
    says_no(&open(&mut house.visitor(), &path).await, &path, "used already");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn altered_expired_and_foreign_links_open_nothing() {
    let house = house().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("links-0008")).await;
    let (path, _) = link(&dana, &thread).await;
    let now = SystemClock.now_ms();
    let mut nobody = house.visitor();

    let expired = minted(SECRET, &thread, now - 7 * DAY - 60_000);
    says_no(&open(&mut nobody, &expired).await, &expired, "has expired");
    assert_eq!(dana.get(&expired).await.status, 303, "its owner needs no link");
    let foreign = minted("somebody-elses-secret", &thread, now);
    says_no(&open(&mut nobody, &foreign).await, &foreign, "does not work");
    // A cookie's value is signed by the same secret, and is no token.
    let cookie = dana.cookie.clone().unwrap();
    let cookie = format!("/r/{}", cookie.split_once('=').unwrap().1);
    says_no(&open(&mut nobody, &cookie).await, &cookie, "does not work");

    let token = path.strip_prefix("/r/").unwrap();
    for at in (0..token.len()).step_by(7) {
        let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
        let mut altered = path.clone();
        altered.replace_range(3 + at..4 + at, other);
        says_no(&open(&mut nobody, &altered).await, &altered, "does not work");
    }
    for altered in [
        path[..path.len() - 1].to_owned(),
        format!("{path}A"),
        format!("{path}/"),
        format!("{path}/x"),
        format!("{path}%00"),
        format!("{path}."),
        format!("/r/{}", path.replace("/r/", "%2e")),
        format!("/r/{}", "x".repeat(7000)),
    ] {
        says_no(&open(&mut nobody, &altered).await, &altered, "does not work");
    }
    assert!(nobody.cookie.is_none());
    assert_eq!(nobody.get("/r").await.status, 403);
    // None of them used the true one up.
    assert_eq!(open(&mut nobody, &path).await.status, 303);
    assert_eq!(nobody.get(&format!("/t/{thread}")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_used_link_stays_used_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::in_folder(folder.path(), None).await;
    let (portal, desk) = house.addresses();
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("links-0009")).await;
    let (used, _) = link(&dana, &thread).await;
    let (unused, _) = link(&dana, &thread).await;
    assert_eq!(open(&mut house.visitor(), &used).await.status, 303);
    house.close().await;

    let house = House::in_folder(folder.path(), Some((&portal, &desk))).await;
    says_no(&open(&mut house.visitor(), &used).await, &used, "used already");
    assert_eq!(open(&mut house.visitor(), &unused).await.status, 303);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_links_address_is_the_configured_one() {
    let house = house().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("links-0010")).await;
    let ask = |host: &'static str| {
        let request = dana.request(Method::POST, "/api/support/link").header("host", host);
        let request = request.header("x-forwarded-host", "evil.example");
        let request = request.header("forwarded", "host=evil.example");
        request.header("content-type", FORM).body(format!("threadId={thread}"))
    };
    let page = Page::of(ask("help.example.com:8080").send().await.unwrap()).await;
    assert!(page.json()["url"].as_str().unwrap().starts_with("http://help.example.com:8080/r/"));
    let page = Page::of(ask("help.example.com/evil?").send().await.unwrap()).await;
    assert_eq!(page.status, 400, "{page:?}");

    let more = [("HOTLINE_PUBLIC_URL", "https://support.example.com/"), ("HOTLINE_SANDBOX", "on")];
    let house = House::with(&more).await;
    let mut dana = house.visitor();
    let page = dana.post("/", &Form::new("links-0011").fields()).await;
    let thread = page.header("location").strip_prefix("/t/").unwrap().to_owned();
    assert!(dana.cookie.as_ref().unwrap().starts_with("__Host-hotline="));
    assert!(page.header("set-cookie").contains("; Secure"));
    let body = format!("threadId={thread}");
    let page = dana.send(Method::POST, "/api/support/link", FORM, body).await;
    assert!(page.json()["url"].as_str().unwrap().starts_with("https://support.example.com/r/"));
}

/// A cookie that was signed at another time, or by another secret.
fn cookie(secret: &str, thread: &str, now_ms: i64) -> Option<String> {
    let clock = Arc::new(FixedClock::at(now_ms));
    let sessions = Sessions::new(vec![Secret::new(secret)], false, clock);
    let mut session = Session::new();
    session.grant(ThreadId::parse(thread).unwrap());
    let written = sessions.write(&session).unwrap();
    Some(written.to_str().unwrap().split(';').next().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_view_keeps_the_session_alive() {
    let (old, new) = ("the-secret-until-today", "the-secret-from-today");
    let both = House::with(&[("HOTLINE_SECRET", &format!("{new},{old}"))]).await;
    let mut dana = both.visitor();
    let thread = dana.ask(&Form::new("links-0012")).await;
    let here = format!("/t/{thread}");
    assert!(dana.get(&here).await.headers.get("set-cookie").is_none(), "it is fresh");

    let now = SystemClock.now_ms();
    for (secret, at) in [(old, now), (new, now - 4 * DAY), (new, now - 181 * DAY)] {
        dana.cookie = cookie(secret, &thread, at);
        // Calls of a page are no page views: two at once could tread on each other's cookie.
        assert!(dana.messages(&thread).await.headers.get("set-cookie").is_none());
        let mut known = dana.clone();
        let page = open(&mut known, &here).await;
        assert_eq!(page.status, 200);
        assert!(page.headers.get("set-cookie").is_some(), "{secret} {at}");
        assert_ne!(known.cookie, dana.cookie);
        assert!(known.get(&here).await.headers.get("set-cookie").is_none());
        // The old secret has gone, the visitor is still known.
        let check = Sessions::new(vec![Secret::new(new)], false, Arc::new(SystemClock));
        let mut headers = reqwest::header::HeaderMap::new();
        headers.insert("cookie", known.cookie.unwrap().parse().unwrap());
        assert!(check.read(&headers).unwrap().holds(&ThreadId::parse(&*thread).unwrap()));
    }
    for (secret, at) in [(new, now - 183 * DAY), (new, now + DAY), ("never-a-secret-of-ours", now)]
    {
        dana.cookie = cookie(secret, &thread, at);
        let page = dana.get(&here).await;
        assert_eq!(page.status, 404, "{secret} {at}");
        assert!(page.headers.get("set-cookie").is_none());
        assert_eq!(dana.stream(&format!("threadId={thread}"), None).await.status(), 401);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_address_of_a_session_holds_a_secret() {
    let house = house().await;
    let mut dana = house.visitor();
    let form = dana.get("/").await;
    let thread = dana.ask(&Form::new(&form.value_of("submission_id"))).await;
    let here = format!("/t/{thread}");
    let key = dana.get(&here).await.value_of("client_message_id");
    let sent = dana.reply(&thread, "Any news?", &key).await;
    let page = until("the reply", || async {
        let page = dana.get(&here).await;
        page.text().contains("Any news?").then_some(page)
    })
    .await;
    let list = dana.get("/threads").await;
    let (path, _) = link(&dana, &thread).await;
    let mut phone = house.visitor();
    let resumed = open(&mut phone, &path).await;
    let (there, missing) = (phone.get(&here).await, phone.get("/t/nowhere").await);

    // Everything that these pages link to, load, post to or send a browser to.
    let mut addresses = vec![here.clone()];
    for page in [&form, &sent, &page, &list, &resumed, &there, &missing] {
        addresses.push(page.header("location").to_owned());
        for tag in page.tags() {
            for name in [" href=\"", " src=\"", " action=\"", " formaction=\""] {
                let value = tag.split_once(name).map(|(_, rest)| rest.split('"').next().unwrap());
                addresses.extend(value.map(str::to_owned));
            }
        }
    }
    assert!(addresses.len() > 20 && addresses.contains(&"/threads".into()), "{addresses:?}");
    let value = |who: &Visitor| who.cookie.clone().unwrap().split_once('=').unwrap().1.to_owned();
    let token = path.strip_prefix("/r/").unwrap().to_owned();
    let mut secrets = vec![value(&dana), value(&phone), token, SECRET.into(), key];
    secrets.extend(["plainApiKey".into(), "northwind".into(), "Any news".into(), "/r/".into()]);
    for address in &addresses {
        for secret in &secrets {
            assert!(!address.contains(secret.as_str()), "{secret} in {address}");
        }
    }
}
