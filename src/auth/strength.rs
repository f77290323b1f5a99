//! Rules of this server for new passwords, in addition to the fixed ones.
//!
//! The strength of a password is estimated like
//! [zxcvbn](https://www.usenix.org/conference/usenixsecurity16/technical-sessions/presentation/wheeler) does: by common
//! passwords, words and names, adjacent keys, dates, repetition, and the email of the account. The estimate takes
//! longer for longer texts, and many times longer with every sign that may stand for a letter: 1.1 s for 100 characters
//! with all of them. So it reads at most [`MOST_CHARS`] characters and, in a long text, [`MOST_SIGNS`] such signs,
//! which takes at most as long as hashing the password, and it runs on the hashing threads.

use zeroize::Zeroizing;
use zxcvbn::zxcvbn;

use crate::domain::password::{Password, PasswordError};

/// Maximum characters that are read; a password that is still weak after them repeats itself.
const MOST_CHARS: usize = 48;

/// Length from which a text is long. Shorter texts are read unchanged.
const LONG: usize = 17;

/// Signs that are read as letters. Digits are too, but rarely as one of several letters.
const SIGNS: &str = "@({[<!|$+%";

/// Maximum of these signs that are read as letters in a long text.
const MOST_SIGNS: usize = 2;

/// Minimum length of a part of an email that counts as a word, and maximum number of them.
const PART_CHARS: usize = 3;
const MOST_PARTS: usize = 16;

/// Minimum length and strength of new passwords. Existing passwords stay valid.
#[derive(Clone, Copy, Debug)]
pub struct PasswordRules {
    min_chars: usize,
    min_strength: u8,
}

/// Reason that a password is refused. Never shows the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Refused by every server.
    #[error(transparent)]
    Never(#[from] PasswordError),
    /// Shorter than this server's minimum, in characters.
    #[error("must have at least {0} characters")]
    TooShort(usize),
    /// Easier to guess than this server allows.
    #[error("is too easy to guess: use a longer or less common one")]
    TooWeak,
}

impl PasswordRules {
    /// Creates rules with a minimum length, and a minimum strength from 0 (none) to 4 (over 10^10 guesses).
    pub const fn new(min_chars: usize, min_strength: u8) -> Self {
        Self { min_chars, min_strength }
    }

    /// Checks the length of a new password.
    ///
    /// # Errors
    ///
    /// [`RuleError::Never`] and [`RuleError::TooShort`].
    pub fn check_length(
        &self,
        text: impl Into<Zeroizing<String>>,
    ) -> Result<Password, RuleError> {
        let password = Password::new(text)?;
        if password.expose().chars().count() < self.min_chars {
            return Err(RuleError::TooShort(self.min_chars));
        }
        Ok(password)
    }

    /// Whether the rules check more than the length.
    pub const fn ask_for_strength(&self) -> bool {
        self.min_strength > 0
    }

    /// Checks the strength of a password against an attacker who knows the email. Takes up to 30 ms.
    ///
    /// # Errors
    ///
    /// [`RuleError::TooWeak`].
    pub fn check_strength(
        &self,
        password: &Password,
        email: &str,
    ) -> Result<(), RuleError> {
        let parts = parts(email);
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let strength = u8::from(zxcvbn(&readable(password.expose()), &parts).score());
        if strength < self.min_strength {
            return Err(RuleError::TooWeak);
        }
        Ok(())
    }
}

/// Returns the part of a password that is read, with each excess sign replaced by a character without meaning.
fn readable(text: &str) -> String {
    let is_long = text.chars().nth(LONG - 1).is_some();
    let mut read = Vec::with_capacity(MOST_SIGNS);
    let sign = |sign: char| {
        let number = u32::try_from(SIGNS.find(sign)?).ok()?;
        if !is_long || read.contains(&sign) {
            return None;
        }
        if read.len() < MOST_SIGNS {
            read.push(sign);
            return None;
        }
        // Not adjacent, or they would be read as a sequence.
        char::from_u32(0x2500 + 7 * number)
    };
    let mut sign = sign;
    text.chars().take(MOST_CHARS).map(|c| sign(c).unwrap_or(c)).collect()
}

