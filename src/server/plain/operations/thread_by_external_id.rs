//! `threadByExternalId`: whether a submission has its thread already.

use crate::server::plain::{PlainClient, PlainError, client::Kind};
use graphql_client::GraphQLQuery;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/server/plain/schema.graphql",
    query_path = "src/server/plain/operations/thread_by_external_id.graphql",
    response_derives = "Debug, Clone",
    fragments_other_variant = "true",
    skip_serializing_none
)]
struct ThreadByExternalId;

impl PlainClient {
    /// The id of the customer's thread with this external id, if there is one.
    pub async fn thread_by_external_id(
        &self,
        customer_id: &str,
        external_id: &str,
    ) -> Result<Option<String>, PlainError> {
        let variables = thread_by_external_id::Variables {
            customer_id: customer_id.into(),
            external_id: external_id.into(),
        };
        let data = self.run::<ThreadByExternalId>(Kind::Repeatable, variables, None).await?;
        Ok(data.thread_by_external_id.map(|thread| thread.id))
    }
}
