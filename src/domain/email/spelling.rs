//! Spellings of an email address.

use super::Email;
use crate::domain::fold::{composed, decomposed};

/// Returns the canonical form shared by all spellings of an address. An address whose canonical form would be too
/// long is only lower-cased.
pub(super) fn canonical(address: &str) -> String {
    if address.is_ascii() && !address.contains("--") {
        return address.to_ascii_lowercase();
    }
    let lower = composed(&composed(address).to_lowercase());
    let canonical = match lower.rsplit_once('@') {
        Some((name, host)) => format!("{name}@{}", unicode(host)),
        None => lower,
    };
    if canonical.len() > Email::MAX_BYTES { address.to_lowercase() } else { canonical }
}

/// Returns all usual spellings of a canonical address, which comes first: composed or decomposed, the host in
/// Unicode or in ASCII.
pub(super) fn usual(canonical: &str) -> Vec<String> {
    let mut spellings = vec![canonical.to_owned()];
    let Some((name, host)) = canonical.rsplit_once('@') else { return spellings };
    if canonical.is_ascii() {
        return spellings;
    }
    let names = [name.to_owned(), decomposed(name)];
    let mut hosts = vec![host.to_owned(), decomposed(host)];
    hosts.extend(idna::domain_to_ascii(host));
    for name in &names {
        for host in &hosts {
            let spelling = format!("{name}@{host}");
            // Excludes spellings of other addresses.
            if !spellings.contains(&spelling) && self::canonical(&spelling) == canonical {
                spellings.push(spelling);
            }
        }
    }
    spellings
}

/// Returns a host in Unicode, or unchanged if it is not a valid host name.
fn unicode(host: &str) -> String {
    match idna::domain_to_unicode(host) {
        (unicode, Ok(())) => unicode,
        (_, Err(_)) => host.to_owned(),
    }
}
