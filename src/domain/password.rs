//! Passwords, and what is kept of them. Neither type can be printed.

use std::fmt;

use zeroize::Zeroizing;

/// A new password: [`Self::MIN_CHARS`] to [`Self::MAX_CHARS`] characters, any of them.
///
/// Wiped from memory when dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// Why a password is refused. Never shows the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer than [`Password::MIN_CHARS`] characters.
    #[error("must have at least 8 characters")]
    TooShort,
    /// More than [`Password::MAX_CHARS`] characters.
    #[error("must have at most 128 characters")]
    TooLong,
}

impl Password {
    /// Fewest characters (not bytes).
    pub const MIN_CHARS: usize = 8;
    /// Most characters (not bytes). All of them count.
    pub const MAX_CHARS: usize = 128;

    /// Checks a password that somebody wants to have from now on.
    ///
    /// # Errors
    ///
    /// Every variant of [`PasswordError`].
    pub fn new(text: impl Into<Zeroizing<String>>) -> Result<Self, PasswordError> {
        let text = text.into();
        match text.chars().count() {
            0..Self::MIN_CHARS => Err(PasswordError::TooShort),
            Self::MIN_CHARS..=Self::MAX_CHARS => Ok(Self(text)),
            _ => Err(PasswordError::TooLong),
        }
    }

    /// Wraps a password somebody claims to have, whatever its length.
    pub fn claimed(text: impl Into<Zeroizing<String>>) -> Self {
        Self(text.into())
    }

    /// The text, to be judged and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The bytes to hash.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// What is kept of a password: a PHC string, salt and parameters included.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps a PHC string.
    pub const fn new(phc: String) -> Self {
        Self(phc)
    }

    /// The PHC string. A secret: keep it out of answers and logs.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_characters() {
        assert!(Password::new("ü".repeat(8)).is_ok());
        assert!(Password::new("ü".repeat(128)).is_ok());
        assert_eq!(
            Password::new("1234567".to_owned()).err(),
            Some(PasswordError::TooShort)
        );
        assert_eq!(Password::new("ü".repeat(129)).err(), Some(PasswordError::TooLong));
    }

    #[test]
    fn neither_form_can_be_printed() {
        let password = Password::new("hunter22".to_owned()).unwrap();
        let hash = PasswordHash::new("$argon2id$secret".to_owned());
        assert_eq!(format!("{password:?} {hash:?}"), "Password(..) PasswordHash(..)");
    }
}
