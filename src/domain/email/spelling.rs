//! Spellings of an email address.

use super::Email;
use crate::domain::fold::{composed, decomposed};

/// The form that all spellings of an address have in common. An address that would be too long in it has a form of its
/// own.
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

/// All usual spellings of an address that is given in its canonical form: composed or not, and the host in Unicode or
/// in ASCII. The canonical one comes first.
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
            // Nothing that means another address.
            if !spellings.contains(&spelling) && self::canonical(&spelling) == canonical {
                spellings.push(spelling);
            }
        }
    }
    spellings
}

/// A host in Unicode, if it is the name of one; otherwise as it is.
fn unicode(host: &str) -> String {
    match idna::domain_to_unicode(host) {
        (unicode, Ok(())) => unicode,
        (_, Err(_)) => host.to_owned(),
    }
}
