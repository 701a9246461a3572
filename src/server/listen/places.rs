//! How many connections are open, and for whom.

use super::ListenSettings;
use crate::server::limits::Network;
use ipnet::IpNet;
use metrics::{counter, gauge};
use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The room there is.
#[derive(Debug)]
pub(super) struct Places {
    all: usize,
    per_address: usize,
    exempt: Vec<IpNet>,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_address: HashMap<Network, usize>,
}

/// Room for one connection; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    /// None for an exempt one.
    network: Option<Network>,
}

impl Places {
    pub(super) fn new(settings: &ListenSettings) -> Arc<Self> {
        Arc::new(Self {
            all: settings.connections,
            per_address: settings.connections_per_address,
            exempt: settings.exempt.clone(),
            taken: Mutex::default(),
        })
    }

    /// Room for one from this address, if there is any.
    pub(super) fn take(places: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        let exempt = places.exempt.iter().any(|net| net.contains(&address));
        let network = (!exempt).then(|| Network::from(address));
        let mut taken = places.lock();
        if taken.all >= places.all {
            counter!("hotline_connections_refused_total", "full" => "instance").increment(1);
            return None;
        }
        if let Some(network) = network {
            let open = taken.by_address.get(&network).copied().unwrap_or_default();
            if open >= places.per_address {
                counter!("hotline_connections_refused_total", "full" => "address").increment(1);
                return None;
            }
            taken.by_address.insert(network, open + 1);
        }
        taken.all += 1;
        gauge!("hotline_connections").increment(1.0);
        Some(Place { places: places.clone(), network })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.all -= 1;
        if let Some(network) = self.network
            && let Entry::Occupied(mut open) = taken.by_address.entry(network)
        {
            *open.get_mut() -= 1;
            if *open.get() == 0 {
                open.remove();
            }
        }
        gauge!("hotline_connections").decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn so_many_for_each_and_so_many_for_all() {
        let places = Places::new(&ListenSettings {
            connections: 7,
            connections_per_address: 2,
            exempt: vec!["10.0.0.0/8".parse().unwrap()],
            ..ListenSettings::default()
        });
        let take = |address: &str| Places::take(&places, ip(address));
        let one = take("192.0.2.1").unwrap();
        // The same address in IPv6's dress.
        let two = take("::ffff:192.0.2.1").unwrap();
        assert!(take("192.0.2.1").is_none());
        let other = take("192.0.2.2").unwrap();
        let of_net = [take("2001:db8::1").unwrap(), take("2001:db8::2").unwrap()];
        assert!(take("2001:db8::3").is_none() && take("2001:db8:0:1::3").is_some());
        drop(one);
        let again = take("192.0.2.1").unwrap();
        drop((two, again, other, of_net));
        let proxied: Vec<_> = (0..7).map(|_| take("10.1.2.3").unwrap()).collect();
        assert!(take("10.1.2.3").is_none() && take("192.0.2.1").is_none(), "no room for anybody");
        drop(proxied);
        let taken = places.lock();
        assert!(taken.all == 0 && taken.by_address.is_empty(), "nothing is kept: {taken:?}");
    }
}
