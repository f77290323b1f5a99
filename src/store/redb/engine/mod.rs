//! Reads and writes of an open file.

pub(in crate::store::redb) mod access_cache;
pub(in crate::store::redb) mod admission;
pub(in crate::store::redb) mod batch;
pub(in crate::store::redb) mod census;
pub(in crate::store::redb) mod change;
pub(in crate::store::redb) mod commit;
pub(in crate::store::redb) mod health;
mod history;
pub(in crate::store::redb) mod long_reads;
pub(in crate::store::redb) mod meters;
pub(in crate::store::redb) mod queue;
pub(in crate::store::redb) mod sizes;
pub(in crate::store::redb) mod snapshot;
pub(in crate::store::redb) mod space;
pub(in crate::store::redb) mod view;
pub(in crate::store::redb) mod watches;
pub(in crate::store::redb) mod work;
pub(in crate::store::redb) mod write;
pub(in crate::store::redb) mod writer;
