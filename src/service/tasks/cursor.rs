//! Places in lists, as texts that only this server can have written.
//!
//! A cursor is sealed for one person and one list: for anybody else, for another order or other conditions, and after
//! any change to it, it is nothing. It names a place and not a task, so it stays good when that task is changed
//! or deleted. It does not expire, and gives access to nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::auth::seal::Sealer;
use crate::domain::id::UserId;
use crate::domain::task::TaskPlace;

const PURPOSE: &str = "task list cursor";

/// The beginning of every cursor: its version, and a character that no cursor without a version has.
const VERSION: &str = "2.";

/// Longest cursor that is looked at, in bytes: longer than the place of the longest position.
const MAX_BYTES: usize = 12_000;

/// Why a cursor is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CursorError {
    /// The text is no cursor of this list and this person.
    #[error("is not one that this list gave you: begin again with an empty one")]
    Foreign,
    /// It may be a cursor of a version of the program that cannot be read any more.
    #[error("is from an earlier version of the server: begin again with an empty one")]
    Outdated,
}

/// What a cursor is good for.
pub(super) struct Scope {
    user: [u8; UserId::LEN],
    query: Vec<u8>,
}

impl Scope {
    pub(super) const fn new(user: UserId, query: Vec<u8>) -> Self {
        Self { user: user.to_bytes(), query }
    }

    fn context(&self) -> [&[u8]; 2] {
        [&self.user, &self.query]
    }
}

pub(super) fn write(sealer: &Sealer, scope: &Scope, place: &TaskPlace) -> String {
    let plain = [&[place.last], place.key.as_slice()].concat();
    let sealed = URL_SAFE_NO_PAD.encode(sealer.seal(PURPOSE, &scope.context(), &plain));
    format!("{VERSION}{sealed}")
}

pub(super) fn read(
    sealer: &Sealer,
    scope: &Scope,
    text: &str,
) -> Result<TaskPlace, CursorError> {
    if text.len() > MAX_BYTES {
        return Err(CursorError::Foreign);
    }
    let sealed = |text| URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError::Foreign);
    let Some(text) = text.strip_prefix(VERSION) else {
        let is_sealed = sealer.recognizes(&sealed(text)?);
        return Err(if is_sealed { CursorError::Outdated } else { CursorError::Foreign });
    };
    let plain = sealer.open(PURPOSE, &scope.context(), &sealed(text)?);
    let plain = plain.ok_or(CursorError::Foreign)?;
    let (&last, key) = plain.split_first().ok_or(CursorError::Foreign)?;
    Ok(TaskPlace { last, key: key.to_vec() })
}
