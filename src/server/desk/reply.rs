//! Sending a message of the customer's, once.

use super::{Desk, errors, mapping, memory, to_the_end, uploads::Attached};
use crate::{
    domain::{
        error::DeskError,
        ids::{ClientMessageId, ThreadId},
        message::{Message, Role, SentReply},
        time::At,
    },
    server::{
        markup::{Dialect, render},
        plain::{PlainError, operations::Channel},
    },
};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// How far Plain's clock and ours may be apart when a message is looked for, in milliseconds.
const SKEW_MS: i64 = 30_000;
/// The wait before the second look for a message that Plain took; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What is remembered of a reply.
#[derive(Debug, Serialize, Deserialize)]
enum Told {
    /// Plain took it.
    Sent(SentReply),
    /// Begun at this moment (milliseconds since 1970); how it ended is not known (yet).
    Open(i64),
}

/// What a message says and carries.
#[derive(Debug)]
pub(super) struct Words {
    /// Empty only beside files.
    pub(super) text: String,
    pub(super) files: Vec<Attached>,
}

impl Words {
    /// Only a text.
    pub(super) fn of(text: &str) -> Self {
        Self { text: text.to_owned(), files: Vec::new() }
    }

    /// Whether a message says and carries just this, or says it as it reads where marks mean something. Of files only the sizes are compared: the ids of a second try are
    /// others, and Plain may have its own mind about names.
    fn are_in(&self, message: &Message, marked: Option<&str>) -> bool {
        let mut wanted: Vec<u64> = self.files.iter().map(|file| file.bytes).collect();
        let mut found: Vec<u64> = message.attachments.iter().map(|file| file.bytes).collect();
        wanted.sort_unstable();
        found.sort_unstable();
        let said = message.text.trim() == self.text.trim()
            || marked.is_some_and(|marked| words(&message.text) == marked);
        said && wanted == found
    }
}

impl Desk {
    /// Sends a reply without files; see [`Desk::reply_with`].
    pub async fn reply(
        &self,
        thread: &ThreadId,
        text: &str,
        key: &ClientMessageId,
    ) -> Result<SentReply, DeskError> {
        self.reply_with(thread, text, Vec::new(), key).await
    }

    /// Sends a reply. `text` went through [`check_text`](crate::domain::request::check_text), or is empty beside files.
    /// The same key, text and files (by [`Attached::print`]) are sent once, whoever asks, how often and on which instance, as long as the [`Memory`](memory::Memory) remembers;
    /// what happens where it cannot is told there. Runs to its end even if the caller goes away.
    ///
    /// [`Code::Unknown`](crate::domain::error::Code::Unknown): Plain did not say, and the message is not in the
    /// timeline (yet). Asking again with the same key is safe: it is looked for first.
    pub async fn reply_with(
        &self,
        thread: &ThreadId,
        text: &str,
        files: Vec<Attached>,
        key: &ClientMessageId,
    ) -> Result<SentReply, DeskError> {
        let (desk, thread, key) = (self.clone(), thread.clone(), key.clone());
        let words = Words { text: text.to_owned(), files };
        to_the_end(Box::pin(async move { desk.replying(&thread, &words, &key).await })).await
    }

    async fn replying(
        &self,
        thread: &ThreadId,
        words: &Words,
        key: &ClientMessageId,
    ) -> Result<SentReply, DeskError> {
        self.present(thread).await?;
        let mut parts = vec![thread.as_str(), key.as_str(), words.text.as_str()];
        parts.extend(words.files.iter().map(|file| file.print.as_str()));
        let key = memory::key("reply", &parts);
        let _turn = self.0.turns.take(&key).await;
        let work = self.replying_alone(thread, words, &key);
        memory::alone(&*self.0.memory, &key, self.patience(), work)
            .await
            .unwrap_or_else(|memory::Busy| Err(errors::unknown()))
    }

