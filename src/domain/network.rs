//! Where a request comes from, as coarsely as limits need it.

use std::net::{IpAddr, Ipv6Addr};

/// What one customer of a provider has: an IPv4 address, or the /64 of an IPv6 address.
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
    /// The network an address is in.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(address.into()),
            IpAddr::V6(address) => {
                Self(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into())
            }
        }
    }

    /// Its first address.
    pub const fn address(self) -> IpAddr {
        self.0
    }
}
