//! `duly compact`

use super::progress::Bar;
use super::{CommandError, output, settings, store_options};
use crate::config::Options;
use crate::control::{Failure, contents, count};
use crate::domain::progress::Step;
use crate::store::OpenError;
use crate::store::redb::{self, Compacted, CopyError, Progress};

/// Compacts the data file, which no server may have open.
pub(super) fn run(options: Options) -> Result<(), CommandError> {
    let config = &settings::of_data(options)?;
    let path = config.database.path();
    let (bar, options) = (Bar::get(), store_options(config));
    let mut tell = bar.part(0, Step::WHOLE);
    let outcome = redb::compact(path, &options, &mut Progress::new(&mut tell));
    bar.clear();
    let Compacted { before, after, report } = outcome.map_err(refused)?;
    let (path, was, is) = (path.display(), size(before), size(after));
    output::line(&if after < before {
        format!("compacted {path} from {was} to {is}")
    } else {
        format!("{path} has {was} and cannot become smaller")
    })?;
    output::line(&format!("{}, all verified", contents(&report)))?;
    if report.to_purge > 0 {
        output::line(&format!(
            "{} of deleted accounts left: run the server to remove them, then compact again",
            count(report.to_purge, "row")
        ))?;
    }
    Ok(())
}

fn refused(error: CopyError) -> CommandError {
    match error {
        CopyError::Copy(error @ OpenError::InUse { .. }) => {
            let advice = "stop the server, run this command, and start the server again";
            Failure::new(Failure::IN_USE, format!("{error}: {advice}")).into()
        }
        CopyError::Copy(error) => error.into(),
        error => Failure::from(error).into(),
    }
}

/// Formats a size for people.
fn size(bytes: u64) -> String {
    let (unit, shift) = if bytes < 1 << 20 { ("KiB", 10) } else { ("MiB", 20) };
    let tenths = bytes.saturating_mul(10) >> shift;
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}
