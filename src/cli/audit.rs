//! `duly audit`

use clap::Args;

use super::admin::{self, Json};
use super::{CommandError, settings};
use crate::config::Options;
use crate::control::Command;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    json: Json,

    #[command(flatten)]
    options: Options,
}

/// Lists actions of administrators and the operator.
pub(super) fn run(arguments: Arguments) -> Result<(), CommandError> {
    let config = settings::of_data(arguments.options)?;
    admin::ask_in(&config, Command::Audit, arguments.json.form())
}
