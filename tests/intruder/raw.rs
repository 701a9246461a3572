//! HTTP as no well-behaved client would write it.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// Sends these bytes and reads until the server closes, or stays silent for a while after it has said something.
pub async fn send(portal: &str, bytes: impl Into<Vec<u8>>) -> String {
    let address = portal.strip_prefix("http://").unwrap().to_owned();
    let bytes = bytes.into();
    tokio::task::spawn_blocking(move || {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // The server may have had enough before all is written.
        let _ = socket.write_all(&bytes);
        let mut heard = Vec::new();
        let mut chunk = [0; 16 * 1024];
        loop {
            match socket.read(&mut chunk) {
                Ok(0) => break,
                Ok(n) => {
                    heard.extend_from_slice(&chunk[..n]);
                    // A second answer would follow at once.
                    socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
                }
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    break;
                }
                Err(_) => break,
            }
        }
        String::from_utf8_lossy(&heard).into_owned()
    })
    .await
    .unwrap()
}

/// The statuses of all answers in what was heard.
pub fn statuses(heard: &str) -> Vec<u16> {
    heard.split("HTTP/1.1 ").skip(1).filter_map(|rest| rest.get(..3)?.parse().ok()).collect()
}
