//! A page of a thread's events, which only agents see: for finding our own again.

use super::Page;
use crate::server::plain::{PlainClient, PlainError, client::Kind};
use graphql_client::GraphQLQuery;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/server/plain/schema.graphql",
    query_path = "src/server/plain/operations/thread_events.graphql",
    response_derives = "Debug, Clone",
    fragments_other_variant = "true",
    skip_serializing_none
)]
struct ThreadEvents;

/// One event, unchecked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadEventRecord {
    /// The timeline entry.
    pub entry_id: String,
    /// ISO 8601.
    pub at: String,
    /// The machine user that made it; none where somebody else did.
    pub machine_user: Option<String>,
    /// What its maker called it.
    pub external_id: Option<String>,
}

/// A page of events.
#[derive(Debug, Clone)]
pub struct ThreadEventPage {
    /// Cursor and event, in Plain's order.
    pub events: Vec<(String, ThreadEventRecord)>,
    /// More follows in Plain's order.
    pub has_next: bool,
    /// More precedes in Plain's order.
    pub has_previous: bool,
}

impl PlainClient {
    /// At most 100 events of a thread. [`PlainError::NotFound`] if there is no such thread.
    pub async fn thread_events(
        &self,
        thread_id: &str,
        page: Page,
    ) -> Result<ThreadEventPage, PlainError> {
        use thread_events::*;
        let size = Some(100);
        let (first, after, last, before) = match page {
            Page::First(after) => (size, after, None, None),
            Page::Last(before) => (None, None, size, before),
        };
        let variables = Variables { thread_id: thread_id.into(), first, after, last, before };
        let data = self.run::<ThreadEvents>(Kind::Repeatable, variables, Some(thread_id)).await?;
        let timeline = data.thread.ok_or(PlainError::NotFound)?.timeline_entries;
        let events = timeline.edges.into_iter().map(|edge| {
            let node = edge.node;
            let record = ThreadEventRecord {
                entry_id: node.id,
                at: node.timestamp.iso8601,
                machine_user: match node.actor {
                    ThreadEventsThreadTimelineEntriesEdgesNodeActor::MachineUserActor(actor) => {
                        Some(actor.machine_user_id)
                    }
                    _ => None,
                },
                external_id: match node.entry {
                    ThreadEventsThreadTimelineEntriesEdgesNodeEntry::ThreadEventEntry(event) => {
                        event.external_id
                    }
                    _ => None,
                },
            };
            (edge.cursor, record)
        });
        Ok(ThreadEventPage {
            events: events.collect(),
            has_next: timeline.page_info.has_next_page,
            has_previous: timeline.page_info.has_previous_page,
        })
    }
}
