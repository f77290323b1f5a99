//! Identifiers, with one type per kind so that they cannot be confused.

use std::fmt;
use std::str::FromStr;

use super::hex::{hex, unhex};

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident, $kind:literal;)+) => {$(
        $(#[$doc])*
        ///
        /// Assigned by the server in sequence from 1, and never reused.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(u64);

        impl $name {
            /// Length of [`Self::to_bytes`], in bytes.
            pub const LEN: usize = 8;

            /// Wraps a number that the store assigned.
            pub const fn new(number: u64) -> Self {
                Self(number)
            }

            /// Returns the number.
            pub const fn get(self) -> u64 {
                self.0
            }

            /// Returns the form used in database keys, which sorts like the id.
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
    /// Identifier of an account.
    UserId, "user";
    /// Identifier of a task, unique across all accounts.
    TaskId, "task";
    /// Identifier of a list, unique in its account.
    ListId, "list";
}

/// Text that is not an id.
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
            /// Length of the id, in bytes.
            pub const LEN: usize = $len;

            /// Creates an id from random bytes, which are an argument so that a test can choose them.
            pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
                Self(bytes)
            }

            /// Returns the form used in database keys.
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

            /// Accepts lower-case digits only, so that an id has one spelling.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                unhex(text).map(Self).ok_or(ParseIdError)
            }
        }
    )+};
}

random! {
    /// Identifier of a session.
    SessionId, "session", 16;
    /// Identifier of a personal token, unique per account.
    TokenId, "token", 8;
    /// Identifier of an invitation.
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
