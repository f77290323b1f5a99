//! What can go wrong with a database.

use std::path::PathBuf;
use std::sync::Arc;

use crate::domain::quota::QuotaExceeded;

type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// The database failed. Says nothing about what was asked of it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// It could not be read, or a write was not begun. Nothing has changed.
    #[error("the database is not available")]
    Unavailable(#[source] Cause),
    /// Too much is waiting already. Nothing has changed.
    #[error("too much is waiting already")]
    Busy,
    /// Too much of this account is waiting already. Nothing has changed.
    #[error("too much of this account is waiting already")]
    AccountBusy,
    /// The credential on whose behalf it was to be done has ended. Nothing has changed.
    #[error("the credential has ended")]
    Revoked,
    /// A request with this key was done since the answers were looked at. Nothing has changed.
    #[error("the key was used meanwhile")]
    Repeated,
    /// The answer is too long to be kept. Nothing has changed.
    #[error("the answer is too long to be kept")]
    AnswerTooLarge,
    /// A bug in the program. Nothing has changed.
    #[error("the program contradicts itself")]
    Internal(#[source] Cause),
    /// A write failed in a way that leaves open whether it became durable.
    #[error("the outcome of a write is unknown")]
    OutcomeUnknown(#[source] Cause),
    /// The disk is full up to the reserve. Nothing has changed.
    #[error("the disk is full")]
    DiskFull,
    /// The disk is nearly full, and the account holds much of what is on it. Nothing has changed.
    #[error("the disk is nearly full, and the account holds much of it")]
    DiskShort,
    /// The account may not hold so much. Nothing has changed.
    #[error(transparent)]
    Quota(QuotaExceeded),
    /// A stored value is not what was written.
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

    /// A bug, in words.
    pub fn internal(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Internal(Arc::new(cause))
    }
}

/// Why a store cannot go on, and the process should end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The disk failed. Starting again may help.
    Io,
    /// The file is not what was written to it. Starting again does not help.
    Damaged {
        /// The finding. For the operator, not for clients.
        what: String,
    },
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another handle in this one, has it open.
    #[error("{} is in use by another process", path.display())]
    InUse {
        /// The data file.
        path: PathBuf,
    },
    /// It was written by a newer version of this program.
    #[error(
        "{} has format {found}, and this version of duly knows formats up to {known}: \
         use the version that wrote it, or a newer one",
        path.display()
    )]
    Newer {
        /// The data file.
        path: PathBuf,
        /// The format number found.
        found: u64,
        /// The newest format this program knows.
        known: u64,
    },
    /// It was written by an older version of this program, and is not to be brought up to date here.
    #[error(
        "{} has format {found}, older than {known}, and is only read here: \
         run duly upgrade, or start the server",
        path.display()
    )]
    Older {
        /// The data file.
        path: PathBuf,
        /// The format number found.
        found: u64,
        /// The newest format this program knows.
        known: u64,
    },
    /// It was to be brought up to date, and could not be. It is as it was, to the byte.
    #[error(
        "{} stays in format {found}, its upgrade to {known} failed: {}; \
         go on with the version that wrote it, and check the file with that version's duly check",
        path.display(),
        cause.reason()
    )]
    Upgrade {
        /// The data file.
        path: PathBuf,
        /// The format number found.
        found: u64,
        /// The newest format this program knows.
        known: u64,
        /// What went wrong.
        cause: Box<Self>,
    },
    /// It is not a Duly data file, or it is damaged.
    #[error("{} is not a sound Duly data file ({what}): restore a backup", path.display())]
    Damaged {
        /// The data file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// It was to be a backup, and is not a Duly data file, or is damaged.
    #[error("{} is not a sound backup ({what}): take another one", path.display())]
    BadBackup {
        /// The backup.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// What is there can be no data file, or none can be made there: a setting is wrong, or a right is missing.
    #[error("{} {why}", path.display())]
    Unusable {
        /// The data file.
        path: PathBuf,
        /// The rest of the sentence, with what to do.
        why: String,
    },
    /// There is no such file, and it was not to be made.
    #[error("{} does not exist", path.display())]
    Missing {
        /// The data file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{} cannot be opened: {cause}", path.display())]
    Io {
        /// The data file.
        path: PathBuf,
        /// What the operating system said.
        cause: String,
    },
}

impl OpenError {
    /// Message without the advice for a file that is to be opened as it is.
    fn reason(&self) -> String {
        match self {
            Self::Damaged { what, .. } => what.clone(),
            other => other.to_string(),
        }
    }

    /// The same of a file that was to be a backup: to restore one is no help then.
    #[must_use]
    pub fn of_backup(self) -> Self {
        match self {
            Self::Damaged { path, what } => Self::BadBackup { path, what },
            other => other,
        }
    }
}
