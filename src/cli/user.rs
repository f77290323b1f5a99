//! `duly user`

use clap::{Args, Subcommand};

use super::admin::{self, Screen, Task};
use super::{CommandError, input};
use crate::config::Options;
use crate::control;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List accounts: id, role, time of registration, email, tasks, bytes, and whether it is disabled
    List(List),
    /// Show what an account holds and may hold, or set limits of its own
    Quota(Quota),
    /// Make an account; the password is asked for, or read from standard input
    Add(NewAccount),
    /// Give an account the role user or admin
    Role(RoleChange),
    /// Set a password and end all sessions and tokens; it is asked for, or read from standard input
    SetPassword(Account),
    /// End all sessions and personal tokens and forget the answers kept for repeated requests
    EndAccess(EndAccess),
    /// Delete an account with its tasks and all else
    Delete(Account),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Lists the accounts that hold the most first
    #[arg(long, value_parser = ["bytes", "tasks"])]
    largest: Option<String>,

    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
pub(super) struct Quota {
    /// The email of the account
    email: String,

    /// Most tasks: a number, 0 for no limit, or default for MAX_TASKS_PER_ACCOUNT
    #[arg(long, value_name = "NUMBER")]
    tasks: Option<String>,

    /// Most MiB: a number, 0 for no limit, or default for MAX_MIB_PER_ACCOUNT
    #[arg(long, value_name = "NUMBER")]
    mib: Option<String>,

    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
pub(super) struct NewAccount {
    /// The email of the account
    email: String,

    /// Whether it may manage other accounts
    #[arg(long)]
    admin: bool,

    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
pub(super) struct RoleChange {
    /// The email of the account
    email: String,

    /// What the account may do
    #[arg(value_parser = ["user", "admin"])]
    role: String,

    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
pub(super) struct Account {
    /// The email of the account
    email: String,

    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
pub(super) struct EndAccess {
    /// The email of the account
    #[arg(required_unless_present = "all")]
    email: Option<String>,

    /// Of every account, as after a signing key got into wrong hands
    #[arg(long, conflicts_with = "email")]
    all: bool,

    #[command(flatten)]
    options: Options,
}

pub(super) fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::List(List { largest, options }) => {
            let command = match largest {
                None => control::Command::UserList,
                Some(by) => control::Command::UserLargest { by },
            };
            admin::ask(&options.check()?, command)?;
        }
        Command::Quota(Quota { email, tasks, mib, options }) => {
            let command = control::Command::UserQuota { email, tasks, mib };
            admin::ask(&options.check()?, command)?;
        }
        Command::Add(NewAccount { email, admin, options }) => {
            let config = options.check()?;
            let password = input::new_password()?.into();
            let command = control::Command::UserAdd { email, password, admin };
            let mut task = Task::new(command, &config);
            // The first account may come before the first start.
            task.options.create = true;
            admin::carry_out(&config, task, &mut Screen::new())?;
        }
        Command::Role(RoleChange { email, role, options }) => {
            admin::ask(&options.check()?, control::Command::UserRole { email, role })?;
        }
        Command::SetPassword(Account { email, options }) => {
            let config = options.check()?;
            let password = input::new_password()?.into();
            admin::ask(&config, control::Command::UserSetPassword { email, password })?;
        }
        Command::EndAccess(EndAccess { email, options, .. }) => {
            admin::ask(&options.check()?, control::Command::UserEndAccess { email })?;
        }
        Command::Delete(Account { email, options }) => {
            admin::ask(&options.check()?, control::Command::UserDelete { email })?;
        }
    }
    Ok(())
}
