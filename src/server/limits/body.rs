//! Bodies that must arrive in time.

use axum::{
    body::{Body, HttpBody},
    extract::Request,
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, Sleep};

/// The middleware: whoever reads this request's body sees it break once it has taken too long, from the first look on,
/// however steadily it trickles. With a `pace`, in bytes a second, every byte that came gives it that much longer: a
/// large file may take its time as long as it keeps moving.
pub async fn in_time(limit: Duration, pace: Option<u32>, request: Request, next: Next) -> Response {
    let request = if request.body().is_end_stream() {
        request
    } else {
        request.map(|body| Body::new(InTime { body, limit, pace, came: 0, clock: None }))
    };
    next.run(request).await
}

/// How long a body may take of which so many bytes came.
fn patience(limit: Duration, pace: Option<u32>, came: u64) -> Duration {
    let earned = pace.map_or(0, |pace| came.saturating_mul(1000) / u64::from(pace.max(1)));
    limit + Duration::from_millis(earned)
}

struct InTime {
    body: Body,
    limit: Duration,
    pace: Option<u32>,
    came: u64,
    /// Runs from the first look on.
    clock: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl HttpBody for InTime {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Self { body, limit, pace, came, clock } = &mut *self;
        let (began, clock) =
            clock.get_or_insert_with(|| (Instant::now(), Box::pin(tokio::time::sleep(*limit))));
        if clock.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(axum::Error::new(io::Error::from(
                io::ErrorKind::TimedOut,
            )))));
        }
        let frame = Pin::new(body).poll_frame(cx);
        if let (Some(pace), Poll::Ready(Some(Ok(frame)))) = (pace, &frame)
            && let Some(data) = frame.data_ref()
        {
            *came += data.len() as u64;
            clock.as_mut().reset(*began + patience(*limit, Some(*pace), *came));
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_moving_may_take_its_time() {
        let minute = Duration::from_secs(60);
        assert_eq!(patience(minute, None, 50_000_000), minute);
        assert_eq!(patience(minute, Some(1000), 0), minute);
        // A trickle of ten bytes a second gains nothing to speak of in that minute.
        assert!(patience(minute, Some(1000), 600) < minute + Duration::from_secs(1));
        assert_eq!(patience(minute, Some(1000), 600_000), minute + Duration::from_secs(600));
    }
}
