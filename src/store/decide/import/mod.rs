//! Imports: reserved ids, and the state between two chunks.

mod chunk;
mod lists;

use std::collections::BTreeMap;

use self::chunk::ChunkImport;
use super::{Change, Decision, Snapshot};
use crate::domain::id::{ListId, TaskId, UserId};
use crate::domain::id_set::TaskIds;
use crate::domain::transfer::{
    Chunk, Conflict, ImportOptions, Imported, NextIds, Numbered, Owner, Record,
};
use crate::store::{ImportError, StoreError};

/// Limit up to which the source moves the next ids when an import begins. Beyond it only the records do, so that no
/// first line can move them to where an export could not be read any more.
const CLAIMED: u64 = 1 << 48;

/// Distance by which such a record moves the next ids beyond itself: each move costs a scan of all task ids.
const AHEAD: u64 = 1 << 20;

/// Largest id that an import moves the next ids to in a data file that has accounts. A foreign file cannot use up the
/// ids of these accounts: 2^52 more follow before the last number of JSON. Ids that this server has assigned are below
/// its next id and move nothing. An empty data file takes any id that can be read, so the server's own export always
/// fits into a new file and into its own.
const FAR: u64 = 1 << 52;

/// Tasks whose parent has not arrived yet, by owner and parent.
type Orphans = BTreeMap<(UserId, TaskId), Vec<TaskId>>;

/// Reserves ids for an import: no write assigns a lower id from then on.
pub fn reserve(ids: NextIds) -> Decision<()> {
    Decision { result: (), changes: vec![Change::IdsUsed(ids)] }
}

/// State for the next chunk, and result of the chunk.
pub type ChunkOutcome = (ImportState, Result<Imported, ImportError>);

/// State of an import between two chunks.
#[derive(Debug)]
pub struct ImportState {
    options: ImportOptions,
    /// Largest id that the import may move the next ids to.
    movable: u64,
    /// Next ids that the store will assign.
    next: NextIds,
    /// Task ids in use: all that existed when their range was reserved, and the imported ones.
    taken: TaskIds,
    orphans: Orphans,
    /// Owner of the lists and tasks that follow.
    owner: Option<Owner>,
    /// Lists of that owner in the source and here, other than the default list.
    lists: BTreeMap<ListId, ListId>,
    /// Account of the last chunk, and the number of its first change: all chunks are one batch.
    unit: Option<(UserId, u64)>,
}

impl ImportState {
    /// Begins an import. `has_accounts`: whether accounts exist.
    pub fn new(options: ImportOptions, has_accounts: bool) -> Self {
        Self {
            options,
            movable: if has_accounts { FAR } else { u64::MAX },
            next: NextIds::default(),
            taken: TaskIds::default(),
            orphans: Orphans::new(),
            owner: None,
            lists: BTreeMap::new(),
            unit: None,
        }
    }

    /// Returns the ids to [`reserve`] before the first chunk.
    pub fn first_ids(&self) -> NextIds {
        let NextIds { user, task } = self.options.ids;
        NextIds { user: user.min(CLAIMED), task: task.min(CLAIMED) }
    }

    /// Returns the ids to [`reserve`] before a chunk, if it has higher ones than are reserved.
    ///
    /// # Errors
    ///
    /// [`Conflict::Unreserved`] and [`Conflict::TooLarge`].
    pub fn ids_of(&self, chunk: &Chunk) -> Result<Option<NextIds>, ImportError> {
        let mut ids = self.next;
        let from = chunk.first_line();
        for Numbered { line, record } in &chunk.records {
            let (id, free, next) = match record {
                Record::User(credential) => {
                    (credential.user.id.get(), self.options.ids.user, &mut ids.user)
                }
                Record::Task(task) => {
                    (task.id.get(), self.options.ids.task, &mut ids.task)
                }
                // Ids of lists belong to their account.
                Record::List(_) => continue,
            };
            let conflict = match id {
                id if id >= free => Conflict::Unreserved,
                id if id < *next => continue,
                id if id >= self.movable => Conflict::TooLarge,
                id => {
                    *next = id.saturating_add(AHEAD).min(free).min(self.movable);
                    continue;
                }
            };
            return Err(ImportError::Refused { line: *line, from, conflict });
        }
        Ok((ids != self.next).then_some(ids))
    }

    /// Sets the next ids and the task ids in use, both read after [`reserve`].
    pub fn set_ids(&mut self, next: NextIds, taken: TaskIds) {
        self.next = next;
        self.taken = taken;
    }

    /// Imports a chunk whose ids are reserved. Returns the state for the next chunk.
    ///
    /// # Errors
    ///
    /// Errors of the database.
    pub fn import(
        mut self,
        snapshot: &dyn Snapshot,
        chunk: Chunk,
    ) -> Result<Decision<ChunkOutcome>, StoreError> {
        // The account may have been deleted since the previous chunk.
        if let Some(owner) = self.owner
            && snapshot.credential(owner.here)?.is_none()
        {
            self.owner = None;
        }
        let from = chunk.first_line();
        let Chunk { records, at } = chunk;
        let mut import = ChunkImport::new(snapshot, &mut self, at)?;
        for Numbered { line, record } in records {
            let imported = match record {
                Record::User(credential) => import.user(credential),
                Record::List(list) => import.list(list),
                Record::Task(task) => import.task(task),
            };
            if let Err(conflict) = imported? {
                let refused = ImportError::Refused { line, from, conflict };
                return Ok(Decision::unchanged((self, Err(refused))));
            }
        }
        let (done, changes) = import.into_changes()?;
        Ok(Decision { result: (self, Ok(done)), changes })
    }
}
