//! `duly user`

use clap::{Args, Subcommand};
use serde_json::Value;

use super::admin::{self, Json, Screen, Task};
use super::confirm::Sure;
use super::{CommandError, input, settings};
use crate::config::{Config, Options};
use crate::control::{self, Form, count};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List accounts: id, role, time of registration, email, tasks, bytes, and whether it is disabled
    List(List),
    /// Show usage and limits of an account, or set its own limits
    Quota(Quota),
    /// Create an account; prompts for the password, or reads it from standard input
    Add(NewAccount),
    /// Create an invitation to register, for one address or for any
    Invite(Invitation),
    /// Give an account the role user or admin
    Role(RoleChange),
    /// Disable an account and end its sessions; its tokens are rejected until it is enabled
    Disable(Account),
    /// Enable a disabled account
    Enable(Account),
    /// Set a password, and end all sessions and tokens; prompts for it, or reads it from standard input
    SetPassword(Account),
    /// End all sessions and personal tokens, and delete stored responses
    EndAccess(EndAccess),
    /// Delete an account with all its data
    Delete(Deletion),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Sort by usage, largest first
    #[arg(long, value_name = "bytes|tasks", value_parser = ["bytes", "tasks"])]
    largest: Option<String>,

    #[command(flatten)]
    json: Json,

    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
pub(super) struct Quota {
    /// Email of the account
    email: String,

    /// Maximum tasks: a number, 0 for no limit, or default for MAX_TASKS_PER_ACCOUNT
    #[arg(long, value_name = "NUMBER")]
    tasks: Option<String>,

    /// Maximum MiB: a number, 0 for no limit, or default for MAX_MIB_PER_ACCOUNT
    #[arg(long, value_name = "NUMBER")]
    mib: Option<String>,

    #[command(flatten)]
    json: Json,

    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
pub(super) struct NewAccount {
    /// Email of the account
    email: String,

    /// Allow the account to manage other accounts
    #[arg(long)]
    admin: bool,

    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
pub(super) struct Invitation {
    /// Address that may use the invitation [default: any]
    email: Option<String>,

    /// Validity in days, 1 to 90 [default: 7]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=90))]
    days: Option<u64>,

    #[command(flatten)]
    json: Json,

    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
pub(super) struct RoleChange {
    /// Email of the account
    email: String,

    /// Role of the account
    #[arg(value_parser = ["user", "admin"])]
    role: String,

    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
pub(super) struct Account {
    /// Email of the account
    email: String,

    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
pub(super) struct Deletion {
    /// Email of the account
    email: String,

    #[command(flatten)]
    sure: Sure,

    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
pub(super) struct EndAccess {
    #[command(flatten)]
    whose: Whose,

    #[command(flatten)]
    sure: Sure,

    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Whose {
    /// Email of the account
    email: Option<String>,

    /// End the access of every account, as after a leak of the signing key
    #[arg(long)]
    all: bool,
}

pub(super) fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::List(List { largest, json, options }) => {
            let command = match largest {
                None => control::Command::UserList,
                Some(by) => control::Command::UserLargest { by },
            };
            admin::ask_in(&settings::of_data(options)?, command, json.form())
        }
        Command::Quota(Quota { email, tasks, mib, json, options }) => {
            let command = control::Command::UserQuota { email, tasks, mib };
            admin::ask_in(&settings::of_data(options)?, command, json.form())
        }
        Command::Add(new) => add(new),
        Command::Invite(Invitation { email, days, json, options }) => {
            let command = control::Command::UserInvite { email, days };
            admin::ask_in(&settings::of_data(options)?, command, json.form())
        }
        Command::Role(RoleChange { email, role, options }) => {
            ask(options, control::Command::UserRole { email, role })
        }
        Command::Disable(Account { email, options }) => {
            ask(options, control::Command::UserDisable { email, disabled: true })
        }
        Command::Enable(Account { email, options }) => {
            ask(options, control::Command::UserDisable { email, disabled: false })
        }
        Command::SetPassword(Account { email, options }) => {
            let config = settings::of_passwords(options)?;
            let password = input::new_password()?.into();
            admin::ask(&config, control::Command::UserSetPassword { email, password })
        }
        Command::EndAccess(EndAccess { whose, sure, options }) => {
            let Whose { email, .. } = whose;
            let config = settings::of_data(options)?;
            if email.is_none() {
                sure.ask(|| {
                    let users =
                        number(admin::look(&config, control::Command::UserList)?.len());
                    Ok(format!("End the access of {}?", count(users, "user")))
                })?;
            }
            admin::ask(&config, control::Command::UserEndAccess { email })
        }
        Command::Delete(Deletion { email, sure, options }) => {
            let config = settings::of_data(options)?;
            sure.ask(|| Ok(format!("Delete {}?", described(&config, &email)?)))?;
            admin::ask(&config, control::Command::UserDelete { email })
        }
    }
}

fn ask(options: Options, command: control::Command) -> Result<(), CommandError> {
    admin::ask(&settings::of_data(options)?, command)
}

fn add(new: NewAccount) -> Result<(), CommandError> {
    let NewAccount { email, admin, options } = new;
    let config = settings::of_passwords(options)?;
    let password = input::new_password()?.into();
    let command = control::Command::UserAdd { email, password, admin };
    let mut task = Task::new(command, &config);
    // The first account may be created before the first start.
    task.options.create = true;
    admin::carry_out(&config, task, &mut Screen::new(Form::Text))
}

/// Describes an account and its usage.
fn described(config: &Config, email: &str) -> Result<String, CommandError> {
    let command =
        control::Command::UserQuota { email: email.to_owned(), tasks: None, mib: None };
    let found = admin::look(config, command)?;
    let tasks = found.first().and_then(|usage| usage.get("tasks"));
    let tasks = tasks.and_then(Value::as_u64).unwrap_or_default();
    Ok(format!("{email} with {} and all other data", count(tasks, "task")))
}

fn number(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
