//! Messages of the control socket.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::domain::progress::{Phase, Step};

/// Version of the protocol. A server refuses later ones.
pub const VERSION: u32 = 2;

/// Version of a request for a text answer, which servers of the previous version carry out.
pub(super) const TEXT_VERSION: u32 = 1;

/// Maximum length of a request, in bytes.
pub(super) const MAX_REQUEST: usize = 16 * 1024;

/// The first line of a connection.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    /// At most [`VERSION`].
    pub version: u32,
    /// The command.
    pub command: Command,
    /// Form of the answer. Omitted for text, as servers of the previous version expect.
    #[serde(default, skip_serializing_if = "Form::is_text")]
    pub form: Form,
    /// Whether the client understands [`Reply::Step`]. Servers of the previous version ignore it.
    #[serde(default, skip_serializing_if = "is_not")]
    pub steps: bool,
}

/// Form of the lines of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Lines of text, for people.
    #[default]
    Text,
    /// A JSON object in each line, for programs.
    Json,
}

impl Form {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
    const fn is_text(&self) -> bool {
        matches!(self, Self::Text)
    }
}

/// Commands of the operator, with or without a running server.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Lists accounts.
    UserList,
    /// Lists accounts by usage, largest first.
    UserLargest {
        /// `bytes` or `tasks`.
        by: String,
    },
    /// Shows usage and limits of an account, and sets limits of its own.
    UserQuota {
        /// Email of the account.
        email: String,
        /// A number, 0 for no limit, or `default` for the limit of all accounts. Omitted to keep the limit.
        tasks: Option<String>,
        /// The same for storage, in MiB.
        mib: Option<String>,
    },
    /// Creates an account.
    UserAdd {
        /// Email, checked as in a registration.
        email: String,
        /// Password, checked as in a registration.
        password: PasswordText,
        /// Whether it is an administrator's. Omitted if not, as servers of the previous version expect.
        #[serde(default, skip_serializing_if = "is_not")]
        admin: bool,
    },
    /// Changes the role of an account.
    UserRole {
        /// Email of the account.
        email: String,
        /// Name of the role.
        role: String,
    },
    /// Disables an account and ends its sessions, or enables it again.
    UserDisable {
        /// Email of the account.
        email: String,
        /// Whether the account becomes disabled.
        disabled: bool,
    },
    /// Creates an invitation to register.
    UserInvite {
        /// Only address that may use it; any, if absent.
        email: Option<String>,
        /// Validity in days; 7, if absent.
        days: Option<u64>,
    },
    /// Sets a password and ends all sessions and personal tokens.
    UserSetPassword {
        /// Email of the account.
        email: String,
        /// Password, checked as in a registration.
        password: PasswordText,
    },
    /// Ends sessions and personal tokens, and removes stored responses.
    UserEndAccess {
        /// Email of one account; all accounts, if absent.
        email: Option<String>,
    },
    /// Deletes an account with all its data.
    UserDelete {
        /// Email of the account.
        email: String,
    },
    /// Lists audit records, newest first.
    Audit,
    /// Verifies all rows of a snapshot.
    Check,
    /// Writes a copy into the file that comes along, and verifies it.
    Backup,
    /// Sends the lines of an export.
    Export {
        /// Email of one account; all accounts, if absent.
        email: Option<String>,
    },
    /// Imports the lines that follow.
    Import {
        /// Whether existing tasks are overwritten.
        replace: bool,
        /// Whether administrators are created. Omitted if not, as servers of the previous version expect.
        #[serde(default, skip_serializing_if = "is_not")]
        allow_admins: bool,
    },
}

/// A password in a message. Wiped from memory when dropped.
pub struct PasswordText(pub Zeroizing<String>);

impl fmt::Debug for PasswordText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordText(..)")
    }
}

impl From<Zeroizing<String>> for PasswordText {
    fn from(text: Zeroizing<String>) -> Self {
        Self(text)
    }
}

impl Serialize for PasswordText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PasswordText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
const fn is_not(flag: &bool) -> bool {
    !*flag
}

impl Command {
    /// Whether it changes data. A command that only reads does not upgrade an older file either.
    pub const fn writes(&self) -> bool {
        match self {
            Self::UserAdd { .. }
            | Self::UserRole { .. }
            | Self::UserDisable { .. }
            | Self::UserInvite { .. }
            | Self::UserSetPassword { .. }
            | Self::UserEndAccess { .. }
            | Self::UserDelete { .. }
            | Self::Import { .. } => true,
            Self::UserQuota { tasks, mib, .. } => tasks.is_some() || mib.is_some(),
            Self::UserList
            | Self::UserLargest { .. }
            | Self::Audit
            | Self::Check
            | Self::Backup
            | Self::Export { .. } => false,
        }
    }

