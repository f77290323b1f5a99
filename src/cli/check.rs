//! `duly check`

use super::CommandError;
use super::admin::{self, Screen, Task};
use crate::config::Config;
use crate::control::Command;

/// Verifies the data file row by row, and page by page unless a server has it open, which does that when it
/// starts. Shows its progress on a
/// terminal.
pub(super) fn run(config: &Config) -> Result<(), CommandError> {
    let mut task = Task::new(Command::Check, config);
    task.options.check_pages = true;
    // It should say what is there.
    task.options.purge_slice = 0;
    admin::carry_out(config, task, &mut Screen::new())
}
