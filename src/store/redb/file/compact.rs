//! Compaction of a data file: redb keeps the space of deleted rows.
//!
//! The rows are copied to a new file, which redb compacts, which is verified like a backup, and which replaces the old
//! file. redb can also compact a file in place, but cannot be stopped then, and a crash leaves a file that needs a
//! repair. Sizes with 10,240 tasks of 2 KB, and after all but one were deleted:
//!
//! | | full | emptied |
//! |---|---|---|
//! | as the server left it | 39.8 MB | 21.8 MB |
//! | compacted in place | 26.3 MB | 53 kB |
//! | copied | 35.7 MB | 74 kB |
//! | copied and compacted | 24.5 MB | 70 kB |

use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use redb::ReadableTableMetadata as _;

use crate::files::{give_to_owner_of, replace};
use crate::store::StoreError;
use crate::store::redb::engine::space::has_room;
use crate::store::redb::file::verify::Report;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::table;
use crate::store::redb::options::Options;
use crate::store::redb::{CopyError, Progress, RedbStore};

/// Result of a compaction.
#[derive(Debug)]
pub struct Compacted {
    /// Size before, in bytes.
    pub before: u64,
    /// Size now, in bytes.
    pub after: u64,
    /// Report of the check.
    pub report: Report,
}

/// Replaces a data file that is not open with a compact copy, which keeps its owner and mode.
///
/// A crash leaves the old file or the new one, both whole. A file that would not become smaller stays.
///
/// # Errors
///
/// Any defect of the file or the copy; [`io::ErrorKind::StorageFull`] if the disk has no room for both. The file is
/// unchanged then.
pub fn compact(
    path: &Path,
    options: &Options,
    progress: &mut Progress<'_>,
) -> Result<Compacted, CopyError> {
    let options =
        Options { create: false, upgrade: false, purge_slice: 0, ..options.clone() };
    // Held until the end, so that no server opens the file meanwhile.
    let store = RedbStore::open(path, &options)?;
    // The file itself, if the path is a symbolic link.
    let place = path.canonicalize()?;
    let old = place.metadata()?;
    let mut report = Report::default();
    let mut after = old.len();
    let replaced = replace(&place, |file| {
        keep_rights(&file, &place, &old)?;
        has_room(&file, store.needed()?.saturating_add(options.reserve_bytes))?;
        report = store.copy_small(&file, path, progress)?;
        let new = file.metadata()?.len();
        if new >= old.len() {
            return Err(Kept::AsSmall);
        }
        after = new;
        Ok(())
    });
    match replaced {
        Ok(()) | Err(Kept::AsSmall) => Ok(Compacted { before: old.len(), after, report }),
        Err(Kept::Failed(error)) => Err(error),
    }
}

impl RedbStore {
    /// Estimates the bytes that a copy of all rows takes.
    fn needed(&self) -> Result<u64, StoreError> {
        self.read(|txn| {
            let mut bytes = 0_u64;
            for place in Table::ALL {
                let stats = table::open(txn, place)?.stats()?;
                bytes = bytes
                    .saturating_add(stats.stored_bytes())
                    .saturating_add(stats.metadata_bytes());
            }
            Ok(bytes)
        })
    }
}

/// Gives the copy the owner and mode of the old file, so that the server can still write it.
fn keep_rights(file: &File, place: &Path, old: &Metadata) -> io::Result<()> {
    give_to_owner_of(file, place)?;
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        let why = format!(
            "the compacted file would change its owner: run this command as user {} or root",
            old.uid()
        );
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    file.set_permissions(Permissions::from_mode(old.mode() & 0o7777))
}

/// Reason that the old file stays.
enum Kept {
    AsSmall,
    Failed(CopyError),
}

impl From<io::Error> for Kept {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<StoreError> for Kept {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<CopyError> for Kept {
    fn from(error: CopyError) -> Self {
        Self::Failed(error)
    }
}
