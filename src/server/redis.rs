//! The Redis that several instances share: one node or a cluster, found out by asking it.
//!
//! Every call has an end: it answers or fails within [`RedisSettings::patience`]. A lost connection is made again by
//! the next call; nothing has to be restarted when Redis comes back. All keys begin with one prefix.

mod address;
pub mod slot;
#[cfg(test)]
#[path = "../../tests/support/redis.rs"]
pub(in crate::server) mod testing;
mod wire;

pub use address::check_url;
pub use slot::slot;

use super::config::Secret;
use ::redis::{
    Cmd, ErrorKind, FromRedisValue, RedisError, ServerErrorKind, ToRedisArgs, Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
};
use address::Addresses;
use std::{fmt, future::Future, path::PathBuf, sync::Arc, time::Duration};
use wire::Wire;

pub(in crate::server) use wire::OnPush;

/// How Redis is reached.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// `redis://` or `rediss://` addresses: one, or several nodes of a cluster with commas between them. They may hold
    /// a name, a password and a database (`rediss://name:password@host:6379/2`).
    pub url: Secret,
    /// Whom `rediss://` trusts: a file of PEM certificates. None: the system's.
    pub ca_file: Option<PathBuf>,
    /// What every key begins with.
    pub prefix: String,
    /// The longest wait for an answer, connecting included.
    pub patience: Duration,
}

impl RedisSettings {
    /// The usual prefix and patience.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: Secret::new(url),
            ca_file: None,
            prefix: "hotline:".into(),
            patience: Duration::from_secs(2),
        }
    }
}

/// Redis did not do it, or did not say so in time: then it may have done it. Says why, and holds neither a password
/// nor anything that was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RedisFault(pub String);

impl From<&RedisError> for RedisFault {
    fn from(error: &RedisError) -> Self {
        Self(match error.kind() {
            // These show what Redis answered, which may be what somebody wrote.
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => error.category().into(),
            ErrorKind::Server(_) => {
                let (code, detail) = (error.code(), error.detail());
                [code.unwrap_or(error.category()), detail.unwrap_or_default()].join(" ")
            }
            _ => error.to_string(),
        })
    }
}

impl From<RedisError> for RedisFault {
    fn from(error: RedisError) -> Self {
        Self::from(&error)
    }
}

impl From<RedisFault> for std::io::Error {
    fn from(fault: RedisFault) -> Self {
        Self::other(fault)
    }
}

/// A Lua script. Redis runs it as one step; all keys must share a `{hash tag}`.
pub struct Script {
    source: &'static str,
    hash: String,
}

impl Script {
    /// Wraps a source; make it once (`LazyLock`).
    pub fn new(source: &'static str) -> Self {
        let hash = ::redis::Script::new(source).get_hash().to_owned();
        Self { source, hash }
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Script({})", self.hash)
    }
}

/// The shared connection. Clones are the same; many calls at once share one socket to each node.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    addresses: Addresses,
    wires: Wires,
    prefix: String,
    patience: Duration,
}

enum Wires {
    Node(Box<Wire>),
    Cluster(ClusterConnection),
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { addresses, prefix, .. } = &*self.0;
        f.debug_struct("Redis")
            .field("at", &addresses.to_string())
            .field("cluster", &self.is_cluster())
            .field("prefix", prefix)
            .finish_non_exhaustive()
    }
}

impl Redis {
    /// Connects, and finds out whether it speaks to a cluster. Fails where nobody answers, where the password is
    /// wrong, and where Redis is older than 7.
    pub async fn connect(settings: &RedisSettings) -> Result<Self, RedisFault> {
        let addresses = Addresses::read(settings.url.expose(), settings.ca_file.as_deref())?;
        let patience = settings.patience;
        let mut fault = RedisFault("no address given".into());
        let mut first = None;
        // Of several nodes some may be down.
        for node in addresses.nodes() {
            let wire = Wire::new(node.clone(), patience);
            match within(patience, greet(&wire)).await {
                Ok(hello) => {
                    first = Some((wire, hello));
                    break;
                }
                Err(told) => fault = RedisFault(format!("{}: {told}", address::name(node))),
            }
        }
        let Some((wire, hello)) = first else { return Err(fault) };
        hello.suffices()?;
        let wires = if hello.cluster {
            let client = addresses.cluster(patience)?;
            let connect = async { Ok(client.get_async_connection().await?) };
            Wires::Cluster(within(2 * patience, connect).await?)
        } else if addresses.nodes().len() > 1 {
            return Err(RedisFault(
                "several addresses are for a cluster, which this is not".into(),
            ));
        } else {
            Wires::Node(Box::new(wire))
        };
        let prefix = settings.prefix.clone();
        Ok(Self(Arc::new(Inner { addresses, wires, prefix, patience })))
    }

    /// Whether keys are spread over several nodes.
    pub fn is_cluster(&self) -> bool {
        matches!(self.0.wires, Wires::Cluster(_))
    }

    /// A key's full name. In a cluster a `{hash tag}` in it decides on its place.
    pub fn key(&self, rest: &str) -> String {
        [&self.0.prefix, rest].concat()
    }

