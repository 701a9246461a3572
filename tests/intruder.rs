//! An intruder tries every door: without a cookie, with forged and foreign ones, from other websites, with wrong
//! methods, broken paths, broken HTTP, too much and too slowly. After each walk nothing at Plain has changed, no secret
//! was told, and an honest visitor is still served at once.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]
#![allow(dead_code, reason = "the helpers serve other test files too")]

#[path = "support/house.rs"]
mod house;
#[path = "support/live.rs"]
mod live;
#[path = "support/wire.rs"]
mod wire;

#[path = "intruder/bodies.rs"]
mod bodies;
#[path = "intruder/cookies.rs"]
mod cookies;
#[path = "intruder/doors.rs"]
mod doors;
#[path = "intruder/foreign_pages.rs"]
mod foreign_pages;
#[path = "intruder/headers.rs"]
mod headers;
#[path = "intruder/links.rs"]
mod links;
#[path = "intruder/methods.rs"]
mod methods;
#[path = "intruder/paths.rs"]
mod paths;
#[path = "intruder/raw.rs"]
mod raw;
#[path = "intruder/smuggling.rs"]
mod smuggling;
#[path = "intruder/stage.rs"]
mod stage;
