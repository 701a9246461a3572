//! Webhook targets.

use std::net::IpAddr;

use serde::Deserialize;

use crate::sandbox::ids;
use crate::sandbox::model::{Actor, Target};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::store;
use crate::sandbox::webhooks::events;
use crate::sandbox::workspace::Act;

const MOST: usize = 25;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewTarget {
    pub url: String,
    pub description: String,
    pub event_subscriptions: Vec<Subscription>,
    pub is_enabled: bool,
    pub version: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetChange {
    webhook_target_id: String,
    url: Option<Wrapped<String>>,
    description: Option<Wrapped<String>>,
    event_subscriptions: Option<Vec<Subscription>>,
    is_enabled: Option<Wrapped<bool>>,
    version: Option<Wrapped<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    pub event_type: String,
}

#[derive(Debug, Deserialize)]
struct Wrapped<T> {
    value: T,
}

pub fn create(act: &mut Act<'_>, by: Actor, input: NewTarget) -> Result<Target, Refusal> {
    if store::webhooks::targets(act.db)?.len() >= MOST {
        return Err(Refusal::new(
            "too_many_webhook_targets",
            "A workspace has at most 25 webhook targets.",
        ));
    }
    let target = Target {
        id: ids::new("whTarget"),
        url: address(&input.url)?,
        description: input.description,
        version: version(input.version)?,
        events: subscriptions(input.event_subscriptions)?,
        enabled: input.is_enabled,
        created_at: act.now,
        created_by: by.clone(),
        updated_at: act.now,
        updated_by: by,
    };
    store::webhooks::save_target(act.db, &target)?;
    Ok(target)
}

pub fn update(act: &mut Act<'_>, by: Actor, input: TargetChange) -> Result<Target, Refusal> {
    let mut target = store::webhooks::target(act.db, &input.webhook_target_id)?
        .ok_or_else(|| Refusal::not_found("webhookTargetId", "Webhook target"))?;
    if let Some(url) = input.url {
        target.url = address(&url.value)?;
    }
    if let Some(description) = input.description {
        target.description = description.value;
    }
    if let Some(list) = input.event_subscriptions {
        target.events = subscriptions(list)?;
    }
    if let Some(enabled) = input.is_enabled {
        target.enabled = enabled.value;
    }
    if let Some(wanted) = input.version {
        target.version = version(Some(wanted.value))?;
    }
    target.updated_at = act.now;
    target.updated_by = by;
    store::webhooks::save_target(act.db, &target)?;
    Ok(target)
}

pub fn delete(act: &mut Act<'_>, id: &str) -> Result<(), Refusal> {
    match store::webhooks::delete_target(act.db, id)? {
        true => Ok(()),
        false => Err(Refusal::not_found("webhookTargetId", "Webhook target")),
    }
}

/// Registers the portal, once: a restart finds its target again and only follows a changed address.
pub fn register_portal(act: &mut Act<'_>, url: &str) -> Result<Target, Refusal> {
    let by = Actor::System { system: "job".into() };
    let known: Option<String> = store::meta(act.db, "portal_target")?;
    let known = match known {
        Some(id) => store::webhooks::target(act.db, &id)?,
        None => None,
    };
    let target = match known {
        Some(mut known) => {
            // An older portal subscribed to less.
            let missing =
                events::PORTAL.iter().filter(|kind| !known.events.iter().any(|it| it == *kind));
            let missing: Vec<String> = missing.map(|kind| (*kind).into()).collect();
            if known.url != url || !missing.is_empty() {
                known.events.extend(missing);
                known = Target { url: url.into(), updated_at: act.now, updated_by: by, ..known };
            }
            known
        }
        None => Target {
            id: ids::new("whTarget"),
            // Whatever the operator says: inside a container network it may well be plain http.
            url: url.into(),
            description: "The portal beside this sandbox".into(),
            version: events::VERSION.into(),
            events: events::PORTAL.iter().map(|kind| (*kind).into()).collect(),
            enabled: true,
            created_at: act.now,
            created_by: by.clone(),
            updated_at: act.now,
            updated_by: by,
        },
    };
    store::webhooks::save_target(act.db, &target)?;
    store::set_meta(act.db, "portal_target", &target.id)?;
    Ok(target)
}

/// https anywhere, http only to this machine.
fn address(text: &str) -> Result<String, Refusal> {
    let wrong = |why: &str| Refusal::field("url", why);
    let url = url::Url::parse(text.trim()).map_err(|_| wrong("Must be a URL."))?;
    let host = url.host_str().ok_or_else(|| wrong("Must have a host."))?;
    let local = host == "localhost"
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match url.scheme() {
        "https" => Ok(url.into()),
        "http" if local => Ok(url.into()),
        _ => Err(wrong("Must be an https URL.")),
    }
}

fn version(wanted: Option<String>) -> Result<String, Refusal> {
    match wanted {
        None => Ok(events::VERSION.into()),
        Some(version) if events::VERSIONS.contains(&version.as_str()) => Ok(version),
        Some(_) => Err(Refusal::field("version", "Unknown webhook version.")),
    }
}

fn subscriptions(list: Vec<Subscription>) -> Result<Vec<String>, Refusal> {
    let known = |kind: &str| events::ALL.iter().any(|(name, _)| *name == kind);
    let mut kinds: Vec<_> = list.into_iter().map(|it| it.event_type).collect();
    if kinds.is_empty() {
        return Err(Refusal::required("eventSubscriptions"));
    }
    if !kinds.iter().all(|kind| known(kind)) {
        return Err(Refusal::field("eventSubscriptions", "Unknown event type."));
    }
    kinds.sort();
    kinds.dedup();
    Ok(kinds)
}
