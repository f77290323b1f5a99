//! Places in lists, as texts that only this server can have written.
//!
//! A cursor is sealed for one person and one list: for anybody else, for another order or other conditions, and after
//! any change to it, it is nothing. It names a place and not a task, so it stays good when that task is changed
//! or deleted. It does not expire, and gives access to nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::listing::TaskListing;
use crate::auth::seal::Sealer;
use crate::domain::id::UserId;
use crate::domain::task::{TaskOrder, TaskPlace};

const PURPOSE: &str = "task list cursor";

/// Longest cursor that is looked at, in bytes: longer than the place of the longest position.
const MAX_BYTES: usize = 12_000;

/// The text is no cursor of this list and this person.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("is not one that this list gave you: begin again with an empty one")]
pub(super) struct CursorError;

/// What a cursor is good for.
pub(super) struct Scope {
    user: [u8; UserId::LEN],
    list: String,
}

impl Scope {
    pub(super) fn new(user: UserId, order: TaskOrder, listing: &TaskListing) -> Self {
        // The conditions as they were asked for: the time now is no part of them.
        Self { user: user.to_bytes(), list: format!("{order:?} {listing:?}") }
    }

    fn context(&self) -> [&[u8]; 2] {
        [&self.user, self.list.as_bytes()]
    }
}

pub(super) fn write(sealer: &Sealer, scope: &Scope, place: &TaskPlace) -> String {
    let plain = [&[place.last], place.key.as_slice()].concat();
    URL_SAFE_NO_PAD.encode(sealer.seal(PURPOSE, &scope.context(), &plain))
}

pub(super) fn read(
    sealer: &Sealer,
    scope: &Scope,
    text: &str,
) -> Result<TaskPlace, CursorError> {
    if text.len() > MAX_BYTES {
        return Err(CursorError);
    }
    let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError)?;
    let plain = sealer.open(PURPOSE, &scope.context(), &sealed).ok_or(CursorError)?;
    let (&last, key) = plain.split_first().ok_or(CursorError)?;
    Ok(TaskPlace { last, key: key.to_vec() })
}
