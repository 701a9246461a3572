//! The readers: each follows one thread, is cut off again and again, and comes back with its place to whichever
//! instance answers.

use crate::{PATIENCE, dice::Dice, live, post};
use serde_json::Value;
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

/// Somebody with a thread of their own.
#[derive(Clone)]
pub struct Visitor {
    pub thread: String,
    portals: [String; 2],
    cookie: String,
    http: reqwest::Client,
}

/// What a stream went through, and how far it is from what was sent.
#[derive(Debug, Default)]
pub struct Heard {
    pub messages: usize,
    pub cuts: usize,
    pub refused: usize,
    pub byes: usize,
    pub lost: usize,
    pub twice: usize,
    pub disorder: usize,
    /// Events whose `prev` was not what this reader had.
    pub holes: usize,
    /// Connections that were told of a gap.
    pub gaps: usize,
}

impl Heard {
    pub fn sum(all: &[Heard]) -> Heard {
        let mut sum = Heard::default();
        for one in all {
            sum.messages += one.messages;
            sum.cuts += one.cuts;
            sum.refused += one.refused;
            sum.byes += one.byes;
            sum.lost += one.lost;
            sum.twice += one.twice;
            sum.disorder += one.disorder;
            sum.holes += one.holes;
            sum.gaps += one.gaps;
        }
        sum
    }
}

/// A reader's memory.
struct Memory {
    place: String,
    numbers: Vec<usize>,
    heard: Heard,
}

impl Visitor {
    /// Number `n` opens a request.
    pub async fn ask(portals: &[String; 2], n: usize) -> Self {
        let http = live::client();
        let form = format!(
            "name=Dana&email=dana{n}%40northwind.example&topic=problem&subject=Export&message=It+stops\
             &submission_id=soak-{n:06}"
        );
        let answer = http
            .post(format!("{}/", portals[n % 2]))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 303);
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        Self {
            thread: header("location").trim_start_matches("/t/").to_owned(),
            portals: portals.clone(),
            cookie: header("set-cookie").split(';').next().unwrap().to_owned(),
            http,
        }
    }

    /// Where the thread's history stands.
    pub async fn place(&self) -> String {
        let mut reader = live::Reader::of(self.connect(0, None).await.expect("a stream"));
        reader.expect("connected").await.id.unwrap()
    }

    async fn connect(&self, portal: usize, place: Option<&str>) -> Option<reqwest::Response> {
        let url = format!("{}/api/support/stream?threadId={}", self.portals[portal], self.thread);
        let mut request = self.http.get(url).header("cookie", &self.cookie);
        if let Some(place) = place {
            request = request.header("last-event-id", place);
        }
        let answer =
            tokio::time::timeout(Duration::from_secs(10), request.send()).await.ok()?.ok()?;
        (answer.status() == 200).then_some(answer)
    }

    /// Listens until all messages were there, or nothing more comes although all was sent.
    pub async fn follow(
        self,
        place: String,
        all: usize,
        sent_all: &AtomicBool,
        mut dice: Dice,
    ) -> Heard {
        let mut memory = Memory { place, numbers: Vec::new(), heard: Heard::default() };
        let mut grew = (0, Instant::now());
        while memory.numbers.len() < all {
            if !sent_all.load(Ordering::Relaxed) || memory.numbers.len() > grew.0 {
                grew = (memory.numbers.len(), Instant::now());
            } else if grew.1.elapsed() > PATIENCE {
                break;
            }
            let portal = usize::from(dice.one_in(2));
            let Some(stream) = self.connect(portal, Some(&memory.place)).await else {
                memory.heard.refused += 1;
                tokio::time::sleep(Duration::from_millis(dice.roll(10..100))).await;
                continue;
            };
            let cut = Duration::from_millis(dice.roll(200..3800));
            if tokio::time::timeout(cut, listen(stream, &mut memory, all)).await.is_err() {
                memory.heard.cuts += 1;
            }
        }
        memory.judge(all)
    }
}

/// Reads until the stream ends, or there is nothing more to hear. Cut off at any moment, the memory is whole.
async fn listen(mut stream: reqwest::Response, memory: &mut Memory, all: usize) {
    let mut buffer = Vec::new();
    while memory.numbers.len() < all {
        let Ok(Some(chunk)) = stream.chunk().await else { return };
        buffer.extend_from_slice(&chunk);
        while let Some(end) = buffer.windows(2).position(|two| two == b"\n\n") {
            let frame: Vec<u8> = buffer.drain(..end + 2).collect();
            memory.take(std::str::from_utf8(&frame).unwrap());
        }
    }
}

impl Memory {
    fn take(&mut self, frame: &str) {
        let line = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name));
        let data: Value = serde_json::from_str(line("data: ").expect("data")).unwrap();
        match data["type"].as_str().unwrap() {
            "connected" => {
                self.heard.gaps += usize::from(data["gap"] == true);
                self.heard.holes += usize::from(data["cursor"] != self.place.as_str());
            }
            "webhook" => {
                self.heard.holes += usize::from(data["prev"] != self.place.as_str());
                let text = data["entry"]["text"].as_str().unwrap_or_default();
                self.numbers.extend(post::number(text));
            }
            "bye" => self.heard.byes += 1,
            _ => {}
        }
        if let Some(id) = line("id: ") {
            self.place = id.to_owned();
        }
    }

    fn judge(self, all: usize) -> Heard {
        let mut seen = vec![0usize; all];
        for number in &self.numbers {
            seen[*number] += 1;
        }
        Heard {
            messages: self.numbers.len(),
            lost: seen.iter().filter(|times| **times == 0).count(),
            twice: seen.iter().filter(|times| **times > 1).count(),
            disorder: self.numbers.windows(2).filter(|two| two[0] >= two[1]).count(),
            ..self.heard
        }
    }
}
