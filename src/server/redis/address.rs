//! Where Redis is, from the text of a setting.

use super::RedisFault;
use ::redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, TlsCertificates,
};
use std::{fmt, path::Path};

/// The nodes that were named.
pub struct Addresses {
    nodes: Vec<Client>,
    certificates: Option<TlsCertificates>,
}

/// Whether a setting can be an address, or several. The answer does not show the text: there may be a password in it.
pub fn check_url(text: &str) -> Result<(), &'static str> {
    infos(text).map(drop)
}

fn infos(text: &str) -> Result<Vec<ConnectionInfo>, &'static str> {
    let mut infos = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        if !part.starts_with("redis://") && !part.starts_with("rediss://") {
            return Err("is not an address that begins with redis:// or rediss://");
        }
        let info = part.into_connection_info().map_err(|_| {
            "is not a Redis address (special characters of a password are written as %40, %3A …)"
        })?;
        let own = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        infos.push(info.set_redis_settings(own));
    }
    if infos.is_empty() { Err("holds no address") } else { Ok(infos) }
}

impl Addresses {
    /// Reads addresses, and the certificates of who signs for them.
    pub fn read(text: &str, ca_file: Option<&Path>) -> Result<Self, RedisFault> {
        // One provider of cryptography for the whole process; that there is one already is no fault.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let infos = infos(text).map_err(|fault| RedisFault(format!("the address {fault}")))?;
        let certificates = match ca_file {
            None => None,
            Some(path) => {
                let pem = std::fs::read(path)
                    .map_err(|error| RedisFault(format!("{}: {error}", path.display())))?;
                Some(TlsCertificates { client_tls: None, root_cert: Some(pem) })
            }
        };
        let client = |info: ConnectionInfo| match (&certificates, info.addr()) {
            (Some(certificates), ConnectionAddr::TcpTls { .. }) => {
                Client::build_with_tls(info, certificates.clone())
            }
            _ => Client::open(info),
        };
        let nodes = infos.into_iter().map(client).collect::<Result<_, _>>()?;
        Ok(Self { nodes, certificates })
    }

    /// A client for each.
    pub fn nodes(&self) -> &[Client] {
        &self.nodes
    }

    /// How each is reached.
    pub fn infos(&self) -> Vec<ConnectionInfo> {
        self.nodes.iter().map(|node| node.get_connection_info().clone()).collect()
    }

    /// Who signs for them, if that was told.
    pub fn certificates(&self) -> Option<&TlsCertificates> {
        self.certificates.as_ref()
    }

    /// A client for another node of the same cluster, reached in the same way; or for the first.
    pub fn client(&self, node: Option<(&str, u16)>) -> Result<Client, RedisFault> {
        let first = self.nodes.first().ok_or_else(|| RedisFault("no address given".into()))?;
        let Some((host, port)) = node else { return Ok(first.clone()) };
        let info = first.get_connection_info().clone();
        let host = host.to_owned();
        let addr = match info.addr() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => ConnectionAddr::TcpTls {
                host,
                port,
                insecure: *insecure,
                tls_params: tls_params.clone(),
            },
            _ => ConnectionAddr::Tcp(host, port),
        };
        Ok(Client::open(info.set_addr(addr))?)
    }

    /// The host that was named first.
    pub fn first_host(&self) -> Option<&str> {
        match self.nodes.first()?.get_connection_info().addr() {
            ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => Some(host),
            _ => None,
        }
    }
}

/// Host and port, and nothing else.
pub fn name(client: &Client) -> String {
    client.get_connection_info().addr().to_string()
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.nodes.iter().map(name).collect();
        f.write_str(&names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_all_kinds() {
        for good in [
            "redis://127.0.0.1:6379",
            "rediss://name:p%40ss@redis.example:6380/2",
            "redis://a:1, redis://b:2,redis://c:3",
        ] {
            check_url(good).unwrap();
        }
        for bad in ["", ",", "127.0.0.1:6379", "http://x", "redis+unix:///tmp/x", "redis://:pw@:x"]
        {
            let fault = check_url(bad).unwrap_err();
            assert!(!fault.contains("pw"));
        }
    }

    #[test]
    fn other_nodes_are_reached_in_the_same_way() {
        let all = Addresses::read("rediss://name:secret@one:7000", None).unwrap();
        let other = all.client(Some(("two", 7001))).unwrap();
        let info = other.get_connection_info();
        assert_eq!(info.redis_settings().password(), Some("secret"));
        assert!(
            matches!(info.addr(), ConnectionAddr::TcpTls { host, port: 7001, .. } if host == "two")
        );
        assert_eq!(all.to_string(), "one:7000");
        assert_eq!(all.first_host(), Some("one"));
    }
}
