//! `markThreadAsDone` and `markThreadAsTodo`: where a thread stands, as the visitor says.

use super::{fault, outcome};
use crate::server::plain::{PlainClient, PlainError, client::Kind};
use graphql_client::GraphQLQuery;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/server/plain/schema.graphql",
    query_path = "src/server/plain/operations/mark_thread_as_done.graphql",
    response_derives = "Debug, Clone",
    fragments_other_variant = "true",
    skip_serializing_none
)]
struct MarkThreadAsDone;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/server/plain/schema.graphql",
    query_path = "src/server/plain/operations/mark_thread_as_todo.graphql",
    response_derives = "Debug, Clone",
    fragments_other_variant = "true",
    skip_serializing_none
)]
struct MarkThreadAsTodo;

fault!(mark_thread_as_done);
fault!(mark_thread_as_todo);

impl PlainClient {
    /// Marks a thread as done. [`PlainError::Rejected`] also where the workspace requires thread fields that nobody has
    /// filled in yet.
    pub async fn mark_thread_as_done(&self, thread_id: &str) -> Result<(), PlainError> {
        use mark_thread_as_done::*;
        let input = MarkThreadAsDoneInput {
            thread_id: thread_id.into(),
            status_detail: Some(DoneStatusDetail::DONE_MANUALLY_SET),
        };
        let data = self
            .run::<MarkThreadAsDone>(Kind::Repeatable, Variables { input }, Some(thread_id))
            .await?;
        let output = data.mark_thread_as_done;
        let fault = output.error.map(Into::into);
        outcome("MarkThreadAsDone", Some(thread_id), false, output.thread, fault)?;
        Ok(())
    }

    /// Opens a thread again, for a reason of the customer's: `IN_PROGRESS` would say that somebody works on it.
    pub async fn mark_thread_as_todo(&self, thread_id: &str) -> Result<(), PlainError> {
        use mark_thread_as_todo::*;
        let input = MarkThreadAsTodoInput {
            thread_id: thread_id.into(),
            status_detail: Some(TodoStatusDetail::NEW_REPLY),
        };
        let data = self
            .run::<MarkThreadAsTodo>(Kind::Repeatable, Variables { input }, Some(thread_id))
            .await?;
        let output = data.mark_thread_as_todo;
        let fault = output.error.map(Into::into);
        outcome("MarkThreadAsTodo", Some(thread_id), false, output.thread, fault)?;
        Ok(())
    }
}
