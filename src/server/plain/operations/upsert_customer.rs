//! `upsertCustomer`: the customer with this e-mail address, made if need be.

use super::{fault, outcome};
use crate::server::plain::{PlainClient, PlainError, client::Kind};
use graphql_client::GraphQLQuery;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/server/plain/schema.graphql",
    query_path = "src/server/plain/operations/upsert_customer.graphql",
    response_derives = "Debug, Clone",
    fragments_other_variant = "true",
    skip_serializing_none
)]
struct UpsertCustomer;

fault!(upsert_customer);

/// What an upsert found or made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upserted {
    /// `c_…`.
    pub id: String,
    /// The customer did not exist before.
    pub created: bool,
}

impl PlainClient {
    /// Finds the customer by address or makes one. An existing customer is left as it is: anybody can type
    /// anybody's address, and must not be able to rename them.
    pub async fn upsert_customer(&self, name: &str, email: &str) -> Result<Upserted, PlainError> {
        use upsert_customer::*;
        let input = UpsertCustomerInput {
            identifier: UpsertCustomerIdentifierInput { email_address: Some(email.into()) },
            on_create: UpsertCustomerOnCreateInput {
                full_name: name.into(),
                email: EmailAddressInput { email: email.into(), is_verified: false },
            },
            on_update: UpsertCustomerOnUpdateInput { full_name: None },
        };
        let data = self.run::<UpsertCustomer>(Kind::Repeatable, Variables { input }, None).await?;
        let output = data.upsert_customer;
        let created = matches!(output.result, Some(UpsertResult::CREATED));
        let fault = output.error.map(Into::into);
        let customer = outcome("UpsertCustomer", None, false, output.customer, fault)?;
        Ok(Upserted { id: customer.id, created })
    }
}
