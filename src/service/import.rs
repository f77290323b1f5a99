//! Imports of what an export has written.

use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::Service;
use super::chunk::Gathered;
use super::export_format::{Line, LineError};
use crate::domain::transfer::{
    Chunk, Existing, ImportOptions, Imported, NextIds, Numbered, Record,
};
use crate::domain::user::Role;
use crate::store::{self, StoreError};

/// Reason that an import stopped. Chunks before the line are imported; the same file can be imported again.
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
    /// The file is truncated, or its counts do not match its content.
    #[error("the file is incomplete ({0}); the lines that it has were imported")]
    Cut(&'static str),
    /// Another import is running, a record was refused, or the store failed.
    #[error(transparent)]
    Store(#[from] store::ImportError),
}

impl Service {
    /// Imports the lines of an export, without their line ends. Empty lines are skipped.
    ///
    /// `existing` decides about tasks and lists that exist already, and `allow_admins` whether new accounts may be
    /// administrators. An error of `lines` stops the import. Returns the counts of records that are imported, and of
    /// rules without effect, also after an error.
    ///
    /// # Errors
    ///
    /// Every variant of [`ImportError`]; fails if the end of the file was not seen.
    pub async fn import<E: From<ImportError>>(
        &self,
        existing: Existing,
        allow_admins: bool,
        lines: impl Iterator<Item = Result<String, E>>,
    ) -> (Imported, IdleRules, Result<(), E>) {
        let mut import = Import::new(self.clone(), existing, allow_admins);
        let read = async {
            for line in lines {
                if import.add(&line?).await?.is_break() {
                    return Ok(());
                }
            }
            import.end().await.map_err(E::from)
        };
        let read = read.await;
        let idle = import.idle;
        let (done, written) = import.close().await;
        // The lines that the store refuses precede the line that the reader refuses.
        (done, idle, written.map_err(E::from).and(read))
    }
}

/// Recurrence rules that never come, or end before the due date. A request with such a rule is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IdleRules {
    /// Number of rules.
    pub count: u64,
    /// Line of the first.
    pub first_line: u64,
}

/// An import in progress: lines become records, and records become chunks for the store.
#[derive(Debug)]
struct Import {
    service: Service,
    options: ImportOptions,
    /// The store at work; `None` before the first line of the file.
    writing: Option<Writing>,
    records: Gathered,
    line: u64,
    chunk_from: u64,
    /// Numbers of accounts, lists and tasks.
    seen: (u64, u64, u64),
    idle: IdleRules,
    ended: bool,
}

/// The store at work.
#[derive(Debug)]
struct Writing {
    chunks: mpsc::Sender<Chunk>,
    done: watch::Receiver<Imported>,
    outcome: JoinHandle<Result<(), store::ImportError>>,
}

impl Import {
    fn new(service: Service, existing: Existing, allow_admins: bool) -> Self {
        let ids = NextIds::default();
        Self {
            service,
            options: ImportOptions { existing, allow_admins, ids },
            writing: None,
            records: Gathered::new(),
            line: 0,
            chunk_from: 1,
            seen: (0, 0, 0),
            idle: IdleRules::default(),
            ended: false,
        }
    }

    /// Adds the next line. Breaks if the store has stopped.
    async fn add(&mut self, line: &str) -> Result<ControlFlow<()>, ImportError> {
        self.line += 1;
        if line.trim().is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let bytes = line.len();
        let line = Line::read(line).map_err(|error| self.refused(&error))?;
        match (line, self.writing.is_some(), self.ended) {
            (Line::Start { ids, .. }, false, _) => {
                self.options.ids = ids;
                self.chunk_from = self.line + 1;
                Ok(self.start().await)
            }
            (Line::Record(record), true, false) => Ok(self.record(record, bytes).await),
            (Line::End { users, lists, tasks }, true, false) => {
                let outcome = self.send().await;
                self.ended = true;
                if (users, lists, tasks) == self.seen {
                    Ok(outcome)
                } else {
                    Err(ImportError::Cut("its last line has wrong counts"))
                }
            }
            _ => Err(self.refused(&LineError::Malformed)),
        }
    }

    /// Adds the record of a line of so many bytes.
    async fn record(&mut self, record: Record, bytes: usize) -> ControlFlow<()> {
        match &record {
            Record::User(credential) => {
                let is_admin = credential.user.role == Role::Admin;
                if !is_admin || self.options.allow_admins {
                    self.service.0.hasher.learn(&credential.password);
                }
                self.seen.0 += 1;
            }
            Record::List(_) => self.seen.1 += 1,
            Record::Task(task) => {
                self.seen.2 += 1;
                if task.has_idle_rule() {
                    let IdleRules { count, first_line } = self.idle;
                    let first_line = if count == 0 { self.line } else { first_line };
                    self.idle = IdleRules { count: count + 1, first_line };
                }
            }
        }
        let is_full = self.records.push(Numbered { line: self.line, record }, bytes);
        if is_full { self.send().await } else { ControlFlow::Continue(()) }
    }

    /// Sends the remaining records, and checks that the end of the file was seen.
    async fn end(&mut self) -> Result<(), ImportError> {
        if self.send().await.is_break() {
            return Ok(());
        }
        match (self.ended, self.line) {
            (true, _) => Ok(()),
            (false, 0) => Err(ImportError::Cut("it is empty")),
            (false, _) => Err(ImportError::Cut("its last line is missing")),
        }
    }

    /// Ends the import. Returns the counts of the chunks that the store has written.
    async fn close(self) -> (Imported, Result<(), ImportError>) {
        let Some(Writing { chunks, done, outcome }) = self.writing else {
            return (Imported::default(), Ok(()));
        };
        drop(chunks);
        let outcome = outcome.await;
        let outcome =
            outcome.unwrap_or_else(|ended| Err(StoreError::internal(ended).into()));
        let done = *done.borrow();
        (done, outcome.map_err(ImportError::from))
    }

    /// Begins the import in the store. Breaks if it has stopped.
    async fn start(&mut self) -> ControlFlow<()> {
        let (chunks, waiting) = mpsc::channel(1);
        let (progress, mut done) = watch::channel(Imported::default());
        let (store, options) = (Arc::clone(&self.service.0.store), self.options);
        let outcome =
            tokio::spawn(async move { store.import(options, waiting, progress).await });
        let begun = done.changed().await;
        self.writing = Some(Writing { chunks, done, outcome });
        flow(begun.is_ok())
    }

    /// Imports the gathered records as one chunk. Breaks if the store has stopped.
    async fn send(&mut self) -> ControlFlow<()> {
        let Some(Writing { chunks, done, .. }) = &mut self.writing else {
            return ControlFlow::Continue(());
        };
        if self.records.is_empty() {
            return ControlFlow::Continue(());
        }
        let records = self.records.take();
        self.chunk_from = self.line + 1;
        let chunk = Chunk { records, at: self.service.0.clock.now() };
        let is_sent = chunks.send(chunk).await.is_ok();
        // A refusal is told before more lines are read.
        flow(is_sent && done.changed().await.is_ok())
    }

    fn refused(&self, error: &LineError) -> ImportError {
        ImportError::Line {
            line: self.line,
            reason: error.to_string(),
            from: self.chunk_from,
        }
    }
}

const fn flow(goes_on: bool) -> ControlFlow<()> {
    if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}
