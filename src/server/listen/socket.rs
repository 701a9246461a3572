//! A connection's bytes, watched.

use super::{patience::Pulse, places::Place};
use socket2::{SockRef, TcpKeepalive};
use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_util::task::task_tracker::TaskTrackerToken;

/// What the other side still sends after we have said our last word is thrown away, up to this much.
const MAX_LINGER: usize = 256 * 1024;
/// How much is read ahead at once.
const AHEAD: usize = 1024;

/// Small frames leave at once; who is gone without a word is noticed, while nothing is said (keep-alive) and while
/// something is (the user timeout: what is not acknowledged for that long never will be).
pub(super) fn prepare(stream: &TcpStream, unacknowledged: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let probes = TcpKeepalive::new()
        .with_time(Duration::from_secs(30))
        .with_interval(Duration::from_secs(10));
    socket.set_tcp_keepalive(&probes)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(unacknowledged))?;
    #[cfg(not(target_os = "linux"))]
    let _ = unacknowledged;
    Ok(())
}

/// The stream, telling the connection's pulse what goes on.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    pulse: Arc<Pulse>,
    /// What was read and is still to be read by whoever reads next.
    ahead: Vec<u8>,
    thrown_away: usize,
    _held: Held,
}

/// What a connection holds as long as its socket is open, whoever has that: another protocol may have taken it.
#[derive(Debug)]
pub(super) struct Held {
    /// Its place among all connections.
    pub(super) _place: Place,
    /// Those who wait for the end of all connections wait for this one.
    pub(super) _open: TaskTrackerToken,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, pulse: Arc<Pulse>, held: Held) -> Self {
        Self { stream, pulse, ahead: Vec::new(), thrown_away: 0, _held: held }
    }

    /// What was read ahead; whoever reads next gets it again.
    pub(super) fn ahead(&self) -> &[u8] {
        &self.ahead
    }

    /// Puts back what was read and not used.
    pub(super) fn put_back(&mut self, bytes: &[u8]) {
        self.ahead.splice(..0, bytes.iter().copied());
    }

    /// Reads ahead once more, at most [`AHEAD`] bytes. Zero: the other side has closed.
    pub(super) fn poll_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut bytes = [0; AHEAD];
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        let bytes = buffer.filled();
        if !bytes.is_empty() {
            self.ahead.extend_from_slice(bytes);
            self.pulse.heard();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn wrote(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &result {
            Poll::Pending => self.pulse.stalled(),
            Poll::Ready(Ok(count)) if *count > 0 => self.pulse.wrote(),
            Poll::Ready(_) => {}
        }
        result
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let count = self.ahead.len().min(buffer.remaining());
            buffer.put_slice(&self.ahead[..count]);
            if count == self.ahead.len() {
                self.ahead = Vec::new();
            } else {
                self.ahead.drain(..count);
            }
            self.pulse.heard();
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.pulse.heard();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.wrote(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// A socket that is closed with unread bytes in it resets the connection, and our last answer (431 for a flood of
    /// headers) may be lost with it. So they are read, within bounds; the clock for heads still runs.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        let mut bytes = [0; 4096];
        while self.pulse.is_mid_head() && self.thrown_away < MAX_LINGER {
            let mut buffer = ReadBuf::new(&mut bytes);
            if ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)).is_err() {
                break;
            }
            let count = buffer.filled().len();
            if count == 0 {
                break;
            }
            self.thrown_away += count;
        }
        Poll::Ready(Ok(()))
    }
}
