//! Exports and imports: the escape hatch from every file format.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::chunk::Gathered;
use super::lines::{Line, LineError};
use super::{Error, Parts, Service};
use crate::domain::id::TaskId;
use crate::domain::progress::{Phase, Step, part_of};
use crate::domain::transfer::{
    Chunk, Conflict, Existing, Exported, Imported, NextIds, Owner, Record,
};
use crate::domain::user::{Credential, Role};
use crate::store::Taken;

/// Up to where the first line of an import moves the ids that come next. Beyond that only what the file really
/// holds does, so that no first line can move them to where an export could not be read any more.
const CLAIMED: u64 = 1 << 48;

/// How far beyond a record the ids are moved then: each time costs a look at all that are taken.
const AHEAD: u64 = 1 << 20;

/// Largest id that an import moves them to in a data file that has accounts. A foreign file cannot use up the ids of
/// these accounts: 2^52 more follow before the last number of JSON. Ids that this server has given out are below its next
/// one and move nothing. An empty data file takes any id that can be read, so the server's own export always fits
/// into a new file and into its own.
const FAR: u64 = 1 << 52;

/// Parts of an export that may wait for the receiver.
const WAITING: usize = 4;

/// Why an import stopped. Chunks before the line are in; the same file can be imported again.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A line that cannot be taken in.
    #[error("line {line} {reason}: nothing from line {from} on was imported")]
    Line {
        /// Its number, from 1.
        line: u64,
        /// The rest of the sentence.
        reason: String,
        /// The first line of the chunk it belongs to.
        from: u64,
    },
    /// An account that is not there would become an administrator's.
    #[error(
        "line {line} makes an administrator, which takes --allow-admins: nothing from line {from} on was imported"
    )]
    Admin {
        /// Its number, from 1.
        line: u64,
        /// The first line of the chunk it belongs to.
        from: u64,
    },
    /// The file ends too early or says that it should hold something else.
    #[error("the file is not whole ({0}); what there is of it was imported")]
    Cut(&'static str),
    /// There is one at a time.
    #[error("another import is under way: try again when it has ended")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Service(#[from] Error),
}

impl Service {
    /// Exports everything, or one account by its email, line by line.
    ///
    /// `each` is given the lines, without their ends, and how far each is; when it says no, the export stops.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is no such account, and those of the store.
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
        // Takes the receiver along: whoever sends must not wait for somebody who has given up.
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

/// The step of an export after so many of its records.
fn step(records: u64, of: u64) -> Step {
    let at = Some(part_of(records, of, Step::WHOLE));
    Step { phase: Phase::Export, at, count: records }
}

/// An import on its way.
#[derive(Debug)]
pub struct Import {
    service: Service,
    existing: Existing,
    allow_admins: bool,
    taken: Option<Arc<Taken>>,
    /// What the first line says; no id in the file may reach it.
    free: NextIds,
    /// From where on the store gives ids out.
    kept_free: NextIds,
    /// Largest id that the import may move that to.
    movable: u64,
    owner: Option<Owner>,
    records: Gathered,
    /// The lines of these tasks.
    lines: Vec<(TaskId, u64)>,
    line: u64,
    chunk_from: u64,
    seen: (u64, u64),
    ended: bool,
    done: Imported,
}

impl Import {
    /// Begins one. What becomes of tasks that are there already is for `existing` to say, and whether accounts that
    /// are not there may become those of administrators for `allow_admins`.
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

    /// Takes the next line, without its end. An empty one is passed over.
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
                // The store could give it to somebody while the import is on its way.
                if id >= free {
                    return Err(self.refused(&LineError::Field {
                        field: "id".to_owned(),
                        reason: "is not below the next one, as the first line has it"
                            .to_owned(),
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
                    Err(ImportError::Cut("its last line counts other lines"))
                }
            }
            _ => Err(self.refused(&LineError::Malformed)),
        }
    }

    /// Sees that an account may be taken in, and what its password costs from then on.
    async fn look_at(&self, new: &Credential) -> Result<(), ImportError> {
        let Parts { store, hasher, .. } = &*self.service.0;
        if new.user.role == Role::Admin && !self.allow_admins {
            // One that is there stays as it is. Another spelling may become another account.
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

    /// Takes in what is left.
    ///
    /// # Errors
    ///
    /// Every variant of [`ImportError`]; the end of the file must have been seen.
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

    /// What has been taken in so far.
    pub const fn done(&self) -> Imported {
        self.done
    }

    /// Keeps the store from giving out the id of a record.
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

    /// Sees to it that the store gives none of these ids to anybody else, and finds out which are taken.
    async fn keep_free(&mut self, ids: NextIds) -> Result<(), ImportError> {
        // What is held so far would count as another import.
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

/// The task that cannot be taken in, and why.
fn clash(conflict: Conflict) -> (TaskId, String) {
    match conflict {
        Conflict::Taken(id) => {
            let whose =
                "is that of somebody else's task here, or of another task of this import";
            (id, format!("id {whose}"))
        }
        Conflict::Stray(id) => {
            (id, "owner_id names an account that the line does not follow".to_owned())
        }
    }
}
