//! Several instances that share a Redis: what one is told, all tell; and what becomes of it when Redis fails.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

#[path = "redis/cluster.rs"]
mod cluster;
#[path = "redis/connection.rs"]
mod connection;
#[path = "redis/faults.rs"]
mod faults;
#[path = "redis/instances.rs"]
mod instances;
#[path = "redis/people.rs"]
mod people;
#[path = "support/redis.rs"]
mod server;
#[path = "redis/start.rs"]
mod start;
