//! `duly user`

use std::sync::Arc;

use clap::{Args, Subcommand};

use super::{CommandError, input, open_store, output};
use crate::auth::password::{Cost, Hasher};
use crate::auth::token::AccessTokens;
use crate::clock::SystemClock;
use crate::config::{Config, Options, TokenAlgorithm};
use crate::random::{Random as _, SystemRandom};
use crate::service::{self, NewAccount, Parts, Service};
use crate::store::Store;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List accounts: id, role, time of registration, email
    List(Options),
    /// Make an account; the password is asked for, or read from standard input
    Add(Account),
    /// Set a password and end all sessions; it is asked for, or read from standard input
    SetPassword(Account),
    /// Delete an account with its tasks and all else
    Delete(Account),
}

#[derive(Debug, Args)]
pub(super) struct Account {
    /// The email of the account
    email: String,

    #[command(flatten)]
    options: Options,
}

/// How many accounts are read at a time.
const PAGE: usize = 1000;

#[tokio::main(flavor = "current_thread")]
pub(super) async fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::List(options) => list(&options.check()?).await,
        Command::Add(Account { email, options }) => {
            let config = options.check()?;
            let new = NewAccount { email, password: input::new_password()? };
            let service = service(&config, true)?;
            let user = service.user_register(new, None).await.map_err(explained)?;
            output::line(&format!("added user {}", user.id));
            Ok(())
        }
        Command::SetPassword(Account { email, options }) => {
            let config = options.check()?;
            let password = input::new_password()?;
            let service = service(&config, false)?;
            service.user_set_password(&email, password).await.map_err(explained)?;
            output::line("password set, all sessions ended");
            Ok(())
        }
        Command::Delete(Account { email, options }) => {
            service(&options.check()?, false)?.user_delete(&email).await?;
            output::line("deleted");
            Ok(())
        }
    }
}

async fn list(config: &Config) -> Result<(), CommandError> {
    let store = open_store(config, false, false)?;
    let mut after = None;
    loop {
        let users = store.user_list(after, PAGE).await?;
        for user in &users {
            let (id, role, at) = (user.id, user.role.as_str(), user.created_at);
            output::line(&format!("{id}\t{role}\t{at}\t{}", user.email.as_str()));
        }
        match users.last() {
            Some(last) => after = Some(last.id),
            None => return Ok(()),
        }
    }
}

/// The program without a front door. Its tokens are never shown to anybody.
fn service(config: &Config, create: bool) -> Result<Service, CommandError> {
    let random = Arc::new(SystemRandom);
    let failed = || CommandError::io("the service could not be started");
    let mut key = [0; 32];
    random.fill(&mut key).map_err(failed())?;
    Ok(Service::new(Parts {
        store: Arc::new(open_store(config, create, false)?),
        hasher: Hasher::start(Cost::OWASP, 1, Arc::<SystemRandom>::clone(&random))
            .map_err(failed())?,
        tokens: AccessTokens::new(
            &key,
            TokenAlgorithm::Hs256,
            config.access_token_lifetime,
        ),
        throttle: None,
        clock: Arc::new(SystemClock),
        random,
    }))
}

/// Spells out which field was refused.
fn explained(error: service::Error) -> CommandError {
    match error {
        service::Error::Invalid(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|error| format!("{} {}", error.field, error.message))
                .collect();
            CommandError::Usage(fields.join("; "))
        }
        other => other.into(),
    }
}
