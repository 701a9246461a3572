//! `createThread`: a thread of the channel `CHAT` or `SLACK`, still without a message.

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
    /// The connected Slack channel to open it in; none: a chat.
    pub slack: Option<&'a SlackChannel>,
    /// The label types (`lt_…`) that it gets.
    pub labels: &'a [String],
    /// 0 (urgent) to 3 (low); none: Plain's default.
    pub priority: Option<u8>,
}

/// A Slack channel that is connected to the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackChannel {
    /// Slack's id of the team, `T…`.
    pub team_id: String,
    /// Slack's id of the channel, `C…`.
    pub channel_id: String,
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
            channel: Some(match new.slack {
                Some(_) => ThreadChannel::SLACK,
                None => ThreadChannel::CHAT,
            }),
            channel_details: new.slack.map(|slack| ThreadChannelDetailsInput {
                slack: Some(SlackThreadChannelDetailsInput {
                    slack_channel_id: slack.channel_id.clone(),
                    slack_team_id: slack.team_id.clone(),
                }),
            }),
            priority: new.priority.map(i64::from),
            label_type_ids: (!new.labels.is_empty()).then(|| new.labels.to_vec()),
        };
        let data = self.run::<CreateThread>(Kind::Once, Variables { input }, None).await?;
        let output = data.create_thread;
        let fault = output.error.map(Into::into);
        Ok(outcome("CreateThread", None, true, output.thread, fault)?.id)
    }
}
