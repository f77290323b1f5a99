//! `duly openapi`

use clap::Args;

use super::{CommandError, output};
use crate::config::Options;
use crate::http;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Print YAML instead of JSON
    #[arg(long)]
    yaml: bool,

    #[command(flatten)]
    options: Options,
}

/// Prints the document that the server would serve with these settings.
pub(super) fn run(arguments: Arguments) -> Result<(), CommandError> {
    let document = http::document(&arguments.options.check()?);
    if arguments.yaml {
        output::text_only(&http::to_yaml(&document))
    } else {
        output::line(&format!("{document:#}"))
    }
}
