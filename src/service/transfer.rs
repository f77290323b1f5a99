//! Exports and imports, independent of the file format of the store.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::chunk::Gathered;
use super::export_format::{Line, LineError};
use super::{Error, Parts, Service};
use crate::domain::id::TaskId;
use crate::domain::progress::{Phase, Step, part_of};
use crate::domain::transfer::{
    Chunk, Conflict, Existing, Exported, Imported, NextIds, Owner, Record,
};
use crate::domain::user::{Credential, Role};
use crate::store::Taken;

/// Limit up to which the first line of an import moves the next ids. Beyond it only the records do, so that no first
/// line can move them to where an export could not be read any more.
const CLAIMED: u64 = 1 << 48;

/// Distance by which such a record moves the next ids beyond itself: each move costs a scan of all taken ids.
const AHEAD: u64 = 1 << 20;

/// Largest id that an import moves the next ids to in a data file that has accounts. A foreign file cannot use up the
/// ids of these accounts: 2^52 more follow before the last number of JSON. Ids that this server has assigned are below
/// its next id and move nothing. An empty data file takes any id that can be read, so the server's own export always
/// fits into a new file and into its own.
const FAR: u64 = 1 << 52;

/// Parts of an export that may wait for the receiver.
const WAITING: usize = 4;

/// Reason that an import stopped. Chunks before the line are written; the same file can be imported again.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A line that cannot be imported.
    #[error("line {line} {reason}: nothing from line {from} on was imported")]
    Line {
        /// Line number, from 1.
        line: u64,
        /// Rest of the sentence.
        reason: String,
        /// First line of its chunk.
        from: u64,
    },
    /// A new account would become an administrator.
    #[error(
        "line {line} creates an administrator, which requires --allow-admins: nothing from line {from} on was imported"
    )]
    Admin {
        /// Line number, from 1.
        line: u64,
        /// First line of its chunk.
        from: u64,
    },
    /// The file is truncated, or its counts do not match its content.
    #[error("the file is incomplete ({0}); the lines that it has were imported")]
    Cut(&'static str),
    /// Another import is running.
    #[error("another import is running: try again when it has ended")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Service(#[from] Error),
}

impl Service {
    /// Exports all data, or one account by its email, line by line.
    ///
    /// Calls `each` with every line, without its line end, and the progress; an error of `each` stops the export.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is no such account, and store errors.
    pub async fn export<E: From<Error>>(
        &self,
        email: Option<&str>,
        mut each: impl FnMut(&str, Step) -> Result<(), E>,
    ) -> Result<(), E> {
        let whose = match email {
            Some(email) => Some(self.user_by_email(email).await?.id),
            None => None,
        };
        let created_at = self.0.clock.now();
        let (out, mut parts) = mpsc::channel(WAITING);
        let sending = self.0.store.export(whose, out);
        // Owns the receiver, so that the sender does not wait once this has ended.
        let receiving = async move {
            let (mut users, mut tasks, mut all) = (0, 0, 0);
            while let Some(part) = parts.recv().await {
                match part {
                    Exported::Start { ids, records } => {
                        all = records;
                        each(&Line::Start { created_at, ids }.write(), step(0, all))?;
                    }
                    Exported::Records(records) => {
                        for record in records {
                            match record {
                                Record::User(_) => users += 1,
                                Record::Task(_) => tasks += 1,
                            }
                            let step = step(users + tasks, all);
                            each(&Line::Record(record).write(), step)?;
                        }
                    }
                }
            }
            Ok::<_, E>((users, tasks, each))
        };
        let (sent, received) = tokio::join!(sending, receiving);
        let (users, tasks, mut each) = received?;
        sent.map_err(Error::from)?;
        each(&Line::End { users, tasks }.write(), step(users + tasks, users + tasks))
    }
}

/// Returns the progress of an export after so many of its records.
fn step(records: u64, of: u64) -> Step {
    let at = Some(part_of(records, of, Step::WHOLE));
    Step { phase: Phase::Export, at, count: records }
}

/// An import in progress.
#[derive(Debug)]
pub struct Import {
    service: Service,
    existing: Existing,
    allow_admins: bool,
    taken: Option<Arc<Taken>>,
    /// Next free ids of the first line; no id in the file may reach them.
    free: NextIds,
    /// Next ids that the store will assign.
    kept_free: NextIds,
    /// Largest id that the import may move `kept_free` to.
    movable: u64,
    owner: Option<Owner>,
    records: Gathered,
    /// Line numbers of these tasks.
    lines: Vec<(TaskId, u64)>,
    line: u64,
    chunk_from: u64,
    seen: (u64, u64),
    ended: bool,
    done: Imported,
}

impl Import {
    /// Begins an import. `existing` decides about tasks that exist already, and `allow_admins` whether new accounts may
    /// be administrators.
    pub fn new(service: Service, existing: Existing, allow_admins: bool) -> Self {
        Self {
            service,
            existing,
            allow_admins,
            taken: None,
            free: NextIds { user: 0, task: 0 },
            kept_free: NextIds { user: 0, task: 0 },
            movable: FAR,
            owner: None,
            records: Gathered::new(),
            lines: Vec::new(),
            line: 0,
            chunk_from: 1,
            seen: (0, 0),
            ended: false,
            done: Imported::default(),
        }
    }

