//! The server's sockets: who may connect, how long a request may take to arrive, and when a connection is over.
//!
//! An accept loop of our own, because hyper's clock for headers does not run before the first bytes, does not tell an
//! idle connection from a slow one, and nothing in it counts connections. What a connection may take:
//!
//! - until a request's head is there: [`ListenSettings::header_timeout`], from the connection's beginning or from the
//!   head's first byte on, however the bytes trickle;
//! - a head: [`ListenSettings::max_head`] bytes and hyper's hundred headers; more is answered 431;
//! - between two requests: [`ListenSettings::idle_timeout`];
//! - while the other side does not read what we have for it: [`ListenSettings::stall_timeout`];
//! - a request that is being answered, a live stream above all, may take as long as it likes.

mod connection;
mod patience;
mod places;
mod pump;
mod socket;
mod visits;

use axum::Router;
use connection::Connection;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use ipnet::IpNet;
use places::Places;
use socket::Held;
use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A response extension: this answer's body lives long and is silent most of its life. Over HTTP/1.1 the connection
/// then lets go of everything that served the request and passes the body on by itself, in the chunks that the head
/// promised; what the other side sees is the same. Such a body must end by itself when the process drains.
#[derive(Debug, Clone, Copy)]
pub struct TakeOver;

/// How patient and how roomy the listener is.
#[derive(Debug, Clone)]
pub struct ListenSettings {
    /// How long the head of a request may take to arrive.
    pub header_timeout: Duration,
    /// How long a connection may stay open between two requests. Longer than proxies keep theirs (60 s is common), so
    /// that it is they who close it, and none of their requests meets a closing connection.
    pub idle_timeout: Duration,
    /// How long the other side may not read while we have something for it.
    pub stall_timeout: Duration,
    /// The largest head of a request, in bytes; at least 8192.
    pub max_head: usize,
    /// Connections open at once.
    pub connections: usize,
    /// Connections open at once from one address.
    pub connections_per_address: usize,
    /// Addresses that may open as many as there is room for: proxies, behind which everybody stands.
    pub exempt: Vec<IpNet>,
}

impl Default for ListenSettings {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            stall_timeout: Duration::from_secs(30),
            max_head: 32 * 1024,
            connections: 15_000,
            connections_per_address: 512,
            exempt: Vec::new(),
        }
    }
}

/// How long to wait when the system gives no more sockets, which the end of a connection will change.
const BREATH: Duration = Duration::from_millis(100);
/// A proxy that speaks HTTP/2 puts many visitors, with their streams, on one connection.
const H2_STREAMS: u32 = 256;
/// How often an HTTP/2 connection is asked whether it lives, and how long it may take to say so.
const H2_PING: Duration = Duration::from_secs(20);

/// How many connections may wait to be accepted. The system's own bound (4096 on Linux) holds as well; the usual 128 is
/// so few that of thousands who come back at once most would be turned away, and try again only seconds later.
const BACKLOG: u32 = 16_384;

/// Listens, with room for everybody to come at once.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart need not wait for what is left of the connections before it. On Windows it would mean something else.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `stop` is cancelled, then finishes the requests in flight and returns when the connections are closed.
/// As long as those of before `stop` last, new ones are let in: who asks whether we are ready is to hear that we are not,
/// and nobody is to find a closed door before that is known. Handlers find the peer as [`axum::extract::ConnectInfo`].
pub async fn serve(
    listener: TcpListener,
    app: Router,
    settings: ListenSettings,
    stop: CancellationToken,
) -> io::Result<()> {
    let mut http1 = http1::Builder::new();
    // The clock for heads is ours, see `patience`. The buffer bounds the head; it is also the most that is read of a
    // body at once.
    http1.header_read_timeout(None).max_buf_size(settings.max_head);
    let mut http2 = http2::Builder::new(TokioExecutor::new());
    http2
        .timer(TokioTimer::new())
        .max_concurrent_streams(H2_STREAMS)
        .max_header_list_size(u32::try_from(settings.max_head).unwrap_or(u32::MAX))
        .max_send_buf_size(64 * 1024)
        .keep_alive_interval(H2_PING)
        .keep_alive_timeout(H2_PING);
    let places = Places::new(&settings);
    let house = Arc::new(House { http1, http2, app, places, settings, stop: stop.clone() });
    let mut door = Door { listener, house, out_of_sockets: false };
    let connections = TaskTracker::new();
    loop {
        tokio::select! {
            // First: who comes after it is let in below, and is answered.
            biased;
            () = stop.cancelled() => break,
            () = door.admit(&connections) => {}
        }
    }
    connections.close();
    let (late, last_call) = (TaskTracker::new(), CancellationToken::new());
    door.house = Arc::new(House { stop: last_call.clone(), ..House::clone(&door.house) });
    let mut served = pin!(connections.wait());
    loop {
        tokio::select! {
            () = &mut served => break,
            () = door.admit(&late) => {}
        }
    }
    drop(door);
    last_call.cancel();
    late.close();
    late.wait().await;
    Ok(())
}

/// Where connections come in.
struct Door {
    listener: TcpListener,
    house: Arc<House>,
    out_of_sockets: bool,
}

impl Door {
    /// Lets one connection in. Nothing is lost when this is given up half-way.
    async fn admit(&mut self, connections: &TaskTracker) {
        match self.listener.accept().await {
            Ok((stream, peer)) => {
                self.out_of_sockets = false;
                // Without room it is closed at once: dropped.
                if let Some(place) = Places::take(&self.house.places, peer.ip()) {
                    let held = Held { _place: place, _open: connections.token() };
                    connections.spawn(Connection::new(self.house.clone(), stream, peer, held));
                }
            }
            // The other side was gone before it was its turn.
            Err(error) if is_theirs(&error) => {}
            Err(error) => {
                if !std::mem::replace(&mut self.out_of_sockets, true) {
                    tracing::warn!(%error, "No connection can be accepted; trying again");
                }
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

fn is_theirs(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// What all connections share.
#[derive(Clone)]
struct House {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    app: Router,
    places: Arc<Places>,
    settings: ListenSettings,
    stop: CancellationToken,
}
