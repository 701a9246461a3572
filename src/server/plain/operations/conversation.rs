//! `thread` with a page of its timeline.

use super::{ThreadRecord, summary};
use crate::server::plain::{PlainClient, PlainError, client::Kind};
use graphql_client::GraphQLQuery;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/server/plain/schema.graphql",
    query_path = "src/server/plain/operations/conversation.graphql",
    response_derives = "Debug, Clone",
    fragments_other_variant = "true",
    skip_serializing_none
)]
struct Conversation;

/// What one timeline entry is made of, as the document asks for it.
pub mod wire {
    pub use super::conversation::{
        EmailCategory, File, GivenReaction, GivenReactionActors, Item, Summary, ThreadStatus, What,
        WhatOnCustomEntryComponents as Component,
        WhatOnThreadStatusTransitionedEntryNextStatusDetail as NextDetail,
        WhatOnThreadStatusTransitionedEntryPreviousStatusDetail as PreviousDetail, Who,
    };
}

summary!(conversation);

/// Which end of a timeline to read, in Plain's terms. Which of them is the newest end, Plain does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// From the start, or from after a cursor.
    First(Option<String>),
    /// From the end, or from before a cursor, backwards.
    Last(Option<String>),
}

/// A page of a thread's timeline.
#[derive(Debug, Clone)]
pub struct Timeline {
    /// The thread.
    pub thread: ThreadRecord,
    /// What tells that somebody of the team looked at it.
    pub signs: Signs,
    /// Cursor and entry, in Plain's order.
    pub items: Vec<(String, wire::Item)>,
    /// More follows in Plain's order.
    pub has_next: bool,
    /// More precedes in Plain's order.
    pub has_previous: bool,
}

/// What tells that somebody of the team looked at a thread: people only, no machine and no rule. Times as text,
/// unchecked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signs {
    /// Since when it is somebody's.
    pub assigned_at: Option<String>,
    /// Whether the last change of its state was somebody's who began to work on it.
    pub in_progress: bool,
}

impl From<conversation::Signs> for Signs {
    fn from(signs: conversation::Signs) -> Self {
        use conversation::{SignsAssignedTo, SignsReason, SignsStatusChangedBy};
        let person = matches!(signs.assigned_to, Some(SignsAssignedTo::User));
        let begun = matches!(signs.reason, Some(SignsReason::ThreadStatusDetailInProgress));
        Self {
            assigned_at: signs.assigned_at.map(|at| at.iso8601).filter(|_| person),
            in_progress: begun
                && matches!(signs.status_changed_by, SignsStatusChangedBy::UserActor),
        }
    }
}

impl PlainClient {
    /// At most `size` (1 to 100) entries of the given types. [`PlainError::NotFound`] if there is no such thread.
    pub async fn conversation(
        &self,
        thread_id: &str,
        types: &[&str],
        page: Page,
        size: u8,
    ) -> Result<Timeline, PlainError> {
        use conversation::*;
        let size = Some(i64::from(size));
        let (first, after, last, before) = match page {
            Page::First(after) => (size, after, None, None),
            Page::Last(before) => (None, None, size, before),
        };
        let variables = Variables {
            thread_id: thread_id.into(),
            types: Some(types.iter().map(|t| TimelineEntryType::Other((*t).into())).collect()),
            first,
            after,
            last,
            before,
        };
        let data = self.run::<Conversation>(Kind::Repeatable, variables, Some(thread_id)).await?;
        let thread = data.thread.ok_or(PlainError::NotFound)?;
        let timeline = thread.timeline_entries;
        Ok(Timeline {
            thread: thread.summary.into(),
            signs: thread.signs.into(),
            items: timeline.edges.into_iter().map(|edge| (edge.cursor, edge.node)).collect(),
            has_next: timeline.page_info.has_next_page,
            has_previous: timeline.page_info.has_previous_page,
        })
    }
}
