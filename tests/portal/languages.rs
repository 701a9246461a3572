//! Every page, error and form in every language, and no word of English beside it.

use crate::house::{FORM, Form, House, Page, Visitor, until};
use hotline::server::language::Languages;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path};

const NOWHERE: &str = "th_01KQS44ER0KVVBRC15MBB8ADPP";
const FOREIGN: [&str; 5] = ["de", "fr", "es", "ja", "ar"];

/// The words of a catalogue as they can be found on a page: what a sentence leaves open cuts it.
fn words(language: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/locales").join(language);
    let mut all = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let table: serde_json::Map<String, Value> = serde_json::from_str(&text).unwrap();
        for value in table.values() {
            let pieces = value.as_str().unwrap().split(['{', '}']).map(str::trim);
            all.extend(pieces.filter(|it| it.chars().any(char::is_alphabetic)).map(str::to_owned));
        }
    }
    all
}

/// What somebody sees or hears of a page: text, and the attributes that are words. What it carries for its tab counts, too.
fn shown(page: &Page) -> Vec<String> {
    let mut all = Vec::new();
    for piece in page.body.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap_or((piece, ""));
        all.push(text.to_owned());
        for name in ["aria-label", "placeholder", "title", "alt", "content"] {
            if let Some((_, rest)) = tag.split_once(&format!(" {name}=\"")) {
                all.push(rest.split('"').next().unwrap().to_owned());
            }
        }
    }
    let carried = page.body.split("<script type=\"application/json\" id=\"words\">").nth(1);
    if let Some(carried) = carried {
        let json = carried.split("</script>").next().unwrap();
        all.extend(serde_json::from_str::<Vec<String>>(json).unwrap());
    }
    all.into_iter().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect()
}

/// Nothing of the English catalogue that this language says otherwise.
#[track_caller]
fn is_spoken(what: &str, language: &str, page: &Page) {
    let direction = if language == "ar" { "rtl" } else { "ltr" };
    let root = page.tags().into_iter().find(|tag| tag.starts_with("<html")).unwrap();
    assert!(root.contains(&format!("lang=\"{language}\"")), "{what}: {root}");
    assert!(root.contains(&format!("dir=\"{direction}\"")), "{what}: {root}");
    assert_eq!(page.header("content-language"), language, "{what}");
    assert!(page.header("vary").contains("accept-language"), "{what}: {:?}", page.headers);
    let own = words(language);
    let english: Vec<_> = words("en").into_iter().filter(|it| !own.contains(it)).collect();
    for text in shown(page) {
        for sentence in &english {
            // A single word may stand in what people wrote; as a whole text it is ours.
            let found = match sentence.contains(' ') {
                true => text.contains(sentence.as_str()),
                false => text == *sentence,
            };
            assert!(!found, "{what} in {language} says {sentence:?}: {text}");
        }
    }
}

fn in_language(request: RequestBuilder, language: &str) -> RequestBuilder {
    request.header("accept-language", format!("{language};q=0.9, en;q=0.1"))
}

async fn get(visitor: &Visitor, path: &str, language: &str) -> Page {
    let request = visitor.request(Method::GET, path).header("accept", "text/html");
    Page::of(in_language(request, language).send().await.unwrap()).await
}

