//! Customers.

use rusqlite::Connection;

use super::{Stored, all, document, one};
use crate::sandbox::model::Customer;

pub fn save(db: &Connection, customer: &Customer) -> Stored<()> {
    db.prepare_cached(
        "insert into customers (id, email, external_id, data) values (?1, ?2, ?3, ?4)
         on conflict (id) do update set email = ?2, external_id = ?3, data = ?4",
    )?
    .execute((&customer.id, &customer.email, &customer.external_id, document(customer)?))?;
    Ok(())
}

pub fn by_id(db: &Connection, id: &str) -> Stored<Option<Customer>> {
    one(db, "select data from customers where id = ?1", [id])
}

/// With threads, entries and files.
pub fn delete(db: &Connection, id: &str) -> Stored<()> {
    for sql in [
        "delete from attachments where json_extract(data, '$.customer_id') = ?1",
        "delete from entries where thread_id in (select id from threads where customer_id = ?1)",
        "delete from threads where customer_id = ?1",
        "delete from customers where id = ?1",
    ] {
        db.execute(sql, [id])?;
    }
    Ok(())
}

/// Addresses are kept in lower case.
pub fn by_email(db: &Connection, email: &str) -> Stored<Option<Customer>> {
    one(db, "select data from customers where email = ?1", [email.to_lowercase()])
}

pub fn by_external_id(db: &Connection, id: &str) -> Stored<Option<Customer>> {
    one(db, "select data from customers where external_id = ?1", [id])
}

pub fn every(db: &Connection) -> Stored<Vec<Customer>> {
    all(db, "select data from customers order by id", [])
}
