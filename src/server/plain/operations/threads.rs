//! `threads`: a list of threads by their ids.

use super::{ThreadRecord, summary};
use crate::server::plain::{PlainClient, PlainError, client::Kind};
use graphql_client::GraphQLQuery;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/server/plain/schema.graphql",
    query_path = "src/server/plain/operations/threads.graphql",
    response_derives = "Debug, Clone",
    fragments_other_variant = "true",
    skip_serializing_none
)]
struct Threads;

summary!(threads);

/// A page of threads.
#[derive(Debug, Clone)]
pub struct ThreadPage {
    /// The threads, the one whose customer wrote last first.
    pub threads: Vec<ThreadRecord>,
    /// Give this to get the next page.
    pub next: Option<String>,
}

impl PlainClient {
    /// Those of the given threads that exist; at most 100 a page.
    pub async fn threads(
        &self,
        ids: Vec<String>,
        after: Option<String>,
    ) -> Result<ThreadPage, PlainError> {
        use threads::*;
        let variables = Variables {
            filters: Some(ThreadsFilter { thread_ids: Some(ids) }),
            sort_by: Some(ThreadsSort {
                field: ThreadsSortField::LAST_INBOUND_MESSAGE_AT,
                direction: SortDirection::DESC,
            }),
            first: Some(100),
            after,
        };
        let connection = self.run::<Threads>(Kind::Repeatable, variables, None).await?.threads;
        let next = match connection.page_info.has_next_page {
            true => connection.edges.last().map(|edge| edge.cursor.clone()),
            false => None,
        };
        let threads = connection.edges.into_iter().map(|edge| edge.node.into()).collect();
        Ok(ThreadPage { threads, next })
    }
}