async fn post(visitor: &Visitor, path: &str, body: &str, language: &str) -> Page {
    let request = visitor.request(Method::POST, path).header("content-type", FORM);
    let request = in_language(request, language).body(body.to_owned());
    Page::of(request.send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_mixes_languages() {
    let house = House::with(&[("HOTLINE_RATE_LIMITS", "off")]).await;
    let stranger = house.visitor();
    let mut dana = house.visitor();
    // What Dana wrote is hers, in whatever language.
    let form = Form {
        name: "Dana Okafor".into(),
        subject: "4711".into(),
        message: "4712".into(),
        ..Form::new("languages-01")
    };
    let thread = dana.ask(&form).await;
    let own = format!("/t/{thread}");
    let file = format!("/api/support/attachment?threadId={thread}&attachmentId=none");
    house.agent.answer(&thread, "4713", "chat").await;
    until("the answer", async || dana.get(&own).await.body.contains("4713").then_some(())).await;
    let typed =
        |name: &str| format!("name={name}&email=x&topic=&subject=&message=&submission_id=a");
    let long = typed(&"n".repeat(101));
    for language in FOREIGN {
        for (visitor, path, status) in [
            (&stranger, "/", 200),
            (&stranger, "/threads", 200),
            (&stranger, "/nowhere", 404),
            (&stranger, "/r/nothing", 403),
            (&stranger, own.as_str(), 404),
            (&stranger, &file, 401),
            (&dana, "/threads", 200),
            (&dana, own.as_str(), 200),
            (&dana, &format!("/t/{NOWHERE}"), 404),
            (&dana, &file, 404),
        ] {
            let page = get(visitor, path, language).await;
            assert_eq!(page.status, status, "{path}: {page:?}");
            is_spoken(path, language, &page);
        }
        for (visitor, path, body, status) in [
            (&stranger, "/", typed(""), 422),
            (&stranger, "/", long.clone(), 422),
            (&stranger, "/", "%".into(), 422),
            (&dana, own.as_str(), "text=&client_message_id=languages-02".into(), 422),
            (&dana, own.as_str(), "text=4714&client_message_id=".into(), 400),
            (&dana, own.as_str(), "intent=link".into(), 200),
        ] {
            let page = post(visitor, path, &body, language).await;
            assert_eq!(page.status, status, "POST {path} {body}: {page:?}");
            is_spoken(&format!("POST {path} {body}"), language, &page);
        }
    }
    house.close().await;
}

/// A browser that says nothing, or nothing that we speak, reads the first language.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_speaks_its_own_languages() {
    let house = House::with(&[("HOTLINE_LANGUAGES", "fr,ja")]).await;
    let anna = house.visitor();
    for (asked, spoken) in [("de", "fr"), ("*", "fr"), ("ja-JP", "ja"), ("en, ja;q=0.2", "ja")] {
        let request = anna.request(Method::GET, "/").header("accept-language", asked);
        let page = Page::of(request.send().await.unwrap()).await;
        assert_eq!(page.header("content-language"), spoken, "{asked}");
    }
    let page = anna.get("/").await;
    assert!(page.tag("value=\"ja\"").is_some() && page.tag("value=\"de\"").is_none());
    assert_eq!("fr,ja".parse::<Languages>().unwrap().all().len(), 2);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_the_api_are_said_in_the_visitors_language() {
    let house = House::open().await;
    let anna = house.visitor();
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("languages-11")).await;
    let said = async |visitor: &Visitor, method: Method, path: &str, body: &str, language: &str| {
        let request = visitor.request(method, path).header("content-type", FORM);
        let request = in_language(request, language);
        let page = Page::of(request.body(body.to_owned()).send().await.unwrap()).await;
        assert!(page.status >= 400, "{path}: {page:?}");
        page.json()
    };
    let reply = format!("threadId={thread}&text=&client_message_id=languages-12");
    let both = format!("threadId={thread}&after=a&before=b");
    let get = |path: &str| (Method::GET, path.to_owned(), "");
    for (method, path, body) in [
        (Method::POST, "/api/support/create".into(), "name=Ann"),
        (Method::POST, "/api/support/create".into(), ""),
        (Method::POST, "/api/support/reply".into(), reply.as_str()),
        (Method::POST, "/api/support/link".into(), "threadId=th_x"),
        get("/api/support/stream?threadId=x"),
        get("/api/support/nothing"),
        get("/api/support/messages?threadId=x"),
        get("/api/support/messages?threadId=x&threadId=y"),
        get("/api/support/attachment?threadId=x&attachmentId=y"),
    ] {
        let english = said(&anna, method.clone(), &path, body, "en").await;
        let german = said(&anna, method.clone(), &path, body, "de").await;
        for answer in [&english, &german] {
            assert!(!answer["error"].as_str().unwrap().is_empty(), "{method} {path}: {answer}");
        }
        assert_ne!(english["error"], german["error"], "{method} {path}");
        assert_eq!(english["code"], german["code"], "{method} {path}");
        for (one, other) in english["fields"]
            .as_array()
            .into_iter()
            .flatten()
            .zip(german["fields"].as_array().into_iter().flatten())
        {
            assert_eq!(one["field"], other["field"], "{path}");
            assert_ne!(one["message"], other["message"], "{path}");
            assert_ne!(other["message"], "", "{path}");
        }
    }
    // Compressed on its way, it is said again whole, and says so.
    let request = anna.request(Method::GET, "/api/support/messages?threadId=x&threadId=y");
    let request = in_language(request, "de").header("accept-encoding", "gzip, br");
    let page = Page::of(request.send().await.unwrap()).await;
    assert_eq!(page.header("content-encoding"), "", "{page:?}");
    assert!(page.json()["error"].as_str().unwrap().contains("unvollständig"), "{page:?}");
    let wrong = said(&dana, Method::POST, "/api/support/reply", &reply, "ja").await;
    assert_eq!(wrong["error"], "メッセージを入力してください。");
    // For whoever writes programs.
    let both = said(&dana, Method::GET, &format!("/api/support/messages?{both}"), "", "de").await;
    assert_eq!(both["error"], "Give `after` or `before`, not both.");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_switches_are_remembered_and_lead_back() {
    let house = House::open().await;
    let mut anna = house.visitor();
    let page = anna.get("/threads?x=1").await;
    assert_eq!(page.value_of("back"), "/threads?x=1");
    let page = anna.post("/preferences", &[("language", "ar"), ("back", "/threads?x=1")]).await;
    assert_eq!((page.status, page.header("location")), (303, "/threads?x=1"));
    // The switch counts more than what the browser asks for.
    is_spoken("/threads", "ar", &get(&anna, "/threads", "de").await);

    let mut ben = house.visitor();
    let root = |page: &Page| {
        page.tags().into_iter().find(|it| it.starts_with("<html")).unwrap().to_owned()
    };
    let themes =
        |page: &Page| page.tags().into_iter().filter(|it| it.contains("\"theme-color\"")).count();
    let page = ben.get("/").await;
    assert!(!root(&page).contains("data-theme"));
    assert!(page.tag("content=\"light dark\"").is_some());
    assert_eq!(themes(&page), 2);
    ben.post("/preferences", &[("theme", "dark"), ("back", "/")]).await;
    let page = ben.get("/").await;
    assert!(root(&page).contains("data-theme=\"dark\""), "{}", root(&page));
    assert!(page.tag("name=\"color-scheme\"").unwrap().contains("content=\"dark\""));
    assert_eq!(themes(&page), 1);
    assert!(page.tag("value=\"dark\"").unwrap().contains("aria-pressed=\"true\""));
    let page = ben.post("/preferences", &[("theme", "auto"), ("back", "/")]).await;
    assert!(page.header("set-cookie").contains("Max-Age=0"), "{page:?}");

    // Not a choice: nothing is set. Not a path of ours: nowhere else.
    for (fields, back) in [
        ([("language", "xx"), ("back", "//evil.example")], "/"),
        ([("theme", "pink"), ("back", "https://evil.example/")], "/"),
        ([("theme", ""), ("back", "/\\evil.example")], "/"),
        ([("language", "de\r\nX: y"), ("back", "/threads\r\nSet-Cookie: a=b")], "/"),
    ] {
        let page = ben.post("/preferences", &fields).await;
        assert_eq!((page.status, page.header("location")), (303, back), "{fields:?}");
        assert_eq!(page.header("set-cookie"), "", "{fields:?}");
    }
    let foreign = ben.request(Method::POST, "/preferences").header("content-type", FORM);
    let foreign = foreign.header("sec-fetch-site", "cross-site").body("language=de&back=%2F");
    let page = Page::of(foreign.send().await.unwrap()).await;
    assert_eq!((page.status, page.header("set-cookie")), (403, ""));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_dresses_the_portal() {
    let folder = tempfile::tempdir().unwrap();
    let logo = folder.path().join("logo.svg");
    fs::write(&logo, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1 1\"/>").unwrap();
    let logo = logo.display().to_string();
    let house = House::with(&[
        ("HOTLINE_NAME", "Northwind <Help>"),
        ("HOTLINE_ACCENT", "#1a5fb4"),
        ("HOTLINE_LOGO", &logo),
    ])
    .await;
    let anna = house.visitor();
    let page = anna.get("/").await;
    assert!(page.text().contains("Northwind <Help>") && !page.body.contains("<Help>"));
    let linked = |tag: &str, name: &str| {
        let rest = tag.split_once(&format!("{name}=\"")).unwrap().1;
        rest.split('"').next().unwrap().to_owned()
    };
    let tags = page.tags();
    let link = tags.iter().find(|it| it.starts_with("<link") && it.contains("/look/")).unwrap();
    let colours = anna.get(&linked(link, "href")).await;
    assert_eq!(colours.status, 200);
    assert!(colours.body.contains("--accent:#1a5fb4"), "{}", colours.body);
    assert!(colours.header("content-type").starts_with("text/css"));
    let image = tags.iter().find(|it| it.starts_with("<img")).unwrap();
    let picture = anna.get(&linked(image, "src")).await;
    assert_eq!((picture.status, picture.header("content-type")), (200, "image/svg+xml"));
    for file in [&colours, &picture] {
        assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable");
        assert!(file.header("content-security-policy").contains("default-src 'none'"));
    }
    assert_eq!(anna.get("/look/colours-0000000000000000.css").await.status, 404);
    assert_eq!(anna.get("/look/..%2fsecret").await.status, 404);
    house.close().await;
}
