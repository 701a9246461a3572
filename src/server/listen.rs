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

mod patience;
mod places;
mod socket;

use axum::{
    Router,
    body::{Body, HttpBody},
    extract::ConnectInfo,
    response::Response,
};
use bytes::Bytes;
use hyper::{Request, body::Incoming};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use ipnet::IpNet;
use patience::{InHand, Patience, Pulse};
use places::{Place, Places};
use socket::Socket;
use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

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
/// and nobody is to find a closed door before that is known. Handlers find the peer as [`ConnectInfo`].
pub async fn serve(
    listener: TcpListener,
    app: Router,
    settings: ListenSettings,
    stop: CancellationToken,
) -> io::Result<()> {
    let mut http = Builder::new(TokioExecutor::new());
    // The clock for heads is ours, see `patience`. The buffer bounds the head; it is also the most that is read of a
    // body at once.
    http.http1().header_read_timeout(None).max_buf_size(settings.max_head);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(H2_STREAMS)
        .max_header_list_size(u32::try_from(settings.max_head).unwrap_or(u32::MAX))
        .max_send_buf_size(64 * 1024)
        .keep_alive_interval(H2_PING)
        .keep_alive_timeout(H2_PING);
    let house = Arc::new(House { http, app, places: Places::new(&settings), settings });
    let mut door = Door { listener, house, out_of_sockets: false };
    let connections = TaskTracker::new();
    while stop.run_until_cancelled(door.admit(&connections, &stop)).await.is_some() {}
    connections.close();
    let (late, last_call) = (TaskTracker::new(), CancellationToken::new());
    let mut served = pin!(connections.wait());
    loop {
        tokio::select! {
            () = &mut served => break,
            () = door.admit(&late, &last_call) => {}
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
    /// Lets one connection in, that is to end with `stop`. Nothing is lost when this is given up half-way.
    async fn admit(&mut self, connections: &TaskTracker, stop: &CancellationToken) {
        match self.listener.accept().await {
            Ok((stream, peer)) => {
                self.out_of_sockets = false;
                // Without room it is closed at once: dropped.
                if let Some(place) = Places::take(&self.house.places, peer.ip()) {
                    let (house, stop) = (self.house.clone(), stop.clone());
                    connections.spawn(attend(house, stream, peer, place, stop));
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
struct House {
    http: Builder<TokioExecutor>,
    app: Router,
    places: Arc<Places>,
    settings: ListenSettings,
}

/// One connection, to its end.
async fn attend(
    house: Arc<House>,
    stream: TcpStream,
    peer: SocketAddr,
    place: Place,
    stop: CancellationToken,
) {
    if let Err(error) = socket::prepare(&stream, house.settings.stall_timeout) {
        // Works without; it is the end of dead connections that comes later.
        tracing::debug!(%error, "A socket takes no options");
    }
    let pulse = Arc::new(Pulse::default());
    let service = Visits { app: house.app.clone(), peer, pulse: pulse.clone() };
    let socket = TokioIo::new(Socket::new(stream, pulse.clone()));
    let mut patience = Patience::new(&house.settings);
    let mut connection = pin!(house.http.serve_connection(socket, service));
    let mut stopping = pin!(stop.cancelled());
    let mut stopped = false;
    poll_fn(|cx| {
        if !stopped && stopping.as_mut().poll(cx).is_ready() {
            stopped = true;
            connection.as_mut().graceful_shutdown();
        }
        if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
            if let Err(error) = ended {
                tracing::trace!(%error, "A connection broke");
            }
            return Poll::Ready(());
        }
        let out = ready!(patience.poll(cx, &pulse));
        metrics::counter!("hotline_connections_timed_out_total", "waiting" => out).increment(1);
        Poll::Ready(())
    })
    .await;
    drop(place);
}

/// The application, for the requests of one connection.
struct Visits {
    app: Router,
    peer: SocketAddr,
    pulse: Arc<Pulse>,
}

impl hyper::service::Service<Request<Incoming>> for Visits {
    type Response = Response<Tracked>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, mut request: Request<Incoming>) -> Answering {
        let in_hand = InHand::new(&self.pulse, request.version());
        request.extensions_mut().insert(ConnectInfo(self.peer));
        // A router is always ready.
        let answer = tower::Service::call(&mut self.app.clone(), request.map(Body::new));
        Answering { answer, in_hand: Some(in_hand) }
    }
}

/// A request that is being answered.
struct Answering {
    answer: axum::routing::future::RouteFuture<Infallible>,
    in_hand: Option<InHand>,
}

impl Future for Answering {
    type Output = Result<Response<Tracked>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.answer).poll(cx))?;
        let in_hand = self.in_hand.take();
        Poll::Ready(Ok(answer.map(|body| Tracked { body, _in_hand: in_hand })))
    }
}

/// An answer's body: as long as there is more of it, the connection is not idle.
struct Tracked {
    body: Body,
    _in_hand: Option<InHand>,
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}
