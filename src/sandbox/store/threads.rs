//! Threads and label types.

use rusqlite::Connection;

use super::{Stored, all, document, one};
use crate::sandbox::model::{LabelType, Thread};

pub fn save(db: &Connection, thread: &Thread) -> Stored<()> {
    db.prepare_cached(
        "insert into threads (id, number, customer_id, external_id, status, wake_at, data)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         on conflict (id) do update set status = ?5, wake_at = ?6, data = ?7",
    )?
    .execute((
        &thread.id,
        thread.number,
        &thread.customer_id,
        &thread.external_id,
        thread.status.name(),
        thread.status_detail.until,
        document(thread)?,
    ))?;
    Ok(())
}

/// The number that the next thread gets.
pub fn next_number(db: &Connection) -> Stored<i64> {
    db.prepare_cached("select coalesce(max(number), 0) + 1 from threads")?
        .query_row([], |row| row.get(0))
}

pub fn by_id(db: &Connection, id: &str) -> Stored<Option<Thread>> {
    one(db, "select data from threads where id = ?1", [id])
}

pub fn by_number(db: &Connection, number: i64) -> Stored<Option<Thread>> {
    one(db, "select data from threads where number = ?1", [number])
}

pub fn by_external_id(db: &Connection, customer: &str, external: &str) -> Stored<Option<Thread>> {
    one(
        db,
        "select data from threads where customer_id = ?1 and external_id = ?2",
        [customer, external],
    )
}

/// All threads, newest first.
pub fn every(db: &Connection) -> Stored<Vec<Thread>> {
    all(db, "select data from threads order by number desc", [])
}

/// The threads of these customers, newest first.
pub fn of_customers(db: &Connection, customers: &[String]) -> Stored<Vec<Thread>> {
    let ids = super::document(&customers)?;
    all(
        db,
        "select data from threads where customer_id in (select value from json_each(?1)) order by number desc",
        [ids],
    )
}

/// Snoozed threads whose time is over.
pub fn to_wake(db: &Connection, now: i64) -> Stored<Vec<Thread>> {
    all(db, "select data from threads where status = 'SNOOZED' and wake_at <= ?1", [now])
}

pub fn save_label_type(db: &Connection, label: &LabelType) -> Stored<()> {
    db.prepare_cached("insert or replace into label_types (id, data) values (?1, ?2)")?
        .execute((&label.id, document(label)?))?;
    Ok(())
}

pub fn label_type(db: &Connection, id: &str) -> Stored<Option<LabelType>> {
    one(db, "select data from label_types where id = ?1", [id])
}

pub fn label_types(db: &Connection) -> Stored<Vec<LabelType>> {
    all(db, "select data from label_types order by id", [])
}
