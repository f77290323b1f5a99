//! Envelope of every stored value.
//!
//! ```text
//! record version 1 | checksum 8 | payload: bincode 2, standard configuration
//! ```
//!
//! The checksum is [XXH3-64](https://xxhash.com) of table name, key, version and payload, each hashed
//! with the previous hash as its seed. redb verifies its own checksums only when it repairs a file, so
//! this one is verified on every read: a value that was altered, or that was moved to another key, is
//! an error and never an answer.

use bincode::config::{Config, Configuration, Limit, LittleEndian, Varint};
use bincode::{BorrowDecode, Encode};
use xxhash_rust::xxh3::{Xxh3, xxh3_64, xxh3_64_with_seed};

use crate::domain::hex::hex;
use crate::domain::id::UserId;
use crate::domain::idempotency::IdempotencyRecord;
use crate::store::StoreError;
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;

/// Maximum length of a payload, in bytes. Without a limit bincode trusts the lengths that it reads.
const MAX_PAYLOAD: usize = 64 * 1024;

const CONFIG: Configuration<LittleEndian, Varint, Limit<MAX_PAYLOAD>> =
    bincode::config::standard().with_limit::<MAX_PAYLOAD>();

/// Maximum length of the payload of an idempotency record, in bytes.
const MAX_LONG_PAYLOAD: usize = IdempotencyRecord::MAX_BYTES + MAX_PAYLOAD;

const LONG: Configuration<LittleEndian, Varint, Limit<MAX_LONG_PAYLOAD>> =
    bincode::config::standard().with_limit::<MAX_LONG_PAYLOAD>();

const HEAD: usize = 1 + 8;

/// Payload and the version of its layout.
pub(in crate::store::redb) struct Envelope<'k, 'a> {
    pub(in crate::store::redb) version: u8,
    payload: &'a [u8],
    table: Table,
    key: &'k [u8],
}

/// Wraps a record for its table and key.
pub(in crate::store::redb) fn seal(
    table: Table,
    key: &[u8],
    version: u8,
    record: &impl Encode,
) -> Result<Vec<u8>, StoreError> {
    seal_with(CONFIG, table, key, version, record)
}

/// Wraps one of the few records that may be long, like [`seal`].
pub(in crate::store::redb) fn seal_long(
    table: Table,
    key: &[u8],
    version: u8,
    record: &impl Encode,
) -> Result<Vec<u8>, StoreError> {
    seal_with(LONG, table, key, version, record)
}

fn seal_with(
    config: impl Config,
    table: Table,
    key: &[u8],
    version: u8,
    record: &impl Encode,
) -> Result<Vec<u8>, StoreError> {
    let mut value = vec![0; HEAD];
    bincode::encode_into_std_write(record, &mut value, config).map_err(|error| {
        damaged(table, key, &format_args!("cannot be encoded: {error}"))
    })?;
    let (head, payload) = value.split_at_mut(HEAD);
    let sum = checksum(table, key, version, payload);
    for (to, from) in head.iter_mut().zip([version].into_iter().chain(sum.to_be_bytes()))
    {
        *to = from;
    }
    Ok(value)
}

/// Unwraps the value of a table and key.
pub(in crate::store::redb) fn open<'k, 'a>(
    table: Table,
    key: &'k [u8],
    value: &'a [u8],
) -> Result<Envelope<'k, 'a>, StoreError> {
    let parts = value.split_first().and_then(|(&version, rest)| {
        rest.split_first_chunk().map(|(sum, payload)| (version, sum, payload))
    });
    let Some((version, sum, payload)) = parts else {
        return Err(damaged(table, key, &"value too short"));
    };
    if u64::from_be_bytes(*sum) != checksum(table, key, version, payload) {
        return Err(damaged(table, key, &"checksum mismatch"));
    }
    Ok(Envelope { version, payload, table, key })
}

