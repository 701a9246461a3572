//! The application, for the requests of one connection, and the place where a connection is told to go on without
//! hyper.

use super::{
    TakeOver,
    patience::{InHand, Pulse},
};
use axum::{
    Router,
    body::{Body, HttpBody},
    extract::ConnectInfo,
    http::{HeaderMap, Method, Version, header},
    response::Response,
};
use bytes::Bytes;
use hyper::{Request, body::Incoming};
use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

/// An answer whose head was given to hyper, and whose body the connection itself is to send, in chunks.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) body: Body,
    /// Whether another request may come after it.
    pub(super) keep_alive: bool,
    pub(super) in_hand: InHand,
}

/// Where a request leaves what the connection is to take over.
#[derive(Debug, Clone, Default)]
pub(super) struct Handover(Arc<Mutex<Option<Taken>>>);

impl Handover {
    fn leave(&self, taken: Taken) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(taken);
    }

    pub(super) fn take(&self) -> Option<Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The application, for the requests of one connection.
#[derive(Debug)]
pub(super) struct Visits {
    pub(super) app: Router,
    pub(super) peer: SocketAddr,
    pub(super) pulse: Arc<Pulse>,
    pub(super) handover: Handover,
}

impl hyper::service::Service<Request<Incoming>> for Visits {
    type Response = Response<Tracked>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, mut request: Request<Incoming>) -> Answering {
        let in_hand = InHand::new(&self.pulse, request.version());
        let takeable = Takeable::of(&request).then(|| Takeable {
            keep_alive: !says_close(request.headers()),
            handover: self.handover.clone(),
        });
        request.extensions_mut().insert(ConnectInfo(self.peer));
        // A router is always ready.
        let answer = tower::Service::call(&mut self.app.clone(), request.map(Body::new));
        Answering { answer, in_hand: Some(in_hand), takeable }
    }
}

/// A request whose answer may be taken over.
#[derive(Debug)]
struct Takeable {
    keep_alive: bool,
    handover: Handover,
}

impl Takeable {
    /// HTTP/1.1 only: it alone has chunks, and one answer at a time. And only where nothing of the request is left in
    /// the connection: what is read next is the next request.
    fn of(request: &Request<Incoming>) -> bool {
        request.version() == Version::HTTP_11
            && *request.method() == Method::GET
            && request.body().is_end_stream()
            && !request.headers().contains_key(header::UPGRADE)
    }
}

/// Whether `Connection` says that this is the connection's last message.
fn says_close(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::CONNECTION).iter();
    values
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|word| word.trim_ascii().eq_ignore_ascii_case(b"close"))
}

/// A request that is being answered.
pub(super) struct Answering {
    answer: axum::routing::future::RouteFuture<Infallible>,
    in_hand: Option<InHand>,
    takeable: Option<Takeable>,
}

impl Future for Answering {
    type Output = Result<Response<Tracked>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut answer = ready!(Pin::new(&mut self.answer).poll(cx))?;
        let wanted = answer.extensions_mut().remove::<TakeOver>().is_some();
        let takeable = self.takeable.take().filter(|_| wanted && is_chunked(&answer));
        let takeable = takeable.map(|it| Takeable {
            keep_alive: it.keep_alive && !says_close(answer.headers()),
            ..it
        });
        let in_hand = self.in_hand.take();
        Poll::Ready(Ok(answer.map(|body| Tracked { body, in_hand, takeable, gone: false })))
    }
}

/// Whether hyper will say in the head that the body comes in chunks.
fn is_chunked(answer: &Response) -> bool {
    answer.body().size_hint().exact().is_none()
        && !answer.headers().contains_key(header::CONTENT_LENGTH)
        && !answer.headers().contains_key(header::TRANSFER_ENCODING)
}

/// An answer's body: as long as there is more of it, the connection is not idle.
#[derive(Debug)]
pub(super) struct Tracked {
    body: Body,
    in_hand: Option<InHand>,
    takeable: Option<Takeable>,
    /// The connection has it.
    gone: bool,
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
        // Hyper has written the head when it asks for the body. The connection, which is polling hyper just now, looks
        // at the handover right after; so nobody needs to be woken.
        if let Some(Takeable { keep_alive, handover }) = self.takeable.take()
            && let Some(in_hand) = self.in_hand.take()
        {
            handover.leave(Taken { body: std::mem::take(&mut self.body), keep_alive, in_hand });
            self.gone = true;
        }
        if self.gone {
            return Poll::Pending;
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}
