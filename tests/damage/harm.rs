//! Damage to a file.

use super::given::used_pages;
use super::{Given, Kind, PAGE};
use crate::long::Dice;

/// Bytes of the header that are in use.
const HEADER: u64 = 320;

/// One kind of damage to a file.
#[derive(Clone, Debug)]
pub(super) enum Harm {
    /// Inverts bits of one byte.
    Flip {
        at: usize,
        bits: u8,
    },
    Zero {
        page: usize,
    },
    /// Swaps two pages.
    Swap {
        one: usize,
        other: usize,
    },
    /// Restores an old version of a page, as if the disk had lost a write.
    Old {
        page: usize,
        moment: usize,
    },
    Cut {
        len: usize,
    },
}

impl Harm {
    /// Chooses the damage to these bytes; the header is chosen more often than by its size.
    pub(super) fn choose(
        kind: Kind,
        given: &Given,
        bytes: &[u8],
        dice: &mut Dice,
    ) -> Self {
        let used = used_pages(bytes);
        let mut roll = |sides: usize| usize::try_from(dice.roll(sides as u64)).unwrap();
        match kind {
            Kind::Bit | Kind::Byte => {
                let at = if roll(10) == 0 {
                    roll(usize::try_from(HEADER).unwrap())
                } else {
                    used[roll(used.len())] * PAGE + roll(PAGE)
                };
                let bits = match kind {
                    Kind::Bit => 1 << roll(8),
                    _ => u8::try_from(roll(255) + 1).unwrap(),
                };
                Self::Flip { at, bits }
            }
            Kind::Zero => Self::Zero { page: used[roll(used.len())] },
            Kind::Swap => {
                let one = roll(used.len());
                let other = (one + 1 + roll(used.len() - 1)) % used.len();
                Self::Swap { one: used[one], other: used[other] }
            }
            Kind::Old => loop {
                // Excludes the header: a file with its former header is its former self, and its
                // content does not show otherwise.
                let page = used[1 + roll(used.len() - 1)];
                let moment = roll(given.earlier.len());
                if old(given, page, moment) != &bytes[page * PAGE..][..PAGE] {
                    break Self::Old { page, moment };
                }
            },
            Kind::Cut => {
                let end = if roll(2) == 0 { bytes.len() } else { used.len() * PAGE };
                let len = roll(end);
                Self::Cut { len: if roll(2) == 0 { len } else { len / PAGE * PAGE } }
            }
        }
    }

    pub(super) fn apply(&self, given: &Given, bytes: &mut Vec<u8>) {
        match *self {
            Self::Flip { at, bits } => bytes[at] ^= bits,
            Self::Zero { page } => bytes[page * PAGE..][..PAGE].fill(0),
            Self::Swap { one, other } => {
                for at in 0..PAGE {
                    bytes.swap(one * PAGE + at, other * PAGE + at);
                }
            }
            Self::Old { page, moment } => {
                bytes[page * PAGE..][..PAGE].copy_from_slice(old(given, page, moment));
            }
            Self::Cut { len } => bytes.truncate(len),
        }
    }

    /// Returns whether the byte is the one that selects which of the two newest commits counts.
    pub(super) const fn turns_back(&self) -> bool {
        matches!(self, Self::Flip { at: 9, .. })
    }
}

fn old(given: &Given, page: usize, moment: usize) -> &[u8] {
    given.earlier[moment].get(page * PAGE..(page + 1) * PAGE).unwrap_or(&[0; PAGE])
}
