//! `duly upgrade`

use clap::Args;

use super::admin::{self, Screen};
use super::{CommandError, open_store, output, restore, settings, store_options};
use crate::config::{Config, Options};
use crate::control::client::{self, Order};
use crate::control::{Command, Form, count};
use crate::store::redb;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only try it on a copy; the server may run, and may be of an older version
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    options: Options,
}

/// Does what the first start of a new version does, and nothing else.
pub(super) fn run(arguments: Arguments) -> Result<(), CommandError> {
    let config = settings::of_data(arguments.options)?;
    if arguments.check {
        return rehearse(&config);
    }
    let options = redb::Options { create: false, ..store_options(&config) };
    drop(
        open_store(&config, &options)
            .map_err(|error| admin::in_use(error, "try it with --check"))?,
    );
    output::line(&format!(
        "{} has format {}, the newest that this version knows",
        config.database.path().display(),
        options.formats.newest()
    ))
}

/// Copies the data file, through the server if one runs, and brings the copy up to date.
fn rehearse(config: &Config) -> Result<(), CommandError> {
    let options = store_options(config);
    let (path, copy) = (config.database.path(), restore::scratch(config)?);
    match admin::connect(config)? {
        Some(stream) => {
            let none = Box::new(std::iter::empty());
            let form = Form::Text;
            let order = Order { command: Command::Backup, form, file: Some(&copy) };
            client::ask(&stream, order, none, &mut Screen::new(form))?;
        }
        None => {
            redb::duplicate(path, &copy, &options)
                .map_err(|error| admin::dead(config, error))?;
        }
    }
    let (found, report) = redb::prove(&copy, path, &options)?;
    let newest = options.formats.newest();
    let (users, tasks) = (count(report.users, "user"), count(report.tasks, "task"));
    output::line(&if found == newest {
        format!("format {found} is the newest: nothing to do for {users}, {tasks}")
    } else {
        format!(
            "a copy went from format {found} to {newest}: {users}, {tasks}, all sound"
        )
    })
}
