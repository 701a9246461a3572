//! Which addresses count as one.

use std::net::IpAddr;

/// What a client cannot change at will: an IPv4 address, or the /64 that an IPv6 customer is given whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Network {
    /// An IPv4 address, also one that came dressed as IPv6.
    V4(u32),
    /// The first half of an IPv6 address.
    V6(u64),
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4.to_bits()),
            IpAddr::V6(v6) => Self::V6((v6.to_bits() >> 64) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    proptest! {
        #[test]
        fn a_64_is_one(prefix in any::<u64>(), one in any::<u64>(), other in any::<u64>()) {
            let at = |low| IpAddr::V6(Ipv6Addr::from((u128::from(prefix) << 64) | u128::from(low)));
            // `::ffff:0:0/96` is IPv4 in disguise.
            prop_assume!(prefix != 0);
            prop_assert_eq!(Network::from(at(one)), Network::from(at(other)));
        }

        #[test]
        fn two_are_two(one in any::<u64>(), other in any::<u64>(), low in any::<u64>()) {
            let at = |high| IpAddr::V6(Ipv6Addr::from((u128::from(high) << 64) | u128::from(low)));
            prop_assume!(one != 0 && other != 0 && one != other);
            prop_assert_ne!(Network::from(at(one)), Network::from(at(other)));
        }

        #[test]
        fn ipv4_is_itself_however_it_is_dressed(one in any::<u32>(), other in any::<u32>()) {
            let plain = |bits: u32| IpAddr::V4(Ipv4Addr::from(bits));
            let dressed = |bits: u32| IpAddr::V6(Ipv4Addr::from(bits).to_ipv6_mapped());
            prop_assert_eq!(Network::from(plain(one)), Network::from(dressed(one)));
            prop_assert_eq!(Network::from(plain(one)) == Network::from(plain(other)), one == other);
        }
    }
}