    /// While nobody else works on the same key.
    async fn replying_alone(
        &self,
        thread: &ThreadId,
        words: &Words,
        key: &str,
    ) -> Result<SentReply, DeskError> {
        let earlier = match self.0.memory.recall(key).await {
            Ok(told) => match told.and_then(|told| serde_json::from_str(&told).ok()) {
                Some(Told::Sent(reply)) => return Ok(reply),
                Some(Told::Open(since)) => Some(since),
                None => self.perhaps_forgotten(),
            },
            Err(error) => {
                tracing::warn!(%thread, %error, "cannot recall a key; looking for the message at Plain");
                Some(self.looked_back())
            }
        };
        let customer = self.customer_of(thread).await?;
        // An earlier try may have arrived after all. If that cannot be found out, it stays open.
        if let Some(since) = earlier {
            match self.find(thread, &customer, words, Some(since), key).await {
                Ok(None) => {}
                Ok(Some(reply)) => {
                    self.tell(thread, key, Told::Sent(reply.clone())).await;
                    self.invalidate(thread).await;
                    return Ok(reply);
                }
                Err(error) => {
                    self.tell(thread, key, Told::Open(since)).await;
                    return Err(errors::for_holder(PlainError::UnknownOutcome(Box::new(error))));
                }
            }
        }
        let since = earlier.unwrap_or_else(now_ms);
        // Before anything is sent: whoever works on this key after an end in the middle of it looks first.
        self.tell(thread, key, Told::Open(since)).await;
        let mut result = self.send(thread, &customer, words, Some(since), key).await;
        if matches!(result, Err(PlainError::Rejected(_) | PlainError::NotFound)) {
            // Locked, gone, or the customer was merged into another: what we knew of the thread is old.
            self.0.customers.invalidate(thread).await;
            let now = self.customer_of(thread).await?;
            if now != customer {
                result = self.send(thread, &now, words, Some(since), key).await;
            }
        }
        if let Ok(reply) = &result {
            self.tell(thread, key, Told::Sent(reply.clone())).await;
        }
        self.invalidate(thread).await;
        self.0.watched.stir(thread);
        result.map_err(errors::for_holder)
    }

    /// Since when to look for a message whose key the memory may have forgotten, because it began only just now.
    fn perhaps_forgotten(&self) -> Option<i64> {
        let look_back = self.looked_back();
        let born = self.0.memory.reaches_back_to()?;
        (born.saturating_sub(SKEW_MS) > look_back).then_some(look_back)
    }

    fn looked_back(&self) -> i64 {
        let look_back = i64::try_from(self.0.settings.look_back.as_millis()).unwrap_or(i64::MAX);
        // The look itself allows for clocks that differ.
        now_ms().saturating_sub(look_back).saturating_add(SKEW_MS)
    }

    /// Sends, and after an unknown outcome looks whether it arrived. [`PlainError::UnknownOutcome`] of
    /// [`PlainError::NotFound`] means: looked, and it is not there.
    pub(super) async fn send(
        &self,
        thread: &ThreadId,
        customer: &str,
        words: &Words,
        since: Option<i64>,
        key: &str,
    ) -> Result<SentReply, PlainError> {
        let error = match self.write(thread, customer, words, since, key).await {
            Err(error @ PlainError::UnknownOutcome(_)) => error,
            known => return known,
        };
        tokio::time::sleep(self.0.settings.settle).await;
        match self.find(thread, customer, words, since, key).await {
            Ok(Some(reply)) => Ok(reply),
            Ok(None) => Err(PlainError::UnknownOutcome(Box::new(PlainError::NotFound))),
            Err(_) => Err(error),
        }
    }

