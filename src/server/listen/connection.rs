//! One connection, from its first byte to its end.
//!
//! Which HTTP it speaks is read off its first bytes. Hyper serves it, until an answer is to be taken over: then hyper
//! goes, with all its buffers, and comes back when the answer is over and the connection is not.

use super::{
    House,
    patience::{Patience, Pulse},
    pump::Pump,
    socket::{self, Held, Socket},
    visits::{Handover, Taken, Visits},
};
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{
    future::Future,
    io, mem,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::{io::AsyncWrite, net::TcpStream};
use tokio_util::sync::WaitForCancellationFutureOwned;

type Http1 = http1::UpgradeableConnection<TokioIo<Socket>, Visits>;
type Http2 = http2::Connection<TokioIo<Socket>, Visits, TokioExecutor>;

/// What a client says first that wants HTTP/2 without asking.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection with everything that it holds.
pub(super) struct Connection {
    house: Arc<House>,
    peer: SocketAddr,
    pulse: Arc<Pulse>,
    patience: Patience,
    stage: Stage,
    /// None where it would change nothing: a live stream ends by itself, and then the house is asked.
    stopping: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

/// Everything large is behind a box, so that a live stream does not hold the room for it.
enum Stage {
    Opening(Socket),
    Http1(Box<Http1>, Handover),
    Http2(Pin<Box<Http2>>),
    Stream(Pump),
    Closing(Socket),
    Over,
}

impl Connection {
    pub(super) fn new(house: Arc<House>, stream: TcpStream, peer: SocketAddr, held: Held) -> Self {
        if let Err(error) = socket::prepare(&stream, house.settings.stall_timeout) {
            // Works without; it is the end of dead connections that comes later.
            tracing::debug!(%error, "A socket takes no options");
        }
        let pulse = Arc::new(Pulse::default());
        Self {
            stage: Stage::Opening(Socket::new(stream, pulse.clone(), held)),
            patience: Patience::new(),
            stopping: Some(Box::pin(house.stop.clone().cancelled_owned())),
            pulse,
            peer,
            house,
        }
    }

    /// Goes on as far as it can. Ready at the end.
    fn advance(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        loop {
            self.hear_stop(cx);
            let (next, polled) = match mem::replace(&mut self.stage, Stage::Over) {
                Stage::Opening(mut socket) => match poll_preface(&mut socket, cx)? {
                    Poll::Ready(Spoken::Http1) => (self.http1(socket), None),
                    Poll::Ready(Spoken::Http2) => (self.http2(socket), None),
                    Poll::Ready(Spoken::Nothing) => (Stage::Over, None),
                    Poll::Pending => (Stage::Opening(socket), Some(Poll::Pending)),
                },
                Stage::Http1(mut http, handover) => {
                    let polled = Pin::new(&mut http).poll(cx)?;
                    // While hyper has bytes that the socket does not take (of an answer before), it keeps both.
                    if polled.is_pending()
                        && !self.pulse.is_stalled()
                        && let Some(taken) = handover.take()
                    {
                        (self.take_over(*http, taken), None)
                    } else {
                        (Stage::Http1(http, handover), Some(polled))
                    }
                }
                Stage::Http2(mut http) => {
                    let polled = http.as_mut().poll(cx)?;
                    (Stage::Http2(http), Some(polled))
                }
                Stage::Stream(mut pump) => match pump.poll(cx)? {
                    Poll::Ready(()) => (self.after(pump), None),
                    Poll::Pending => (Stage::Stream(pump), Some(Poll::Pending)),
                },
                Stage::Closing(mut socket) => {
                    let polled = Pin::new(&mut socket).poll_shutdown(cx)?;
                    (Stage::Closing(socket), Some(polled))
                }
                Stage::Over => (Stage::Over, Some(Poll::Ready(()))),
            };
            self.stage = next;
            if let Some(polled) = polled {
                return polled.map(Ok);
            }
        }
    }

    /// Once, when the process begins to drain.
    fn hear_stop(&mut self, cx: &mut Context<'_>) {
        let Some(stopping) = &mut self.stopping else { return };
        if stopping.as_mut().poll(cx).is_pending() {
            return;
        }
        self.stopping = None;
        match &mut self.stage {
            Stage::Opening(_) => self.stage = Stage::Over,
            Stage::Http1(http, _) => Pin::new(&mut **http).graceful_shutdown(),
            Stage::Http2(http) => http.as_mut().graceful_shutdown(),
            Stage::Stream(_) | Stage::Closing(_) | Stage::Over => {}
        }
    }

    fn http1(&self, socket: Socket) -> Stage {
        let (service, handover) = self.visits();
        let http = self.house.http1.serve_connection(TokioIo::new(socket), service);
        let http = http.with_upgrades();
        Stage::Http1(Box::new(http), handover)
    }

    fn http2(&self, socket: Socket) -> Stage {
        let (service, _) = self.visits();
        let http = self.house.http2.serve_connection(TokioIo::new(socket), service);
        Stage::Http2(Box::pin(http))
    }

    fn visits(&self) -> (Visits, Handover) {
        let handover = Handover::default();
        let visits = Visits {
            app: self.house.app.clone(),
            peer: self.peer,
            pulse: self.pulse.clone(),
            handover: handover.clone(),
        };
        (visits, handover)
    }

    fn take_over(&mut self, http: Http1, taken: Taken) -> Stage {
        // Nothing is left of a connection that became another protocol's, and no answer of it is taken over.
        let Some(parts) = http.into_parts() else { return Stage::Over };
        let mut socket = parts.io.into_inner();
        socket.put_back(&parts.read_buf);
        self.stopping = None;
        Stage::Stream(Pump::new(socket, taken))
    }

    /// What follows a stream that has ended.
    fn after(&mut self, pump: Pump) -> Stage {
        let (socket, keep_alive) = pump.into_socket();
        if !keep_alive || self.house.stop.is_cancelled() {
            return Stage::Closing(socket);
        }
        self.stopping = Some(Box::pin(self.house.stop.clone().cancelled_owned()));
        self.http1(socket)
    }
}

impl Future for Connection {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if let Poll::Ready(ended) = this.advance(cx) {
            if let Err(error) = ended {
                tracing::trace!(%error, "A connection broke");
            }
            return Poll::Ready(());
        }
        let out = ready!(this.patience.poll(cx, &this.pulse, &this.house.settings));
        metrics::counter!("hotline_connections_timed_out_total", "waiting" => out).increment(1);
        Poll::Ready(())
    }
}

/// A connection's end before its time.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
enum Broken {
    Io(#[from] io::Error),
    Http(#[from] hyper::Error),
}

/// What a client's first bytes say.
enum Spoken {
    Http1,
    Http2,
    Nothing,
}

/// Reads until it is clear which HTTP this is; what was read stays in the socket.
fn poll_preface(socket: &mut Socket, cx: &mut Context<'_>) -> Poll<io::Result<Spoken>> {
    loop {
        let said = socket.ahead();
        if said.len() >= PREFACE.len() && said.starts_with(PREFACE) {
            return Poll::Ready(Ok(Spoken::Http2));
        }
        if !PREFACE.starts_with(said) {
            return Poll::Ready(Ok(Spoken::Http1));
        }
        if ready!(socket.poll_ahead(cx))? == 0 {
            return Poll::Ready(Ok(Spoken::Nothing));
        }
    }
}
