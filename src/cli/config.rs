//! `duly config`

use super::output;
use crate::config::Config;

/// Prints what `.env` would have to hold for the same settings.
pub(super) fn run(config: &Config) {
    for (variable, value) in config.describe() {
        output::line(&format!("{variable}={value}"));
    }
}