impl<'a> Envelope<'_, 'a> {
    /// Decodes the payload as a record of one layout. Every byte must belong to it.
    pub(in crate::store::redb) fn record<T: BorrowDecode<'a, ()>>(
        &self,
    ) -> Result<T, StoreError> {
        self.record_with(CONFIG)
    }

    /// Decodes a record written by [`seal_long`], like [`Self::record`].
    pub(in crate::store::redb) fn long_record<T: BorrowDecode<'a, ()>>(
        &self,
    ) -> Result<T, StoreError> {
        self.record_with(LONG)
    }

    fn record_with<T: BorrowDecode<'a, ()>>(
        &self,
        config: impl Config,
    ) -> Result<T, StoreError> {
        match bincode::borrow_decode_from_slice(self.payload, config) {
            Ok((record, read)) if read == self.payload.len() => Ok(record),
            Ok(_) => Err(self.damaged(&"trailing bytes")),
            Err(error) => Err(self.damaged(&error)),
        }
    }

    /// Returns an error that names this table and key.
    pub(in crate::store::redb) fn damaged(
        &self,
        why: &dyn std::fmt::Display,
    ) -> StoreError {
        damaged(self.table, self.key, why)
    }

    pub(in crate::store::redb) fn unknown_version(&self) -> StoreError {
        self.damaged(&format_args!("unknown record version {}", self.version))
    }
}

pub(in crate::store::redb) fn damaged(
    table: Table,
    key: &[u8],
    why: &dyn std::fmt::Display,
) -> StoreError {
    let key: String = match table {
        Table::Meta => String::from_utf8_lossy(key).into_owned(),
        // An email is personal data, so the log gets its hash.
        Table::UserByEmail => format!("xxh3 {:016x}", xxh3_64(key)),
        Table::Users
        | Table::Admins
        | Table::Owned
        | Table::Invitations
        | Table::Audit
        | Table::Purge => hex(key),
    };
    StoreError::Damaged { what: format!("table {}, key {key}: {why}", table.name()) }
}

/// Decodes a key that is an account id.
pub(in crate::store::redb) fn user_id(
    table: Table,
    key: &[u8],
) -> Result<UserId, StoreError> {
    key::decode_user_id(key).ok_or_else(|| damaged(table, key, &"not a user id"))
}

/// Hash over a sequence of rows. Distinguishes two files with different rows.
pub(in crate::store::redb) struct RowsHash(Xxh3);

impl RowsHash {
    pub(in crate::store::redb) fn new() -> Self {
        Self(Xxh3::new())
    }

    pub(in crate::store::redb) fn add(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.0.update(table.name().as_bytes());
        for part in [key, value] {
            // The length keeps adjacent parts apart.
            self.0.update(&part.len().to_be_bytes());
            self.0.update(part);
        }
    }

    pub(in crate::store::redb) fn finish(&self) -> u128 {
        self.0.digest128()
    }
}

/// Returns the hash of a block that [`crate::store::redb::file::verifying_backend`] remembers. Never 0.
pub(in crate::store::redb) fn block_hash(block: &[u8]) -> u64 {
    xxh3_64(block).max(1)
}

fn checksum(table: Table, key: &[u8], version: u8, payload: &[u8]) -> u64 {
    let place = xxh3_64_with_seed(key, xxh3_64(table.name().as_bytes()));
    xxh3_64_with_seed(payload, place.wrapping_add(u64::from(version)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_envelope_never_changes() {
        let value = seal(Table::Users, b"key", 1, &(7_u64, "text")).unwrap();
        assert_eq!(hex(&value), "015b0260ab198eeed0070474657874");
    }

    proptest! {
        #[test]
        fn what_is_sealed_can_be_opened_at_its_place_only(
            key in prop::collection::vec(any::<u8>(), 0..40),
            text in ".{0,80}",
            other in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let value = seal(Table::Owned, &key, 3, &text.as_str()).unwrap();
            let read: &str = open(Table::Owned, &key, &value).unwrap().record().unwrap();
            prop_assert_eq!(read, text.as_str());
            prop_assert!(open(Table::Users, &key, &value).is_err());
            prop_assume!(other != key);
            prop_assert!(open(Table::Owned, &other, &value).is_err());
        }

        #[test]
        fn every_flipped_bit_is_seen(text in ".{0,40}", at in any::<prop::sample::Index>(), bit in 0..8_u32) {
            let mut value = seal(Table::Owned, b"k", 1, &text.as_str()).unwrap();
            let at = at.index(value.len());
            value[at] ^= 1_u8 << bit;
            prop_assert!(open(Table::Owned, b"k", &value).is_err());
        }

        #[test]
        fn arbitrary_payloads_never_panic(payload in prop::collection::vec(any::<u8>(), 0..200)) {
            let envelope = Envelope { version: 1, payload: &payload, table: Table::Users, key: b"" };
            let _ = envelope.record::<(&str, u64, Option<&str>, [u8; 32])>();
            let _ = envelope.record::<Vec<u8>>();
        }
    }
}
