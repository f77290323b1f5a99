//! Places in lists, as texts that only this server can have written.
//!
//! A cursor is sealed for one person and one list: for anybody else, for another order or other conditions, and after
//! any change to it, it is nothing. It names a place and not a task, so it stays good when that task is changed
//! or deleted. It does not expire; it gives access to nothing.

use crate::auth::seal::Sealer;
use crate::domain::id::UserId;
use crate::domain::task::{TaskOrder, TaskPlace};

use super::listing::TaskListing;

const PURPOSE: &str = "task list cursor";

/// Longest cursor that is looked at, in characters: longer than the place of the longest position.
const MAX_CHARS: usize = 12_000;

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
