//! What this server asks of new passwords, beyond what every server asks.
//!
//! How easily a password is guessed is judged as [zxcvbn](https://www.usenix.org/conference/usenixsecurity16/technical-sessions/presentation/wheeler)
//! does: by common passwords, words and names, keys side by side, dates, repetition, and the email it is
//! for. That takes longer the more there is to read, and many times longer with every sign that may stand
//! for a letter: 1.1 s for 100 characters with all of them. So it reads no more than [`MOST_CHARS`]
//! characters and, in a long text, [`MOST_SIGNS`] such signs, which takes at most what hashing the password
//! takes; and it belongs on the threads that hash.

use zeroize::Zeroizing;
use zxcvbn::zxcvbn;

use crate::domain::password::{Password, PasswordError};

/// Most characters that are read. Whoever has not said enough by then has repeated himself.
const MOST_CHARS: usize = 48;

/// Shorter texts are read as they are.
const LONG: usize = 17;

/// Signs that are read as letters. Digits are too, but hardly ever as one of several letters.
const SIGNS: &str = "@({[<!|$+%";

/// How many of them are read as letters in one long text.
const MOST_SIGNS: usize = 2;

/// Shortest part of an email that counts as a word, and most of them.
const PART_CHARS: usize = 3;
const MOST_PARTS: usize = 16;

/// How long, and how hard to guess, new passwords have to be. Passwords that are there stay good.
#[derive(Clone, Copy, Debug)]
pub struct PasswordRules {
    min_chars: usize,
    min_strength: u8,
}

/// Why a password is refused. Never shows the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// No server takes it.
    #[error(transparent)]
    Never(#[from] PasswordError),
    /// This server wants at least so many characters.
    #[error("must have at least {0} characters")]
    TooShort(usize),
    /// This server wants one that is harder to guess.
    #[error("is too easy to guess: make it longer or less usual")]
    TooWeak,
}

impl PasswordRules {
    /// Asks for so many characters, and for a strength from 0 (none) to 4 (over 10^10 guesses).
    pub const fn new(min_chars: usize, min_strength: u8) -> Self {
        Self { min_chars, min_strength }
    }

    /// Checks the length of a password that somebody wants to have from now on.
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

    /// Whether there is more to check than the length.
    pub const fn ask_for_strength(&self) -> bool {
        self.min_strength > 0
    }

    /// Checks how hard a password is to guess for those who know the email. Takes its time: up to 30 ms.
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

/// The part of a password that is read, with signs that are too many made into others, each into another
/// one that means nothing.
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
        // Not next to each other, or they would be read as a sequence.
        char::from_u32(0x2500 + 7 * number)
    };
    let mut sign = sign;
    text.chars().take(MOST_CHARS).map(|c| sign(c).unwrap_or(c)).collect()
}

/// What is easily guessed of whoever has this email.
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
        // Of a long one, the same signs are the same again.
        let long = readable("P@$$w0rd!1P@$$w0rd!1");
        assert_eq!(long, long.chars().take(10).collect::<String>().repeat(2));
        assert!(!strong(PasswordRules::new(8, 3), "P@$$w0rd!1P@$$w0rd!1"));
        assert!(strong(PasswordRules::new(8, 4), "4@8({[</369&#!1/|0$5+7%2/"));
    }
}
