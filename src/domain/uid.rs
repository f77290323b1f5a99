//! Unique names of tasks, given by clients or made by the server.

use xxhash_rust::xxh3::xxh3_64;

use super::hex::{hex, unhex};
use super::id::TaskId;
use super::timestamp::Timestamp;

/// Name of a task that is unique in its account and never changes.
///
/// A client that creates a task gives it a uid before it has an id, so that it can send the same request again, also
/// after hours without a connection. The server makes a UUID for a task without one.
///
/// ```
/// use duly::domain::uid::{Uid, UidError};
/// let uid = Uid::new("0b0e8f3c-5d1a-4c6f-9a57-3f5d0c9a1e42".to_owned())?;
/// assert_eq!(uid.as_str().len(), 36);
/// assert_eq!(Uid::new("milk".to_owned()), Err(UidError::Length));
/// # Ok::<(), UidError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uid(String);

/// Reason that a text is not a uid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UidError {
    /// Too short or too long.
    #[error("must have 16 to 255 bytes: a UUID has 36")]
    Length,
    /// Line break or another control character.
    #[error("must not contain control characters")]
    Control,
}

impl Uid {
    /// Minimum length, in bytes.
    pub const MIN_BYTES: usize = 16;

    /// Maximum length, in bytes.
    pub const MAX_BYTES: usize = 255;

    /// Validates a text. Uids are compared byte by byte: a UUID in capital letters is another uid.
    ///
    /// # Errors
    ///
    /// Every variant of [`UidError`].
    pub fn new(text: String) -> Result<Self, UidError> {
        if !(Self::MIN_BYTES..=Self::MAX_BYTES).contains(&text.len()) {
            return Err(UidError::Length);
        }
        if text.contains(char::is_control) {
            return Err(UidError::Control);
        }
        Ok(Self(text))
    }

    /// Wraps a text that was validated before.
    pub(crate) const fn new_unchecked(text: String) -> Self {
        Self(text)
    }

    /// Makes the uid of a task: a UUID of [version 8](https://www.rfc-editor.org/rfc/rfc9562#section-5.8) with the id of
    /// the task and 58 bits of a hash. `salt` is a random number, so that tasks that get the same id in two copies of a
    /// data file have different uids.
    pub fn made(id: TaskId, salt: u64) -> Self {
        let id_bytes = id.to_bytes();
        let hash = xxh3_64(&[salt.to_be_bytes(), id_bytes].concat());
        let (id, hash) = (u128::from(id.get()), u128::from(hash));
        let bits = (id >> 16 << 80)
            | VERSION
            | (id >> 4 & 0xFFF) << 64
            | VARIANT
            | (id & 0xF) << 58
            | (hash & HASH);
        Self::of_uuid(bits.to_be_bytes())
    }

    /// Returns the uid of a task from before tasks had uids.
    pub(crate) fn former(id: TaskId, created_at: Timestamp) -> Self {
        Self::made(id, created_at.as_millis().cast_unsigned())
    }

    /// Returns the id that the uid names, if it may have been made by a server.
    pub fn named_id(&self) -> Option<TaskId> {
        let bits = u128::from_be_bytes(self.to_uuid()?);
        let is_made = bits & (0xF << 76) == VERSION && bits & (0b11 << 62) == VARIANT;
        let id = (bits >> 80 << 16) | (bits >> 64 & 0xFFF) << 4 | bits >> 58 & 0xF;
        is_made.then_some(TaskId::new(u64::try_from(id).ok()?))
    }

    /// Returns the bytes of a UUID in its usual spelling: lower case, with hyphens.
    pub(crate) fn to_uuid(&self) -> Option<[u8; 16]> {
        let bytes = unhex(&self.0.replace('-', ""))?;
        (Self::of_uuid(bytes) == *self).then_some(bytes)
    }

    /// Returns the uid with the bytes of a UUID.
    pub(crate) fn of_uuid(bytes: [u8; 16]) -> Self {
        let mut text = hex(&bytes);
        for hyphen in [20, 16, 12, 8] {
            text.insert(hyphen, '-');
        }
        Self(text)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Version 8 of UUIDs.
const VERSION: u128 = 8 << 76;

/// Variant of all UUIDs of RFC 9562.
const VARIANT: u128 = 0b10 << 62;

/// Bits for the hash.
const HASH: u128 = (1 << 58) - 1;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_of_16_to_255_bytes_are_uids() {
        let of = |length: usize| Uid::new("x".repeat(length)).map(|uid| uid.0.len());
        assert_eq!(of(15), Err(UidError::Length));
        assert_eq!((of(16), of(255)), (Ok(16), Ok(255)));
        assert_eq!(of(256), Err(UidError::Length));
        assert_eq!(Uid::new(format!("{}\n", "x".repeat(20))), Err(UidError::Control));
        assert!(Uid::new("東京東京東京".to_owned()).is_ok(), "18 bytes");
    }

    #[test]
    fn uids_of_other_kinds_name_no_task() {
        for text in [
            "0b0e8f3c-5d1a-4c6f-9a57-3f5d0c9a1e42",
            "00000000-0001-8020-C123-456789abcdef",
            "00000000-0001-8020-c123-456789abcdef",
            "0000000000018020812345678 9abcdef",
            "20261128T090000Z-17@example.com",
        ] {
            assert_eq!(Uid::new(text.to_owned()).unwrap().named_id(), None, "{text}");
        }
    }

    /// Files store made uids, and find tasks by the ids in them.
    #[test]
    fn made_uids_never_change() {
        let uid = Uid::made(TaskId::new(0x0123_4567_89AB_CDEF), 7);
        assert!(uid.as_str().starts_with("01234567-89ab-8cde-b"), "{uid:?}");
    }

    proptest! {
        #[test]
        fn a_made_uid_names_its_task(id: u64, salt: u64) {
            let uid = Uid::made(TaskId::new(id), salt);
            prop_assert_eq!(uid.named_id(), Some(TaskId::new(id)));
            prop_assert_eq!(Uid::of_uuid(uid.to_uuid().unwrap()), uid.clone());
            prop_assert_eq!(Uid::new(uid.0.clone()), Ok(uid));
        }
    }
}
