//! Passwords and their hashes. Neither type can be printed.

use std::fmt;

use zeroize::Zeroizing;

use super::fold::compose;

/// New password: [`Self::MIN_CHARS`] to [`Self::MAX_CHARS`] characters of any kind.
///
/// Spellings that look the same are equal, since people cannot see which form their input method sends
/// ([RFC 8265, section 4.2](https://www.rfc-editor.org/rfc/rfc8265#section-4.2)). Text is composed
/// ([Normalization Form C](https://www.unicode.org/reports/tr15/)), and every space becomes a plain one.
///
/// ```
/// use duly::domain::password::Password;
/// let typed = Password::claimed("pa\u{a0}sswo\u{308}rd".to_owned());
/// assert_eq!(typed.as_bytes(), "pa ssw\u{f6}rd".as_bytes());
/// ```
///
/// Wiped from memory when dropped.
#[derive(Clone)]
pub struct Password {
    text: Zeroizing<String>,
    /// Text as typed, if different.
    typed: Option<Zeroizing<String>>,
}

/// Reason that a password is refused. Never shows the password.
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
    /// Minimum length, in characters (not bytes).
    pub const MIN_CHARS: usize = 8;
    /// Maximum length, in characters (not bytes) of the composed form. No character is ignored.
    pub const MAX_CHARS: usize = 128;

    /// Validates a new password.
    ///
    /// # Errors
    ///
    /// Every variant of [`PasswordError`].
    pub fn new(text: impl Into<Zeroizing<String>>) -> Result<Self, PasswordError> {
        let text = text.into();
        Self::check(&text)?;
        Ok(Self { text: prepared(&text).unwrap_or(text), typed: None })
    }

    /// Validates a new password without keeping it.
    ///
    /// # Errors
    ///
    /// Every variant of [`PasswordError`].
    pub fn check(text: &str) -> Result<(), PasswordError> {
        match prepared_chars(text).take(Self::MAX_CHARS + 1).count() {
            0..Self::MIN_CHARS => Err(PasswordError::TooShort),
            Self::MIN_CHARS..=Self::MAX_CHARS => Ok(()),
            _ => Err(PasswordError::TooLong),
        }
    }

    /// Wraps a password that a client claims to know, of any length.
    pub fn claimed(text: impl Into<Zeroizing<String>>) -> Self {
        let text = text.into();
        match prepared(&text) {
            None => Self { text, typed: None },
            Some(prepared) => Self { text: prepared, typed: Some(text) },
        }
    }

    /// Returns the text. Use it only to judge the strength of the password.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Returns the bytes to hash.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Returns the bytes that a stored hash may be based on: the prepared form, then the text as typed if
    /// different, because older hashes were based on it.
    pub fn forms(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(self.as_bytes())
            .chain(self.typed.iter().map(|typed| typed.as_bytes()))
    }
}

/// Returns the text as it is hashed; `None` if it is unchanged.
fn prepared(text: &str) -> Option<Zeroizing<String>> {
    if text.is_ascii() || prepared_chars(text).eq(text.chars()) {
        return None;
    }
    // A string that grew would move and leave a copy behind. No text gets longer than three times its bytes.
    let mut prepared = Zeroizing::new(String::with_capacity(3 * text.len()));
    prepared.extend(prepared_chars(text));
    Some(prepared)
}

fn prepared_chars(text: &str) -> impl Iterator<Item = char> {
    compose(text.chars().map(|c| if is_space(c) { ' ' } else { c }))
}

/// Whether a character is a Unicode space (`Zs`) other than the plain one.
const fn is_space(c: char) -> bool {
    matches!(
        c,
        '\u{A0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}'
    )
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// Stored hash of a password: a PHC string, including salt and parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps a PHC string.
    pub const fn new(phc: String) -> Self {
        Self(phc)
    }

    /// Returns the PHC string. Keep it out of answers and logs: it is a secret.
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
    use proptest::prelude::*;

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
    fn length_is_that_of_the_composed_form() {
        assert!(Password::new("u\u{308}".repeat(128)).is_ok());
        assert_eq!(
            Password::new("u\u{308}".repeat(7)).err(),
            Some(PasswordError::TooShort)
        );
        // Some letters have no composed form and become longer.
        let split = "\u{958}".repeat(65);
        assert_eq!(Password::new(split).err(), Some(PasswordError::TooLong));
    }

    #[test]
    fn spellings_that_look_the_same_are_the_same_and_what_was_typed_is_known() {
        let composed = "z\u{fc}rich z\u{fc}rich";
        for typed in [
            "zu\u{308}rich zu\u{308}rich",
            "z\u{fc}rich\u{3000}z\u{fc}rich",
            "z\u{fc}rich\u{a0}zu\u{308}rich",
        ] {
            let claimed = Password::claimed(typed.to_owned());
            let forms: Vec<&[u8]> = claimed.forms().collect();
            assert_eq!(forms, [composed.as_bytes(), typed.as_bytes()]);
            let new = Password::new(typed.to_owned()).unwrap();
            assert_eq!(new.forms().collect::<Vec<_>>(), [composed.as_bytes()]);
        }
        for same in ["password123", composed, "\t\n control", "ﬁ ① Ａ case Case"] {
            let claimed = Password::claimed(same.to_owned());
            assert_eq!(claimed.forms().collect::<Vec<_>>(), [same.as_bytes()]);
        }
    }

    proptest! {
        #[test]
        fn a_prepared_password_fits_into_its_place_and_stays_as_it_is(text in any::<String>()) {
            let once = prepared(&text).unwrap_or_else(|| text.clone().into());
            prop_assert!(once.len() <= 3 * text.len());
            prop_assert!(prepared(&once).is_none());
        }
    }

    #[test]
    fn neither_form_can_be_printed() {
        let password = Password::new("hunter22".to_owned()).unwrap();
        let hash = PasswordHash::new("$argon2id$secret".to_owned());
        assert_eq!(format!("{password:?} {hash:?}"), "Password(..) PasswordHash(..)");
    }
}
