//! A Redis of a test's own: a real `redis-server` (or `valkey-server`) on a free port, in a folder that goes with it. It
//! can be held, killed and started again, and there is one with a password, one behind TLS, and a cluster.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// Long enough for a slow machine; nothing waits so long where all is well.
const PATIENCE: Duration = Duration::from_secs(30);

/// What kind of Redis it is.
#[derive(Debug, Clone, Default)]
pub struct Kind {
    /// Asks for it, if it is not empty.
    pub password: &'static str,
    /// Speaks TLS only.
    pub tls: bool,
    /// Writes everything to disk before it answers: what it said is still there after a `kill -9`.
    pub durable: bool,
    /// Is a node of a cluster.
    pub cluster: bool,
}

/// A running Redis. Dropping it ends it.
#[derive(Debug)]
pub struct RedisServer {
    kind: Kind,
    folder: tempfile::TempDir,
    port: u16,
    bus_port: u16,
    child: Option<Child>,
}

impl RedisServer {
    /// One that keeps nothing on disk and asks for no password.
    pub fn start() -> Self {
        Self::of(Kind::default())
    }

    /// One of another kind.
    pub fn of(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        if kind.tls {
            write_certificates(folder.path());
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (port, bus_port) = (free_port(), free_port());
            let path = folder.path();
            // Another program may have taken the port since.
            if let Ok(child) = launch(&kind, path, port, bus_port) {
                return Self { kind, folder, port, bus_port, child: Some(child) };
            }
            assert!(Instant::now() < deadline, "redis-server does not start:\n{}", log(path));
        }
    }

    /// What belongs into `REDIS_URL`.
    pub fn url(&self) -> String {
        let scheme = if self.kind.tls { "rediss" } else { "redis" };
        let port = self.port;
        match self.kind.password {
            "" => format!("{scheme}://127.0.0.1:{port}"),
            password => format!("{scheme}://:{password}@127.0.0.1:{port}"),
        }
    }

