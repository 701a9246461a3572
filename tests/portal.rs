//! Portal and sandbox as they run in production, over real sockets: what visitors, agents, Plain and strangers see.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]
#![allow(dead_code, reason = "the helpers serve other test files too")]

#[path = "support/house.rs"]
mod house;
#[path = "support/live.rs"]
mod live;
#[path = "support/wire.rs"]
mod wire;

#[path = "portal/attachments.rs"]
mod attachments;
#[path = "portal/bad_input.rs"]
mod bad_input;
#[path = "portal/channel.rs"]
mod channel;
#[path = "portal/deploys.rs"]
mod deploys;
#[path = "portal/dress.rs"]
mod dress;
#[path = "portal/following.rs"]
mod following;
#[path = "portal/gate.rs"]
mod gate;
#[path = "portal/intake.rs"]
mod intake;
#[path = "portal/isolation.rs"]
mod isolation;
#[path = "portal/languages.rs"]
mod languages;
#[path = "portal/links.rs"]
mod links;
#[path = "portal/list.rs"]
mod list;
#[path = "portal/log_scan.rs"]
mod log_scan;
#[path = "portal/marks.rs"]
mod marks;
#[path = "portal/origins.rs"]
mod origins;
#[path = "portal/outages.rs"]
mod outages;
#[path = "portal/presence.rs"]
mod presence;
#[path = "portal/process.rs"]
mod process;
#[path = "portal/reading.rs"]
mod reading;
#[path = "portal/removal.rs"]
mod removal;
#[path = "portal/rendering.rs"]
mod rendering;
#[path = "portal/repair.rs"]
mod repair;
#[path = "portal/restart.rs"]
mod restart;
#[path = "portal/seen.rs"]
mod seen;
#[path = "portal/several.rs"]
mod several;
#[path = "portal/slack.rs"]
mod slack;
#[path = "portal/slices.rs"]
mod slices;
#[path = "portal/socket.rs"]
mod socket;
#[path = "portal/story.rs"]
mod story;
#[path = "portal/transcript.rs"]
mod transcript;
#[path = "portal/typing.rs"]
mod typing;
#[path = "portal/uploads.rs"]
mod uploads;
