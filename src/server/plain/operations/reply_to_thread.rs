//! `replyToThread` in a customer's name: a message from the customer, into a thread of a channel other than `CHAT`.

use super::{fault, outcome};
use crate::server::plain::{PlainClient, PlainError, client::Kind};
use graphql_client::GraphQLQuery;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/server/plain/schema.graphql",
    query_path = "src/server/plain/operations/reply_to_thread.graphql",
    response_derives = "Debug, Clone",
    fragments_other_variant = "true",
    skip_serializing_none
)]
struct ReplyToThread;

fault!(reply_to_thread);

impl PlainClient {
    /// Sends a message under the customer's name (the key needs `thread:reply` and `customer:impersonate`). Plain answers
    /// no id, and has no idempotency key: the message is to be found in the timeline, and after
    /// [`PlainError::UnknownOutcome`] looked for before it is sent again.
    pub async fn reply_as_customer(
        &self,
        customer_id: &str,
        thread_id: &str,
        text: &str,
        attachment_ids: &[&str],
    ) -> Result<(), PlainError> {
        use reply_to_thread::*;
        let input = ReplyToThreadInput {
            thread_id: thread_id.into(),
            text_content: text.into(),
            attachment_ids: (!attachment_ids.is_empty())
                .then(|| attachment_ids.iter().map(|id| (*id).into()).collect()),
            impersonation: Some(ImpersonationInput {
                as_customer: CustomerImpersonationInput {
                    customer_identifier: CustomerIdentifierInput {
                        customer_id: Some(customer_id.into()),
                    },
                },
            }),
        };
        let data =
            self.run::<ReplyToThread>(Kind::Once, Variables { input }, Some(thread_id)).await?;
        // Here nothing but the fault tells how it ended.
        let fault = data.reply_to_thread.error.map(Into::into);
        let taken = fault.is_none().then_some(());
        outcome("ReplyToThread", Some(thread_id), true, taken, fault)
    }
}
