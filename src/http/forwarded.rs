//! Headers in which a proxy names what it removed from a request, or changed in it.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use poem::Request;
use poem::http::HeaderName;

use super::address::{self, TrustedProxies};
use super::prefix::{self, PREFIX};
use crate::domain::network::{LogNetworks, Network};

/// Headers that only proxies send.
static OF_PROXIES: [HeaderName; 5] = [
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("forwarded"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-forwarded-host"),
    PREFIX,
];

/// Reader of proxy headers, which tells the operator once when it does not trust one.
pub(super) struct Forwarded {
    proxies: Arc<TrustedProxies>,
    networks: LogNetworks,
    told_of_stranger: AtomicBool,
    told_of_prefix: AtomicBool,
}

impl Forwarded {
    pub(super) const fn new(proxies: Arc<TrustedProxies>, networks: LogNetworks) -> Self {
        Self {
            proxies,
            networks,
            told_of_stranger: AtomicBool::new(false),
            told_of_prefix: AtomicBool::new(false),
        }
    }

    /// Returns the path prefix that a trusted proxy removed, if any: it begins with a slash and ends without.
    pub(super) fn prefix<'a>(&self, request: &'a Request) -> Option<&'a str> {
        let headers = request.headers();
        let header = OF_PROXIES.iter().find(|name| headers.contains_key(*name))?;
        let peer = address::peer(request);
        if !self.proxies.include(peer) {
            self.tell_of_stranger(peer, header);
            return None;
        }
        if !headers.contains_key(PREFIX) {
            return None;
        }
        let prefix = prefix::of(headers);
        if prefix.is_none() && !self.told_of_prefix.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                event = "prefix_refused",
                "ignored X-Forwarded-Prefix from a trusted proxy: it must be one path such as /duly"
            );
        }
        prefix.filter(|prefix| !prefix.is_empty())
    }

    fn tell_of_stranger(&self, peer: IpAddr, header: &HeaderName) {
        if !self.told_of_stranger.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                event = "proxy_not_trusted",
                header = header.as_str(),
                client.network = self.networks.text(Network::of(peer)),
                "ignored a proxy header from an untrusted address: \
                 if the address is your proxy, add it to TRUSTED_PROXIES"
            );
        }
    }
}
