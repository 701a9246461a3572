//! The live stream over a WebSocket: what [`open`](super::open()) sends, in both directions' one connection.
//!
//! It *is* that stream: the same body gives the same frames, so rights, seats, places, replay, gaps, heartbeats,
//! lifetimes and goodbyes cannot differ. Each frame is one text message: its JSON, with the cursor as the first field
//! `id` where the frame has one:
//!
//! ```text
//! {"id":"<cursor>","type":"webhook","threadId":"th_…", …}          {"type":"heartbeat","now":"…"}
//! ```
//!
//! After a `bye` (or where a reader was too slow) the server closes; the client comes back with its newest places, as
//! with the stream. What the client says is somebody else's business ([`Talk`]): one message after the other, a few
//! may wait, and while they do, nothing more is read. Who answers no ping for a while is gone; who takes nothing, too.

use super::{StreamContext, Wanted, body::LiveBody, connect, crowd::Crowd};
use axum::{
    extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code},
    response::Response,
};
use futures::{
    StreamExt,
    future::{BoxFuture, OptionFuture},
};
use metrics::counter;
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::time::{Instant, MissedTickBehavior, timeout};

/// Bytes of a message: the longest reply that a form may carry, escaped.
const LONGEST: usize = 64 * 1024;
/// So many messages of a client may wait for their turn.
const WAITING: usize = 8;
/// How long the other side may not take what we have for it.
const STALLED: Duration = Duration::from_secs(30);
/// How long the other side may take to hang up, and what it asked for last to be done.
const FAREWELL: Duration = Duration::from_secs(5);
/// A ping goes out at each heartbeat; so many of them unanswered, and nobody is there.
const SILENT_HEARTBEATS: u32 = 3;

/// What a client's message comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Nothing that is answered.
    Nothing,
    /// This is sent.
    Answer(String),
    /// This client makes no sense: it is hung up on.
    Nonsense,
}

/// Whoever understands what clients say.
pub trait Talk: Send + Sync + 'static {
    /// A text message.
    fn hear(&self, text: String) -> BoxFuture<'static, Said>;
}

/// Opens a socket. The caller has made sure that this visitor may follow these threads, and that the browser's page is
/// ours. Answers 101, or what [`open`](super::open()) answers where there is no room or nothing to follow.
pub async fn open_socket(
    ctx: &StreamContext,
    session: Option<&str>,
    wanted: Wanted,
    upgrade: WebSocketUpgrade,
    talk: Arc<dyn Talk>,
) -> Response {
    let (seat, opened) = match connect(ctx, wanted).await {
        Ok(connected) => connected,
        Err(answer) => return *answer,
    };
    counter!("hotline_sockets_opened_total").increment(1);
    let member = session.map(|session| Crowd::join(&ctx.0.crowd, session));
    let body = LiveBody::new(opened, member, seat);
    let beat = ctx.0.settings.heartbeat;
    upgrade
        .max_message_size(LONGEST)
        .max_frame_size(LONGEST)
        // Every message leaves at once, and a second one does not begin before the first is taken.
        .write_buffer_size(0)
        .max_write_buffer_size(2 * LONGEST)
        .on_upgrade(move |socket| Line { socket, heard: Instant::now() }.carry(body, talk, beat))
}

/// The socket, and when it was heard last.
struct Line {
    socket: WebSocket,
    heard: Instant,
}

/// Nothing more can be sent or heard.
struct Over;