    /// The certificate of who signed its own, for TLS.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Holds it (`SIGSTOP`): its sockets stay open, and nobody answers.
    pub fn hold(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on (`SIGCONT`).
    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it again at the same port, with what it wrote to disk: everything, if it is durable, else nothing.
    pub fn start_again(&mut self) {
        self.kill();
        let deadline = Instant::now() + PATIENCE;
        while self.child.is_none() {
            self.child = launch(&self.kind, self.folder.path(), self.port, self.bus_port).ok();
            let log = || log(self.folder.path());
            assert!(Instant::now() < deadline, "redis-server does not start again:\n{}", log());
        }
    }

    /// Starts it again at the same port, with nothing in it.
    pub fn start_again_empty(&mut self) {
        self.kill();
        let written = self.folder.path().join("appendonlydir");
        if written.exists() {
            fs::remove_dir_all(written).unwrap();
        }
        self.start_again();
    }

    /// Asks it something over a connection of its own, as `redis-cli` would; words must not hold spaces. Not for TLS.
    pub fn ask(&self, words: &str) -> String {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut reader = BufReader::new(socket.try_clone().unwrap());
        if !self.kind.password.is_empty() {
            socket.write_all(format!("AUTH {}\r\n", self.kind.password).as_bytes()).unwrap();
            assert_eq!(answer(&mut reader), "OK");
        }
        socket.write_all(format!("{words}\r\n").as_bytes()).unwrap();
        answer(&mut reader)
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Three nodes that share all keys, without replicas.
#[derive(Debug)]
pub struct RedisCluster {
    /// The nodes; the slots are cut into as many equal parts, in this order.
    pub nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts them and waits until each knows all slots.
    pub fn start() -> Self {
        let kind = Kind { cluster: true, ..Kind::default() };
        let nodes: Vec<_> = (0..3).map(|_| RedisServer::of(kind.clone())).collect();
        let ranges = ["0 5460", "5461 10922", "10923 16383"];
        for ((n, node), range) in (1..).zip(&nodes).zip(ranges) {
            assert_eq!(node.ask(&format!("CLUSTER SET-CONFIG-EPOCH {n}")), "OK");
            assert_eq!(node.ask(&format!("CLUSTER ADDSLOTSRANGE {range}")), "OK");
        }
        let [first, others @ ..] = nodes.as_slice() else { unreachable!() };
        for other in others {
            let meet = format!("CLUSTER MEET 127.0.0.1 {} {}", other.port, other.bus_port);
            assert_eq!(first.ask(&meet), "OK");
        }
        let cluster = Self { nodes };
        cluster.settle();
        cluster
    }

    /// Waits until every node serves.
    pub fn settle(&self) {
        let deadline = Instant::now() + PATIENCE;
        let whole = |node: &RedisServer| {
            let (info, slots) = (node.ask("CLUSTER INFO"), node.ask("CLUSTER NODES"));
            ["cluster_state:ok", "cluster_slots_ok:16384", "cluster_known_nodes:3"]
                .iter()
                .all(|wanted| info.contains(wanted))
                && slots.lines().filter(|line| line.contains(" connected ")).count() == 3
        };
        while !self.nodes.iter().all(whole) {
            assert!(Instant::now() < deadline, "the cluster does not settle");
            sleep(Duration::from_millis(20));
        }
    }

    /// What belongs into `REDIS_URL`.
    pub fn url(&self) -> String {
        self.nodes.iter().map(RedisServer::url).collect::<Vec<_>>().join(",")
    }
}

/// A port below those that the system gives to outgoing connections: such a connection must not take the place of a
/// Redis that is down for a moment, nor a client that knocks there meet itself.
fn free_port() -> u16 {
    loop {
        let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0u8);
        let port = 11_000 + (random % 20_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn program() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .flat_map(|folder| [folder.join("redis-server"), folder.join("valkey-server")])
        .find(|program| program.is_file())
        .expect("these tests need redis-server 7 or valkey-server on PATH")
}

/// Starts it and waits until it takes connections; an error if it ends before.
fn launch(kind: &Kind, folder: &Path, port: u16, bus_port: u16) -> Result<Child, ()> {
    let mut settings = format!(
        "bind 127.0.0.1\nprotected-mode no\nsave \"\"\ndaemonize no\nlogfile redis.log\ntcp-backlog 128\n\
         appendonly {}\nappendfsync always\n",
        if kind.durable { "yes" } else { "no" }
    );
    if kind.tls {
        settings += &format!(
            "port 0\ntls-port {port}\ntls-cert-file cert.pem\ntls-key-file key.pem\ntls-ca-cert-file ca.pem\n\
             tls-auth-clients no\n"
        );
    } else {
        settings += &format!("port {port}\n");
    }
    if !kind.password.is_empty() {
        settings += &format!("requirepass {}\n", kind.password);
    }
    if kind.cluster {
        settings +=
            &format!("cluster-enabled yes\ncluster-port {bus_port}\ncluster-node-timeout 2000\n");
    }
    fs::write(folder.join("redis.conf"), settings).unwrap();
    let _ = fs::remove_file(folder.join("redis.log"));
    let mut child = Command::new(program())
        .arg("redis.conf")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + PATIENCE;
    while !log(folder).contains("Ready to accept connections") {
        if child.try_wait().unwrap().is_some() {
            return Err(());
        }
        assert!(Instant::now() < deadline, "redis-server is not ready:\n{}", log(folder));
        sleep(Duration::from_millis(5));
    }
    Ok(child)
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("redis.log")).unwrap_or_default()
}

/// One answer of the old protocol, as text; lists line by line.
fn answer(reader: &mut impl BufRead) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let (kind, rest) = line.trim_end().split_at(1);
    let count = || usize::try_from(rest.parse::<i64>().unwrap().max(0)).unwrap();
    match kind {
        "$" if rest == "-1" => String::new(),
        "$" => {
            let mut bytes = vec![0; count() + 2];
            reader.read_exact(&mut bytes).unwrap();
            bytes.truncate(count());
            String::from_utf8(bytes).unwrap()
        }
        "*" => (0..count()).map(|_| answer(reader)).collect::<Vec<_>>().join("\n"),
        _ => rest.to_owned(),
    }
}

/// Somebody who signs (`ca.pem`), and what they signed for 127.0.0.1 (`cert.pem`, `key.pem`).
fn write_certificates(folder: &Path) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    fs::write(folder.join("ca.pem"), ca.self_signed(&ca_key).unwrap().pem()).unwrap();
    let issuer = Issuer::from_params(&ca, &ca_key);
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    fs::write(folder.join("cert.pem"), own.signed_by(&key, &issuer).unwrap().pem()).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
}
