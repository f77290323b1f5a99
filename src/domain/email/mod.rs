//! Email addresses: the text as typed, and the canonical form that accounts are compared by.

mod spelling;

use std::fmt;

use email_address::{EmailAddress, Options};

use super::fold::composed;

/// Email address as typed, without surrounding white space.
///
/// ```
/// use duly::domain::email::Email;
/// let email = Email::new(" Jane@Example.com ")?;
/// assert_eq!(email.as_str(), "Jane@Example.com");
/// assert_eq!(email.canonical(), Email::new("jane@example.com")?.canonical());
/// let (one, other) = (Email::new("x@münchen.de")?, Email::new("x@xn--mnchen-3ya.de")?);
/// assert_eq!(one.canonical(), other.canonical());
/// # Ok::<(), duly::domain::email::EmailError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

/// Canonical form shared by all spellings of an address.
///
/// The whole address in lower case and in [Normalization Form C](https://www.unicode.org/reports/tr15/), its host
/// in Unicode ([UTS 46](https://www.unicode.org/reports/tr46/)).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CanonicalEmail(String);

/// Reason that a text is not an email address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// Longer than [`Email::MAX_BYTES`].
    #[error("must be at most 320 bytes long")]
    TooLong,
    /// Not of the form `name@host.domain` (RFC 5321, 5322; no quotes, comments or IP literals).
    #[error("must be an email address such as name@example.com")]
    Malformed,
}

impl Email {
    /// Maximum length of an address, in bytes.
    pub const MAX_BYTES: usize = 320;

    /// Validates an address.
    ///
    /// # Errors
    ///
    /// Every variant of [`EmailError`].
    pub fn new(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        if text.len() > Self::MAX_BYTES {
            return Err(EmailError::TooLong);
        }
        let options = Options::default()
            .with_required_tld()
            .without_display_text()
            .without_domain_literal();
        // The parser rejects a decomposed letter in a host.
        let composed = composed(text);
        let sound = EmailAddress::parse_with_options(&composed, options).is_ok()
            && !text.contains(|c: char| c.is_control() || c == '"' || c.is_whitespace());
        if !sound {
            return Err(EmailError::Malformed);
        }
        // Some letters take more bytes in lower case; the limit applies to keys too.
        let email = Self(text.to_owned());
        if email.lower().len() > Self::MAX_BYTES {
            return Err(EmailError::TooLong);
        }
        Ok(email)
    }

    /// Wraps an address that [`Self::new`] validated before it was stored.
    ///
    /// Every request reads the account of its caller, and validation would cost more than the read.
    pub const fn new_unchecked(text: String) -> Self {
        Self(text)
    }

    /// Returns the address as typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the canonical form for comparison.
    pub fn canonical(&self) -> CanonicalEmail {
        CanonicalEmail(spelling::canonical(&self.0))
    }

    /// Returns the address in lower case, otherwise as typed. Older accounts are keyed by it.
    pub fn lower(&self) -> String {
        self.0.to_lowercase()
    }

    /// Whether the address contains a text, ignoring case and spelling.
    pub fn contains(&self, text: &str) -> bool {
        self.canonical().0.contains(&spelling::canonical(text))
            || self.lower().contains(&text.to_lowercase())
    }

    /// Returns the possible index keys of an account with this email, in order of preference. Each key is in the
    /// [`Self::spellings`] of every usual spelling of the address.
    pub fn keys(&self) -> Vec<String> {
        let (lower, canonical) = (self.lower(), self.canonical().0);
        if lower == canonical {
            vec![lower]
        } else if spelling::usual(&canonical).contains(&lower) {
            vec![lower, canonical]
        } else {
            vec![canonical, lower]
        }
    }

    /// Returns the index keys to look up for this address, in order: the spelling given, then every usual spelling.
    pub fn spellings(&self) -> Vec<String> {
        let (lower, canonical) = (self.lower(), self.canonical().0);
        let mut spellings = spelling::usual(&canonical);
        spellings.retain(|other| *other != lower);
        spellings.insert(0, lower);
        spellings
    }
}

