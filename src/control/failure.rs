//! Failure of a command, as reported to the operator.

use std::io;

use crate::domain::error_chain::ErrorChain;
use crate::domain::transfer::Conflict;
use crate::service::{self, Error, ImportError, Left};
use crate::store::redb::CopyError;
use crate::store::{self, OpenError, StoreError};

/// A message of one line, with its exit code of `sysexits.h`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// Reason. For faults inside a server, the log has the cause; without one, the message is complete.
    pub message: String,
}

impl Failure {
    /// The answer is no.
    pub const NO: u8 = 1;
    /// `EX_USAGE`: the command was used wrongly.
    pub const USAGE: u8 = 64;
    /// `EX_DATAERR`: damaged data.
    pub const DAMAGED: u8 = 65;
    /// `EX_NOINPUT`: no such file.
    pub const MISSING: u8 = 66;
    /// `EX_CANTCREAT`: the data file is in use.
    pub const IN_USE: u8 = 73;
    /// `EX_IOERR`: the disk or the network failed.
    pub const IO: u8 = 74;
    /// `EX_PROTOCOL`: the two sides do not understand each other.
    pub const PROTOCOL: u8 = 76;
    /// `EX_CONFIG`: a setting cannot be used.
    pub const CONFIG: u8 = 78;

    /// Creates a failure from a code and a message.
    pub fn new(code: u8, message: impl ToString) -> Self {
        Self { code, message: message.to_string() }
    }
}

impl From<&OpenError> for Failure {
    fn from(error: &OpenError) -> Self {
        let code = match error {
            OpenError::Damaged { .. }
            | OpenError::BadBackup { .. }
            | OpenError::Newer { .. }
            | OpenError::Older { .. } => Self::DAMAGED,
            OpenError::Missing { .. } => Self::MISSING,
            OpenError::InUse { .. } => Self::IN_USE,
            OpenError::Io { .. } => Self::IO,
            OpenError::Unusable { .. } => Self::CONFIG,
            OpenError::Upgrade { cause, .. } => Self::from(&**cause).code,
        };
        Self::new(code, error)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::from(&error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::Damaged { .. } => Self::DAMAGED,
            StoreError::Busy
            | StoreError::AccountBusy
            | StoreError::Revoked
            | StoreError::Repeated
            | StoreError::OutcomeTooLarge
            | StoreError::Quota(_) => Self::NO,
            StoreError::Unavailable(_)
            | StoreError::OutcomeUnknown(_)
            | StoreError::Internal(_)
            | StoreError::DiskFull
            | StoreError::DiskShort => Self::IO,
        };
        Self::new(code, ErrorChain(&error))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        use service::Error as E;
        let code = match &error {
            E::StorageCorrupt(_) => Self::DAMAGED,
            E::Unavailable(_)
            | E::OutcomeUnknown(_)
            | E::DiskFull
            | E::DiskShort
            | E::Internal(_) => Self::IO,
            E::Invalid(fields) => {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|error| format!("{} {}", error.field, error.message))
                    .collect();
                return Self::new(Self::USAGE, fields.join("; "));
            }
            _ => Self::NO,
        };
        Self::new(code, ErrorChain(&error))
    }
}

impl From<Left> for Failure {
    fn from(left: Left) -> Self {
        let Left { accounts, why } = left;
        let Self { code, message } = why.into();
        let left =
            format!("could not end the access of {accounts} users; the last error was:");
        Self::new(code, format!("{left} {message}. Run the command again"))
    }
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Store(store::ImportError::Store(error)) => {
                Error::from(error).into()
            }
            ImportError::Store(
                store::ImportError::Busy
                | store::ImportError::Refused { conflict: Conflict::Admin, .. },
            ) => Self::new(Self::NO, error),
            other => Self::new(Self::DAMAGED, other),
        }
    }
}

impl From<CopyError> for Failure {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Source(error) => error.into(),
            CopyError::Copy(error) => error.into(),
            CopyError::Stopped => Self::new(Self::IO, error),
            CopyError::Io(cause) => cause.into(),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // The input is not text, or has a line that is too long.
            io::ErrorKind::InvalidData => Self::new(Self::DAMAGED, error),
            // Errors of a socket whose time limit has passed.
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                Self::new(Self::IO, "the other side did not respond in time")
            }
            _ => Self::new(Self::IO, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use super::*;

    #[test]
    fn accounts_that_are_left_are_counted_and_the_command_is_to_be_run_again() {
        let failure = Failure::from(Left { accounts: 3, why: Error::Busy });

        assert_eq!(failure.code, Failure::NO);
        assert_eq!(
            failure.message,
            "could not end the access of 3 users; the last error was: the server is busy. Run the command again"
        );
    }

    #[test]
    fn silence_is_told_in_words() {
        let (mut ours, _theirs) = UnixStream::pair().unwrap();
        ours.set_read_timeout(Some(Duration::from_millis(1))).unwrap();

        let failure = Failure::from(ours.read(&mut [0]).unwrap_err());

        assert_eq!(failure.code, Failure::IO);
        assert_eq!(failure.message, "the other side did not respond in time");
    }
}
