//! The sender of webhooks: one thread's messages, one after the other, each until it is taken.

use crate::{
    delivery::delivery,
    dice::Dice,
    live::{self, SECRET},
};
use hotline::server::webhook::signature::Secret;
use serde_json::Value;
use std::{ops::AddAssign, time::Duration};

/// The text of a message, number `n` of its thread.
pub fn text(n: usize) -> String {
    format!("soak {n}")
}

/// The number in a message's text; none if it is not one of ours.
pub fn number(text: &str) -> Option<usize> {
    text.strip_prefix("soak ")?.parse().ok()
}

/// What it took.
#[derive(Debug, Default)]
pub struct Sent {
    pub posts: usize,
    /// Posts that nobody took: refused, or without an answer.
    pub again: usize,
    /// Posts of an event that was taken already.
    pub doubled: usize,
    /// How often an instance said that it knew the event.
    pub duplicates: usize,
}

impl AddAssign for Sent {
    fn add_assign(&mut self, other: Self) {
        self.posts += other.posts;
        self.again += other.again;
        self.doubled += other.doubled;
        self.duplicates += other.duplicates;
    }
}

pub struct Post {
    portals: [String; 2],
    thread: String,
    /// Tells this thread's ids from the others'.
    n: usize,
    http: reqwest::Client,
    secret: Secret,
}

impl Post {
    pub fn new(portals: &[String; 2], thread: &str, n: usize) -> Self {
        Self {
            portals: portals.clone(),
            thread: thread.into(),
            n,
            http: live::client(),
            secret: Secret::new(SECRET).unwrap(),
        }
    }

    /// Sends so many messages, in order: the next one only when one was taken.
    pub async fn send(self, messages: usize, mut dice: Dice) -> Sent {
        let mut sent = Sent::default();
        for m in 0..messages {
            tokio::time::sleep(Duration::from_millis(dice.roll(50..350))).await;
            while !self.attempt(m, &mut dice, &mut sent).await {
                sent.again += 1;
                tokio::time::sleep(Duration::from_millis(dice.roll(20..200))).await;
            }
            if dice.one_in(20) {
                sent.doubled += 1;
                self.attempt(m, &mut dice, &mut sent).await;
            }
        }
        sent
    }

    async fn attempt(&self, m: usize, dice: &mut Dice, sent: &mut Sent) -> bool {
        sent.posts += 1;
        let portal = &self.portals[usize::from(dice.one_in(2))];
        let number = format!("{:013}{m:013}", self.n);
        let (body, signature) = delivery(&self.secret, &number, &self.thread, &text(m));
        let request = self
            .http
            .post(format!("{portal}/api/webhooks/plain"))
            .header("content-type", "application/json")
            .header("plain-request-signature", signature)
            .timeout(Duration::from_secs(10))
            .body(body);
        let Ok(answer) = request.send().await else { return false };
        if !answer.status().is_success() {
            return false;
        }
        // Plain looks at the status alone: whoever loses the rest of the answer was heard all the same.
        let told = answer.bytes().await.unwrap_or_default();
        let told: Value = serde_json::from_slice(&told).unwrap_or_default();
        sent.duplicates += usize::from(told["outcome"] == "duplicate");
        true
    }
}
