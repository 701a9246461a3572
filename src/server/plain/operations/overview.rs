//! `threads` with the newest entries of each: what a list shows.

use super::{
    ThreadRecord,
    conversation::wire::{Item, Summary},
};
use crate::server::plain::{PlainClient, PlainError, client::Kind};
use graphql_client::{GraphQLQuery, QueryBody};
use serde::Deserialize;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/server/plain/schema.graphql",
    query_path = "src/server/plain/operations/overview.graphql",
    response_derives = "Debug, Clone",
    fragments_other_variant = "true",
    skip_serializing_none
)]
struct Overview;

/// The document with the types of `conversation`, which asks for the same: a test compares them.
struct Read;

impl GraphQLQuery for Read {
    type Variables = overview::Variables;
    type ResponseData = Data;

    fn build_query(variables: Self::Variables) -> QueryBody<Self::Variables> {
        Overview::build_query(variables)
    }
}

#[derive(Debug, Deserialize)]
struct Data {
    threads: Threads,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Threads {
    page_info: PageInfo,
    edges: Vec<Edge<Node>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
}

#[derive(Debug, Deserialize)]
struct Connection<T> {
    edges: Vec<Edge<T>>,
}

#[derive(Debug, Deserialize)]
struct Edge<T> {
    #[serde(default)]
    cursor: String,
    node: T,
}

#[derive(Debug, Deserialize)]
struct Node {
    #[serde(flatten)]
    summary: Summary,
    head: Connection<Item>,
    tail: Connection<Item>,
}

/// A page of a list.
#[derive(Debug)]
pub struct Listed {
    /// The threads with what was read of them, in no order.
    pub threads: Vec<(ThreadRecord, Vec<Item>)>,
    /// Give this to get the next page.
    pub next: Option<String>,
}

impl PlainClient {
    /// Those of the given threads that exist, at most 100 a page, each with up to `each` entries of the given types from
    /// both ends of its timeline: nobody says which end is the newer one.
    pub async fn overview(
        &self,
        ids: Vec<String>,
        after: Option<String>,
        types: &[&str],
        each: u8,
    ) -> Result<Listed, PlainError> {
        use overview::*;
        let variables = Variables {
            filters: Some(ThreadsFilter { thread_ids: Some(ids) }),
            sort_by: Some(ThreadsSort {
                field: ThreadsSortField::LAST_INBOUND_MESSAGE_AT,
                direction: SortDirection::DESC,
            }),
            after,
            types: Some(types.iter().map(|t| TimelineEntryType::Other((*t).into())).collect()),
            each: Some(i64::from(each)),
        };
        let threads = self.run::<Read>(Kind::Repeatable, variables, None).await?.threads;
        let next = match threads.page_info.has_next_page {
            true => threads.edges.last().map(|edge| edge.cursor.clone()),
            false => None,
        };
        let record = |node: Node| {
            let items = node.head.edges.into_iter().chain(node.tail.edges).map(|edge| edge.node);
            (node.summary.into(), items.collect())
        };
        let threads = threads.edges.into_iter().map(|edge| record(edge.node)).collect();
        Ok(Listed { threads, next })
    }
}

#[cfg(test)]
mod tests {
    /// From the first fragment on.
    fn fragments(document: &str) -> &str {
        document.find("fragment ").map_or("", |at| &document[at..])
    }

    #[test]
    fn both_documents_ask_for_the_same() {
        let own = fragments(include_str!("overview.graphql"));
        assert!(own.len() > 1000);
        assert_eq!(own, fragments(include_str!("conversation.graphql")));
    }
}
