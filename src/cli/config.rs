//! `duly config`

use super::{CommandError, output};
use crate::config::Config;

/// Prints the lines of an `.env` file with the same settings.
pub(super) fn run(config: &Config) -> Result<(), CommandError> {
    for (variable, value) in config.describe() {
        let plain = |c: char| c.is_alphanumeric() || "-_./:,@+=()".contains(c);
        if value.chars().all(plain) {
            output::line(&format!("{variable}={value}"))?;
        } else {
            output::line(&format!("{variable}='{value}'"))?;
        }
    }
    Ok(())
}
