//! SQLite behind one mutex. Rows are documents with the few columns that queries need beside them; every
//! call is tiny, so holding the lock costs microseconds and no thread pool is needed.

pub mod entries;
pub mod files;
pub mod people;
pub mod threads;
pub mod webhooks;

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, types::FromSqlError};
use serde::{Serialize, de::DeserializeOwned};

/// What every storage call answers.
pub type Stored<T> = rusqlite::Result<T>;

const SCHEMA: &str = "
create table if not exists meta (key text primary key, value text not null) strict;
create table if not exists customers (
    id text primary key, email text not null unique, external_id text unique, data text not null) strict;
create table if not exists threads (
    id text primary key, number integer not null unique, customer_id text not null, external_id text,
    status text not null, wake_at integer, data text not null, unique (customer_id, external_id)) strict;
create table if not exists entries (
    id text primary key, thread_id text not null, at integer not null, kind text not null,
    event_external_id text unique, data text not null) strict;
create index if not exists entries_by_thread on entries (thread_id, at, id);
create table if not exists label_types (id text primary key, data text not null) strict;
create table if not exists attachments (
    id text primary key, upload_token text not null unique, data text not null, content blob) strict;
create table if not exists pieces (
    file_id text not null, nth integer not null, content blob not null, primary key (file_id, nth)) strict, without rowid;
create table if not exists targets (id text primary key, data text not null) strict;
create table if not exists events (
    id text primary key, kind text not null, at integer not null, payload text not null) strict;
create table if not exists deliveries (
    event_id text not null, target_id text not null, attempt integer not null, due_at integer not null,
    primary key (event_id, target_id)) strict;
create table if not exists attempts (
    id text primary key, event_id text not null, target_id text not null, kind text not null,
    attempt integer not null, at integer not null, ms integer not null, status integer, error text) strict;
create index if not exists attempts_by_target on attempts (target_id, id);
";

/// Opens the workspace's file, or one in memory.
pub fn open(path: Option<&Path>) -> Stored<Connection> {
    let db = match path {
        Some(path) => Connection::open(path)?,
        None => Connection::open_in_memory()?,
    };
    db.busy_timeout(std::time::Duration::from_secs(5))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "NORMAL")?;
    db.execute_batch(SCHEMA)?;
    Ok(db)
}

/// A value kept under a name, such as the workspace's identity.
pub fn meta<T: DeserializeOwned>(db: &Connection, key: &str) -> Stored<Option<T>> {
    one(db, "select value from meta where key = ?1", [key])
}

pub fn set_meta<T: Serialize>(db: &Connection, key: &str, value: &T) -> Stored<()> {
    db.prepare_cached("insert or replace into meta (key, value) values (?1, ?2)")?
        .execute((key, document(value)?))?;
    Ok(())
}

/// The document in the first column of the first row.
fn one<T: DeserializeOwned>(
    db: &Connection,
    sql: &str,
    with: impl rusqlite::Params,
) -> Stored<Option<T>> {
    db.prepare_cached(sql)?.query_row(with, parse).optional()
}

/// The documents in the first column of all rows.
fn all<T: DeserializeOwned>(
    db: &Connection,
    sql: &str,
    with: impl rusqlite::Params,
) -> Stored<Vec<T>> {
    db.prepare_cached(sql)?.query_map(with, parse)?.collect()
}

fn parse<T: DeserializeOwned>(row: &Row<'_>) -> Stored<T> {
    let text = row.get_ref(0)?.as_str()?;
    serde_json::from_str(text).map_err(|bad| FromSqlError::Other(Box::new(bad)).into())
}

fn document<T: Serialize>(value: &T) -> Stored<String> {
    serde_json::to_string(value)
        .map_err(|bad| rusqlite::Error::ToSqlConversionFailure(Box::new(bad)))
}
