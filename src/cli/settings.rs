//! Settings that commands need. A setting that a command does not need cannot stop it.

use super::CommandError;
use crate::config::{Config, Options};

/// Settings of the data file and of a server that has it open.
const DATA: &[&str] = &[
    "DATABASE_URL",
    "CONTROL_SOCKET",
    "CACHE_MIB",
    "DISK_RESERVE_MIB",
    "CHECK_AT_START",
    "MAX_TASKS_PER_ACCOUNT",
    "MAX_MIB_PER_ACCOUNT",
    "MAX_ACCOUNTS",
    "MAX_TOMBSTONES_PER_ACCOUNT",
];

const PASSWORDS: &[&str] = &["PASSWORD_MIN_LENGTH", "PASSWORD_MIN_STRENGTH"];

const BACKUPS: &[&str] = &["BACKUP_DIR", "BACKUP_EVERY", "BACKUP_KEEP"];

const ADDRESS: &[&str] = &["LISTEN", "TLS_CERT_FILE", "TLS_KEY_FILE"];

/// Reads the settings of a command that works on the data.
pub(super) fn of_data(options: Options) -> Result<Config, CommandError> {
    these(options, &[DATA])
}

/// Reads the settings of a command that sets passwords.
pub(super) fn of_passwords(options: Options) -> Result<Config, CommandError> {
    these(options, &[DATA, PASSWORDS])
}

/// Reads the settings of a command that adds a file to the backups.
pub(super) fn of_backups(options: Options) -> Result<Config, CommandError> {
    these(options, &[DATA, BACKUPS])
}

/// Reads the settings of a command that calls the server.
pub(super) fn of_address(options: Options) -> Result<Config, CommandError> {
    these(options, &[ADDRESS])
}

fn these(options: Options, lists: &[&[&str]]) -> Result<Config, CommandError> {
    let is_needed = |variable: &str| lists.iter().any(|list| list.contains(&variable));
    Ok(options.check_for(is_needed)?)
}
