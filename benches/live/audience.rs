//! Many open streams, read by one thread as cheaply as can be, and strictly: chunk by chunk.

use crate::stage::{stream_request, thread};
use std::{
    cell::{Cell, RefCell},
    net::{Ipv4Addr, SocketAddr},
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncWriteExt, Interest},
    net::{TcpSocket, TcpStream},
    task::{JoinSet, spawn_local},
};

/// How many connections are opened at once.
const AT_ONCE: usize = 64;
/// Nothing takes longer where all is well.
const PATIENCE: Duration = Duration::from_secs(60);

/// What became of one event.
#[derive(Clone, Copy)]
pub struct Heard {
    /// When it was given to the portal.
    pub sent: Instant,
    /// When the last of its listeners had it.
    pub last: Instant,
    pub listeners: usize,
}

/// What all streams have heard together.
pub struct Board {
    events: RefCell<Vec<Heard>>,
    deliveries: Cell<usize>,
    last: Cell<Instant>,
    /// Streams whose first frame has come.
    connected: Cell<usize>,
    buffer: RefCell<Vec<u8>>,
}

impl Board {
    fn new() -> Rc<Self> {
        Rc::new(Self {
            events: RefCell::default(),
            deliveries: Cell::new(0),
            last: Cell::new(Instant::now()),
            connected: Cell::new(0),
            buffer: RefCell::new(vec![0; 256 * 1024]),
        })
    }

    /// Room for so many events; their numbers begin at 0.
    pub fn expect(&self, events: usize) {
        let now = Instant::now();
        *self.events.borrow_mut() = vec![Heard { sent: now, last: now, listeners: 0 }; events];
        self.deliveries.set(0);
    }

    pub fn sent(&self, event: usize) {
        self.events.borrow_mut()[event].sent = Instant::now();
    }

    fn frame(&self, data: &[u8], now: Instant) {
        if data.starts_with(b"id: ") {
            let name = b"\"eventId\":\"pEv_";
            let at = data.windows(name.len()).position(|part| part == name).expect("an event");
            let digits = &data[at + name.len()..][..26];
            let event = digits.iter().fold(0, |n, digit| n * 10 + usize::from(digit - b'0'));
            let mut events = self.events.borrow_mut();
            events[event].last = now;
            events[event].listeners += 1;
            self.deliveries.set(self.deliveries.get() + 1);
            self.last.set(now);
        } else if data.starts_with(b"retry: ") {
            self.connected.set(self.connected.get() + 1);
        }
    }

    /// Waits for so many deliveries; when the last one came.
    pub async fn heard(&self, deliveries: usize) -> Instant {
        let deadline = Instant::now() + PATIENCE;
        while self.deliveries.get() < deliveries {
            assert!(
                Instant::now() < deadline,
                "{} of {deliveries} deliveries came",
                self.deliveries.get()
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(self.deliveries.get(), deliveries, "something came twice");
        self.last.get()
    }

    pub fn events(&self) -> Vec<Heard> {
        self.events.borrow().clone()
    }
}

/// The streams; they end with this value.
pub struct Audience {
    pub board: Rc<Board>,
    readers: JoinSet<()>,
}

impl Audience {
    pub fn new() -> Self {
        Self { board: Board::new(), readers: JoinSet::new() }
    }

    /// Opens so many more streams, spread over so many threads, and waits for their first frames. How long it took
    /// from the first connection on.
    pub async fn open(&mut self, to: SocketAddr, streams: usize, threads: usize) -> Duration {
        let requests: Rc<Vec<_>> =
            Rc::new((0..threads.min(streams)).map(|n| stream_request(&thread(n))).collect());
        let wanted = self.board.connected.get() + streams;
        let next = Rc::new(Cell::new(0));
        let began = Instant::now();
        let (give, mut take) = tokio::sync::mpsc::unbounded_channel();
        for _ in 0..AT_ONCE {
            let (requests, next, give) = (requests.clone(), next.clone(), give.clone());
            spawn_local(async move {
                loop {
                    let n = next.get();
                    if n >= streams {
                        return;
                    }
                    next.set(n + 1);
                    let stream = connect(n, to, &requests[n % requests.len()]).await;
                    give.send(stream).unwrap();
                }
            });
        }
        drop(give);
        while let Some(stream) = take.recv().await {
            self.readers.spawn_local(read(stream, self.board.clone()));
        }
        let deadline = Instant::now() + PATIENCE;
        while self.board.connected.get() < wanted {
            assert!(
                Instant::now() < deadline,
                "{} of {wanted} streams",
                self.board.connected.get()
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        began.elapsed()
    }

    /// Closes all of them.
    pub async fn leave(mut self) {
        self.readers.shutdown().await;
    }
}

/// Many more connections than one address has ports come and go: each thousand has an address of its own.
async fn connect(n: usize, to: SocketAddr, request: &[u8]) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    let address = Ipv4Addr::new(127, 0, 2, 1 + (n / 1000) as u8);
    socket.bind(SocketAddr::from((address, 0))).unwrap();
    let mut stream = socket.connect(to).await.unwrap();
    // Closed without a trace: no port waits for a late packet.
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    stream.write_all(request).await.unwrap();
    stream
}

/// Reads one stream until it ends.
async fn read(stream: TcpStream, board: Rc<Board>) {
    // What is left of the last read: less than one chunk, or the head.
    let mut left = Vec::new();
    let mut is_head = true;
    loop {
        stream.ready(Interest::READABLE).await.unwrap();
        let mut buffer = board.buffer.borrow_mut();
        let count = match stream.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return,
        };
        let now = Instant::now();
        let mut bytes = &buffer[..count];
        if !left.is_empty() {
            left.extend_from_slice(bytes);
            bytes = &left;
        }
        if is_head {
            let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") else {
                left = bytes.to_vec();
                continue;
            };
            assert!(bytes.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(bytes));
            bytes = &bytes[end + 4..];
            is_head = false;
        }
        while let Some((data, rest)) = chunk(bytes) {
            board.frame(data, now);
            bytes = rest;
        }
        left = bytes.to_vec();
    }
}

/// The first chunk, and what follows it; none if it is not whole.
fn chunk(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().take(20).position(|byte| *byte == b'\n')?;
    let size = str::from_utf8(&bytes[..end - 1]).unwrap();
    let size = usize::from_str_radix(size, 16).expect("the size of a chunk");
    let (data, rest) = (bytes.get(end + 1..end + 1 + size)?, bytes.get(end + 1 + size..)?);
    let rest = rest.get(2..)?;
    Some((data, rest))
}
