//! What the fuzz targets try. Each function takes any bytes at all and panics where a promise is broken.

pub mod answer;
pub mod cursor;
pub mod json;
pub mod webhook;

/// One of the targets.
pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
    /// Whether its inputs are JSON, to be bent as such.
    pub json: bool,
}

pub const TARGETS: [Target; 3] = [
    Target { name: "webhook_decode", run: webhook::decode, json: true },
    Target { name: "sse_cursor", run: cursor::resume, json: false },
    Target { name: "graphql_answer", run: answer::read, json: true },
];

/// Waits for what is never really waited for: nothing here connects to anything.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(work))
}
