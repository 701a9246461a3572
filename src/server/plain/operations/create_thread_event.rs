//! `createThreadEvent`: a line on a thread's timeline that only agents see.

use super::{fault, outcome};
use crate::server::plain::{PlainClient, PlainError, client::Kind};
use graphql_client::GraphQLQuery;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/server/plain/schema.graphql",
    query_path = "src/server/plain/operations/create_thread_event.graphql",
    response_derives = "Debug, Clone",
    fragments_other_variant = "true",
    skip_serializing_none
)]
struct CreateThreadEvent;

fault!(create_thread_event);

/// A line for the agents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewThreadEvent {
    /// Its one line.
    pub title: String,
    /// What stands under it.
    pub text: String,
    /// Unique in the workspace, and the event's idempotency key: the same one is put on the timeline once.
    pub external_id: String,
}

impl PlainClient {
    /// Puts an event on a thread's timeline. Safe to repeat: what is there already under its external id is not put
    /// there again.
    pub async fn create_thread_event(
        &self,
        thread_id: &str,
        event: NewThreadEvent,
    ) -> Result<(), PlainError> {
        use create_thread_event::*;
        let text = ComponentTextInput { text: event.text };
        let input = CreateThreadEventInput {
            thread_id: thread_id.into(),
            title: event.title,
            components: vec![EventComponentInput { component_text: Some(text) }],
            external_id: Some(event.external_id),
        };
        let data = self
            .run::<CreateThreadEvent>(Kind::Repeatable, Variables { input }, Some(thread_id))
            .await?;
        let output = data.create_thread_event;
        let taken = |field: &FaultFields| field.field.ends_with("externalId");
        if output.error.as_ref().is_some_and(|fault| fault.fields.iter().any(taken)) {
            // An earlier try arrived, and its answer was lost.
            return Ok(());
        }
        let fault = output.error.map(Into::into);
        outcome("CreateThreadEvent", Some(thread_id), false, output.thread_event, fault)?;
        Ok(())
    }
}
