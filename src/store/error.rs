//! Errors of a database.

use std::path::PathBuf;
use std::sync::Arc;

use crate::domain::quota::QuotaExceeded;
use crate::domain::transfer::Conflict;

type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Failure of the database. Says nothing about the content of the request.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Read that failed, or write that was not begun. Nothing has changed.
    #[error("the database is not available")]
    Unavailable(#[source] Cause),
    /// Too much work waiting. Nothing has changed.
    #[error("too many writes are waiting")]
    Busy,
    /// Too much work of this account waiting. Nothing has changed.
    #[error("too many writes of this account are waiting")]
    AccountBusy,
    /// Credential of the write that has ended. Nothing has changed.
    #[error("the credential was revoked")]
    Revoked,
    /// Key used since the stored answers were checked. Nothing has changed.
    #[error("the idempotency key was used in the meantime")]
    Repeated,
    /// Answer too long to store. Nothing has changed.
    #[error("the response is too long to be stored")]
    OutcomeTooLarge,
    /// Bug in the program. Nothing has changed.
    #[error("internal invariant violated")]
    Internal(#[source] Cause),
    /// Write failure that leaves open whether the write became durable.
    #[error("the outcome of a write is unknown")]
    OutcomeUnknown(#[source] Cause),
    /// Disk full up to the reserve. Nothing has changed.
    #[error("the disk is full")]
    DiskFull,
    /// Disk nearly full, and the account holds much of the data. Nothing has changed.
    #[error("the disk is nearly full, and the account holds much of the data")]
    DiskShort,
    /// Quota of the account exceeded. Nothing has changed.
    #[error(transparent)]
    Quota(QuotaExceeded),
    /// Stored value that differs from the value written.
    #[error("damaged: {what}")]
    Damaged {
        /// Table, key and finding. For the log, not for clients.
        what: String,
    },
}

impl StoreError {
    pub(super) fn unavailable(
        cause: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Unavailable(Arc::new(cause))
    }

    /// Wraps the cause of an internal error.
    pub fn internal(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Internal(Arc::new(cause))
    }
}

/// Reason that an import ended early. Earlier chunks are imported.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ImportError {
    /// Another import is running.
    #[error("another import is running: try again when it has ended")]
    Busy,
    /// A record cannot be imported.
    #[error("line {line} {conflict}: nothing from line {from} on was imported")]
    Refused {
        /// Line of the record.
        line: u64,
        /// First line of its chunk.
        from: u64,
        /// Reason.
        conflict: Conflict,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reason that a store cannot continue and the process should end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Disk failure. A restart may help.
    Io,
    /// File content that differs from what was written. A restart does not help.
    Damaged {
        /// Finding. For the operator, not for clients.
        what: String,
    },
}

/// Reason that a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// File open in another process, or by another handle in this one.
    #[error("{} is in use by another process", path.display())]
    InUse {
        /// Data file.
        path: PathBuf,
    },
    /// File written by a newer version of this program.
    #[error(
        "{} has format {found}, but this version of duly supports formats up to {known}: \
         use the version that wrote it, or a newer one",
        path.display()
    )]
    Newer {
        /// Data file.
        path: PathBuf,
        /// Format of the file.
        found: u64,
        /// Newest format that this program knows.
        known: u64,
    },
    /// File written by an older version of this program, which is not to be upgraded here.
    #[error(
        "{} has format {found}, older than {known}, and this command does not upgrade it: \
         run duly upgrade, or start the server",
        path.display()
    )]
    Older {
        /// Data file.
        path: PathBuf,
        /// Format of the file.
        found: u64,
        /// Newest format that this program knows.
        known: u64,
    },
    /// File that could not be upgraded. It is unchanged, to the byte.
    #[error(
        "{} remains in format {found}, because its upgrade to {known} failed: {}; \
         continue with the version that wrote it, and verify the file with that version's duly check",
        path.display(),
        cause.reason()
    )]
    Upgrade {
        /// Data file.
        path: PathBuf,
        /// Format of the file.
        found: u64,
        /// Newest format that this program knows.
        known: u64,
        /// Cause of the failure.
        cause: Box<Self>,
    },
    /// File that is damaged, or not a Duly data file.
    #[error("{} is not a valid Duly data file ({what}): restore a backup", path.display())]
    Damaged {
        /// Data file.
        path: PathBuf,
        /// Description of the damage.
        what: String,
    },
    /// Backup that is damaged, or not a Duly data file.
    #[error("{} is not a valid backup ({what}): use another one", path.display())]
    BadBackup {
        /// Backup.
        path: PathBuf,
        /// Description of the damage.
        what: String,
    },
    /// Path that cannot be, or become, a data file: a setting is wrong, or a permission is missing.
    #[error("{} {why}", path.display())]
    Unusable {
        /// Data file.
        path: PathBuf,
        /// Rest of the message, with advice.
        why: String,
    },
    /// Missing file that was not to be created.
    #[error("{} does not exist", path.display())]
    Missing {
        /// Data file.
        path: PathBuf,
    },
    /// Refusal by the operating system.
    #[error("{} cannot be opened: {cause}", path.display())]
    Io {
        /// Data file.
        path: PathBuf,
        /// Error message of the operating system.
        cause: String,
    },
}

impl OpenError {
    /// Returns the message without the advice for a damaged file.
    fn reason(&self) -> String {
        match self {
            Self::Damaged { what, .. } => what.clone(),
            other => other.to_string(),
        }
    }

    /// Converts the error to that of a backup: advice to restore a backup is no help then.
    #[must_use]
    pub fn of_backup(self) -> Self {
        match self {
            Self::Damaged { path, what } => Self::BadBackup { path, what },
            other => other,
        }
    }
}
