//! What the log tells of a panic. Alone in its file, because a process has one log and one hook.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_panic_tells_its_place_and_not_what_was_written() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    hotline::server::telemetry::log_panics();
    let typed = String::from("planted é");
    std::panic::catch_unwind(|| typed[9..].len()).unwrap_err();
    std::panic::catch_unwind(|| panic!("a fixed word")).unwrap_err();
    let _ = std::panic::take_hook();
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.matches("panicked").count(), 2, "{text}");
    assert!(text.contains("panic_log.rs:") && text.contains("a fixed word"), "{text}");
    assert!(!text.contains("planted"), "{text}");
}
