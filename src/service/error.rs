//! Errors of a request, independent of HTTP.

#![warn(clippy::wildcard_enum_match_arm)]

use std::io;

use crate::auth::password::HashError;
use crate::auth::throttle::Throttled;
use crate::domain::id::TaskId;
use crate::domain::list::ListState;
use crate::domain::permission::Denied;
use crate::domain::quota::QuotaExceeded;
use crate::domain::task::{Merge, Task};
use crate::service::UndoReport;
use crate::store::StoreError;

/// A rejected field, as the client spells it, and the reason; together they form a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// "title".
    pub field: String,
    /// "must not be empty".
    pub message: String,
}

impl FieldError {
    /// Creates a field error.
    pub fn new(field: &str, message: impl ToString) -> Self {
        Self { field: field.to_owned(), message: message.to_string() }
    }
}

/// Error of a request, as reported to the caller.
///
/// `http::problem` maps each variant to a status code. Add a variant only if callers would act on it differently.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The resource does not exist, or the caller may not know that it does.
    #[error("no such {what}")]
    NotFound {
        /// Noun that the user knows: "task".
        what: &'static str,
    },
    /// The uid is that of a task that was deleted. Holds its former id.
    #[error("the task with this uid was deleted")]
    TaskDeleted(TaskId),
    /// The changes since the cursor are not known.
    #[error(
        "the changes since this cursor are no longer known: start again without since"
    )]
    ResyncRequired,
    /// Fields were rejected. Names all of them.
    #[error("some fields are not valid")]
    Invalid(Vec<FieldError>),
    /// The task does not match the precondition of the request. Holds the current task.
    #[error("the task has changed; the response includes its current state")]
    Changed(Box<Task>),
    /// The list does not match the precondition of the request. Holds the current list.
    #[error("the list has changed; the response includes its current state")]
    ListChanged(Box<ListState>),
    /// The task has changed, and an earlier result of the batch already holds it.
    #[error("the task has changed; an earlier result includes its current state")]
    ChangedAsTold,
    /// Others have changed the same fields since the revision that the client knows.
    #[error("others have changed the same fields since that revision: see conflicts")]
    Conflict(Box<Merge>),
    /// The history of the task does not have the revision that the client knows.
    #[error("the history of the task does not have this revision: read the task again")]
    BaseUnknown,
    /// Changes that were to be undone have been overwritten. Nothing was done.
    #[error(
        "some fields have been edited since: see kept, and send skip to undo the rest"
    )]
    EditedSince(UndoReport),
    /// The request does not name the revision of the task or list.
    #[error(
        "the request must name the revision that it changes: send its ETag in If-Match"
    )]
    IfMatchRequired,
    /// Valid, but not applied because another part of an atomic batch failed.
    #[error("not applied, because another operation in the batch failed")]
    NotApplied,
    /// The email is already registered.
    #[error("this email is already registered")]
    EmailTaken,
    /// Unknown email or wrong password; the error does not tell which.
    #[error("wrong email or password")]
    WrongCredentials,
    /// No access token was given.
    #[error("an access token is required")]
    NoToken,
    /// The access token is not valid, or no longer valid.
    #[error("the access token is not valid or has expired")]
    BadToken,
    /// The refresh token is not valid, or no longer valid.
    #[error("the refresh token is not valid, has expired or was already used")]
    BadGrant,
    /// The refresh token is valid, but for fewer scopes than requested.
    #[error("scope must not exceed the scopes of the log-in")]
    ScopeTooWide,
    /// The credential is valid, but lacks permission.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Registration is closed in the settings.
    #[error("registration is closed: ask an administrator for an account")]
    RegistrationClosed,
    /// The maximum number of accounts is reached.
    #[error("this server has reached its maximum number of accounts: ask its operator")]
    RegistrationFull,
    /// The account would exceed its quota. Nothing was done.
    #[error(transparent)]
    Quota(QuotaExceeded),
    /// The change would leave no administrator.
    #[error("this is the last administrator: add another one first")]
    LastAdmin,
    /// The maximum number of resources of a kind is reached.
    #[error("there are too many {what}: the maximum is {most}")]
    TooMany {
        /// Noun that the user knows, in the plural: "tokens".
        what: &'static str,
        /// Maximum number.
        most: usize,
    },
    /// The key was used for another request.
    #[error("this idempotency key was used for another request: use a new one")]
    KeyReused,
    /// The request was done, and its answer cannot be replayed.
    #[error(
        "a request with this idempotency key was carried out, but its response cannot be replayed: \
         check its effect, then retry with a new key"
    )]
    OutcomeLost,
    /// The answer is too long to be kept under a key. Nothing was done.
    #[error(
        "the outcome of a request with an idempotency key must have at most 8 MiB: \
         send fewer operations at once, or omit the key"
    )]
    OutcomeTooLarge,
    /// Another request with the same key is in progress.
    #[error("a request with this idempotency key is in progress")]
    Repeated,
    /// Too many attempts.
    #[error("too many attempts")]
    Throttled(Throttled),
    /// Too many passwords or writes are waiting. Nothing was done.
    #[error("the server is busy")]
    Busy,
    /// Too many requests of the account are waiting. Nothing was done.
    #[error("too many requests of this account are waiting: send fewer at once")]
    AccountBusy,
    /// Too many requests and streams of the account wait for changes.
    #[error(
        "too many requests and streams of this account wait for changes: end one of them"
    )]
    AccountWaits,
    /// Too many requests and streams of the network, or of all, wait for changes.
    #[error("too many requests and streams wait for changes")]
    ManyWait,
    /// The request touches too much. Nothing was done.
    #[error("{}", crate::domain::task::TaskRefused::TooMuch)]
    TooMuch,
    /// The cursor is from an earlier version of the program.
    #[error(
        "the cursor is from an earlier version of the server: start again with an empty cursor"
    )]
    CursorOutdated,
    /// Not tried, because an earlier part was too much for one request.
    #[error(
        "not attempted, because an earlier operation exceeded the limits of one request"
    )]
    NotTried,
    /// Nothing was done. The store cannot be used.
    #[error("temporarily unavailable")]
    Unavailable(#[source] StoreError),
    /// The outcome of the write is unknown.
    #[error(
        "the outcome of the write is unknown: check whether it was applied before you retry"
    )]
    OutcomeUnknown(#[source] StoreError),
    /// Nothing was done. The disk has no room for more data; deletions still work.
    #[error("the server's disk is full: nothing more can be stored")]
    DiskFull,
    /// Nothing was done. The disk is nearly full, and the account holds a large part of the data.
    #[error(
        "the server's disk is nearly full, and this account holds over a tenth of the stored data: \
         delete something first"
    )]
    DiskShort,
    /// A stored value is damaged. Retrying will not help; the log has the place.
    #[error("a stored value is damaged")]
    StorageCorrupt(#[source] StoreError),
    /// A bug, or a system without memory or randomness. The log has the reason.
    #[error("internal error")]
    Internal(#[source] io::Error),
}

impl Error {
    /// Creates an error for a single rejected field.
    pub(super) fn field(field: &str, message: impl ToString) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::Unavailable(error),
            StoreError::Busy => Self::Busy,
            StoreError::AccountBusy => Self::AccountBusy,
            StoreError::Revoked => Self::BadToken,
            StoreError::Repeated => Self::Repeated,
            StoreError::OutcomeTooLarge => Self::OutcomeTooLarge,
            StoreError::Internal(_) => Self::Internal(io::Error::other(error)),
            StoreError::OutcomeUnknown(_) => Self::OutcomeUnknown(error),
            StoreError::DiskFull => Self::DiskFull,
            StoreError::DiskShort => Self::DiskShort,
            StoreError::Quota(exceeded) => Self::Quota(exceeded),
            StoreError::Damaged { .. } => Self::StorageCorrupt(error),
        }
    }
}

impl From<HashError> for Error {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::Busy,
            HashError::Failed(cause) => Self::Internal(cause),
        }
    }
}

impl From<Throttled> for Error {
    fn from(throttled: Throttled) -> Self {
        Self::Throttled(throttled)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Internal(error)
    }
}