    /// Sends in the way that the thread's channel takes.
    async fn write(
        &self,
        thread: &ThreadId,
        customer: &str,
        words: &Words,
        since: Option<i64>,
        key: &str,
    ) -> Result<SentReply, PlainError> {
        let plain = &self.0.plain;
        let text = words.text.as_str();
        let files: Vec<&str> = words.files.iter().map(|file| file.id.as_str()).collect();
        if self.channel_of(thread).await? == Channel::Chat {
            let chat = plain.send_customer_chat(customer, thread.as_str(), text, &files).await?;
            self.claim(thread, &chat.id, key).await;
            let at = mapping::at(&chat.created_at).unwrap_or_else(now);
            return Ok(SentReply { message_id: chat.id, at });
        }
        let since = since.unwrap_or_else(now_ms);
        plain.reply_as_customer(customer, thread.as_str(), text, &files).await?;
        // Plain has it, and does not say under which id.
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            if let Ok(Some(sent)) = self.find(thread, customer, words, Some(since), key).await {
                return Ok(sent);
            }
            if began.elapsed() + pause > self.0.settings.find_sent {
                tracing::debug!(%thread, "Plain took a message and does not show it yet");
                return Ok(SentReply { message_id: String::new(), at: now() });
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    /// How messages of this thread travel.
    pub(super) async fn channel_of(&self, thread: &ThreadId) -> Result<Channel, PlainError> {
        if let Some(channel) = self.0.channels.get(thread).await {
            return Ok(channel);
        }
        let page = self.0.plain.threads(vec![thread.to_string()], None).await?;
        let record = page.threads.into_iter().find(|record| record.id == thread.as_str());
        let channel = record.ok_or(PlainError::NotFound)?.channel;
        self.0.channels.insert(thread.clone(), channel).await;
        Ok(channel)
    }

    /// Looks among the newest messages for one of this customer's with these words and files, written after `since`, that is
    /// not known to be another one.
    pub(super) async fn find(
        &self,
        thread: &ThreadId,
        customer: &str,
        wanted: &Words,
        since: Option<i64>,
        key: &str,
    ) -> Result<Option<SentReply>, PlainError> {
        let (mut timeline, _) = self.newest(thread).await?;
        // "Me" is the customer whom we wrote for.
        timeline.thread.customer_id = customer.to_owned();
        let since = since.map(|since| At::from_millis(since.saturating_sub(SKEW_MS)));
        let chat = timeline.thread.channel == Channel::Chat;
        let machine_user = self.machine_user_for(&timeline).await;
        let messages = mapping::messages(timeline, machine_user.as_deref());
        // As it reads where Slack's marks mean something.
        let marked = (!chat).then(|| words(&render(wanted.text.clone(), Dialect::Slack).text));
        for message in messages.into_iter().rev() {
            let ours = message.author.role == Role::Customer
                && message.author.me
                && wanted.are_in(&message, marked.as_deref())
                && since.as_ref().is_none_or(|since| message.at >= *since);
            let Some(id) = message.source_id.filter(|_| ours) else { continue };
            // Where nobody can tell, it is taken for ours: rather not sent than sent twice.
            let owner = self.0.memory.recall(&claim_key(&id)).await.ok().flatten();
            if owner.is_none_or(|owner| owner == key) {
                self.claim(thread, &id, key).await;
                return Ok(Some(SentReply { message_id: id, at: message.at }));
            }
        }
        Ok(None)
    }

    /// The customer a thread belongs to. Fails for a thread that was removed or is locked.
    pub(super) async fn customer_of(&self, thread: &ThreadId) -> Result<String, DeskError> {
        if let Some(customer) = self.0.customers.get(thread).await {
            return Ok(customer);
        }
        let ids = vec![thread.to_string()];
        let page = self.0.plain.threads(ids, None).await.map_err(errors::for_holder)?;
        let record = page.threads.into_iter().find(|record| record.id == thread.as_str());
        let record = record.ok_or_else(DeskError::removed)?;
        if record.locked {
            return Err(errors::locked());
        }
        self.0.channels.insert(thread.clone(), record.channel).await;
        self.learn(thread, &record.customer_id).await?;
        Ok(record.customer_id)
    }

    /// Two messages may have the same text: remembers which chat came of which key.
    async fn claim(&self, thread: &ThreadId, chat: &str, key: &str) {
        let kept = self.0.memory.keep(&claim_key(chat), thread, key.to_owned()).await;
        note(thread, kept);
    }

    async fn tell(&self, thread: &ThreadId, key: &str, told: Told) {
        if let Ok(told) = serde_json::to_string(&told) {
            note(thread, self.0.memory.keep(key, thread, told).await);
        }
    }
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn claim_key(chat: &str) -> String {
    format!("chat:{chat}")
}

fn now() -> At {
    At::from_millis(now_ms())
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn note(thread: &ThreadId, kept: Result<(), memory::MemoryError>) {
    if let Err(error) = kept {
        tracing::warn!(%thread, %error, "other instances cannot be told of a message that was sent");
    }
}