/// Returns words that an attacker who knows the email would guess.
fn parts(email: &str) -> Vec<String> {
    let local = email.split('@').next().unwrap_or_default();
    let run_together = local.chars().filter(|c| c.is_alphanumeric()).collect();
    let words = email.split(|c: char| !c.is_alphanumeric());
    let words = words.filter(|word| word.chars().count() >= PART_CHARS);
    let mut parts = vec![email.to_owned(), local.to_owned(), run_together];
    parts.extend(words.take(MOST_PARTS).map(str::to_owned));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMAIL: &str = "jane.doe@example.com";

    fn strong(rules: PasswordRules, text: &str) -> bool {
        let password = Password::new(text.to_owned()).unwrap();
        rules.check_strength(&password, EMAIL).is_ok()
    }

    #[test]
    fn length_is_counted_in_characters_and_never_below_what_all_servers_ask() {
        let rules = PasswordRules::new(12, 0);
        let check = |text: String| rules.check_length(text).map(|_| ());
        assert_eq!(check("é".repeat(12)), Ok(()));
        assert_eq!(check("é".repeat(128)), Ok(()));
        assert_eq!(check("é".repeat(11)), Err(RuleError::TooShort(12)));
        assert_eq!(check("é".repeat(129)), Err(PasswordError::TooLong.into()));
        let check = |text: &str| PasswordRules::new(0, 0).check_length(text.to_owned());
        assert_eq!(check("1234567").err(), Some(PasswordError::TooShort.into()));
        assert!(check("12345678").is_ok());
    }

    #[test]
    fn each_strength_takes_less() {
        let texts =
            ["password", "iloveyou2", "Summer2024!", "kX9#vQ2!mZ", "x8!Lq2&zR7@wP4"];
        let taken = |strength| {
            let rules = PasswordRules::new(8, strength);
            texts.iter().filter(|text| strong(rules, text)).count()
        };
        assert_eq!([0, 1, 2, 3, 4].map(taken), [5, 4, 3, 2, 1]);
    }

    #[test]
    fn what_is_in_the_email_is_easily_guessed() {
        let rules = PasswordRules::new(8, 3);
        for text in ["jane.doe@example.com", "janedoe1", "Jane.Doe", "example.com1"] {
            assert!(!strong(rules, text), "{text}");
        }
        assert!(strong(rules, "correct horse battery staple"));
    }

    #[test]
    fn only_what_can_be_read_in_time_is_read() {
        let all = format!("{SIGNS}4836910572").repeat(6);
        let rest: String = all.chars().skip(5).collect();
        for text in [all.as_str(), &rest, &"🦉".repeat(128), "short", ""] {
            let read = readable(text);
            assert!(read.chars().count() <= MOST_CHARS);
            let signs = SIGNS.chars().filter(|sign| read.contains(*sign)).count();
            assert!(signs <= MOST_SIGNS, "{read}");
        }
    }

    #[test]
    fn what_is_read_says_as_much_as_the_password() {
        assert_eq!(readable("!@#$%^&*()"), "!@#$%^&*()");
        assert_eq!(readable("P@$$w0rd!P@$$w0"), "P@$$w0rd!P@$$w0");
        // In a long text, equal signs are replaced alike.
        let long = readable("P@$$w0rd!1P@$$w0rd!1");
        assert_eq!(long, long.chars().take(10).collect::<String>().repeat(2));
        assert!(!strong(PasswordRules::new(8, 3), "P@$$w0rd!1P@$$w0rd!1"));
        assert!(strong(PasswordRules::new(8, 4), "4@8({[</369&#!1/|0$5+7%2/"));
    }
}
