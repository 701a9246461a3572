//! Opening a request: customer, thread, first message. One submission gives one thread, however often it is sent
//! and wherever it stopped.

use super::{Desk, errors, memory, reply::Words, to_the_end};
use crate::{
    domain::{error::DeskError, ids::ThreadId, request::Request},
    server::plain::{
        PlainError,
        operations::{Channel, NewThread},
    },
};

impl Desk {
    /// Opens the request's thread with its first message, or goes on where an earlier try with the same
    /// `submission_id` stopped. Runs to its end even if the caller goes away.
    ///
    /// [`Code::Unknown`](crate::domain::error::Code::Unknown) and
    /// [`Code::Unavailable`](crate::domain::error::Code::Unavailable): send it again with the same `submission_id`.
    pub async fn open_request(&self, request: &Request) -> Result<ThreadId, DeskError> {
        let (desk, request) = (self.clone(), request.clone());
        to_the_end(Box::pin(async move { desk.opening(&request).await })).await
    }

    async fn opening(&self, request: &Request) -> Result<ThreadId, DeskError> {
        let submission = request.submission_id.as_str();
        // An id alone gives nobody another person's thread: the address belongs to the key, here and at Plain.
        let turn = memory::key("opening", &[&request.email, submission]);
        let _turn = self.0.turns.take(&turn).await;
        let work = self.opening_alone(request);
        memory::alone(&*self.0.memory, &turn, self.patience(), work)
            .await
            .unwrap_or_else(|memory::Busy| Err(errors::unknown()))
    }

    /// While nobody else works on the same submission.
    async fn opening_alone(&self, request: &Request) -> Result<ThreadId, DeskError> {
        let submission = request.submission_id.as_str();
        // The text belongs to it too: a corrected text under an old id is a further message, not a lost one.
        let done = memory::key(
            "opened",
            &[&request.email, submission, &request.subject, &request.message],
        );
        // What the memory cannot tell, Plain can: all below is found by reading back.
        let known = self.0.memory.recall(&done).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot recall a submission; looking for it at Plain");
            None
        });
        if let Some(known) = known.and_then(|id| ThreadId::parse(id).ok()) {
            tracing::debug!(thread = %known, "this submission is done already");
            return Ok(known);
        }
        let plain = &self.0.plain;
        let customer = plain
            .upsert_customer(&request.name, &request.email)
            .await
            .map_err(errors::for_visitor)?;
        // Whoever sends the form chooses its id, and threads of other origin may have ids that can be guessed
        // (`invoice-0042`): under a hash, a submission only ever meets the thread that it made itself.
        let external_id = memory::key("hotline", &[&request.email, submission]);
        let topic = self.0.settings.topics.get(&request.topic);
        let new = NewThread {
            customer_id: &customer.id,
            title: &request.subject,
            external_id: &external_id,
            description: topic.map_or("", |topic| topic.told()),
            slack: self.0.settings.slack.as_ref(),
            labels: topic.map_or(&[], |topic| &topic.labels),
            priority: topic.and_then(|topic| topic.priority),
        };
        // A customer who did not exist has no thread.
        let earlier = match customer.created {
            true => None,
            false => plain
                .thread_by_external_id(&customer.id, &external_id)
                .await
                .map_err(errors::for_visitor)?,
        };
        let (id, fresh) = match earlier {
            Some(id) => (id, false),
            None => self.create(new).await.map_err(errors::for_visitor)?,
        };
        let Ok(thread) = ThreadId::parse(id) else {
            tracing::warn!("Plain named a thread in a way that cannot be used");
            return Err(DeskError::unavailable());
        };
        if fresh {
            let channel = if new.slack.is_some() { Channel::Slack } else { Channel::Chat };
            self.0.channels.insert(thread.clone(), channel).await;
        }
        self.learn(&thread, &customer.id).await?;
        let words = Words::of(&request.message);
        let sent = match fresh {
            true => None,
            false => self
                .find(&thread, &customer.id, &words, None, &done)
                .await
                .map_err(errors::half_open)?,
        };
        if sent.is_none() {
            let mut result = self.send(&thread, &customer.id, &words, None, &done).await;
            if matches!(result, Err(PlainError::UnknownOutcome(ref cause)) if cause.word() == "not_found")
            {
                // Read back, and it is not there: once more.
                result = self.send(&thread, &customer.id, &words, None, &done).await;
            }
            self.invalidate(&thread).await;
            result.map_err(errors::half_open)?;
        }
        if let Err(error) = self.0.memory.keep(&done, &thread, thread.to_string()).await {
            tracing::warn!(%thread, %error, "other instances cannot be told of a submission that is done");
        }
        tracing::info!(%thread, fresh, "opened a request");
        Ok(thread)
    }

    /// Makes the thread; whether it is fresh, that is surely without a message. The external id is unique, so a
    /// second try cannot make a second thread.
    async fn create(&self, new: NewThread<'_>) -> Result<(String, bool), PlainError> {
        let plain = &self.0.plain;
        for last in [false, true] {
            let error = match plain.create_thread(new).await {
                Ok(id) => return Ok((id, true)),
                Err(error) => error,
            };
            let open = matches!(error, PlainError::UnknownOutcome(_));
            // Refused: perhaps because another instance was faster.
            if !open && !matches!(error, PlainError::Rejected(_)) {
                return Err(error);
            }
            if open {
                tokio::time::sleep(self.0.settings.settle).await;
            }
            match plain.thread_by_external_id(new.customer_id, new.external_id).await {
                Ok(Some(id)) => return Ok((id, false)),
                Ok(None) if open && !last => {}
                _ => return Err(error),
            }
        }
        Err(PlainError::Unreachable)
    }
}
