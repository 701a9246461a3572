//! Labels on threads and the types they are made of.

use serde_json::json;

use super::required;
use super::threads::transition;
use crate::sandbox::ids;
use crate::sandbox::model::{Actor, Body, Label, LabelType, Thread};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::store;
use crate::sandbox::webhooks::events;
use crate::sandbox::workspace::Act;

/// New labels of these types.
pub fn of_types(act: &Act<'_>, by: &Actor, types: &[String]) -> Result<Vec<Label>, Refusal> {
    types
        .iter()
        .map(|id| {
            store::threads::label_type(act.db, id)?
                .ok_or_else(|| Refusal::not_found("labelTypeIds", "Label type"))?;
            Ok(Label {
                id: ids::new("l"),
                label_type_id: id.clone(),
                created_at: act.now,
                created_by: by.clone(),
            })
        })
        .collect()
}

/// Adds labels; types that are there already are skipped. Answers the thread and what was added.
pub fn add(
    act: &mut Act<'_>,
    by: Actor,
    thread: &str,
    types: &[String],
) -> Result<(Thread, Vec<Label>), Refusal> {
    let before = act.thread(thread)?;
    let new: Vec<_> = of_types(act, &by, types)?
        .into_iter()
        .filter(|it| before.labels.iter().all(|known| known.label_type_id != it.label_type_id))
        .collect();
    if new.is_empty() {
        return Ok((before, new));
    }
    let mut labels = before.labels.clone();
    labels.extend(new.iter().cloned());
    Ok((changed(act, by, before, labels, "ADDED")?, new))
}

/// Removes labels by their own ids, wherever they are.
pub fn remove(act: &mut Act<'_>, by: Actor, ids: &[String]) -> Result<(), Refusal> {
    let mut found = 0;
    for thread in store::threads::every(act.db)? {
        let (gone, kept): (Vec<_>, Vec<_>) =
            thread.labels.iter().cloned().partition(|label| ids.contains(&label.id));
        if !gone.is_empty() {
            found += gone.len();
            changed(act, by.clone(), thread, kept, "REMOVED")?;
        }
    }
    if found == ids.len() { Ok(()) } else { Err(Refusal::not_found("labelIds", "Label")) }
}

fn changed(
    act: &mut Act<'_>,
    by: Actor,
    before: Thread,
    labels: Vec<Label>,
    change: &str,
) -> Result<Thread, Refusal> {
    let mut thread = before.clone();
    thread.labels = labels.clone();
    let body = Body::Labels { previous: before.labels.clone(), next: labels };
    let event = (events::LABELS_CHANGED, json!({"changeType": change}));
    transition(act, by, &before, &mut thread, body, event)?;
    Ok(thread)
}

pub fn create_type(
    act: &mut Act<'_>,
    by: Actor,
    name: &str,
    more: LabelTypeDetails,
) -> Result<LabelType, Refusal> {
    let label = LabelType {
        id: ids::new("lt"),
        name: required("name", name)?,
        icon: more.icon,
        color: more.color,
        description: more.description,
        external_id: more.external_id,
        created_at: act.now,
        created_by: by,
    };
    store::threads::save_label_type(act.db, &label)?;
    Ok(label)
}

/// The optional part of a label type.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelTypeDetails {
    pub icon: Option<String>,
    pub color: Option<String>,
    pub description: Option<String>,
    pub external_id: Option<String>,
}
