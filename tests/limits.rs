//! What one visitor may do, and what one connection may: over real sockets, with settings small enough to reach.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]
#![allow(dead_code, reason = "the helpers serve other test files too")]

#[path = "support/house.rs"]
mod house;
#[path = "support/live.rs"]
mod live;
#[path = "support/wire.rs"]
mod wire;

#[path = "limits/addresses.rs"]
mod addresses;
#[path = "limits/buckets.rs"]
mod buckets;
#[path = "limits/sockets.rs"]
mod sockets;
#[path = "limits/streams.rs"]
mod streams;
#[path = "limits/takeover.rs"]
mod takeover;
