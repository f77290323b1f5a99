//! Email addresses: what a person typed, and what accounts are compared by.

use std::fmt;

use email_address::{EmailAddress, Options};

/// An address as it was typed, less the white space around it.
///
/// ```
/// use duly::domain::email::Email;
/// let email = Email::new(" Jane@Example.com ")?;
/// assert_eq!(email.as_str(), "Jane@Example.com");
/// assert_eq!(email.canonical(), Email::new("jane@example.com")?.canonical());
/// # Ok::<(), duly::domain::email::EmailError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

/// What two spellings of one address have in common: the whole address in lower case.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CanonicalEmail(String);

/// Why a text is not an email address.
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
    /// Longest address, in bytes.
    pub const MAX_BYTES: usize = 320;

    /// Checks an address.
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
        let sound = EmailAddress::parse_with_options(text, options).is_ok()
            && !text.contains(|c: char| c.is_control() || c == '"' || c.is_whitespace());
        if !sound {
            return Err(EmailError::Malformed);
        }
        // Some letters grow in lower case; the canonical form is a key and keeps the limit too.
        let email = Self(text.to_owned());
        if email.canonical().0.len() > Self::MAX_BYTES {
            return Err(EmailError::TooLong);
        }
        Ok(email)
    }

    /// An address that was checked by [`Self::new`] before it was stored.
    ///
    /// Every request reads the account of whoever asks, and checking again would cost more than reading.
    pub const fn checked_before(text: String) -> Self {
        Self(text)
    }

    /// The address as typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What to compare by.
    pub fn canonical(&self) -> CanonicalEmail {
        CanonicalEmail(self.0.to_lowercase())
    }
}

impl CanonicalEmail {
    /// The canonical text. Also the key of the email index.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! hidden_debug {
    ($($name:ident),+) => {$(
        // Addresses are personal and must not reach a log by accident.
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
    use super::*;

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

    #[test]
    fn the_limit_is_in_bytes() {
        let long = format!("{}@example.com", "a".repeat(400));
        assert_eq!(Email::new(&long), Err(EmailError::TooLong));
    }
}
