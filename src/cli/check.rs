//! `duly check`

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{CommandError, open_store, output};
use crate::config::Config;

/// Verifies the data file, page by page and row by row. Shows its progress on a terminal.
pub(super) fn run(config: &Config) -> Result<(), CommandError> {
    let store = open_store(config, false, true)?;
    // Hidden unless standard error is a terminal.
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent}% {pos} rows") {
        bar.set_style(style);
    }
    let report = store.verify(&mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    for finding in &report.findings {
        output::line(finding);
    }
    output::line(&format!(
        "{} users, {} sessions, {} tasks, {} rows to purge: {} problems",
        report.users, report.sessions, report.tasks, report.to_purge, report.problems
    ));
    if report.problems == 0 {
        Ok(())
    } else {
        let path = config.database.path().display();
        Err(CommandError::Damaged(format!("{path} is damaged: restore a backup")))
    }
}
