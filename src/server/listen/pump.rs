//! A live stream on a connection of its own, without hyper: what stays in memory for it is this, its body and its
//! socket. The head is written by then, and promised chunks.

use super::{patience::InHand, socket::Socket, visits::Taken};
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use std::{
    collections::VecDeque,
    io::{self, IoSlice, Write},
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::AsyncWrite;

/// So many frames are given to the socket at once.
const MOST_FRAMES: usize = 16;
/// With so many bytes at hand no more frames are fetched.
const MOST_BYTES: usize = 64 * 1024;
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Passes a body on to a socket, frame by frame.
#[derive(Debug)]
pub(super) struct Pump {
    socket: Socket,
    body: Body,
    chunks: Chunks,
    keep_alive: bool,
    /// The body has ended.
    over: bool,
    in_hand: InHand,
}

impl Pump {
    pub(super) fn new(socket: Socket, taken: Taken) -> Self {
        let Taken { body, keep_alive, in_hand } = taken;
        Self { socket, body, chunks: Chunks::default(), keep_alive, over: false, in_hand }
    }

    /// Ready when the last byte is handed over, or the other side is gone.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What comes early is kept for later, a little of it; only an end is of interest now.
        while self.socket.ahead().is_empty()
            && let Poll::Ready(count) = self.socket.poll_ahead(cx)?
        {
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        loop {
            ready!(self.chunks.poll_write(cx, &mut self.socket))?;
            if self.over {
                return Poll::Ready(Ok(()));
            }
            self.fetch(cx)?;
            if self.chunks.is_empty() {
                return Poll::Pending;
            }
        }
    }

    /// Takes what the body has, within bounds.
    fn fetch(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while !self.over && !self.chunks.is_full() {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers were not announced.
                    if let Ok(data) = frame.into_data() {
                        self.chunks.push(data);
                    }
                }
                Poll::Ready(Some(Err(error))) => return Err(io::Error::other(error)),
                Poll::Ready(None) => {
                    self.chunks.push_last();
                    self.over = true;
                }
                Poll::Pending => break,
            }
        }
        Ok(())
    }

    /// After the end: the socket, and whether a request may follow.
    pub(super) fn into_socket(self) -> (Socket, bool) {
        drop(self.in_hand);
        (self.socket, self.keep_alive)
    }
}

/// Frames on their way, each as a chunk. Their bytes are shared with all other streams and never copied.
#[derive(Debug, Default)]
struct Chunks {
    queue: VecDeque<Chunk>,
    /// Bytes of all of them.
    bytes: usize,
    /// How much of the first one has left.
    written: usize,
}

#[derive(Debug)]
struct Chunk {
    /// The size line of the chunk, behind the end of the one before.
    line: [u8; 20],
    line_len: u8,
    data: Bytes,
    end: &'static [u8],
}

impl Chunk {
    fn new(data: Bytes) -> Self {
        let mut line = [0; 20];
        let mut rest = line.as_mut_slice();
        // Sixteen digits and two line ends fit.
        let _ = write!(rest, "{:x}\r\n", data.len());
        let line_len = 20 - rest.len() as u8;
        Self { line, line_len, data, end: b"\r\n" }
    }

    fn parts(&self) -> [&[u8]; 3] {
        [&self.line[..usize::from(self.line_len)], &self.data, self.end]
    }

    fn len(&self) -> usize {
        self.parts().iter().map(|part| part.len()).sum()
    }
}

impl Chunks {
    fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    fn is_full(&self) -> bool {
        self.queue.len() >= MOST_FRAMES || self.bytes >= MOST_BYTES
    }

    /// An empty frame is nothing: its chunk would be the last.
    fn push(&mut self, data: Bytes) {
        if !data.is_empty() {
            self.add(Chunk::new(data));
        }
    }

    fn push_last(&mut self) {
        self.add(Chunk { line: [0; 20], line_len: 0, data: Bytes::new(), end: LAST_CHUNK });
    }

    fn add(&mut self, chunk: Chunk) {
        self.bytes += chunk.len();
        self.queue.push_back(chunk);
    }

    /// Ready when everything is handed over.
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        mut socket: impl AsyncWrite + Unpin,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let mut slices = [IoSlice::new(&[]); 3 * MOST_FRAMES];
            let mut count = 0;
            let mut skip = self.written;
            for part in self.queue.iter().flat_map(Chunk::parts) {
                if skip < part.len() {
                    slices[count] = IoSlice::new(&part[skip..]);
                    count += 1;
                }
                skip = skip.saturating_sub(part.len());
            }
            let written = ready!(Pin::new(&mut socket).poll_write_vectored(cx, &slices[..count]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, written: usize) {
        self.written += written;
        while let Some(first) = self.queue.front()
            && self.written >= first.len()
        {
            self.written -= first.len();
            self.bytes -= first.len();
            self.queue.pop_front();
        }
        if self.queue.is_empty() {
            // Most of its life a stream has nothing to say; no memory is kept for when it has.
            self.queue = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    /// Takes at most so many bytes at a time, and every second time none.
    struct Narrow {
        width: usize,
        full: bool,
        took: Vec<u8>,
    }

    impl AsyncWrite for Narrow {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.full = !self.full;
            if self.full {
                return Poll::Pending;
            }
            let count = bytes.len().min(self.width);
            self.took.extend_from_slice(&bytes[..count]);
            Poll::Ready(Ok(count))
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            assert!(slices.iter().all(|slice| !slice.is_empty()));
            let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            self.as_mut().poll_write(cx, &all)
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn passed_through(width: usize, frames: &[&'static str]) -> String {
        let mut chunks = Chunks::default();
        for frame in frames {
            chunks.push(Bytes::from_static(frame.as_bytes()));
        }
        chunks.push_last();
        let mut narrow = Narrow { width, full: false, took: Vec::new() };
        let mut cx = Context::from_waker(Waker::noop());
        while chunks.poll_write(&mut cx, &mut narrow).is_pending() {}
        assert!(chunks.is_empty() && chunks.bytes == 0 && chunks.written == 0);
        assert_eq!(chunks.queue.capacity(), 0, "silence costs nothing");
        String::from_utf8(narrow.took).unwrap()
    }

    #[test]
    fn a_socket_of_any_width_gets_the_same_bytes() {
        let frames = ["data: 1\n\n", "", "seventeen letters", "x"];
        let whole = "9\r\ndata: 1\n\n\r\n11\r\nseventeen letters\r\n1\r\nx\r\n0\r\n\r\n";
        for width in 1..=whole.len() + 1 {
            assert_eq!(passed_through(width, &frames), whole, "{width}");
        }
        assert_eq!(passed_through(3, &[]), "0\r\n\r\n");
    }

    #[test]
    fn no_more_is_fetched_than_fits() {
        let mut chunks = Chunks::default();
        for _ in 0..MOST_FRAMES {
            assert!(!chunks.is_full());
            chunks.push(Bytes::from_static(b"x"));
        }
        assert!(chunks.is_full());
        let mut chunks = Chunks::default();
        chunks.push(vec![0; MOST_BYTES].into());
        assert!(chunks.is_full());
    }
}
