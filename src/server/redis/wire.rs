//! A connection to one node that is made again when it was lost.

use super::RedisFault;
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, PushInfo, PushKind, RedisError, RedisResult, Value,
    aio::{ConnectionLike, MultiplexedConnection},
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Is told of every message, and of the connection's end.
pub type OnPush = Arc<dyn Fn(PushInfo) + Send + Sync>;

/// After a failure, whoever comes in this time is told the same: a crowd must not try one after the other.
const PAUSE: Duration = Duration::from_millis(100);

/// Opens a connection whose every command ends in time.
pub async fn connect(
    client: &Client,
    patience: Duration,
    on_push: OnPush,
) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(patience / 2))
        .set_response_timeout(Some(patience))
        .set_push_sender(move |push| {
            on_push(push);
            Ok::<(), RedisFault>(())
        });
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// The connection.
pub struct Wire {
    client: Client,
    patience: Duration,
    state: Arc<Mutex<State>>,
    connecting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    /// Counts connections, so that an old one's end does not end a new one.
    number: u64,
    connection: Option<MultiplexedConnection>,
    failed: Option<(Instant, RedisError)>,
}

impl Wire {
    /// Connects to nothing yet.
    pub fn new(client: Client, patience: Duration) -> Self {
        Self { client, patience, state: Arc::default(), connecting: tokio::sync::Mutex::default() }
    }

    /// Sends one command, over a new connection if need be.
    pub async fn send(&self, cmd: &Cmd) -> RedisResult<Value> {
        let (number, mut connection) = self.connection().await?;
        let answer = connection.req_packed_command(cmd).await;
        if let Err(error) = &answer
            && (error.is_unrecoverable_error() || error.is_timeout() || error.is_io_error())
        {
            // One that keeps silent may be dead without a sign.
            lost(&self.state, number);
        }
        answer
    }

    async fn connection(&self) -> RedisResult<(u64, MultiplexedConnection)> {
        if let Some(there) = self.there() {
            return Ok(there);
        }
        let _turn = self.connecting.lock().await;
        if let Some(there) = self.there() {
            return Ok(there);
        }
        let number = {
            let mut state = lock(&self.state);
            if let Some((at, error)) = &state.failed
                && at.elapsed() < PAUSE
            {
                return Err(error.clone());
            }
            state.number += 1;
            state.number
        };
        let state = Arc::downgrade(&self.state);
        let on_push = Arc::new(move |push: PushInfo| {
            if push.kind == PushKind::Disconnection
                && let Some(state) = state.upgrade()
            {
                lost(&state, number);
            }
        });
        let made = connect(&self.client, self.patience, on_push).await;
        let mut state = lock(&self.state);
        match made {
            Ok(connection) => {
                state.failed = None;
                state.connection = Some(connection.clone());
                Ok((number, connection))
            }
            Err(error) => {
                state.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    fn there(&self) -> Option<(u64, MultiplexedConnection)> {
        let state = lock(&self.state);
        state.connection.clone().map(|connection| (state.number, connection))
    }
}

fn lost(state: &Mutex<State>, number: u64) {
    let mut state = lock(state);
    if state.number == number {
        state.connection = None;
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