    /// The host that was named first: a node that does not know its own name is reached there.
    pub(in crate::server) fn first_host(&self) -> Option<&str> {
        self.0.addresses.first_host()
    }

    /// The longest wait for an answer.
    pub fn patience(&self) -> Duration {
        self.0.patience
    }

    /// Runs a command. It is not tried twice: what failed may have happened.
    pub async fn run<T: FromRedisValue>(&self, cmd: &Cmd) -> Result<T, RedisFault> {
        within(self.0.patience, async { read(self.send(cmd).await?) }).await
    }

    /// Runs a script over keys of one hash tag. Not tried twice, either.
    pub async fn eval<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[impl ToRedisArgs],
        args: impl ToRedisArgs,
    ) -> Result<T, RedisFault> {
        let call = |name, script: &str| {
            let mut cmd = ::redis::cmd(name);
            cmd.arg(script).arg(keys.len());
            for key in keys {
                cmd.arg(key);
            }
            cmd.arg(&args);
            cmd
        };
        let known = call("EVALSHA", &script.hash);
        within(self.0.patience, async {
            match self.send(&known).await {
                // It never ran. With its source it is sent to the one node that needs it.
                Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                    read(self.send(&call("EVAL", script.source)).await?)
                }
                answer => read(answer?),
            }
        })
        .await
    }

    /// Whether it answers now: every node of a cluster.
    pub async fn ping(&self) -> Result<(), RedisFault> {
        self.run::<Value>(&::redis::cmd("PING")).await.map(drop)
    }

    /// A connection of its own for listening, to a node of a cluster or to the only one. `on_push` is called for every
    /// message, and for the connection's end; it must be quick.
    pub(in crate::server) async fn listen(
        &self,
        node: Option<(&str, u16)>,
        on_push: OnPush,
    ) -> Result<MultiplexedConnection, RedisFault> {
        let client = self.0.addresses.client(node)?;
        within(self.0.patience, async {
            Ok(wire::connect(&client, self.0.patience, on_push).await?)
        })
        .await
    }

    async fn send(&self, cmd: &Cmd) -> Result<Value, RedisError> {
        match &self.0.wires {
            Wires::Node(wire) => wire.send(cmd).await?,
            Wires::Cluster(connection) => connection.clone().req_packed_command(cmd).await?,
        }
        .extract_error()
    }
}

/// Ends what takes too long.
pub(in crate::server) async fn within<T>(
    patience: Duration,
    work: impl Future<Output = Result<T, RedisFault>>,
) -> Result<T, RedisFault> {
    let late = || Err(RedisFault(format!("no answer within {} ms", patience.as_millis())));
    tokio::time::timeout(patience, work).await.unwrap_or_else(|_| late())
}

fn read<T: FromRedisValue>(value: Value) -> Result<T, RedisFault> {
    T::from_redis_value(value).map_err(|error| RedisFault::from(RedisError::from(error)))
}

/// What Redis says of itself.
struct Hello {
    cluster: bool,
    version: String,
}

impl Hello {
    /// Sharded channels came with 7. Valkey names itself 7.2 for its age, or newer.
    fn suffices(&self) -> Result<(), RedisFault> {
        let major = self.version.split('.').next().and_then(|digits| digits.parse().ok());
        match major {
            Some(0..7) => Err(RedisFault(format!(
                "version {} is too old: Redis 7 or Valkey is needed",
                self.version
            ))),
            _ => Ok(()),
        }
    }
}

async fn greet(wire: &Wire) -> Result<Hello, RedisFault> {
    let value = wire.send(&::redis::cmd("HELLO")).await?.extract_error()?;
    let mut hello = Hello { cluster: false, version: String::new() };
    for (name, value) in value.into_map_iter().into_iter().flatten() {
        let text = |value| String::from_redis_value(value).unwrap_or_default();
        match text(name).as_str() {
            "mode" => hello.cluster = text(value) == "cluster",
            "version" => hello.version = text(value),
            _ => {}
        }
    }
    Ok(hello)
}

impl Addresses {
    fn cluster(&self, patience: Duration) -> Result<ClusterClient, RedisFault> {
        let builder = ClusterClient::builder(self.infos())
            .connection_timeout(patience / 2)
            .response_timeout(patience)
            // A node that moved or fell is looked for anew while the call waits.
            .retries(3)
            .min_retry_wait(20)
            .max_retry_wait(200);
        let builder = match self.certificates() {
            Some(certificates) => builder.certs(certificates.clone()),
            None => builder,
        };
        Ok(builder.build()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_redis_7_and_newer_will_do() {
        let of = |version: &str| Hello { cluster: false, version: version.into() }.suffices();
        for good in ["7.0.15", "7.2.4", "8.1.0", "10.0", ""] {
            of(good).unwrap();
        }
        assert!(of("6.2.14").unwrap_err().to_string().contains("6.2.14"));
    }

    #[test]
    fn faults_do_not_show_what_was_stored() {
        let error = u64::from_redis_value(Value::BulkString(b"a private word".into())).unwrap_err();
        let fault = RedisFault::from(RedisError::from(error)).to_string();
        assert!(!fault.contains("private"), "{fault}");
    }
}
