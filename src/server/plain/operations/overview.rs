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
    /// The fragment of this name, without what is said about it.
    fn fragment(document: &str, name: &str) -> String {
        let head = format!("fragment {name} on ");
        let from = document.find(&head).unwrap_or_else(|| panic!("no {name} in {document}"));
        let end = document[from..].find("\n}\n").unwrap_or_else(|| panic!("{name} has no end"));
        document[from..from + end].lines().filter(|line| !line.trim().starts_with('#')).collect()
    }

    #[test]
    fn both_documents_ask_for_the_same() {
        let (own, theirs) =
            (include_str!("overview.graphql"), include_str!("conversation.graphql"));
        let names: Vec<_> = own
            .lines()
            .filter_map(|line| line.strip_prefix("fragment ")?.split(' ').next())
            .collect();
        assert!(names.len() > 3, "{names:?}");
        for name in names {
            assert_eq!(fragment(own, name), fragment(theirs, name), "{name}");
        }
    }
}