impl Line {
    async fn carry(mut self, mut body: LiveBody, talk: Arc<dyn Talk>, beat: Duration) {
        let mut pings = tokio::time::interval_at(Instant::now() + beat, beat);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut waiting: VecDeque<String> = VecDeque::new();
        let mut working: OptionFuture<BoxFuture<'static, Said>> = None.into();
        let mut busy = false;
        let code = loop {
            if !busy && let Some(text) = waiting.pop_front() {
                working = Some(talk.hear(text)).into();
                busy = true;
            }
            let went = tokio::select! {
                frame = body.next() => match frame {
                    Some(Ok(frames)) => self.pass_on(&frames).await,
                    Some(Err(never)) => match never {},
                    // The end: after a goodbye, or because this reader was too slow.
                    None => break close_code::NORMAL,
                },
                said = &mut working, if busy => {
                    busy = false;
                    match said {
                        Some(Said::Answer(text)) => self.say(Message::Text(text.into())).await,
                        Some(Said::Nonsense) => break close_code::POLICY,
                        Some(Said::Nothing) | None => Ok(()),
                    }
                }
                message = self.socket.recv(), if waiting.len() < WAITING => {
                    self.heard = Instant::now();
                    match message {
                        Some(Ok(Message::Text(text))) => {
                            waiting.push_back(text.as_str().to_owned());
                            Ok(())
                        }
                        Some(Ok(Message::Binary(_))) => break close_code::UNSUPPORTED,
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
                        Some(Ok(Message::Close(_))) | None => Err(Over),
                        // Too long, not UTF-8, not the protocol; or the connection broke.
                        Some(Err(_)) => break close_code::PROTOCOL,
                    }
                }
                _ = pings.tick() => {
                    // While messages wait, answers to pings are not read either.
                    if waiting.len() < WAITING && self.heard.elapsed() > beat * SILENT_HEARTBEATS {
                        counter!("hotline_sockets_silent_total").increment(1);
                        Err(Over)
                    } else {
                        self.say(Message::Ping(Vec::new().into())).await
                    }
                }
            };
            if went.is_err() {
                return;
            }
        };
        // The place is free from now on.
        drop(body);
        let done = if busy { timeout(FAREWELL, working).await.ok().flatten() } else { None };
        if let Some(Said::Answer(text)) = done
            && self.say(Message::Text(text.into())).await.is_err()
        {
            return;
        }
        self.hang_up(code).await;
    }

    async fn say(&mut self, message: Message) -> Result<(), Over> {
        match timeout(STALLED, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Over),
            Err(_) => {
                counter!("hotline_streams_cut_total").increment(1);
                Err(Over)
            }
        }
    }

    async fn pass_on(&mut self, frames: &[u8]) -> Result<(), Over> {
        for message in messages(frames) {
            self.say(Message::Text(message.into())).await?;
        }
        Ok(())
    }

    /// Says so, and waits a moment for the other side to agree: a connection that is closed with something unread in it
    /// takes our last words with it.
    async fn hang_up(mut self, code: u16) {
        let close = CloseFrame { code, reason: "".into() };
        let farewell = async {
            if self.socket.send(Message::Close(Some(close))).await.is_ok() {
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        };
        let _ = timeout(FAREWELL, farewell).await;
    }
}

/// The frames of the stream as messages. What is for an `EventSource` alone (`retry`) is left out.
fn messages(frames: &[u8]) -> impl Iterator<Item = String> + '_ {
    let text = std::str::from_utf8(frames).unwrap_or_default();
    text.split_terminator("\n\n").filter_map(|frame| {
        let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name));
        let data = field("data: ")?;
        Some(match field("id: ") {
            Some(id) => ["{\"id\":\"", id, "\",", data.strip_prefix('{')?].concat(),
            None => data.to_owned(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            ids::{Cursor, ThreadId},
            live::StreamEvent,
        },
        server::bus::sse,
    };

    #[test]
    fn frames_become_messages() {
        let thread_id = ThreadId::parse("th_01KQS44ER0KVVBRC15MBB8ADPP").unwrap();
        let cursor = Cursor::parse("e-1").unwrap();
        let bye = StreamEvent::Bye { reason: "restart".into(), thread_id: None, after_ms: 7 };
        let connected = StreamEvent::Connected {
            thread_id,
            cursor: cursor.clone(),
            gap: true,
            heartbeat_ms: 5,
        };
        let frames = [
            b"retry: 2000\n".as_slice(),
            &sse(Some(&cursor), &connected).unwrap(),
            &sse(None, &bye).unwrap(),
            b"id: e-2\n\n",
        ]
        .concat();
        let said: Vec<_> = messages(&frames).collect();
        assert_eq!(said.len(), 2, "{said:?}");
        let first: serde_json::Value = serde_json::from_str(&said[0]).unwrap();
        assert_eq!(first["id"], "e-1");
        assert_eq!(serde_json::from_str::<StreamEvent>(&said[0]).unwrap(), connected);
        assert_eq!(said[1], r#"{"type":"bye","reason":"restart","afterMs":7}"#);
    }
}