impl CanonicalEmail {
    /// Returns the canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! hidden_debug {
    ($($name:ident),+) => {$(
        // Email addresses are personal data and must not reach a log by accident.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )+};
}

hidden_debug!(Email, CanonicalEmail);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_spelling_of_an_address_has_its_canonical_form(name in "\\PC{1,8}", host in "\\PC{1,8}") {
            let text = format!("{name}@{host}.de");
            if let Ok(typed) = Email::new(&text) {
                for key in typed.spellings().into_iter().chain(typed.keys()) {
                    let key = Email::new_unchecked(key);
                    prop_assert_eq!(key.canonical().0, typed.canonical().0);
                }
            }
        }
    }

    #[test]
    fn white_space_and_case_do_not_make_another_account() {
        let typed = Email::new("\t Jane@EXAMPLE.com\n").unwrap();
        assert_eq!(typed.as_str(), "Jane@EXAMPLE.com");
        assert_eq!(typed.canonical().as_str(), "jane@example.com");
    }

    #[test]
    fn nonsense_is_refused() {
        for text in
            ["", "jane", "@a.example", "a@", "a@b", "a b@c.example", "a@b@c.example"]
        {
            assert_eq!(Email::new(text), Err(EmailError::Malformed), "{text:?}");
        }
        for text in
            ["a@[127.0.0.1]", "\"a b\"@c.example", "Jane <j@c.example>", "a@c.example\0"]
        {
            assert_eq!(Email::new(text), Err(EmailError::Malformed), "{text:?}");
        }
    }

    fn email(text: &str) -> Email {
        Email::new(text).unwrap()
    }

    #[test]
    fn spellings_of_one_address_have_one_canonical_form() {
        for (one, other) in [
            ("j\u{f6}s\u{e9}@ex\u{e4}mple.com", "jo\u{308}se\u{301}@exa\u{308}mple.com"),
            ("x@m\u{fc}nchen.de", "X@xn--mnchen-3ya.de"),
            ("x@m\u{fc}nchen.de", "x@mu\u{308}nchen.DE"),
            ("x@m\u{fc}nchen.de", "x@XN--MNCHEN-3YA.de"),
            ("x@stra\u{df}e.example", "x@xn--strae-oqa.example"),
        ] {
            assert_eq!(email(one).canonical(), email(other).canonical(), "{other}");
        }
        for (one, other) in [
            ("jose@example.com", "jos\u{e9}@example.com"),
            ("x@munchen.de", "x@m\u{fc}nchen.de"),
            ("x@strasse.example", "x@stra\u{df}e.example"),
            // Host names only: the mail server interprets the part before the `@`.
            ("xn--mnchen-3ya@a.de", "m\u{fc}nchen@a.de"),
        ] {
            assert_ne!(email(one).canonical(), email(other).canonical(), "{other}");
        }
    }

    #[test]
    fn a_host_that_is_none_is_compared_as_it_is() {
        for host in ["xn--a.example", "xn--99999.de"] {
            let text = format!("x@{host}");
            assert_eq!(email(&text).canonical().as_str(), text);
        }
    }

    #[test]
    fn an_account_of_any_usual_spelling_is_found_by_all_others() {
        let usual = [
            "j\u{f6}@m\u{fc}nchen.de",
            "jo\u{308}@mu\u{308}nchen.de",
            "jo\u{308}@m\u{fc}nchen.de",
            "j\u{f6}@mu\u{308}nchen.de",
            "j\u{f6}@xn--mnchen-3ya.de",
            "jo\u{308}@xn--mnchen-3ya.de",
        ];
        // Partly composed text, and full-width letters.
        let all = [&usual[..], &["j\u{f6}@\u{ff4d}\u{fc}nchen.de"]].concat();
        for made in &all {
            for typed in &all {
                let keys = email(made).keys();
                let spellings = email(typed).spellings();
                assert!(spellings.contains(&keys[0]), "{made} {typed}");
                assert_eq!(spellings[0], email(typed).lower());
            }
        }
        for made in usual {
            assert_eq!(email(made).keys()[0], email(made).lower(), "as it ever was");
        }
        assert_eq!(email("Jane@example.com").keys(), ["jane@example.com"]);
        assert_eq!(email("Jane@example.com").spellings(), ["jane@example.com"]);
    }

    #[test]
    fn the_limit_is_in_bytes() {
        let long = format!("{}@example.com", "a".repeat(400));
        assert_eq!(Email::new(&long), Err(EmailError::TooLong));
    }
}
