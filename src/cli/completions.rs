//! `duly completions`

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Cli, CommandError, help, output};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Shell to print the script for
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut help::arranged(Cli::command()),
        "duly",
        &mut script,
    );
    output::text_only(&String::from_utf8_lossy(&script))
}
