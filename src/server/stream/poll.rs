//! The stream in slices, for networks that let no stream through: the same frames, in answers that end.

use super::{
    Opened, StreamContext, Wanted, bye, connect,
    crowd::{Crowd, Member},
    lines::{Heard, Lines},
};
use crate::domain::live::StreamEvent;
use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use metrics::counter;
use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

/// One answer takes no more once it is longer than this, in bytes: the rest is there at the next poll.
const ENOUGH: usize = 512 * 1024;

/// What happened in the threads after their places, as finite text; otherwise like [`open`](super::open()): the same
/// rights, seats and frames.
///
/// Answers at once if there is anything to tell: something missed, a gap, a thread that ended, a drain. Else it waits
/// for the first event, for `wait` or for the settings' `poll_wait`, whichever is shorter. The client comes back
/// with the newest places.
pub async fn poll(
    ctx: &StreamContext,
    session: Option<&str>,
    wanted: Wanted,
    wait: Duration,
) -> Response {
    let (_seat, opened) = match connect(ctx, wanted).await {
        Ok(connected) => connected,
        Err(answer) => return *answer,
    };
    counter!("hotline_polls_total").increment(1);
    let member = session.map(|session| Crowd::join(&ctx.0.crowd, session));
    let Opened { first, urgent, mut lines } = opened;
    let mut slice = Slice { text: first.into(), ended: false };
    let mut waiting = !urgent;
    while let Some(heard) = slice.room().and_then(|()| lines.replayed()) {
        waiting = false;
        slice.tell(heard);
    }
    if waiting {
        slice.wait(ctx, &mut lines, member.as_ref(), wait.min(ctx.0.settings.poll_wait)).await;
    }
    // Events come in flocks: what is there by now comes along. Nobody needs to be woken for more.
    let mut cx = Context::from_waker(Waker::noop());
    while let Some(Poll::Ready(heard)) = slice.room().map(|()| lines.poll_next(&mut cx)) {
        slice.tell(heard);
    }
    if ctx.0.shutdown.is_draining() {
        slice.goodbye(ctx.0.farewell());
    }
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store, no-transform"),
    ];
    (headers, slice.text).into_response()
}

/// The text of one answer.
struct Slice {
    text: Vec<u8>,
    /// Nothing can follow.
    ended: bool,
}

impl Slice {
    /// None if no more is to be added.
    fn room(&self) -> Option<()> {
        (!self.ended && self.text.len() < ENOUGH).then_some(())
    }

    async fn wait(
        &mut self,
        ctx: &StreamContext,
        lines: &mut Lines,
        member: Option<&Member>,
        wait: Duration,
    ) {
        let stop = ctx.0.shutdown.token();
        let mut stopped = pin!(stop.cancelled());
        let mut timer = pin!(tokio::time::sleep(wait));
        poll_fn(|cx| {
            if let Poll::Ready(heard) = lines.poll_next(cx) {
                self.tell(heard);
                return Poll::Ready(());
            }
            if member.is_some_and(|member| member.must_go(cx)) {
                self.goodbye(ctx.0.replaced());
                return Poll::Ready(());
            }
            if stopped.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            timer.as_mut().poll(cx)
        })
        .await;
    }

    fn tell(&mut self, heard: Heard) {
        match heard {
            Heard::Frame(frame) => self.text.extend_from_slice(&frame.sse),
            Heard::Whisper(frame) => self.text.extend_from_slice(&frame),
            Heard::Gone(thread) => {
                let bye = bye(StreamEvent::REMOVED, Some(thread), Duration::ZERO);
                self.text.extend_from_slice(&bye.unwrap_or_default());
            }
            Heard::AllGone => self.goodbye((StreamEvent::REMOVED, Duration::ZERO)),
            // The next poll asks for the rest.
            Heard::Cut => self.ended = true,
        }
    }

    /// The last word; a second one is not said.
    fn goodbye(&mut self, (reason, after): (&str, Duration)) {
        if !std::mem::replace(&mut self.ended, true) {
            self.text.extend_from_slice(&bye(reason, None, after).unwrap_or_default());
        }
    }
}
