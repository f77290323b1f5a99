//! Client networks, as coarse as limits need them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Network of one customer of a provider: an IPv4 address, or the /64 of an IPv6 address.
///
/// ```
/// use duly::domain::network::Network;
/// let network = |text: &str| Network::of(text.parse().unwrap());
/// assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:2"));
/// assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
/// assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.1"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// Returns the network of an address.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(address.into()),
            IpAddr::V6(address) => {
                Self(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into())
            }
        }
    }

    /// Returns the first address of the network.
    pub const fn address(self) -> IpAddr {
        self.0
    }
}

/// Formats an IPv4 address as it is, and an IPv6 network with its prefix length, as firewalls expect.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(address) => write!(f, "{address}/64"),
        }
    }
}

/// Range of addresses that may belong to one customer: an IPv4 address or its /24; the /64, /56 or /48 of an IPv6
/// address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Block {
    first: IpAddr,
    prefix: u8,
}

impl Block {
    /// Returns the blocks around an address, the narrowest first.
    ///
    /// ```
    /// use duly::domain::network::Block;
    /// let blocks = Block::around("2001:db8:0:12ff::1".parse().unwrap());
    /// assert_eq!(blocks[1].to_string(), "2001:db8:0:1200::/56");
    /// ```
    pub fn around(address: IpAddr) -> Vec<Self> {
        let (address, prefixes): (_, &[u8]) = match address.to_canonical() {
            v4 @ IpAddr::V4(_) => (v4, &[32, 24]),
            v6 @ IpAddr::V6(_) => (v6, &[64, 56, 48]),
        };
        prefixes.iter().map(|prefix| Self::of(address, *prefix)).collect()
    }

    /// Returns the widest block that one customer commonly has: an IPv4 address, or the /48 of an IPv6 address.
    ///
    /// ```
    /// use duly::domain::network::Block;
    /// let site = |text: &str| Block::site(text.parse().unwrap());
    /// assert_eq!(site("2001:db8:0:1::1"), site("2001:db8:0:2::1"));
    /// assert_ne!(site("192.0.2.1"), site("192.0.2.2"));
    /// ```
    pub fn site(address: IpAddr) -> Self {
        match address.to_canonical() {
            v4 @ IpAddr::V4(_) => Self::of(v4, 32),
            v6 @ IpAddr::V6(_) => Self::of(v6, 48),
        }
    }

    fn of(address: IpAddr, prefix: u8) -> Self {
        let first = match address {
            IpAddr::V4(it) => {
                let rest = 32 - u32::from(prefix);
                Ipv4Addr::from_bits((it.to_bits() >> rest) << rest).into()
            }
            IpAddr::V6(it) => {
                let rest = 128 - u32::from(prefix);
                Ipv6Addr::from_bits((it.to_bits() >> rest) << rest).into()
            }
        };
        Self { first, prefix }
    }

    /// Returns the number of networks that it counts as. A wide block may have several customers, or just one.
    pub const fn networks(self) -> usize {
        match self.prefix {
            56 => 2,
            24 | 48 => 4,
            _ => 1,
        }
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix {
            32 => self.first.fmt(f),
            prefix => write!(f, "{}/{prefix}", self.first),
        }
    }
}

/// Setting for client networks in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogNetworks {
    /// Logs networks, so that the operator can block them.
    On,
    /// Omits networks, because an address may be personal data.
    Off,
}

impl LogNetworks {
    /// Returns the value of the log field `client.network`; `None` omits the field.
    ///
    /// ```
    /// use duly::domain::network::{LogNetworks, Network};
    /// let network = Network::of("2001:db8::1".parse().unwrap());
    /// assert_eq!(LogNetworks::On.text(network).as_deref(), Some("2001:db8::/64"));
    /// assert_eq!(LogNetworks::Off.text(network), None);
    /// ```
    pub fn text(self, network: impl fmt::Display) -> Option<String> {
        (self == Self::On).then(|| network.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(address: &str) -> Vec<String> {
        let blocks = Block::around(address.parse().unwrap());
        blocks.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn blocks_are_named_as_a_firewall_takes_them() {
        assert_eq!(around("192.0.2.77"), ["192.0.2.77", "192.0.2.0/24"]);
        assert_eq!(around("::ffff:192.0.2.77"), around("192.0.2.77"));
        assert_eq!(
            around("2001:db8:1:2345:6::7"),
            ["2001:db8:1:2345::/64", "2001:db8:1:2300::/56", "2001:db8:1::/48"]
        );
    }
}
