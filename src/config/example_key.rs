//! Publicly known keys.

use zeroize::Zeroizing;

/// Maximum length of a piece whose repetition makes a key an example, in bytes.
const MAX_PIECE: usize = 16;

/// Published examples, which newcomers copy.
const PUBLISHED: &[&str] = &[
    // The tutorial of FastAPI, which the replaced service was built with.
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    // jwt.io
    "a-string-secret-at-least-256-bits-long",
];

/// Parts of placeholders, in lower case and without separators. The replaced service shipped
/// `change-me-to-a-long-random-string`.
const PLACEHOLDERS: &[&str] =
    &["changeme", "changethis", "longrandomstring", "replaceme", "yoursecret"];

/// Whether a key is a published example, a placeholder, or a repeated short piece, such as a single byte.
pub(super) fn is_example(key: &[u8]) -> bool {
    let key = key.trim_ascii();
    let is_published =
        PUBLISHED.iter().any(|example| key.eq_ignore_ascii_case(example.as_bytes()));
    is_published || repeats(key) || is_placeholder(key)
}

fn repeats(key: &[u8]) -> bool {
    (1..=MAX_PIECE.min(key.len() / 2)).any(|piece| {
        key.iter().zip(key.iter().skip(piece)).all(|(one, next)| one == next)
    })
}

fn is_placeholder(key: &[u8]) -> bool {
    let letters = key.iter().filter(|byte| byte.is_ascii_alphanumeric());
    let letters: Vec<u8> = letters.map(u8::to_ascii_lowercase).collect();
    let letters = Zeroizing::new(letters);
    PLACEHOLDERS
        .iter()
        .any(|text| letters.windows(text.len()).any(|window| window == text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_knows_is_an_example() {
        for key in [
            "change-me-to-a-long-random-string",
            " Change-Me-To-A-Long-Random-String\n",
            "your_secret_key_here_please_32_bytes_long",
            "docker-dev-secret-CHANGE_ME-please-now",
            "09D25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
            "a-string-secret-at-least-256-bits-long",
            "00000000000000000000000000000000",
            "secretsecretsecretsecretsecretsec",
            "0123456789abcdef0123456789abcdef",
        ] {
            assert!(is_example(key.as_bytes()), "{key}");
        }
        assert!(is_example(&[0xFF; 64]));
    }

    #[test]
    fn what_was_made_at_random_is_none() {
        for key in [
            "5f0c8e6b1d3a9724e8b05c7f2a6d4913",
            "nYHcGBpo40ZFEGOl/y7Hg4hqOWYzKpZJfPpxyYTu3cg=",
        ] {
            assert!(!is_example(key.as_bytes()), "{key}");
        }
    }
}
