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
    let config = arguments.options.check()?;
    let document = http::document(&config.project_name, &config.api_prefix);
    if arguments.yaml {
        output::text_only(&http::to_yaml(&document))
    } else {
        output::line(&format!("{document:#}"))
    }
}
