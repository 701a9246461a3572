//! Timeline entries.

use rusqlite::Connection;

use super::{Stored, all, document, one};
use crate::sandbox::model::{Body, Entry};

pub fn save(db: &Connection, entry: &Entry) -> Stored<()> {
    let external = match &entry.body {
        Body::ThreadEvent { external_id, .. } | Body::CustomerEvent { external_id, .. } => {
            external_id.as_deref()
        }
        _ => None,
    };
    db.prepare_cached(
        "insert into entries (id, thread_id, at, kind, event_external_id, data) values (?1, ?2, ?3, ?4, ?5, ?6)
         on conflict (id) do update set data = ?6",
    )?
    .execute((&entry.id, &entry.thread_id, entry.at, entry.body.kind(), external, document(entry)?))?;
    Ok(())
}

pub fn by_id(db: &Connection, id: &str) -> Stored<Option<Entry>> {
    one(db, "select data from entries where id = ?1", [id])
}

pub fn by_event_external_id(db: &Connection, id: &str) -> Stored<Option<Entry>> {
    one(db, "select data from entries where event_external_id = ?1", [id])
}

/// A thread's timeline, oldest first.
pub fn of_thread(db: &Connection, thread: &str) -> Stored<Vec<Entry>> {
    all(db, "select data from entries where thread_id = ?1 order by at, id", [thread])
}

/// Whether the Slack conversation of a thread has begun.
pub fn has_slack_message(db: &Connection, thread: &str) -> Stored<bool> {
    db.prepare_cached(
        "select exists (select 1 from entries where thread_id = ?1 and kind = 'SLACK_MESSAGE')",
    )?
    .query_row([thread], |row| row.get(0))
}
