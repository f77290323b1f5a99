//! `duly man`

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};
use clap_mangen::Man;

use super::{Cli, CommandError, help, output};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Write one page per command to this folder, such as /usr/local/share/man/man1
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
}

/// Prints the manual page of the program, or writes the pages of all commands.
pub(super) fn run(arguments: &Arguments) -> Result<(), CommandError> {
    let command = help::arranged(Cli::command());
    if let Some(folder) = &arguments.to {
        let what = format!("could not write manual pages to {}", folder.display());
        return clap_mangen::generate_to(command, folder).map_err(CommandError::io(what));
    }
    let mut page = Vec::new();
    Man::new(command)
        .render(&mut page)
        .map_err(CommandError::io("could not create the manual page"))?;
    output::text_only(&String::from_utf8_lossy(&page))
}
