//! Attachments and their bytes.

use rusqlite::{Connection, OptionalExtension};

use super::{Stored, document, one};
use crate::sandbox::model::Attachment;

/// So many bytes are in memory at once.
pub const PIECE: i64 = 256 * 1024;

pub fn save(db: &Connection, file: &Attachment) -> Stored<()> {
    db.prepare_cached(
        "insert into attachments (id, upload_token, data) values (?1, ?2, ?3)
         on conflict (id) do update set data = ?3",
    )?
    .execute((&file.id, &file.upload_token, document(file)?))?;
    Ok(())
}

pub fn by_id(db: &Connection, id: &str) -> Stored<Option<Attachment>> {
    one(db, "select data from attachments where id = ?1", [id])
}

pub fn by_upload_token(db: &Connection, token: &str) -> Stored<Option<Attachment>> {
    one(db, "select data from attachments where upload_token = ?1", [token])
}

pub fn store_content(db: &Connection, id: &str, content: &[u8]) -> Stored<()> {
    db.prepare_cached("update attachments set content = ?2 where id = ?1")?
        .execute((id, content))?;
    Ok(())
}

/// What arrives piece by piece: every piece but the last has [`PIECE`] bytes.
pub fn store_piece(db: &Connection, id: &str, nth: i64, content: &[u8]) -> Stored<()> {
    db.prepare_cached("insert or replace into pieces (file_id, nth, content) values (?1, ?2, ?3)")?
        .execute((id, nth, content))?;
    Ok(())
}

/// At most [`PIECE`] bytes of a file from this place on; none at its end, and for a file without content.
pub fn piece(db: &Connection, id: &str, from: i64) -> Stored<Option<Vec<u8>>> {
    let whole = db
        .prepare_cached("select substr(content, ?2 + 1, ?3) from attachments where id = ?1 and content is not null")?
        .query_row((id, from, PIECE), |row| row.get::<_, Vec<u8>>(0))
        .optional()?;
    let found = match whole {
        Some(bytes) => Some(bytes),
        None => db
            .prepare_cached(
                "select substr(content, ?3 + 1) from pieces where file_id = ?1 and nth = ?2",
            )?
            .query_row((id, from / PIECE, from % PIECE), |row| row.get::<_, Vec<u8>>(0))
            .optional()?,
    };
    Ok(found.filter(|bytes| !bytes.is_empty()))
}
