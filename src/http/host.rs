//! The `Host` header: the site that a request is for
//! ([RFC 9112, section 3.2](https://www.rfc-editor.org/rfc/rfc9112#section-3.2)).
//!
//! A proxy and this server must not read one request as addressed to two sites. So a missing, repeated or invalid
//! host is refused, though every host is served alike.

use std::net::Ipv6Addr;

use poem::Request;
use poem::http::{Version, header};

use super::problem::Problem;

/// Refuses a request that does not name one valid host. HTTP/1.0 requests may omit it.
pub(super) fn check(request: &Request) -> Result<(), Problem> {
    let mut given = request.headers().get_all(header::HOST).iter();
    let (host, second) = (given.next(), given.next());
    if second.is_some() {
        return Err(Problem::malformed("the Host header must not be repeated"));
    }
    let authority = request.original_uri().authority().map(|it| it.as_str());
    let host = host.map(|it| it.as_bytes());
    if !host.is_none_or(is_host) || !authority.map(str::as_bytes).is_none_or(is_host) {
        return Err(Problem::malformed(
            "the Host header must be a host, optionally with a port",
        ));
    }
    let is_missing = match request.version() {
        Version::HTTP_09 | Version::HTTP_10 => false,
        Version::HTTP_11 => host.is_none(),
        // The pseudo-header `:authority` names the host too (RFC 9113, section 8.3.1).
        _ => host.is_none() && authority.is_none(),
    };
    if is_missing {
        return Err(Problem::malformed("the Host header is missing"));
    }
    if request.version() > Version::HTTP_11
        && let (Some(host), Some(authority)) = (host, authority)
        && !host.eq_ignore_ascii_case(authority.as_bytes())
    {
        return Err(Problem::malformed("the Host header must be the same as :authority"));
    }
    Ok(())
}

/// Whether a text is `uri-host [ ":" port ]`, and not empty
/// ([RFC 9110, section 7.2](https://www.rfc-editor.org/rfc/rfc9110#section-7.2)).
fn is_host(text: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(text) else { return false };
    let rest = if let Some(literal) = text.strip_prefix('[') {
        let Some((inside, rest)) = literal.split_once(']') else { return false };
        if inside.parse::<Ipv6Addr>().is_err() {
            return false;
        }
        rest
    } else {
        let end = text.find(':').unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        if name.is_empty() || !is_name(name) {
            return false;
        }
        rest
    };
    match rest.strip_prefix(':') {
        Some(port) => port.bytes().all(|byte| byte.is_ascii_digit()) && port.len() <= 5,
        None => rest.is_empty(),
    }
}

/// Whether a text is a registered name or an IPv4 address
/// ([RFC 3986, section 3.2.2](https://www.rfc-editor.org/rfc/rfc3986#section-3.2.2)).
fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    while let Some(byte) = bytes.next() {
        let is_good = match byte {
            b'%' => {
                let mut is_hex = || bytes.next().is_some_and(|it| it.is_ascii_hexdigit());
                is_hex() && is_hex()
            }
            _ => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte),
        };
        if !is_good {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::is_host;

    #[test]
    fn hosts_are_names_and_addresses_with_or_without_a_port() {
        for good in [
            "a",
            "localhost",
            "tasks.example.com",
            "127.0.0.1",
            "127.0.0.1:8000",
            "[::1]",
            "[2001:db8::1]:8000",
            "a_b",
            "a:",
            "xn--bcher-kva.example",
            "a%20b",
        ] {
            assert!(is_host(good.as_bytes()), "{good}");
        }
        for bad in [
            "", ":80", "a b", "a/b", "a?b", "a#b", "user@a", "a:80:90", "a:x", "a:-1",
            "a:123456", "[::1", "::1", "[a]", "[::1]x", "a%2", "a%zz", "a\\b", "a,\"b\"",
            "http://a", "\u{fc}", "a\tb", "<a>",
        ] {
            assert!(!is_host(bad.as_bytes()), "{bad}");
        }
        assert!(!is_host(b"\xff"));
    }
}
