//! A mixed attack on a running portal while an honest conversation goes on: does memory stay flat, and how long does
//! an answer take to reach its visitor meanwhile?
//!
//! ```text
//! cargo bench --bench attack            three rounds of 10,000 requests; everything on loopback
//! cargo bench --bench attack -- 2000    smaller rounds
//! ```
//!
//! The portal and its Plain are two processes of the real program with their default limits. Attackers come from 8
//! loopback addresses (127.0.1.1 and up, which Linux has without being told), the honest visitor from 127.0.0.1.
//! Memory is what Linux says of the portal's process (`VmRSS`), after each round and a short rest.
#![allow(clippy::unwrap_used, reason = "a measurement stops where it cannot go on")]

mod attackers;
#[path = "../support/delivery.rs"]
mod delivery;
mod honest;
mod process;
#[path = "../support/program.rs"]
mod program;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

const ROUNDS: u32 = 3;
const AT_ONCE: usize = 64;
const SLOW: u8 = 200;

#[tokio::main]
async fn main() {
    let wanted = std::env::args().filter_map(|argument| argument.parse().ok()).next();
    let requests: u32 = wanted.unwrap_or(10_000);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut stage = process::Stage::start().await;
    let honest = honest::Conversation::begin(&stage).await;

    // Everything that is made at first use has been made before memory is looked at.
    honest.talk_for(Duration::from_secs(5)).await;
    let calm = honest.talk_for(Duration::from_secs(5)).await;
    let before = stage.memory();
    println!("before: {before}");
    println!("honest, in peace:   {calm}");

    let over = Arc::new(AtomicBool::new(false));
    let slow = attackers::slow(&stage.portal, SLOW, over.clone());
    for round in 1..=ROUNDS {
        let began = Instant::now();
        let attack = attackers::round(&stage.portal, &honest, round, requests, AT_ONCE);
        let (tally, under_fire) = tokio::join!(attack, async {
            // For as long as the attack takes, and a while at least.
            honest.talk_for(Duration::from_secs(8)).await
        });
        println!("\nround {round}: {requests} requests in {:.1} s", began.elapsed().as_secs_f64());
        println!("{tally}");
        println!("honest, under fire: {under_fire}");
        tokio::time::sleep(Duration::from_secs(2)).await;
        println!("after:  {}", stage.memory());
    }
    over.store(true, Ordering::Relaxed);
    println!("\nslow senders: {}", slow.await.unwrap());
    println!("threads opened at Plain by the attackers: {}", stage.threads().await - 1);
    honest.still_whole().await;
    println!("the honest conversation is whole: nothing missing, nothing twice");
    stage.end_plain();
    println!("\nPlain's API down:   {}", honest.deliver_for(Duration::from_secs(5)).await);
}
