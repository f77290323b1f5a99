//! Imports, and the ids and work that they need.

use redb::ReadTransaction;
use tokio::sync::{mpsc, watch};

use crate::domain::id_set::TaskIds;
use crate::domain::transfer::{Chunk, ImportOptions, Imported, NextIds};
use crate::store::decide::Snapshot;
use crate::store::decide::import::{ImportState, reserve};
use crate::store::redb::engine::queue::{Flow, Ticket};
use crate::store::redb::engine::space::Growth;
use crate::store::redb::engine::work::Work;
use crate::store::redb::format::key;
use crate::store::redb::format::key::{Owned, Table};
use crate::store::redb::format::{codec, table};
use crate::store::redb::{RedbStore, export};
use crate::store::{ImportError, StoreError, WriteContext};

impl RedbStore {
    /// Imports chunks until the sender is dropped, and tells `done` the counts so far.
    pub(super) async fn import_chunks(
        &self,
        options: ImportOptions,
        mut chunks: mpsc::Receiver<Chunk>,
        done: watch::Sender<Imported>,
    ) -> Result<(), ImportError> {
        let Ok(_permit) = self.importing.try_acquire() else {
            return Err(ImportError::Busy);
        };
        let mut state = ImportState::new(options, self.read(has_accounts)?);
        let first = state.first_ids();
        self.reserve(&mut state, first).await?;
        done.send_replace(Imported::default());
        while let Some(chunk) = chunks.recv().await {
            if let Some(ids) = state.ids_of(&chunk)? {
                self.reserve(&mut state, ids).await?;
            }
            let ticket = Ticket::data(Flow::Operator, planned(&chunk));
            let decide = move |snapshot: &dyn Snapshot| state.import(snapshot, chunk);
            let (after, imported) = self
                .writer
                .write(ticket, Growth::Adds, WriteContext::system(), decide)
                .await?;
            let imported = imported?;
            done.send_modify(|done| *done = done.plus(imported));
            state = after;
        }
        Ok(())
    }

    /// Reserves ids, and then reads the ids in use: a write before it may have assigned some of these.
    async fn reserve(
        &self,
        state: &mut ImportState,
        ids: NextIds,
    ) -> Result<(), StoreError> {
        let ticket = Ticket::access(Flow::Operator);
        let decide = move |_: &dyn Snapshot| Ok(reserve(ids));
        self.writer.write(ticket, Growth::Adds, WriteContext::system(), decide).await?;
        let look = |txn: &ReadTransaction| Ok((export::next_ids(txn)?, task_ids(txn)?));
        let (next, taken) = self.read_admin(look).await?;
        state.set_ids(next, taken);
        Ok(())
    }
}

fn has_accounts(txn: &ReadTransaction) -> Result<bool, StoreError> {
    let users = table::open(txn, Table::Users)?;
    Ok(table::all(&users)?.next().transpose()?.is_some())
}

/// Returns the ids of all reachable tasks.
fn task_ids(txn: &ReadTransaction) -> Result<TaskIds, StoreError> {
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
fn planned(chunk: &Chunk) -> Work {
    let mut work = Work::default();
    for numbered in &chunk.records {
        let rows = numbered.record.rows();
        // Keys are longer than the words in them.
        work.add(Work::new(rows, 2_048 + 32 * rows));
    }
    work
}
