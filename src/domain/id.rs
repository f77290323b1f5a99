//! Identifiers. One type per kind of thing, so they cannot be mixed up.

use std::fmt;
use std::str::FromStr;

use super::hex::{hex, unhex};

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident, $kind:literal;)+) => {$(
        $(#[$doc])*
        ///
        /// Counted up over the whole server from 1, never used twice.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(u64);

        impl $name {
            /// Length of [`Self::to_bytes`], in bytes.
            pub const LEN: usize = 8;

            /// Wraps a number that the store gave out.
            pub const fn new(number: u64) -> Self {
                Self(number)
            }

            /// The number itself.
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The form used in database keys. Sorts like the id itself.
            pub const fn to_bytes(self) -> [u8; Self::LEN] {
                self.0.to_be_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($kind, ":{}"), self.0)
            }
        }
    )+};
}

numbers! {
    /// Names one account.
    UserId, "user";
    /// Names one task. Unique across all accounts.
    TaskId, "task";
}

/// The text given is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id")]
pub struct ParseIdError;

macro_rules! random {
    ($($(#[$doc:meta])* $name:ident, $kind:literal, $len:literal;)+) => {$(
        $(#[$doc])*
        ///
        /// Random bytes, shown as lower-case hexadecimal digits.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; Self::LEN]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// Makes an id from random bytes, which are an argument so that a test can choose them.
            pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
                Self(bytes)
            }

            /// The form used in database keys.
            pub const fn to_bytes(self) -> [u8; Self::LEN] {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($kind, ":{}"), self)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            /// Takes lower-case digits only, so that an id has one spelling.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                unhex(text).map(Self).ok_or(ParseIdError)
            }
        }
    )+};
}

random! {
    /// Names one session.
    SessionId, "session", 16;
    /// Names one personal token among those of its owner.
    TokenId, "token", 8;
    /// Names one invitation.
    InvitationId, "invitation", 8;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_sort_like_numbers() {
        let ids = [1, 2, 255, 256, u64::MAX].map(TaskId::new);
        assert!(ids.map(TaskId::to_bytes).is_sorted());
    }

    #[test]
    fn a_session_id_has_one_spelling() {
        let id = SessionId::from_bytes([0xAB; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "ab", &"AB".repeat(16), &"zz".repeat(16), &"ab".repeat(17)] {
            assert_eq!(text.parse::<SessionId>(), Err(ParseIdError), "{text}");
        }
    }
}
