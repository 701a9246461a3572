//! The visitor's rating of a thread that is done.
//!
//! It is kept with the thread, as a thread event of our own machine user: agents read it where they work, and Plain
//! stays the only record. An event cannot be changed, so every vote is one of its own, and the newest counts. Which
//! events are ratings is told by their external id, `hotline-rating:<1-5>:<random>`; the random part is also what keeps
//! a repeated call from voting twice.
//!
//! Only votes change a rating, and all of them pass through here, so what was read or voted is remembered: Plain is asked
//! once a thread, and never for one that is not done.

use super::{Desk, errors, mapping, memory, page::Order, to_the_end};
use crate::{
    domain::{error::DeskError, ids::ThreadId, rating, thread::Status, time::At},
    server::{
        plain::{
            PlainError,
            operations::{NewThreadEvent, Page, ThreadEventPage, ThreadEventRecord},
        },
        session::random_key,
    },
};

/// What the external ids of our ratings begin with.
const MARK: &str = "hotline-rating:";
/// A rating is looked for among so many pages of 100 events, the newest first.
const PAGES: usize = 10;
/// What is remembered of a thread that nobody has rated.
const NONE: &str = "none";

impl Desk {
    /// Rates a thread, 1 to [`rating::BEST`]. A later vote replaces the one before; the same vote again changes nothing.
    /// [`Code::Conflict`](crate::domain::error::Code::Conflict) for a thread that is not done.
    pub async fn rate(&self, thread: &ThreadId, value: u8) -> Result<(), DeskError> {
        let (desk, thread) = (self.clone(), thread.clone());
        to_the_end(Box::pin(async move { desk.rating(&thread, value).await })).await
    }

    async fn rating(&self, thread: &ThreadId, value: u8) -> Result<(), DeskError> {
        if self.opened(thread).await?.thread.status != Status::Done {
            return Err(errors::not_done());
        }
        self.alone_with(thread, self.vote(thread, value)).await.map_err(errors::for_mark)?;
        self.invalidate(thread).await;
        Ok(())
    }

    async fn vote(&self, thread: &ThreadId, value: u8) -> Result<(), PlainError> {
        if self.known_rating(thread).await? == Some(value) {
            return Ok(());
        }
        let best = rating::BEST;
        let event = NewThreadEvent {
            title: format!("Customer rating: {value} of {best}"),
            text: (1..=best).map(|star| if star <= value { '★' } else { '☆' }).collect(),
            external_id: format!("{MARK}{value}:{}", random_key()),
        };
        self.0.plain.create_thread_event(thread.as_str(), event).await?;
        self.note(thread, Some(value)).await;
        Ok(())
    }

    /// The rating to show. One that cannot be read now hides no conversation.
    pub(super) async fn shown_rating(&self, thread: &ThreadId) -> Option<u8> {
        match self.alone_with(thread, self.known_rating(thread)).await {
            Ok(rating) => rating,
            Err(error) => {
                tracing::warn!(%thread, %error, "cannot read the rating of a thread");
                None
            }
        }
    }

    /// What is read and noted down meanwhile is not older than a vote.
    async fn alone_with<T>(
        &self,
        thread: &ThreadId,
        work: impl Future<Output = Result<T, PlainError>>,
    ) -> Result<T, PlainError> {
        let key = key(thread);
        let _turn = self.0.turns.take(&key).await;
        let done = memory::alone(&*self.0.memory, &key, self.patience(), work).await;
        done.unwrap_or(Err(PlainError::Timeout))
    }

    async fn known_rating(&self, thread: &ThreadId) -> Result<Option<u8>, PlainError> {
        if let Ok(Some(known)) = self.0.memory.recall(&key(thread)).await {
            return Ok(rating::read(&known));
        }
        let found = self.find_rating(thread).await?;
        self.note(thread, found).await;
        Ok(found)
    }

