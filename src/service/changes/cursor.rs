//! Cursors: sealed places in the changes of an account.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::auth::seal::Sealer;
use crate::domain::id::UserId;
use crate::domain::task::{ChangeKinds, ChangeQuery};
use crate::service::{Error, FieldError};

/// Place in the changes of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of the last known change.
    pub(super) since: u64,
    /// Number of the change up to which deletions are of tasks that the client has never seen.
    pub(super) deleted_since: u64,
}

impl Place {
    /// Place before all changes.
    pub(super) const START: Self = Self { since: 0, deleted_since: u64::MAX };

    /// Returns the query for the changes behind the place.
    pub(super) const fn query(self, limit: usize, kinds: ChangeKinds) -> ChangeQuery {
        let Self { since, deleted_since } = self;
        ChangeQuery { since, deleted_since, limit, kinds }
    }
}

const PURPOSE: &str = "task changes cursor";

/// Prefix of every cursor: its version.
const VERSION: &str = "c1.";

/// Maximum length of a cursor that is parsed, in bytes.
const MAX_BYTES: usize = 200;

/// Seals a place.
pub(super) fn write(sealer: &Sealer, owner: UserId, epoch: u64, place: Place) -> String {
    let numbers = [owner.get(), epoch, place.since, place.deleted_since];
    let plain = numbers.map(u64::to_be_bytes).concat();
    let sealed = sealer.seal(PURPOSE, &[], &plain);
    format!("{VERSION}{}", URL_SAFE_NO_PAD.encode(sealed))
}

/// Reads a cursor. One of another account or epoch is out of date.
pub(super) fn read(
    sealer: &Sealer,
    owner: UserId,
    epoch: u64,
    (field, text): (&str, &str),
) -> Result<Place, Error> {
    let foreign = || {
        let fault = "was not issued for these changes: start again without it";
        Error::Invalid(vec![FieldError::new(field, fault)])
    };
    let text = text.strip_prefix(VERSION).filter(|text| text.len() <= MAX_BYTES);
    let sealed = text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    let sealed = sealed.ok_or_else(foreign)?;
    let plain = sealer.open(PURPOSE, &[], &sealed);
    let plain = plain.ok_or_else(foreign)?;
    let (numbers, rest) = plain.as_chunks::<8>();
    let numbers: Vec<u64> = numbers.iter().map(|it| u64::from_be_bytes(*it)).collect();
    match (numbers.as_slice(), rest) {
        (&[of, at, since, deleted_since], []) if (of, at) == (owner.get(), epoch) => {
            Ok(Place { since, deleted_since })
        }
        ([_, _, _, _], []) => Err(Error::ResyncRequired),
        _ => Err(foreign()),
    }
}