    /// Returns the name of the command, for the log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::UserList => "user_list",
            Self::UserLargest { .. } => "user_largest",
            Self::UserQuota { .. } => "user_quota",
            Self::UserAdd { .. } => "user_add",
            Self::UserRole { .. } => "user_role",
            Self::UserDisable { .. } => "user_disable",
            Self::UserInvite { .. } => "user_invite",
            Self::UserSetPassword { .. } => "user_set_password",
            Self::UserEndAccess { .. } => "user_end_access",
            Self::UserDelete { .. } => "user_delete",
            Self::Audit => "audit",
            Self::Check => "check",
            Self::Backup => "backup",
            Self::Export { .. } => "export",
            Self::Import { .. } => "import",
        }
    }
}

impl fmt::Debug for Command {
    /// Omits passwords and addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One line of an answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// A line to print.
    Line(String),
    /// Completed parts and total parts: for clients that do not ask for steps.
    Progress(u64, u64),
    /// Progress of the command. Sent only if the request asks for it.
    Step {
        /// Name of a [`Phase`].
        phase: String,
        /// Completed share of all the work, in thousandths, if its end is known.
        at: Option<u16>,
        /// Completed work of this phase, in its unit.
        count: u64,
    },
    /// Last line: the command is done, and its changes are durable.
    Done,
    /// Last line: the command has failed.
    Failed {
        /// Exit code of `sysexits.h`.
        code: u8,
        /// Message for the operator.
        message: String,
    },
}

impl Reply {
    /// Returns the step. `None` for a phase that only a later version knows.
    pub fn step(&self) -> Option<Step> {
        let Self::Step { phase, at, count } = self else { return None };
        let at = at.map(|at| at.min(Step::WHOLE));
        Some(Step { phase: Phase::from_name(phase)?, at, count: *count })
    }
}

impl From<Step> for Reply {
    fn from(step: Step) -> Self {
        let Step { phase, at, count } = step;
        Self::Step { phase: phase.as_str().to_owned(), at, count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_never_change() {
        let request = |command| {
            serde_json::to_string(&Request {
                version: 1,
                command,
                form: Form::Text,
                steps: false,
            })
        };
        assert_eq!(
            request(Command::Backup).unwrap(),
            r#"{"version":1,"command":"backup"}"#
        );
        let add = Command::UserAdd {
            email: "a".to_owned(),
            password: Zeroizing::new("b".to_owned()).into(),
            admin: false,
        };
        assert_eq!(
            request(add).unwrap(),
            r#"{"version":1,"command":{"user_add":{"email":"a","password":"b"}}}"#
        );
        let import = Command::Import { replace: true, allow_admins: false };
        assert_eq!(
            request(import).unwrap(),
            r#"{"version":1,"command":{"import":{"replace":true}}}"#
        );
        assert_eq!(
            request(Command::UserEndAccess { email: None }).unwrap(),
            r#"{"version":1,"command":{"user_end_access":{"email":null}}}"#
        );
    }

    #[test]
    fn requests_about_quotas_never_change() {
        let command = Command::UserQuota {
            email: "a".to_owned(),
            tasks: Some("5".to_owned()),
            mib: None,
        };
        assert_eq!(
            serde_json::to_string(&Request {
                version: 1,
                command,
                form: Form::Json,
                steps: true
            })
            .unwrap(),
            r#"{"version":1,"command":{"user_quota":{"email":"a","tasks":"5","mib":null}},"form":"json","steps":true}"#
        );
    }

    #[test]
    fn looking_at_a_quota_writes_nothing() {
        let quota = |tasks: Option<&str>| Command::UserQuota {
            email: "a".to_owned(),
            tasks: tasks.map(str::to_owned),
            mib: None,
        };
        assert!(!quota(None).writes());
        assert!(quota(Some("5")).writes());
    }

    #[test]
    fn a_password_is_never_shown() {
        let command = Command::UserAdd {
            email: "a".to_owned(),
            password: Zeroizing::new("hunter2".to_owned()).into(),
            admin: true,
        };
        assert_eq!(format!("{command:?}"), "user_add");
    }
}
