//! Plain's GraphQL API.
