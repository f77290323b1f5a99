//! `duly upgrade`

use clap::Args;

use super::admin::{self, Screen};
use super::progress::Bar;
use super::{CommandError, output, restore, settings, store_options};
use crate::config::{Config, Options};
use crate::control::client::{self, Order};
use crate::control::{Command, Form, count};
use crate::domain::progress::Step;
use crate::store::redb::{self, Progress, RedbStore};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only test the upgrade on a copy; the server may run, also in an older version
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    options: Options,
}

/// Upgrades the data file as the first start of a new version does, and does nothing else.
pub(super) fn run(arguments: Arguments) -> Result<(), CommandError> {
    let config = settings::of_data(arguments.options)?;
    if arguments.check {
        return rehearse(&config);
    }
    let options = redb::Options { create: false, ..store_options(&config) };
    let bar = Bar::get();
    let mut tell = bar.part(0, Step::WHOLE);
    let progress = &mut Progress::new(&mut tell);
    let opened = RedbStore::open_watched(config.database.path(), &options, progress);
    bar.clear();
    drop(opened.map_err(|error| admin::in_use(error, "test the upgrade with --check"))?);
    output::line(&format!(
        "{} has format {}, the newest that this version supports",
        config.database.path().display(),
        redb::FORMAT
    ))
}

/// Share of a rehearsal's time that copying the file takes, in thousandths, measured with 200,000 tasks.
const COPY: u16 = 60;

/// The same share, where a server makes the copy.
const BACKUP: u16 = 550;

/// Copies the data file, through the server if one runs, and upgrades the copy.
fn rehearse(config: &Config) -> Result<(), CommandError> {
    let options = store_options(config);
    let (path, copy) = (config.database.path(), restore::scratch(config)?);
    let (bar, server) = (Bar::get(), admin::connect(config)?);
    let copied = if server.is_some() { BACKUP } else { COPY };
    match server {
        Some(stream) => {
            let none = Box::new(std::iter::empty());
            let form = Form::Text;
            let order = Order { command: Command::Backup, form, file: Some(&copy) };
            let screen = &mut Screen::part(copied);
            client::ask(&stream, order, none, screen).inspect_err(|_| bar.clear())?;
        }
        None => {
            let mut tell = bar.part(0, copied);
            let progress = &mut Progress::new(&mut tell);
            redb::duplicate(path, &copy, &options, progress)
                .map_err(|error| admin::dead(config, error))?;
        }
    }
    let mut tell = bar.part(copied, Step::WHOLE);
    let proven = redb::prove(&copy, path, &options, &mut Progress::new(&mut tell));
    bar.clear();
    let (found, report) = proven?;
    let newest = redb::FORMAT;
    let (users, tasks) = (count(report.users, "user"), count(report.tasks, "task"));
    output::line(&if found == newest {
        format!("format {found} is the newest: nothing to do for {users}, {tasks}")
    } else {
        format!(
            "upgraded a copy from format {found} to {newest}: {users}, {tasks}, all verified"
        )
    })
}