    /// Adds the next line, without its line end. Empty lines are skipped.
    ///
    /// # Errors
    ///
    /// Every variant of [`ImportError`].
    pub async fn add(&mut self, line: &str) -> Result<(), ImportError> {
        self.line += 1;
        if line.trim().is_empty() {
            return Ok(());
        }
        let line = Line::read(line).map_err(|error| self.refused(&error))?;
        match (line, self.taken.is_some(), self.ended) {
            (Line::Start { ids, .. }, false, _) => {
                let first = self.service.0.store.user_list(None, 1).await;
                if first.map_err(Error::from)?.is_empty() {
                    self.movable = u64::MAX;
                }
                let (user, task) = (ids.user.min(CLAIMED), ids.task.min(CLAIMED));
                self.keep_free(NextIds { user, task }).await?;
                self.free = ids;
                self.chunk_from = self.line + 1;
                Ok(())
            }
            (Line::Record(record), true, false) => {
                let (id, free) = match &record {
                    Record::User(credential) => {
                        self.look_at(credential).await?;
                        self.seen.0 += 1;
                        (credential.user.id.get(), self.free.user)
                    }
                    Record::Task(task) => {
                        self.seen.1 += 1;
                        self.lines.push((task.id, self.line));
                        (task.id.get(), self.free.task)
                    }
                };
                // The store could assign it to another account during the import.
                if id >= free {
                    return Err(self.refused(&LineError::Field {
                        field: "id".to_owned(),
                        reason: "must be below the next id in the first line".to_owned(),
                    }));
                }
                self.move_beyond(&record, id, free).await?;
                if self.records.push(record) { self.flush().await } else { Ok(()) }
            }
            (Line::End { users, tasks }, true, false) => {
                self.flush().await?;
                self.ended = true;
                if (users, tasks) == self.seen {
                    Ok(())
                } else {
                    Err(ImportError::Cut("its last line has wrong counts"))
                }
            }
            _ => Err(self.refused(&LineError::Malformed)),
        }
    }

    /// Checks that an account may be imported, and learns the cost of its password hash.
    async fn look_at(&self, new: &Credential) -> Result<(), ImportError> {
        let Parts { store, hasher, .. } = &*self.service.0;
        if new.user.role == Role::Admin && !self.allow_admins {
            // An existing account stays as it is. Another spelling may become another account.
            let email = &new.user.email;
            let found = store.user_by_email(email.clone()).await.map_err(Error::from)?;
            if found.is_none_or(|found| found.user.email.lower() != email.lower()) {
                let (line, from) = (self.line, self.chunk_from);
                return Err(ImportError::Admin { line, from });
            }
        }
        hasher.learn(&new.password);
        Ok(())
    }

    /// Writes the remaining records.
    ///
    /// # Errors
    ///
    /// Every variant of [`ImportError`]; fails if the end of the file was not seen.
    pub async fn finish(&mut self) -> Result<(), ImportError> {
        if !self.records.is_empty() {
            self.flush().await?;
        }
        match (self.ended, self.line) {
            (true, _) => Ok(()),
            (false, 0) => Err(ImportError::Cut("it is empty")),
            (false, _) => Err(ImportError::Cut("its last line is missing")),
        }
    }

    /// Returns the counts of records imported so far.
    pub const fn done(&self) -> Imported {
        self.done
    }

    /// Keeps the store from assigning the id of a record.
    async fn move_beyond(
        &mut self,
        record: &Record,
        id: u64,
        free: u64,
    ) -> Result<(), ImportError> {
        let kept = self.kept_free;
        let beyond = id.saturating_add(AHEAD).min(free).min(self.movable);
        let (next, ids) = match record {
            Record::User(_) => (kept.user, NextIds { user: beyond, ..kept }),
            Record::Task(_) => (kept.task, NextIds { task: beyond, ..kept }),
        };
        if id < next {
            return Ok(());
        }
        if id >= self.movable {
            return Err(self.refused(&LineError::Field {
                field: "id".to_owned(),
                reason: "must be below 2^52 in a data file that has accounts: \
                         import into a new data file"
                    .to_owned(),
            }));
        }
        self.keep_free(ids).await
    }

    /// Keeps the store from assigning these ids, and reads the taken ones.
    async fn keep_free(&mut self, ids: NextIds) -> Result<(), ImportError> {
        // A reservation that is still held would count as another import.
        self.taken = None;
        let begun = self.service.0.store.import_begin(ids).await.map_err(Error::from)?;
        let taken = begun.ok_or(ImportError::Busy)?;
        self.kept_free = taken.next;
        self.taken = Some(taken);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), ImportError> {
        let Some(taken) = &self.taken else { return Ok(()) };
        let records = self.records.take();
        let chunk = Chunk { records, owner: self.owner, existing: self.existing };
        let now = self.service.0.clock.now();
        let outcome = self.service.0.store.import(chunk, Arc::clone(taken), now).await;
        match outcome.map_err(Error::from)? {
            Ok((done, owner)) => {
                self.done = self.done.plus(done);
                self.owner = owner;
                self.lines.clear();
                self.chunk_from = self.line + 1;
                Ok(())
            }
            Err(conflict) => {
                let (id, reason) = clash(conflict);
                let line = self.lines.iter().find(|(task, _)| *task == id);
                let line = line.map_or(self.line, |(_, line)| *line);
                Err(ImportError::Line { line, reason, from: self.chunk_from })
            }
        }
    }

    fn refused(&self, error: &LineError) -> ImportError {
        ImportError::Line {
            line: self.line,
            reason: error.to_string(),
            from: self.chunk_from,
        }
    }
}

/// Returns the task that cannot be imported, and the reason.
fn clash(conflict: Conflict) -> (TaskId, String) {
    match conflict {
        Conflict::Taken(id) => {
            let whose = "belongs to a task of another account here, or to another task of this import";
            (id, format!("id {whose}"))
        }
        Conflict::Stray(id) => {
            (id, "owner_id must name the account that precedes the line".to_owned())
        }
    }
}
