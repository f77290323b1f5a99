//! Cursors: sealed places in the changes of an account.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::auth::seal::Sealer;
use crate::domain::id::UserId;
use crate::domain::task::{ChangeKinds, ChangePage, ChangeQuery};
use crate::service::{Error, FieldError};

/// Place in the changes of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of the last known change.
    pub(super) since: u64,
    /// Number of the change up to which deletions are of tasks that the client has never seen.
    pub(super) deleted_since: u64,
    /// Id up to which lists are told that there were when the client began; the greatest number if it knows all.
    pub(super) lists_after: u64,
    /// Kinds of objects whose changes up to the place are known.
    pub(super) kinds: ChangeKinds,
}

impl Place {
    /// Place before all changes.
    pub(super) const START: Self = Self {
        since: 0,
        deleted_since: u64::MAX,
        lists_after: 0,
        kinds: ChangeKinds::ALL,
    };

    /// Returns the query for the changes behind the place.
    pub(super) const fn query(self, limit: usize, kinds: ChangeKinds) -> ChangeQuery {
        let Self { since, deleted_since, lists_after, .. } = self;
        ChangeQuery { since, deleted_since, lists_after, limit, kinds }
    }

    /// Returns the place behind a page.
    pub(super) fn after(self, page: &ChangePage) -> Self {
        let deleted_since = self.deleted_since.min(page.latest);
        Self { since: page.seq, deleted_since, lists_after: page.lists_after, ..self }
    }

    /// Returns the place for some of its kinds. For other kinds it is out of date, since their changes were left out.
    pub(super) fn of_kinds(self, kinds: ChangeKinds) -> Result<Self, Error> {
        let [known, wanted] = [self.kinds, kinds].map(flags);
        if known & wanted == wanted {
            Ok(Self { kinds, ..self })
        } else {
            Err(Error::ResyncRequired)
        }
    }
}

const PURPOSE: &str = "task changes cursor";

/// Prefix of every cursor: its version.
const VERSION: &str = "c1.";

/// Number of bytes of a place: five numbers and the kinds.
const PLACE_BYTES: usize = 5 * size_of::<u64>() + 1;

/// Number of bytes of a sealed place.
const BYTES: usize = PLACE_BYTES + Sealer::ADDED_BYTES;

/// Maximum length of a cursor that is parsed, in bytes.
const MAX_BYTES: usize = 200;

const fn flags(kinds: ChangeKinds) -> u8 {
    let ChangeKinds { tasks, lists, account } = kinds;
    tasks as u8 | (account as u8) << 1 | (lists as u8) << 2
}

const fn kinds(flags: u8) -> ChangeKinds {
    ChangeKinds { tasks: flags & 1 != 0, account: flags & 2 != 0, lists: flags & 4 != 0 }
}

/// Seals a place.
pub(super) fn write(sealer: &Sealer, owner: UserId, epoch: u64, place: Place) -> String {
    let Place { since, deleted_since, lists_after, kinds } = place;
    let numbers = [owner.get(), epoch, since, deleted_since, lists_after];
    let mut plain = numbers.map(u64::to_be_bytes).concat();
    plain.push(flags(kinds));
    let sealed = sealer.seal(PURPOSE, &[], &plain);
    format!("{VERSION}{}", URL_SAFE_NO_PAD.encode(sealed))
}

/// Reads a cursor. One of another account, epoch or key is out of date.
pub(super) fn read(
    sealer: &Sealer,
    owner: UserId,
    epoch: u64,
    (field, text): (&str, &str),
) -> Result<Place, Error> {
    let text = text.strip_prefix(VERSION).filter(|text| text.len() <= MAX_BYTES);
    let sealed = text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    let Some(sealed) = sealed.filter(|sealed| sealed.len() == BYTES) else {
        let fault = "was not issued for these changes: start again without it";
        return Err(Error::Invalid(vec![FieldError::new(field, fault)]));
    };
    let plain = sealer.open(PURPOSE, &[], &sealed).ok_or(Error::ResyncRequired)?;
    let (numbers, rest) = plain.as_chunks::<8>();
    let numbers: Vec<u64> = numbers.iter().map(|it| u64::from_be_bytes(*it)).collect();
    match (numbers.as_slice(), rest) {
        (&[of, at, since, deleted_since, lists_after], &[flags])
            if (of, at) == (owner.get(), epoch) =>
        {
            Ok(Place { since, deleted_since, lists_after, kinds: kinds(flags) })
        }
        _ => Err(Error::ResyncRequired),
    }
}
