//! Where a request comes from, as coarsely as limits need it.

use std::fmt;
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

/// An IPv4 address as it is, an IPv6 network with its length: what a firewall takes.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(address) => write!(f, "{address}/64"),
        }
    }
}

/// Whether the log names the networks of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogNetworks {
    /// It does, so that the operator can block them.
    On,
    /// It does not, since an address may be personal data.
    Off,
}

impl LogNetworks {
    /// The value of the field `client.network` of a log line; `None` leaves the field out.
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
