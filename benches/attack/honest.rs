//! One visitor and one agent who just want to talk.

use crate::{
    delivery::delivery,
    process::{SECRET, Stage},
};
use hotline::server::webhook::signature::Secret;
use serde_json::Value;
use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

/// How often the agent says something, and the visitor looks and replies.
const PAUSE: Duration = Duration::from_millis(20);
const FORM: &str = "application/x-www-form-urlencoded";

pub struct Conversation {
    portal: String,
    pub thread: String,
    cookie: String,
    http: reqwest::Client,
    said: AtomicU32,
    heard: Arc<Mutex<HashMap<String, Vec<Instant>>>>,
}

impl Conversation {
    pub async fn begin(stage: &Stage) -> Self {
        let portal = stage.portal.clone();
        let nowhere = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().no_proxy().redirect(nowhere).build().unwrap();
        let form = "name=Dana&email=dana%40northwind.example&topic=problem&subject=Export&message=It+stops\
                    &submission_id=honest-00001";
        let request = http.post(format!("{portal}/")).header("content-type", FORM).body(form);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 303);
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        let thread = header("location").trim_start_matches("/t/").to_owned();
        let cookie = header("set-cookie").split(';').next().unwrap().to_owned();
        let conversation =
            Self { portal, thread, cookie, http, said: AtomicU32::new(0), heard: Arc::default() };
        conversation.listen().await;
        conversation
    }

    /// Notes when each event comes, and comes back as a browser does when the stream ends.
    async fn listen(&self) {
        let (http, cookie, heard) = (self.http.clone(), self.cookie.clone(), self.heard.clone());
        let url = format!("{}/api/support/stream?threadId={}", self.portal, self.thread);
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        let mut ready = Some(ready);
        tokio::spawn(async move {
            let mut last: Option<String> = None;
            loop {
                let mut request = http.get(&url).header("cookie", &cookie);
                if let Some(id) = &last {
                    request = request.header("last-event-id", id);
                }
                let Ok(mut response) = request.send().await else { continue };
                assert_eq!(response.status(), 200, "the honest stream is let in");
                let mut buffer = Vec::new();
                while let Ok(Some(chunk)) = response.chunk().await {
                    let now = Instant::now();
                    buffer.extend_from_slice(&chunk);
                    while let Some(end) = buffer.windows(2).position(|two| two == b"\n\n") {
                        let frame: Vec<u8> = buffer.drain(..end + 2).collect();
                        for line in String::from_utf8(frame).unwrap().lines() {
                            if let Some(id) = line.strip_prefix("id: ") {
                                last = Some(id.to_owned());
                            }
                            let Some(data) = line.strip_prefix("data: ") else { continue };
                            let data: Value = serde_json::from_str(data).unwrap();
                            if let Some(ready) = ready.take() {
                                let _ = ready.send(());
                            }
                            if let Some(id) = data["eventId"].as_str() {
                                heard.lock().unwrap().entry(id.to_owned()).or_default().push(now);
                            }
                        }
                    }
                }
            }
        });
        is_ready.await.unwrap();
    }

    /// A signed delivery for this thread.
    pub fn delivery(&self, event: &str, text: &str) -> (String, String) {
        let number = event.trim_start_matches("pEv_");
        delivery(&Secret::new(SECRET).unwrap(), number, &self.thread, text)
    }

    /// The agent answers again and again, the visitor looks at the page and replies now and then.
    pub async fn talk_for(&self, time: Duration) -> Figures {
        let began = Instant::now();
        let mut sent = Vec::new();
        let mut figures = Figures::default();
        while began.elapsed() < time {
            let n = self.said.load(Ordering::Relaxed);
            sent.push(self.deliver(&mut figures).await);
            if n.is_multiple_of(10) {
                figures.pages.push(self.look().await);
            }
            tokio::time::sleep(PAUSE).await;
        }
        figures.replies.push(self.reply().await);
        self.hear(sent, &mut figures).await;
        figures
    }

    /// Deliveries only: what works without Plain.
    pub async fn deliver_for(&self, time: Duration) -> Figures {
        let began = Instant::now();
        let mut sent = Vec::new();
        let mut figures = Figures::default();
        while began.elapsed() < time {
            sent.push(self.deliver(&mut figures).await);
            tokio::time::sleep(PAUSE).await;
        }
        self.hear(sent, &mut figures).await;
        figures
    }

    /// Posts one delivery; its event and when it went.
    async fn deliver(&self, figures: &mut Figures) -> (String, Instant) {
        let n = self.said.fetch_add(1, Ordering::Relaxed);
        let event = format!("pEv_{n:026}");
        let (body, signature) = self.delivery(&event, &format!("Answer {n}"));
        let at = Instant::now();
        let request = self
            .http
            .post(format!("{}/api/webhooks/plain", self.portal))
            .header("content-type", "application/json")
            .header("plain-request-signature", signature)
            .body(body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "a signed delivery is taken");
        figures.acknowledged.push(at.elapsed());
        (event, at)
    }

    /// Waits until all of them have come, each once.
    async fn hear(&self, sent: Vec<(String, Instant)>, figures: &mut Figures) {
        let deadline = Instant::now() + Duration::from_secs(20);
        for (event, at) in sent {
            loop {
                let heard = self.heard.lock().unwrap().get(&event).cloned();
                if let Some(heard) = heard {
                    assert_eq!(heard.len(), 1, "{event} came more than once");
                    figures.shown.push(heard[0].saturating_duration_since(at));
                    break;
                }
                assert!(Instant::now() < deadline, "{event} never came");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    async fn look(&self) -> Duration {
        let began = Instant::now();
        let request = self.http.get(format!("{}/t/{}", self.portal, self.thread));
        let page = request.header("cookie", &self.cookie).send().await.unwrap();
        assert_eq!(page.status(), 200, "the honest visitor sees the page");
        page.bytes().await.unwrap();
        began.elapsed()
    }

    async fn reply(&self) -> Duration {
        let began = Instant::now();
        let n = self.said.load(Ordering::Relaxed);
        let request = self.http.post(format!("{}/t/{}", self.portal, self.thread));
        let body = format!("text=Still+here+{n}&client_message_id=honest-reply-{n}");
        let request = request.header("cookie", &self.cookie).header("content-type", FORM);
        let answer = request.body(body).send().await.unwrap();
        assert_eq!(answer.status(), 303, "the honest visitor may reply");
        began.elapsed()
    }

    /// Every event that was ever said was heard, once.
    pub async fn still_whole(&self) {
        let heard = self.heard.lock().unwrap();
        for n in 0..self.said.load(Ordering::Relaxed) {
            assert_eq!(heard.get(&format!("pEv_{n:026}")).map(Vec::len), Some(1), "event {n}");
        }
    }
}

#[derive(Default)]
pub struct Figures {
    acknowledged: Vec<Duration>,
    shown: Vec<Duration>,
    pages: Vec<Duration>,
    replies: Vec<Duration>,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            ("webhook→ack", &self.acknowledged),
            ("webhook→frame", &self.shown),
            ("page", &self.pages),
            ("reply", &self.replies),
        ];
        for (name, times) in all.into_iter().filter(|(_, times)| !times.is_empty()) {
            let mut times = times.clone();
            times.sort_unstable();
            let at = |share: f64| {
                let place = ((times.len() as f64 * share) as usize).min(times.len() - 1);
                times[place].as_secs_f64() * 1000.0
            };
            write!(f, "{name} p50 {:.2} p99 {:.2} ms (n={})  ", at(0.5), at(0.99), times.len())?;
        }
        Ok(())
    }
}
