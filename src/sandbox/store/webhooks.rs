//! Webhook targets, events, what is still to be delivered and what was tried.

use rusqlite::Connection;

use super::{Stored, all, document, one};
use crate::sandbox::model::Target;

/// An event that is still owed to a target.
#[derive(Clone, Debug)]
pub struct Due {
    pub event_id: String,
    pub kind: String,
    pub at: i64,
    /// JSON text.
    pub payload: String,
    pub target_id: String,
    /// Counts from 1.
    pub attempt: u32,
    pub due_at: i64,
}

/// One try to deliver an event: an HTTP status or an error.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub id: String,
    pub event_id: String,
    pub target_id: String,
    pub kind: String,
    pub attempt: u32,
    pub at: i64,
    pub ms: i64,
    pub status: Option<u16>,
    pub error: Option<String>,
}

pub fn save_target(db: &Connection, target: &Target) -> Stored<()> {
    db.prepare_cached("insert or replace into targets (id, data) values (?1, ?2)")?
        .execute((&target.id, document(target)?))?;
    Ok(())
}

pub fn target(db: &Connection, id: &str) -> Stored<Option<Target>> {
    one(db, "select data from targets where id = ?1", [id])
}

pub fn targets(db: &Connection) -> Stored<Vec<Target>> {
    all(db, "select data from targets order by id", [])
}

/// Removes the target and what was owed to it.
pub fn delete_target(db: &Connection, id: &str) -> Stored<bool> {
    db.execute("delete from deliveries where target_id = ?1", [id])?;
    Ok(db.execute("delete from targets where id = ?1", [id])? > 0)
}

pub fn save_event(db: &Connection, due: &Due) -> Stored<()> {
    db.prepare_cached(
        "insert or ignore into events (id, kind, at, payload) values (?1, ?2, ?3, ?4)",
    )?
    .execute((&due.event_id, &due.kind, due.at, &due.payload))?;
    db.prepare_cached(
        "insert into deliveries (event_id, target_id, attempt, due_at) values (?1, ?2, ?3, ?4)",
    )?
    .execute((&due.event_id, &due.target_id, due.attempt, due.due_at))?;
    Ok(())
}

/// Everything still owed.
pub fn pending(db: &Connection) -> Stored<Vec<Due>> {
    db.prepare(
        "select e.id, e.kind, e.at, e.payload, d.target_id, d.attempt, d.due_at
         from deliveries d join events e on e.id = d.event_id order by e.id",
    )?
    .query_map([], |row| {
        Ok(Due {
            event_id: row.get(0)?,
            kind: row.get(1)?,
            at: row.get(2)?,
            payload: row.get(3)?,
            target_id: row.get(4)?,
            attempt: row.get(5)?,
            due_at: row.get(6)?,
        })
    })?
    .collect()
}

/// Keeps the attempt; `again` is when the next one is due, nothing ends the delivery.
pub fn save_attempt(db: &Connection, tried: &Attempt, again: Option<i64>) -> Stored<()> {
    db.prepare_cached(
        "insert into attempts (id, event_id, target_id, kind, attempt, at, ms, status, error)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute((
        &tried.id,
        &tried.event_id,
        &tried.target_id,
        &tried.kind,
        tried.attempt,
        tried.at,
        tried.ms,
        tried.status,
        &tried.error,
    ))?;
    match again {
        Some(due) => db
            .prepare_cached(
                "update deliveries set attempt = ?3, due_at = ?4 where event_id = ?1 and target_id = ?2",
            )?
            .execute((&tried.event_id, &tried.target_id, tried.attempt + 1, due))?,
        None => db
            .prepare_cached("delete from deliveries where event_id = ?1 and target_id = ?2")?
            .execute((&tried.event_id, &tried.target_id))?,
    };
    Ok(())
}

/// The newest attempts, of one target or of all.
pub fn attempts(db: &Connection, target: Option<&str>, limit: u32) -> Stored<Vec<Attempt>> {
    db.prepare_cached(
        "select id, event_id, target_id, kind, attempt, at, ms, status, error from attempts
         where ?1 is null or target_id = ?1 order by id desc limit ?2",
    )?
    .query_map((target, limit), |row| {
        Ok(Attempt {
            id: row.get(0)?,
            event_id: row.get(1)?,
            target_id: row.get(2)?,
            kind: row.get(3)?,
            attempt: row.get(4)?,
            at: row.get(5)?,
            ms: row.get(6)?,
            status: row.get(7)?,
            error: row.get(8)?,
        })
    })?
    .collect()
}

/// Forgets events and attempts that nobody is owed any more, as Plain does after 30 days.
pub fn forget_before(db: &Connection, at: i64) -> Stored<()> {
    db.execute("delete from attempts where at < ?1", [at])?;
    db.execute(
        "delete from events where at < ?1 and id not in (select event_id from deliveries)",
        [at],
    )?;
    Ok(())
}
