//! `sendCustomerChat`: a message from the customer, into a thread of the channel `CHAT`.

use super::{fault, outcome};
use crate::server::plain::{PlainClient, PlainError, client::Kind};
use graphql_client::GraphQLQuery;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/server/plain/schema.graphql",
    query_path = "src/server/plain/operations/send_customer_chat.graphql",
    response_derives = "Debug, Clone",
    fragments_other_variant = "true",
    skip_serializing_none
)]
struct SendCustomerChat;

fault!(send_customer_chat);

/// A message that Plain took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentChat {
    /// `ch_…`.
    pub id: String,
    /// ISO 8601.
    pub created_at: String,
}

impl PlainClient {
    /// Sends a message: a text, uploaded files, or both. Plain has no idempotency key for it: after [`PlainError::UnknownOutcome`] read the
    /// timeline before sending again.
    pub async fn send_customer_chat(
        &self,
        customer_id: &str,
        thread_id: &str,
        text: &str,
        attachment_ids: &[&str],
    ) -> Result<SentChat, PlainError> {
        use send_customer_chat::*;
        let input = SendCustomerChatInput {
            customer_id: customer_id.into(),
            thread_id: thread_id.into(),
            text: (!text.is_empty()).then(|| text.into()),
            attachment_ids: (!attachment_ids.is_empty())
                .then(|| attachment_ids.iter().map(|id| (*id).into()).collect()),
        };
        let data =
            self.run::<SendCustomerChat>(Kind::Once, Variables { input }, Some(thread_id)).await?;
        let output = data.send_customer_chat;
        let fault = output.error.map(Into::into);
        let chat = outcome("SendCustomerChat", Some(thread_id), true, output.chat, fault)?;
        Ok(SentChat { id: chat.id, created_at: chat.created_at.iso8601 })
    }
}
