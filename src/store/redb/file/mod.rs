//! Life of the data file: opening, upgrading, copying, compacting, checking.

pub(in crate::store::redb) mod compact;
pub(in crate::store::redb) mod copy;
pub(in crate::store::redb) mod corruption;
pub(in crate::store::redb) mod database;
pub(in crate::store::redb) mod migrate;
pub(in crate::store::redb) mod open;
pub(in crate::store::redb) mod place;
pub(in crate::store::redb) mod progress;
pub(in crate::store::redb) mod steps;
pub(in crate::store::redb) mod upgrade;
pub(in crate::store::redb) mod verify;
pub(in crate::store::redb) mod verifying_backend;
