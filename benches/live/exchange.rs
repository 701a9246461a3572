//! A keep-alive connection: one request, one answer.

use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub struct Exchange {
    stream: TcpStream,
    read: Vec<u8>,
}

/// Where something ends, counted from the beginning.
fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    Some(bytes.windows(what.len()).position(|part| part == what)? + what.len())
}

impl Exchange {
    pub async fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, read: Vec::with_capacity(64 * 1024) }
    }

    /// Sends a request and reads its answer to the end; its status.
    pub async fn ask(&mut self, request: &[u8]) -> u16 {
        self.stream.write_all(request).await.unwrap();
        let mut head = 0;
        let mut whole = None;
        loop {
            if head == 0
                && let Some(end) = find(&self.read, b"\r\n\r\n")
            {
                head = end;
                let name = b"content-length: ";
                whole = find(&self.read[..head], name).map(|at| {
                    let digits = self.read[at..].iter().take_while(|byte| byte.is_ascii_digit());
                    head + digits.fold(0, |n, digit| n * 10 + usize::from(digit - b'0'))
                });
            }
            // Without a length it comes in chunks, of which no byte of ours looks like the last.
            let over = match whole {
                Some(length) => self.read.len() >= length,
                None => head > 0 && self.read.ends_with(b"\r\n0\r\n\r\n"),
            };
            if over {
                let status = str::from_utf8(&self.read[9..12]).unwrap().parse().unwrap();
                self.read.clear();
                return status;
            }
            let count = self.stream.read_buf(&mut self.read).await.unwrap();
            assert_ne!(count, 0, "closed in the middle of an answer");
        }
    }
}
