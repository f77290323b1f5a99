//! Layout of the data file: tables, keys, records, index entries.

pub(in crate::store::redb) mod codec;
pub(in crate::store::redb) mod index;
pub(in crate::store::redb) mod key;
pub(in crate::store::redb) mod record;
pub(in crate::store::redb) mod table;
pub(in crate::store::redb) mod task_index;
pub(in crate::store::redb) mod task_key;