    async fn note(&self, thread: &ThreadId, value: Option<u8>) {
        let value = value.map_or_else(|| NONE.into(), |value| value.to_string());
        if let Err(error) = self.0.memory.keep(&key(thread), thread, value).await {
            tracing::warn!(%thread, %error, "a rating cannot be remembered; it is at Plain");
        }
    }

    /// The newest of our ratings at Plain.
    async fn find_rating(&self, thread: &ThreadId) -> Result<Option<u8>, PlainError> {
        let plain = &self.0.plain;
        let mine = self.0.machine_user.get_or_try_init(|| plain.my_machine_user()).await?;
        let mut order = self.0.order.get();
        let mut page = plain.thread_events(thread.as_str(), order.newest()).await?;
        if let Some(shown) = order_of(&page).filter(|shown| *shown != order) {
            order = shown;
            if page.has_next || page.has_previous {
                page = plain.thread_events(thread.as_str(), order.newest()).await?;
            }
        }
        for _ in 1..PAGES {
            if let Some(found) = newest(&page, mine) {
                return Ok(Some(found));
            }
            let Some(older) = older(order, &page) else { return Ok(None) };
            page = plain.thread_events(thread.as_str(), older).await?;
        }
        Ok(newest(&page, mine))
    }
}

fn key(thread: &ThreadId) -> String {
    memory::key("rating", &[thread.as_str()])
}

/// The newest rating on a page. Nobody's but our own machine user's counts, whatever its name.
fn newest(page: &ThreadEventPage, mine: &str) -> Option<u8> {
    let ours = page.events.iter().filter_map(|(_, event)| {
        Some((mapping::at(&event.at)?, &*event.entry_id, value_of(event, mine)?))
    });
    ours.max().map(|(_, _, value)| value)
}

fn value_of(event: &ThreadEventRecord, mine: &str) -> Option<u8> {
    let name =
        event.external_id.as_deref().filter(|_| event.machine_user.as_deref() == Some(mine))?;
    let (value, _) = name.strip_prefix(MARK)?.split_once(':')?;
    rating::read(value)
}

fn order_of(page: &ThreadEventPage) -> Option<Order> {
    let times: Vec<At> =
        page.events.iter().filter_map(|(_, event)| mapping::at(&event.at)).collect();
    Order::shown_by(&times)
}

fn older(order: Order, page: &ThreadEventPage) -> Option<Page> {
    let (first, last) = (page.events.first()?, page.events.last()?);
    match order {
        Order::NewestFirst => page.has_next.then(|| Page::First(Some(last.0.clone()))),
        Order::OldestFirst => page.has_previous.then(|| Page::Last(Some(first.0.clone()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(n: u32, by: Option<&str>, name: &str) -> (String, ThreadEventRecord) {
        let record = ThreadEventRecord {
            entry_id: format!("t_{n}"),
            at: format!("2026-05-04T09:12:{n:02}Z"),
            machine_user: by.map(Into::into),
            external_id: Some(name.into()),
        };
        (format!("c{n}"), record)
    }

    fn page(events: Vec<(String, ThreadEventRecord)>) -> ThreadEventPage {
        ThreadEventPage { events, has_next: false, has_previous: false }
    }

    #[test]
    fn the_newest_of_ours_counts_in_whatever_order() {
        let mine = Some("mu_1");
        let mut events = vec![
            event(1, mine, "hotline-rating:2:a"),
            event(3, mine, "hotline-rating:5:b"),
            event(2, mine, "hotline-rating:1:c"),
            event(4, mine, "hotline-read:t_9"),
            event(5, mine, "hotline-rating:9:d"),
            event(6, Some("mu_2"), "hotline-rating:3:e"),
            event(7, None, "hotline-rating:4:f"),
        ];
        assert_eq!(newest(&page(events.clone()), "mu_1"), Some(5));
        events.reverse();
        assert_eq!(newest(&page(events), "mu_1"), Some(5));
        assert_eq!(newest(&page(vec![event(1, None, "hotline-rating:4:f")]), "mu_1"), None);
        assert_eq!(newest(&page(Vec::new()), "mu_1"), None);
    }
}
