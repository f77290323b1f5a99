//! Task ids and work of an import.

use redb::ReadTransaction;

use crate::domain::id_set::TaskIds;
use crate::domain::transfer::Chunk;
use crate::store::StoreError;
use crate::store::redb::engine::work::Work;
use crate::store::redb::format::key;
use crate::store::redb::format::key::{Owned, Table};
use crate::store::redb::format::{codec, table};

/// Returns the ids of all reachable tasks.
pub(super) fn task_ids(txn: &ReadTransaction) -> Result<TaskIds, StoreError> {
    let users = table::open(txn, Table::Users)?;
    let owned = table::open(txn, Table::Owned)?;
    let mut ids = TaskIds::default();
    for entry in table::all(&users)? {
        let (key, _) = entry?;
        let id = codec::user_id(Table::Users, key.value())?;
        for entry in table::range(&owned, &key::tasks_of(id))? {
            let (key, _) = entry?;
            if let Some(Owned::Task(_, id)) = Owned::decode(key.value()) {
                ids.insert(id);
            }
        }
    }
    Ok(ids)
}

/// Estimates the work of a chunk. The rows of replaced tasks are unknown before they are read.
pub(super) fn planned(chunk: &Chunk) -> Work {
    let mut work = Work::default();
    for record in &chunk.records {
        let rows = record.rows();
        // Keys are longer than the words in them.
        work.add(Work::new(rows, 2_048 + 32 * rows));
    }
    work
}
