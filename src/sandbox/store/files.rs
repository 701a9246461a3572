//! Attachments and their bytes.

use rusqlite::{Connection, OptionalExtension};

use super::{Stored, document, one};
use crate::sandbox::model::Attachment;

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

pub fn content(db: &Connection, id: &str) -> Stored<Option<Vec<u8>>> {
    db.prepare_cached("select content from attachments where id = ?1 and content is not null")?
        .query_row([id], |row| row.get(0))
        .optional()
}
