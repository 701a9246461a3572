//! The program under attack, and its Plain.

use crate::program::{Memory, Program};
use serde_json::Value;

pub const SECRET: &str = "attack-signing-secret";

pub struct Stage {
    pub portal: String,
    pub desk: String,
    program: Program,
    plain: Option<Program>,
    _folder: tempfile::TempDir,
}

impl Stage {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The portal's port must be known to the sandbox and the other way round.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let webhook = format!("http://127.0.0.1:{port}/api/webhooks/plain");
        let mut plain = Program::run(
            "plain",
            &["sandbox", "--webhook-url", &webhook],
            &[
                ("HOTLINE_SANDBOX_ADDR", "127.0.0.1:0"),
                ("HOTLINE_SANDBOX_DATA", ":memory:"),
                ("PLAIN_WEBHOOK_SECRET", SECRET),
            ],
            folder.path(),
        );
        let desk = plain.address("Agent desk (sandbox): ");
        let mut program = Program::run(
            "portal",
            &[],
            &[
                ("LEPTOS_SITE_ADDR", &format!("127.0.0.1:{port}")),
                ("PLAIN_API_URL", &format!("{desk}/graphql/v1")),
                ("PLAIN_API_KEY", "plainApiKey_sandbox"),
                ("PLAIN_WEBHOOK_SECRET", SECRET),
            ],
            folder.path(),
        );
        let portal = program.address("Portal: ");
        Self { portal, desk, program, plain: Some(plain), _folder: folder }
    }

    /// Plain goes down, at once and for good.
    pub fn end_plain(&mut self) {
        self.plain = None;
    }

    pub fn memory(&self) -> Memory {
        self.program.memory()
    }

    pub async fn threads(&self) -> usize {
        let answer = reqwest::get(format!("{}/admin/threads", self.desk)).await.unwrap();
        let list: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        list.as_array().unwrap().len()
    }
}
