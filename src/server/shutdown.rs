//! The end of the process, as one token that everybody long-lived holds.
//!
//! The order of the drain:
//!
//! 1. SIGTERM or Ctrl-C arrives; [`Shutdown::begin`] cancels the token. `/readyz` answers 503 from here on, so that
//!    balancers send nobody new; `/livez` stays 200.
//! 2. Every live stream says `bye` with a delay of its own and ends, each at its own moment within the stream
//!    settings' spread: a thousand visitors do not come back in the same millisecond.
//! 3. The HTTP server, which was given the token for its graceful stop, waits for what is in flight. It can, because no
//!    stream outlives step 2. Until then it still lets people in, so that balancers can see what step 1 says; then it
//!    closes its socket.
//! 4. [`Shutdown::overdue`] resolves after the grace, or at a second signal: whatever still runs is left behind.

use std::{io, time::Duration};
use tokio_util::sync::CancellationToken;

/// Whether the process is on its way out. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    token: CancellationToken,
}

impl Shutdown {
    /// Not yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when the drain begins.
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Whether the drain has begun.
    pub fn is_draining(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Begins the drain. Doing it twice is doing it once.
    pub fn begin(&self) {
        self.token.cancel();
    }

    /// Waits for SIGTERM or Ctrl-C (or for [`Shutdown::begin`] by somebody else), then begins the drain.
    ///
    /// An error means that the signals could not be listened to; the drain has not begun then.
    pub async fn wait_for_signal(&self) -> io::Result<()> {
        tokio::select! {
            name = signal() => tracing::info!(signal = name?, "Draining"),
            () = self.token.cancelled() => {}
        }
        self.begin();
        Ok(())
    }

    /// Resolves once the drain has taken longer than `grace`, or is cut short by another signal.
    pub async fn overdue(&self, grace: Duration) {
        self.token.cancelled().await;
        tokio::select! {
            () = tokio::time::sleep(grace) => tracing::warn!("Drain took too long"),
            again = signal() => match again {
                Ok(name) => tracing::warn!(signal = name, "Drain cut short"),
                Err(_) => tokio::time::sleep(grace).await,
            },
        }
    }
}

/// The name of the next signal that asks the process to end.
#[cfg(unix)]
async fn signal() -> io::Result<&'static str> {
    use tokio::signal::unix;
    let mut terminate = unix::signal(unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok("SIGTERM"),
        pressed = tokio::signal::ctrl_c() => pressed.map(|()| "SIGINT"),
    }
}

/// The name of the next signal that asks the process to end.
#[cfg(not(unix))]
async fn signal() -> io::Result<&'static str> {
    tokio::signal::ctrl_c().await.map(|()| "Ctrl-C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn clones_drain_together() {
        let shutdown = Shutdown::new();
        let other = shutdown.clone();
        assert!(!other.is_draining());
        shutdown.begin();
        shutdown.begin();
        assert!(other.is_draining());
        other.wait_for_signal().await.unwrap();
        other.token().cancelled().await;
    }

    #[tokio::test]
    async fn the_grace_counts_from_the_beginning_of_the_drain() {
        let shutdown = Shutdown::new();
        let grace = Duration::from_millis(50);
        let overdue = shutdown.overdue(grace);
        tokio::pin!(overdue);
        let early = tokio::time::timeout(grace * 3, &mut overdue).await;
        assert!(early.is_err(), "nobody asked for an end");
        let begun = tokio::time::Instant::now();
        shutdown.begin();
        overdue.await;
        assert!(begun.elapsed() >= grace);
    }
}
