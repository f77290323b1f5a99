//! Keys of single characters, kept in memory once known.
//!
//! Characters whose numbers have the same last 14 bits share a slot, which keeps the key of the one that was read last.
//! A slot is one number, so that threads need no lock: 21 bits for the character, 3 for the length and 40 for the key.

use std::sync::atomic::{AtomicU64, Ordering};

use super::collate;

/// Number of slots. The characters of one language rarely share slots.
const SLOTS: usize = 0x4000;

/// Maximum length of a key that is kept whole, in bytes.
const MAX_BYTES: usize = 5;

static SLOTS_OF_KEYS: [AtomicU64; SLOTS] = [const { AtomicU64::new(0) }; SLOTS];

/// Key of a character, or its beginning. Zeros stand for missing bytes.
pub(super) struct Kept {
    pub(super) key: [u8; MAX_BYTES],
    /// Length of the key, unless it is longer than what is kept.
    pub(super) length: Option<usize>,
}

impl Kept {
    /// Returns the key of a character on its own.
    pub(super) fn of(c: char) -> Self {
        let number = u64::from(u32::from(c)) + 1;
        let slot = usize::try_from(u32::from(c)).ok();
        let Some(slot) = slot.and_then(|slot| SLOTS_OF_KEYS.get(slot % SLOTS)) else {
            return Self::computed(c);
        };
        let kept = slot.load(Ordering::Relaxed);
        if kept >> 43 == number {
            return Self::unpacked(kept);
        }
        let computed = Self::computed(c);
        slot.store(number << 43 | computed.packed(), Ordering::Relaxed);
        computed
    }

    fn computed(c: char) -> Self {
        let found = collate(c, MAX_BYTES + 1);
        let mut key = [0; MAX_BYTES];
        for (to, from) in key.iter_mut().zip(&found) {
            *to = *from;
        }
        Self { key, length: Some(found.len()).filter(|length| *length <= MAX_BYTES) }
    }

    fn packed(&self) -> u64 {
        let length = self.length.unwrap_or(MAX_BYTES + 1);
        self.key.iter().fold(length as u64, |bits, byte| bits << 8 | u64::from(*byte))
    }

    const fn unpacked(bits: u64) -> Self {
        let [_, _, length, key @ ..] = bits.to_be_bytes();
        let length = (length & 7) as usize;
        Self { key, length: if length <= MAX_BYTES { Some(length) } else { None } }
    }
}
