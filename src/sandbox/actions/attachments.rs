//! Files: announced, uploaded through a form of their own, then carried by one message.

use crate::sandbox::ids;
use crate::sandbox::model::{Actor, Attachment};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::store;
use crate::sandbox::workspace::Act;

/// Two hours.
const UPLOAD_LIFE_MS: i64 = 2 * 60 * 60 * 1000;
const LARGEST: i64 = 100 * 1024 * 1024;
const FORBIDDEN: [&str; 31] = [
    "bat", "bin", "chm", "com", "cpl", "crt", "exe", "hlp", "hta", "inf", "ins", "isp", "jse",
    "lnk", "mdb", "msc", "msi", "msp", "mst", "pcd", "pif", "reg", "scr", "sct", "shs", "vba",
    "vbe", "vbs", "wsf", "wsh", "wsl",
];

/// Largest sum of sizes that one message may carry.
fn most(kind: &str) -> i64 {
    1024 * 1024
        * match kind {
            "EMAIL" => 6,
            "CHAT" | "CUSTOM_TIMELINE_ENTRY" => 100,
            _ => 50,
        }
}

pub fn announce(
    act: &mut Act<'_>,
    by: Actor,
    customer: &str,
    name: &str,
    size: i64,
    kind: &str,
) -> Result<Attachment, Refusal> {
    store::people::by_id(act.db, customer)?
        .ok_or_else(|| Refusal::not_found("customerId", "Customer"))?;
    let name = super::required("fileName", name)?;
    super::at_most("fileName", &name, 255)?;
    if size < 1 {
        return Err(Refusal::field("fileSizeBytes", "Must be at least 1."));
    }
    if size > LARGEST.min(most(kind)) {
        return Err(Refusal::new("attachment_file_size_too_large", "The file is too large."));
    }
    let file = Attachment {
        id: ids::new("att"),
        customer_id: customer.into(),
        mime: mime_guess::from_path(&name).first_or_octet_stream().to_string(),
        file_name: name,
        size,
        kind: kind.into(),
        uploaded: false,
        upload_token: ids::token(16),
        upload_expires_at: act.now + UPLOAD_LIFE_MS,
        created_at: act.now,
        created_by: by,
    };
    if file.extension().is_some_and(|it| FORBIDDEN.contains(&it.to_lowercase().as_str())) {
        return Err(Refusal::new(
            "attachment_file_type_not_allowed",
            "This type of file is not allowed.",
        ));
    }
    store::files::save(act.db, &file)?;
    Ok(file)
}

/// Announced and uploaded at once: what an agent puts beside an answer.
pub fn bring(
    act: &mut Act<'_>,
    by: Actor,
    customer: &str,
    name: &str,
    content: &[u8],
    kind: &str,
) -> Result<String, Refusal> {
    let size = i64::try_from(content.len()).unwrap_or(i64::MAX);
    let mut file = announce(act, by, customer, name, size, kind)?;
    file.uploaded = true;
    store::files::save(act.db, &file)?;
    store::files::store_content(act.db, &file.id, content)?;
    Ok(file.id)
}

/// Checks that a message may carry these files.
pub fn claim(act: &Act<'_>, kind: &str, ids: Vec<String>) -> Result<Vec<String>, Refusal> {
    if ids.len() > 100 {
        return Err(Refusal::field("attachmentIds", "A message carries at most 100 files."));
    }
    let mut sum = 0;
    for id in &ids {
        let file = store::files::by_id(act.db, id)?
            .ok_or_else(|| Refusal::not_found("attachmentIds", "Attachment"))?;
        if !file.uploaded {
            return Err(Refusal::new("attachment_not_uploaded", "The file was not uploaded yet."));
        }
        if file.kind != kind {
            return Err(Refusal::field(
                "attachmentIds",
                format!("The file was announced as {}, not as {kind}.", file.kind),
            ));
        }
        sum += file.size;
    }
    if sum > most(kind) {
        return Err(Refusal::new(
            "attachment_file_size_too_large",
            "The files together are too large.",
        ));
    }
    Ok(ids)
}
