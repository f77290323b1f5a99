//! Cursors: positions in lists, as texts that only this server can create.
//!
//! A cursor is sealed for one account and one list: it is invalid for another account, another order or other
//! conditions, and after any modification. It names a position, not a task, so it stays valid when that task is changed
//! or deleted. It does not expire, and grants no access.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::auth::seal::Sealer;
use crate::domain::id::UserId;
use crate::domain::task::TaskPlace;

const PURPOSE: &str = "task list cursor";

/// Prefix of every cursor: its version, and a character that no unversioned cursor has.
const VERSION: &str = "2.";

/// Maximum length of a cursor that is parsed, in bytes: above that for the longest position.
const MAX_BYTES: usize = 12_000;

/// Reason that a cursor is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CursorError {
    /// The text is no cursor of this list and this account.
    #[error("was not issued for this list: start again with an empty cursor")]
    Foreign,
    /// Possibly a cursor of an earlier version of the program, which can no longer be read.
    #[error("is from an earlier version of the server: start again with an empty cursor")]
    Outdated,
}

/// Account and query that a cursor is valid for.
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
