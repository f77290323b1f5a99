//! Client addresses of requests.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;
use poem::http::{HeaderMap, header};
use poem::{Addr, FromRequest, Request, RequestBody};

use super::middleware::Shared;
use crate::domain::label::Label;
use crate::service::Origin;

/// Address of the client, resolved through trusted proxies only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClientAddress(pub(super) IpAddr);

/// Proxies whose `X-Forwarded-For` is trusted.
#[derive(Clone, Debug)]
pub(super) struct TrustedProxies(pub(super) Vec<IpNet>);

impl TrustedProxies {
    pub(super) fn include(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Returns the client that a trusted proxy names. `None` if the peer is no trusted proxy, or the client is
    /// one.
    pub(super) fn client_of_proxy(
        &self,
        peer: Option<IpAddr>,
        headers: &HeaderMap,
    ) -> Option<IpAddr> {
        let peer = peer.unwrap_or_else(|| Ipv4Addr::LOCALHOST.into());
        if !self.include(peer) {
            return None;
        }
        Some(self.client(peer, headers)).filter(|client| !self.include(*client))
    }

    /// Follows `X-Forwarded-For` back from the peer while each hop is trusted. Headers of untrusted peers
    /// change nothing, nor do entries that an untrusted client wrote before a trusted proxy appended its own.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.include(peer) {
            return peer.to_canonical();
        }
        // The client's entries may not be text; entries that the proxy appended still count.
        let forwarded: Vec<String> = headers
            .get_all("x-forwarded-for")
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        let forwarded: Vec<&str> =
            forwarded.iter().flat_map(|value| value.split(',')).collect();
        let mut client = peer;
        for hop in forwarded.iter().rev() {
            if !self.include(client) {
                break;
            }
            let hop = hop.trim();
            let with_port = || hop.parse::<SocketAddr>().map(|hop| hop.ip());
            match hop.parse().or_else(|_| with_port()) {
                Ok(address) => client = address,
                Err(_) => break,
            }
        }
        client.to_canonical()
    }
}

/// Returns the address at the other end of the connection.
pub(super) fn peer(request: &Request) -> IpAddr {
    match &request.remote_addr().0 {
        Addr::SocketAddr(address) => address.ip(),
        // Any process that may open the Unix socket counts as this machine.
        Addr::Unix(_) | Addr::Custom(..) => Ipv4Addr::LOCALHOST.into(),
    }
}

impl ClientAddress {
    /// Returns the client address of a request.
    pub(super) fn of(req: &Request) -> Self {
        let peer = peer(req);
        let client = match Shared::of(req) {
            Ok(shared) => shared.proxies.client(peer, req.headers()),
            Err(_) => peer,
        };
        Self(client)
    }
}

impl<'a> FromRequest<'a> for ClientAddress {
    async fn from_request(
        req: &'a Request,
        _body: &mut RequestBody,
    ) -> poem::Result<Self> {
        Ok(Self::of(req))
    }
}

/// Client address of a request, and the name that the client gives itself.
pub(super) struct ClientOrigin(pub(super) Origin);

impl<'a> FromRequest<'a> for ClientOrigin {
    async fn from_request(
        req: &'a Request,
        _body: &mut RequestBody,
    ) -> poem::Result<Self> {
        let agent = req.headers().get(header::USER_AGENT);
        let agent = agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()));
        Ok(Self(Origin {
            address: ClientAddress::of(req).0,
            client: agent.and_then(|agent| Label::of_client(&agent)),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&'static str]) -> String {
        let trusted = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        trusted.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(client("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("::ffff:10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn what_the_client_wrote_before_the_proxy_is_not_believed() {
        assert_eq!(client("10.0.0.1", &["1.1.1.1, 198.51.100.7"]), "198.51.100.7");
        assert_eq!(
            client("10.0.0.1", &["1.1.1.1", "198.51.100.7, 10.0.0.2"]),
            "198.51.100.7"
        );
        assert_eq!(client("10.0.0.1", &["nonsense"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["198.51.100.7:4711"]), "198.51.100.7");
    }
}
