//! `duly check`

use clap::Args;

use super::admin::{self, Json, Screen, Task};
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

/// Verifies the data file row by row, and page by page if no server has it open: a server checks the pages when
/// it starts. Shows its progress on a terminal.
pub(super) fn run(arguments: Arguments) -> Result<(), CommandError> {
    let config = settings::of_data(arguments.options)?;
    let form = arguments.json.form();
    let mut task = Task { form, ..Task::new(Command::Check, &config) };
    task.options.check_pages = true;
    // A check reports the file as it is, so it purges nothing.
    task.options.purge_slice = 0;
    admin::carry_out(&config, task, &mut Screen::new(form))
}
