//! The same over Redis, with two portals: webhooks come to one, streams are at the other.

use crate::table::Table;

pub async fn two_instances(table: &mut Table) {
    let _ = table;
}
