//! `createThread`: a thread of the channel `CHAT`, still without a message.

use super::{fault, outcome};
use crate::server::plain::{PlainClient, PlainError, client::Kind};
use graphql_client::GraphQLQuery;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/server/plain/schema.graphql",
    query_path = "src/server/plain/operations/create_thread.graphql",
    response_derives = "Debug, Clone",
    fragments_other_variant = "true",
    skip_serializing_none
)]
struct CreateThread;

fault!(create_thread);

/// What a new thread starts with.
#[derive(Debug, Clone, Copy)]
pub struct NewThread<'a> {
    /// The customer, `c_…`.
    pub customer_id: &'a str,
    /// The title.
    pub title: &'a str,
    /// Our own id, unique per customer: the only way to find the thread again when the answer is lost.
    pub external_id: &'a str,
    /// What the team reads under the title until the first message is there.
    pub description: &'a str,
}

impl PlainClient {
    /// Makes a thread and answers its id.
    pub async fn create_thread(&self, new: NewThread<'_>) -> Result<String, PlainError> {
        use create_thread::*;
        let input = CreateThreadInput {
            customer_identifier: CustomerIdentifierInput {
                customer_id: Some(new.customer_id.into()),
            },
            title: Some(new.title.into()),
            external_id: Some(new.external_id.into()),
            description: Some(new.description.into()),
            channel: Some(ThreadChannel::CHAT),
        };
        let data = self.run::<CreateThread>(Kind::Once, Variables { input }, None).await?;
        let output = data.create_thread;
        let fault = output.error.map(Into::into);
        Ok(outcome("CreateThread", None, true, output.thread, fault)?.id)
    }
}
