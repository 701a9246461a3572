//! `myMachineUser`: who the key is; also the cheapest question that shows whether Plain can be reached.

use crate::server::plain::{PlainClient, PlainError, client::Kind};
use graphql_client::GraphQLQuery;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/server/plain/schema.graphql",
    query_path = "src/server/plain/operations/my_machine_user.graphql",
    response_derives = "Debug, Clone",
    fragments_other_variant = "true",
    skip_serializing_none
)]
struct MyMachineUser;

impl PlainClient {
    /// The id of the key's machine user, `mu_…`. [`PlainError::NotFound`] if the key is not a machine user's.
    pub async fn my_machine_user(&self) -> Result<String, PlainError> {
        let data =
            self.run::<MyMachineUser>(Kind::Repeatable, my_machine_user::Variables, None).await?;
        data.my_machine_user.map(|user| user.id).ok_or(PlainError::NotFound)
    }
}
