//! Files that visitors send, with script and without, and files that the conversation shows.

use crate::{
    house::{Form, House, Page, Visitor, until},
    wire::Bend,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures::{StreamExt, stream};
use reqwest::{Method, multipart};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

const ANNOUNCE: &str = "CreateAttachmentUploadUrl";
/// One transparent pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

fn upload_path(thread: &str, name: &str, bytes: usize) -> String {
    let query = [("threadId", thread), ("fileName", name), ("fileSizeBytes", &bytes.to_string())];
    format!("/api/support/attachments?{}", serde_urlencoded::to_string(query).unwrap())
}

async fn upload(who: &Visitor, thread: &str, name: &str, content: &[u8]) -> Page {
    let path = upload_path(thread, name, content.len());
    who.send(Method::POST, &path, "application/octet-stream", content.to_vec()).await
}

/// Uploads; what the reply has to show.
async fn ticket(who: &Visitor, thread: &str, name: &str, content: &[u8]) -> String {
    let page = upload(who, thread, name, content).await;
    assert_eq!(page.status, 200, "{page:?}");
    page.json()["ticket"].as_str().unwrap().to_owned()
}

async fn say(who: &mut Visitor, thread: &str, text: &str, key: &str, files: &[String]) -> Page {
    let mut fields = vec![("threadId", thread), ("text", text), ("client_message_id", key)];
    fields.extend(files.iter().map(|file| ("attachment_ids[]", file.as_str())));
    who.post("/api/support/reply", &fields).await
}

/// Names and sizes of the files of each of the customer's chats that has any, oldest first.
async fn sent(house: &House, thread: &str) -> Vec<Value> {
    let thread = house.agent.call(Method::GET, &format!("/threads/{thread}"), Value::Null).await;
    let entries = thread["timelineEntries"].as_array().unwrap();
    let files = entries.iter().filter_map(|it| {
        let list = it["entry"]["attachmentIds"].as_array()?;
        (!list.is_empty()).then(|| json!([it["entry"]["text"], list.len()]))
    });
    files.collect()
}

/// The files of the conversation as its visitor gets them.
async fn attachments(who: &Visitor, thread: &str) -> Vec<Value> {
    let page = who.messages(thread).await.json();
    let messages = page["messages"].as_array().unwrap().clone();
    let files = messages.iter().filter_map(|it| it["attachments"].as_array().cloned());
    files.flatten().collect()
}

#[track_caller]
fn refused(page: &Page, status: u16, words: &str) {
    assert_eq!(page.status, status, "{page:?}");
    assert!(page.json()["error"].as_str().unwrap().contains(words), "{page:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_travel_with_a_message() {
    let (house, wire) = House::wired(&[("HOTLINE_REPAIR_MS", "0")]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("uploads-0001")).await;
    // Larger than a piece, and every place different.
    let content: Vec<u8> = (0..700_000u32).flat_map(|n| n.to_be_bytes()).collect();
    let page = upload(&dana, &thread, "Übersicht \u{202e}2026.csv", &content).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert_eq!(page.header("cache-control"), "no-store");
    let answer = page.json();
    assert_eq!(answer["fileName"], "Übersicht 2026.csv");
    assert_eq!((&answer["bytes"], &answer["mimeType"]), (&json!(2_800_000), &json!("text/csv")));
    let input = wire.inputs(ANNOUNCE)[0]["input"].clone();
    assert_eq!(
        (&input["fileSizeBytes"], &input["attachmentType"]),
        (&json!(2_800_000), &json!("CHAT"))
    );
    assert_eq!(input["fileName"], "Übersicht 2026.csv");

    let first = answer["ticket"].as_str().unwrap().to_owned();
    let second = ticket(&dana, &thread, "b.txt", b"second").await;
    assert!(sent(&house, &thread).await.is_empty(), "nothing is said yet");
    // Files alone, sent twice under one key.
    let files = [first, second];
    for _ in 0..2 {
        let page = say(&mut dana, &thread, "  ", "uploads-key-1", &files).await;
        assert_eq!(page.status, 200, "{page:?}");
    }
    assert_eq!(sent(&house, &thread).await, [json!([null, 2])]);
    // Under the same key, other files are another message.
    let third = ticket(&dana, &thread, "c.txt", b"third").await;
    let page = say(&mut dana, &thread, "One more", "uploads-key-1", &[third]).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert_eq!(sent(&house, &thread).await, [json!([null, 2]), json!(["One more", 1])]);

    let files = until("all files", || async {
        let files = attachments(&dana, &thread).await;
        (files.len() == 3).then_some(files)
    })
    .await;
    assert_eq!(files[0]["fileName"], "Übersicht 2026.csv");
    let path = format!(
        "/api/support/attachment?threadId={thread}&attachmentId={}",
        files[0]["id"].as_str().unwrap()
    );
    let to = dana.get(&path).await.header("location").to_owned();
    let fetched = dana.http.get(&to).send().await.unwrap().bytes().await.unwrap();
    assert!(fetched == content, "the file came back changed: {} bytes", fetched.len());
    let part = dana.http.get(&to).header("range", "bytes=262140-262150").send().await.unwrap();
    assert_eq!(part.status(), 206);
    assert!(part.bytes().await.unwrap() == content[262_140..=262_150]);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_taken_is_refused_before_a_byte_is_read() {
    let (house, wire) = House::wired(&[("HOTLINE_UPLOAD_MB", "2")]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("uploads-0002")).await;
    let mut eve = house.visitor();
    let form = Form { email: "eve@other.example".into(), ..Form::new("uploads-0003") };
    let other = eve.ask(&form).await;
    wire.straighten();
    for name in ["a.exe", "A.SCR", "invoice\u{202e}fdp.exe", "a.lnk. ", "x/y.bat"] {
        refused(&upload(&dana, &thread, name, b"hello").await, 422, "can run programs");
    }
    refused(&upload(&dana, &thread, "a.txt", b"").await, 422, "without content");
    let octets = "application/octet-stream";
    for path in [upload_path(&thread, "a.txt", 6), upload_path(&thread, "a.txt", 4)] {
        refused(&dana.send(Method::POST, &path, octets, "hello").await, 400, "Content-Length");
    }
    let path = upload_path(&thread, "a.txt", 5).replace("fileSizeBytes=5", "fileSizeBytes=five");
    refused(&dana.send(Method::POST, &path, octets, "hello").await, 400, "number");
    // Without a length nothing is known beforehand.
    let chunks = stream::iter([Ok::<_, std::io::Error>("hello")]);
    let request = dana.request(Method::POST, &upload_path(&thread, "a.txt", 5));
    let body = reqwest::Body::wrap_stream(chunks);
    refused(&Page::of(request.body(body).send().await.unwrap()).await, 400, "Content-Length");
    // Somebody else's thread, and nobody's.
    refused(&upload(&dana, &other, "a.txt", b"hello").await, 404, "does not exist");
    refused(&upload(&eve, &thread, "a.txt", b"hello").await, 404, "does not exist");
    refused(&upload(&house.visitor(), &thread, "a.txt", b"hello").await, 401, "no session");
    // Another website's page.
    let request = dana.request(Method::POST, &upload_path(&thread, "a.txt", 5));
    let foreign = request.header("origin", "https://evil.example").body("hello");
    assert_eq!(foreign.send().await.unwrap().status(), 403);

    // Too large: the answer is there although not one byte of the file was sent.
    let mut socket = TcpStream::connect(house.portal.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\nContent-Length: 2000001\r\n\r\n",
        upload_path(&thread, "film.mp4", 2_000_001),
        dana.cookie.as_ref().unwrap()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut heard = String::new();
    socket.read_to_string(&mut heard).await.unwrap();
    assert!(heard.starts_with("HTTP/1.1 413 ") && heard.contains("up to 2 MB"), "{heard}");
    assert_eq!(wire.count(ANNOUNCE), 0, "Plain heard of none of this");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_attaches_somebody_elses_file() {
    let house = House::with(&[("HOTLINE_UPLOAD_MB", "1")]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("uploads-0004")).await;
    let second = dana.ask(&Form::new("uploads-0005")).await;
    let mut eve = house.visitor();
    let form = Form { email: "eve@other.example".into(), ..Form::new("uploads-0006") };
    let other = eve.ask(&form).await;
    let own = ticket(&dana, &thread, "own.txt", b"own").await;
    let foreign = ticket(&eve, &other, "foreign.txt", b"foreign").await;
    let elsewhere = ticket(&dana, &second, "elsewhere.txt", b"elsewhere").await;
    // An id that does exist at Plain, as the conversation names it.
    let answer = json!({"text": "x", "files": [{"fileName": "a.txt", "text": "a"}]});
    house.agent.call(Method::POST, &format!("/threads/{thread}/replies"), answer).await;
    let bare = until("the agent's file", || async {
        attachments(&dana, &thread).await.first().map(|it| it["id"].as_str().unwrap().to_owned())
    })
    .await;
    let mut altered = own.clone();
    let last = altered.pop().unwrap();
    altered.push(if last == 'A' { 'Q' } else { 'A' });
    for (nth, bad) in [foreign, elsewhere, bare, altered, String::new()].into_iter().enumerate() {
        let files = [own.clone(), bad];
        let key = format!("uploads-bad-{nth}");
        let page = say(&mut dana, &thread, "mine?", &key, &files).await;
        refused(&page, 403, "not uploaded here");
    }
    let mut large = Vec::new();
    for n in 0..2 {
        large.push(ticket(&dana, &thread, &format!("{n}.bin.txt"), &[n; 600_000]).await);
    }
    refused(&say(&mut dana, &thread, "", "uploads-sum-1", &large).await, 413, "1 MB together");
    let many = vec![own.clone(); 101];
    refused(&say(&mut dana, &thread, "", "uploads-many-1", &many).await, 422, "Up to 100");
    refused(&say(&mut dana, &thread, "", "uploads-none-1", &[]).await, 422, "");
    // The same one twice is one; and other instances with the same secret would know it as well.
    let page = say(&mut dana, &thread, "mine", "uploads-own-1", &[own.clone(), own]).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert_eq!(sent(&house, &thread).await.last(), Some(&json!(["mine", 1])));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_go_into_slack() {
    let settings = [
        ("PLAIN_CHANNEL", "slack"),
        ("PLAIN_SLACK_TEAM_ID", "T0SANDBOX01"),
        ("PLAIN_SLACK_CHANNEL_ID", "C0SANDBOX01"),
    ];
    let (house, wire) = House::wired(&settings).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("uploads-0013")).await;
    let page = dana.get(&format!("/t/{thread}")).await;
    assert!(
        page.tag("data-most=\"50000000\"").is_some(),
        "what Plain takes with a message into Slack"
    );
    let file = ticket(&dana, &thread, "a.txt", b"hello").await;
    assert_eq!(wire.inputs(ANNOUNCE)[0]["input"]["attachmentType"], "SLACK");
    for _ in 0..2 {
        let files = [file.clone()];
        let page = say(&mut dana, &thread, "See the *file*", "uploads-slack-1", &files).await;
        assert_eq!(page.status, 200, "{page:?}");
    }
    assert_eq!(sent(&house, &thread).await, [json!(["See the *file*", 1])]);
    house.close().await;
}

fn file(name: &str, content: &[u8]) -> multipart::Part {
    multipart::Part::bytes(content.to_vec()).file_name(name.to_owned())
}

fn box_with(text: &str, key: &str) -> multipart::Form {
    multipart::Form::new().text("client_message_id", key.to_owned()).text("text", text.to_owned())
}

async fn post_box(who: &Visitor, thread: &str, form: multipart::Form) -> Page {
    let request = who.request(Method::POST, &format!("/t/{thread}"));
    Page::of(request.multipart(form).send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reply_box_takes_files_without_script() {
    let house = House::with(&[("HOTLINE_UPLOAD_MB", "1")]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("uploads-0007")).await;
    let page = dana.get(&format!("/t/{thread}")).await;
    let input = page.tag("name=\"files\"").expect("a box for files");
    assert!(input.contains("type=\"file\"") && input.contains(" multiple"), "{input}");
    let form = page.tag("class=\"composer\"").unwrap();
    assert!(form.contains("enctype=\"multipart/form-data\""), "{form}");

    // As a browser sends it in which no file was chosen.
    let none = box_with("Only words", "box-key-0001").part("files", file("", b""));
    assert_eq!(post_box(&dana, &thread, none).await.status, 303);
    let two = || {
        box_with("See both", "box-key-0002")
            .part("files", file("a.png", &STANDARD.decode(PIXEL).unwrap()))
            .part("files", file("b.csv", &[b'-'; 300_000]))
    };
    // Sent twice: the files are announced anew, the message is the same.
    for _ in 0..2 {
        let page = post_box(&dana, &thread, two()).await;
        assert_eq!((page.status, page.header("location")), (303, &*format!("/t/{thread}")));
    }
    assert_eq!(sent(&house, &thread).await, [json!(["See both", 2])]);

    for (key, form, status, words) in [
        (
            "box-key-0003",
            box_with("kept 1", "box-key-0003").part("files", file("a.exe", b"x")),
            422,
            "can run programs",
        ),
        (
            "box-key-0004",
            box_with("kept 2", "box-key-0004").part("files", file("a.txt", b"")),
            422,
            "without content",
        ),
        (
            "box-key-0005",
            box_with("kept 3", "box-key-0005").part("files", file("a.txt", &[0; 1_000_001])),
            413,
            "up to 1 MB",
        ),
        (
            "box-key-0006",
            box_with("kept 4", "box-key-0006")
                .part("files", file("a.txt", &[0; 600_000]))
                .part("files", file("b.txt", &[0; 600_000])),
            413,
            "1 MB together",
        ),
    ] {
        let page = post_box(&dana, &thread, form).await;
        assert_eq!(page.status, status, "{page:?}");
        assert!(page.text().contains(words), "{}", page.text());
        let kept =
            format!("kept {}", key.strip_prefix("box-key-000").unwrap().parse::<u8>().unwrap() - 2);
        assert_eq!((page.area_of("text"), page.value_of("client_message_id")), (kept, key.into()));
    }
    let mut eve = house.visitor();
    let form = Form { email: "eve@other.example".into(), ..Form::new("uploads-0008") };
    eve.ask(&form).await;
    assert_eq!(post_box(&eve, &thread, two()).await.status, 404);
    assert_eq!(sent(&house, &thread).await.len(), 1);
    house.close().await;
}

/// An agent's answer with a file; its id.
async fn shown(house: &House, who: &Visitor, thread: &str, name: &str, base64: &str) -> String {
    let body = json!({"text": "See the file.", "files": [{"fileName": name, "base64": base64}]});
    house.agent.call(Method::POST, &format!("/threads/{thread}/replies"), body).await;
    until("the file", || async {
        let files = attachments(who, thread).await;
        let file = files.iter().find(|it| it["fileName"] == name)?;
        Some(file["id"].as_str().unwrap().to_owned())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_run_is_shown_here() {
    let (house, wire) = House::wired(&[]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("uploads-0009")).await;
    let path = |file: &str| {
        format!("/api/support/attachment?threadId={thread}&attachmentId={file}&inline=1")
    };
    let picture = STANDARD.decode(PIXEL).unwrap();
    let file = shown(&house, &dana, &thread, "pixel.png", PIXEL).await;
    wire.straighten();
    let ask = |range: Option<&'static str>| {
        let request = dana.request(Method::GET, &path(&file)).header("accept-encoding", "br, gzip");
        range.map_or(request.try_clone().unwrap(), |range| request.header("range", range)).send()
    };
    let whole = ask(None).await.unwrap();
    assert_eq!(whole.status(), 200);
    for (name, value) in [
        ("content-type", "image/png"),
        ("content-disposition", "inline"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "private, max-age=300"),
        ("accept-ranges", "bytes"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(whole.headers()[name], value, "{name}");
    }
    let policy = whole.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("sandbox; default-src 'none'"), "{policy}");
    assert!(
        whole.headers().get("set-cookie").is_none() && whole.headers().get("location").is_none()
    );
    assert_eq!(whole.content_length(), Some(picture.len() as u64));
    assert!(whole.bytes().await.unwrap() == picture);
    for (range, status, part, from, to) in [
        ("bytes=0-9", 206, "bytes 0-9/70", 0, 10),
        ("bytes=60-", 206, "bytes 60-69/70", 60, 70),
        ("bytes=-5", 206, "bytes 65-69/70", 65, 70),
        ("bytes=0-1,3-4", 200, "", 0, 70),
    ] {
        let answer = ask(Some(range)).await.unwrap();
        let told = answer.headers().get("content-range").map(|it| it.to_str().unwrap().to_owned());
        assert_eq!((answer.status().as_u16(), told.unwrap_or_default()), (status, part.to_owned()));
        assert!(answer.bytes().await.unwrap() == picture[from..to], "{range}");
    }
    let beyond = ask(Some("bytes=70-")).await.unwrap();
    assert_eq!(
        (beyond.status(), &beyond.headers()["content-range"]),
        (416.try_into().unwrap(), &"bytes */70".parse().unwrap())
    );
    assert_eq!(wire.count("CreateAttachmentDownloadUrl"), 1, "pieces cost Plain nothing");

    for (name, words) in [
        ("page.html", "not shown here"),
        ("drawing.svg", "not shown here"),
        ("notes.txt", "not shown here"),
        ("picture.png.exe", "can run programs"),
    ] {
        let Some(file) = (match name.ends_with(".exe") {
            true => None,
            false => Some(shown(&house, &dana, &thread, name, PIXEL).await),
        }) else {
            continue;
        };
        refused(&dana.get(&path(&file)).await, 403, words);
    }
    let mut eve = house.visitor();
    let form = Form { email: "eve@other.example".into(), ..Form::new("uploads-0010") };
    eve.ask(&form).await;
    refused(&eve.get(&path(&file)).await, 404, "does not exist");
    refused(&house.visitor().get(&path(&file)).await, 401, "no session");
    for (scan, status) in [("INFECTED", 403), ("FAILED", 403), ("PENDING", 503)] {
        house.agent.faults(json!({"files": {"scan": scan}})).await;
        let name = format!("{scan}.png").to_lowercase();
        let file = shown(&house, &dana, &thread, &name, PIXEL).await;
        let page = dana.get(&path(&file)).await;
        assert_eq!(page.status, status, "{scan}: {page:?}");
        assert_eq!(page.header("content-type"), "application/json");
    }
    house.close().await;
}

/// A storage that takes one upload as slowly as it is told, and answers with a status.
struct Storage {
    url: String,
    /// Bytes that it read.
    read: Arc<AtomicUsize>,
    /// The whole request, once it ended.
    heard: mpsc::UnboundedReceiver<Vec<u8>>,
}

impl Storage {
    /// Reads so many bytes at once, each time after `pause`; answers after a whole request.
    async fn open(step: usize, pause: Duration, status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/form", listener.local_addr().unwrap());
        let read = Arc::new(AtomicUsize::new(0));
        let (tell, heard) = mpsc::unbounded_channel();
        let count = read.clone();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let (mut all, mut wanted) = (Vec::new(), usize::MAX);
                let mut step = vec![0; step];
                while all.len() < wanted {
                    tokio::time::sleep(pause).await;
                    let n = socket.read(&mut step).await.unwrap_or(0);
                    if n == 0 {
                        break;
                    }
                    count.fetch_add(n, SeqCst);
                    all.extend_from_slice(&step[..n]);
                    if let Some(end) = all
                        .windows(4)
                        .position(|it| it == b"\r\n\r\n")
                        .filter(|_| wanted == usize::MAX)
                    {
                        let head = String::from_utf8_lossy(&all[..end]).to_lowercase();
                        let length =
                            head.lines().find_map(|it| it.strip_prefix("content-length: "));
                        wanted = end + 4 + length.expect("a length").parse::<usize>().unwrap();
                    }
                }
                let answer = format!(
                    "HTTP/1.1 {status} Told\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                );
                let _ = socket.write_all(answer.as_bytes()).await;
                let _ = tell.send(all);
            }
        });
        Self { url, read, heard }
    }

    /// What Plain answers to an announcement.
    fn announced(&self) -> &'static str {
        let answer = json!({"data": {"createAttachmentUploadUrl": {
            "attachmentUploadUrl": {
                "attachment": {"id": "att_01KQS44ER0KVVBRC15MBB8ADPP"},
                "uploadFormUrl": self.url,
                "uploadFormData": [{"key": "acl", "value": "private"}, {"key": "Policy", "value": "p=="}],
            },
            "error": null,
        }}});
        answer.to_string().leak()
    }
}

/// A body of this length in chunks, and how much of it was asked for.
fn counted(bytes: usize) -> (reqwest::Body, Arc<AtomicUsize>) {
    const CHUNK: usize = 64 * 1024;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let chunks = stream::iter((0..bytes).step_by(CHUNK)).map(move |from| {
        let length = CHUNK.min(bytes - from);
        count.fetch_add(length, SeqCst);
        Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; length]))
    });
    (reqwest::Body::wrap_stream(chunks), asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_is_never_held_however_slow_the_storage() {
    const SIZE: usize = 64_000_000;
    /// What the kernel may hold on four sockets, with room.
    const BETWEEN: usize = 28_000_000;
    let (house, wire) = House::wired(&[]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("uploads-0011")).await;
    let mut storage = Storage::open(256 * 1024, Duration::from_millis(4), 204).await;
    let announced = storage.announced();
    wire.bend(move |operation, _| match operation {
        ANNOUNCE => Bend::Answer(200, "application/json", announced),
        _ => Bend::Straight,
    });
    let (body, asked) = counted(SIZE);
    let most = Arc::new(AtomicU64::new(0));
    let (taken, read, lag) = (asked.clone(), storage.read.clone(), most.clone());
    let watch = tokio::spawn(async move {
        loop {
            // In this order: what is read meanwhile only makes the lag look smaller.
            let taken = taken.load(SeqCst);
            lag.fetch_max(taken.saturating_sub(read.load(SeqCst)) as u64, SeqCst);
            tokio::task::yield_now().await;
        }
    });
    let request = dana.request(Method::POST, &upload_path(&thread, "film.mp4", SIZE));
    let request = request.header("content-length", SIZE).body(body);
    let page = Page::of(request.send().await.unwrap()).await;
    watch.abort();
    assert_eq!(page.status, 200, "{page:?}");
    let heard = storage.heard.recv().await.unwrap();
    let most = usize::try_from(most.load(SeqCst)).unwrap();
    assert!(most < BETWEEN, "{most} bytes were taken from the sender and not passed on");

    let end = heard.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&heard[..end]).to_lowercase();
    assert!(!head.contains("authorization") && !head.contains("cookie"), "{head}");
    assert!(!head.contains("transfer-encoding"), "{head}");
    let body = String::from_utf8_lossy(&heard[end..]);
    let places: Vec<_> = ["name=\"acl\"", "name=\"Policy\"", "name=\"file\""]
        .iter()
        .map(|it| body.find(it).unwrap())
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(body.matches('x').count() >= SIZE);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_fails_is_told_and_nothing_is_left() {
    let (house, wire) = House::wired(&[]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("uploads-0012")).await;
    let mut storage = Storage::open(64 * 1024, Duration::ZERO, 403).await;
    let announced = storage.announced();
    wire.bend(move |operation, _| match operation {
        ANNOUNCE => Bend::Answer(200, "application/json", announced),
        _ => Bend::Straight,
    });
    refused(&upload(&dana, &thread, "a.txt", b"hello").await, 503, "cannot take files right now");
    assert!(!storage.heard.recv().await.unwrap().is_empty());

    // The sender goes away in the middle: the storage never gets a whole request.
    let mut socket = TcpStream::connect(house.portal.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\nContent-Length: 1000000\r\n\r\n",
        upload_path(&thread, "film.mp4", 1_000_000),
        dana.cookie.as_ref().unwrap()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&[b'x'; 300_000]).await.unwrap();
    let read = storage.read.clone();
    let before = read.load(SeqCst);
    until("the first bytes", || async { (read.load(SeqCst) > before + 1000).then_some(()) }).await;
    drop(socket);
    let heard = storage.heard.recv().await.unwrap();
    assert!(heard.len() < 1_000_000, "{}", heard.len());

    // Addresses to which no file is sent, refusals of Plain's, and a Plain that is away.
    let announce = |url: &str| -> &'static str { announced.replace(&storage.url, url).leak() };
    let fault = |code: &str| -> &'static str {
        json!({"data": {"createAttachmentUploadUrl": {"attachmentUploadUrl": null, "error":
            {"type": "VALIDATION", "code": code, "message": "PLANTED", "fields": []}}}})
        .to_string()
        .leak()
    };
    for (status, answer, wanted) in [
        (200, announce("http://files.example/form"), 503),
        (200, announce("https://ada:secret@files.example/form"), 503),
        (200, announce("file:///etc/passwd"), 503),
        (200, fault("attachment_file_type_not_allowed"), 422),
        (200, fault("attachment_file_size_too_large"), 413),
        (200, fault("forbidden"), 503),
        (500, "PLANTED", 503),
    ] {
        wire.bend(move |operation, _| match operation {
            ANNOUNCE => Bend::Answer(status, "application/json", answer),
            _ => Bend::Straight,
        });
        let page = upload(&dana, &thread, "a.txt", b"hello").await;
        assert_eq!(page.status, wanted, "{answer}: {page:?}");
        assert!(!page.body.contains("PLANTED"));
    }
    assert!(sent(&house, &thread).await.is_empty());
    house.close().await;
}
