//! Why a request could not be done, said without HTTP.

#![warn(clippy::wildcard_enum_match_arm)]

use std::io;

use crate::auth::password::HashError;
use crate::auth::permission::Denied;
use crate::auth::throttle::Throttled;
use crate::domain::quota::QuotaExceeded;
use crate::domain::task::Task;
use crate::store::StoreError;

/// A field that was refused, as the client spells it, and why, ending the sentence that the field begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// "title".
    pub field: String,
    /// "must not be empty".
    pub message: String,
}

impl FieldError {
    /// Puts the two together.
    pub fn new(field: &str, message: impl ToString) -> Self {
        Self { field: field.to_owned(), message: message.to_string() }
    }
}

/// What the program tells its caller went wrong.
///
/// `http::problem` turns each of these into a status code. Add one only when callers would act on it
/// differently.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The thing does not exist, or the caller may not know that it does.
    #[error("no such {what}")]
    NotFound {
        /// A noun the user knows: "task".
        what: &'static str,
    },
    /// Fields were refused. Names all of them.
    #[error("some fields are not valid")]
    Invalid(Vec<FieldError>),
    /// The task is not, or no longer, what the request was meant for. This is what it is.
    #[error("the task has changed since: here it is as it is now")]
    Changed(Box<Task>),
    /// The same, and what the task is has been told with another change of the batch.
    #[error("the task has changed since: a result before this one has it as it is now")]
    ChangedAsTold,
    /// The request does not say which revision of the task it is meant for.
    #[error("say which revision is meant, in If-Match: the ETag of the task")]
    IfMatchRequired,
    /// Possible, but part of something that is done as a whole or not at all.
    #[error("not done, because something else in the batch could not be")]
    NotApplied,
    /// Somebody has registered with this email.
    #[error("this email is already registered")]
    EmailTaken,
    /// Unknown email or wrong password; which, is not said.
    #[error("wrong email or password")]
    WrongCredentials,
    /// No access token was given.
    #[error("an access token is needed")]
    NoToken,
    /// The access token is not, or no longer, good.
    #[error("the access token is not valid or has expired")]
    BadToken,
    /// The refresh token is not, or no longer, good.
    #[error("the refresh token is not valid, has expired or was used before")]
    BadGrant,
    /// The refresh token is good, but not for so much.
    #[error("scope must not be more than the log-in was for")]
    ScopeTooWide,
    /// The credential is good, but not for this.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Nobody may register, and the server is set so.
    #[error("registration is closed: ask an administrator for an account")]
    RegistrationClosed,
    /// There are as many accounts as there may be.
    #[error("this server has as many accounts as it may have: ask its operator")]
    RegistrationFull,
    /// The account would hold more than it may. Nothing was done.
    #[error(transparent)]
    Quota(QuotaExceeded),
    /// There would be no administrator left.
    #[error("this is the last administrator: make another one first")]
    LastAdmin,
    /// There may be only so many.
    #[error("there are too many {what}: at most {most}")]
    TooMany {
        /// A noun the user knows, in plural: "tokens".
        what: &'static str,
        /// How many there may be.
        most: usize,
    },
    /// The key was used for another request.
    #[error("this idempotency key was used for another request: take a new one")]
    KeyReused,
    /// The request was done, and what it was answered cannot be given again.
    #[error(
        "a request with this idempotency key was done, and its answer cannot be given again: \
         look what it did, and take a new key"
    )]
    AnswerLost,
    /// The answer is too long to be kept under a key. Nothing was done.
    #[error(
        "with an idempotency key the answer may have at most 8 MiB: \
         send fewer operations at once, or none with a key"
    )]
    AnswerTooLarge,
    /// The request is being done by somebody who was faster.
    #[error("a request with this idempotency key is being done")]
    Repeated,
    /// Too many attempts.
    #[error("too many attempts")]
    Throttled(Throttled),
    /// Too much waits already: passwords to be hashed, or writes. Nothing was done.
    #[error("the server is busy")]
    Busy,
    /// Too much of the account waits already. Nothing was done.
    #[error("too many requests of this account wait already: send fewer at once")]
    AccountBusy,
    /// The request touches too much. Nothing was done.
    #[error("{}", crate::domain::task::TaskRefused::TooMuch)]
    TooMuch,
    /// A cursor of an earlier version of the program.
    #[error(
        "the cursor is from an earlier version of the server: begin again with an empty one"
    )]
    CursorOutdated,
    /// Something before it was too much for one request.
    #[error("not tried, because something before it was too much for one request")]
    NotTried,
    /// Nothing was done. The store cannot be used.
    #[error("temporarily unavailable")]
    Unavailable(#[source] StoreError),
    /// It may have been done, or not.
    #[error("the outcome of the write is unknown: look before you repeat it")]
    OutcomeUnknown(#[source] StoreError),
    /// Nothing was done. There is no room for more data; deleting goes on.
    #[error("the server's disk is full: nothing more can be stored")]
    DiskFull,
    /// Nothing was done. The disk is nearly full, and the account holds much of what is on it.
    #[error(
        "the server's disk is nearly full, and this account holds over a tenth of what is stored: \
         delete something first"
    )]
    DiskShort,
    /// A stored value is damaged. Retrying will not help; the log has the place.
    #[error("a stored value is damaged")]
    StorageCorrupt(#[source] StoreError),
    /// A bug, or a machine that refuses memory or randomness. The log has the reason.
    #[error("internal error")]
    Internal(#[source] io::Error),
}

impl Error {
    /// One field was refused.
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
            StoreError::AnswerTooLarge => Self::AnswerTooLarge,
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
