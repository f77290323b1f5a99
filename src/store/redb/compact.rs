//! Making a data file small again: redb keeps the room of what was deleted.
//!
//! The rows are copied to a new file, which is made as small as redb can make it, is proven as a backup is, and takes the
//! place of the old one. redb would make a file small in its place as well, but cannot be stopped then, and a crash
//! leaves a file that has to be repaired. Sizes, of 10,240 tasks of 2 KB, and after all but one were deleted:
//!
//! | | full | emptied |
//! |---|---|---|
//! | as the server left it | 39.8 MB | 21.8 MB |
//! | made small in its place | 26.3 MB | 53 kB |
//! | copied | 35.7 MB | 74 kB |
//! | copied and made small | 24.5 MB | 70 kB |

use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use redb::ReadableTableMetadata as _;

use super::key::Table;
use super::options::Options;
use super::space::has_room;
use super::verify::Report;
use super::{CopyError, Progress, RedbStore, table};
use crate::files::{give_to_owner_of, replace};
use crate::store::StoreError;

/// What became of the data file.
#[derive(Debug)]
pub struct Compacted {
    /// Its size before, in bytes.
    pub before: u64,
    /// Its size now, in bytes.
    pub after: u64,
    /// What the check has seen in it.
    pub report: Report,
}

/// Puts a small copy of a data file that nobody has open in its place, with the owner and the mode that it had.
///
/// A crash leaves the old file or the new one, both whole. A file that would not become smaller stays.
///
/// # Errors
///
/// Whatever is wrong with the file or the copy; [`io::ErrorKind::StorageFull`] if the disk has no room for both. The
/// file is then as it was.
pub fn compact(
    path: &Path,
    options: &Options,
    progress: &mut Progress<'_>,
) -> Result<Compacted, CopyError> {
    let options =
        Options { create: false, upgrade: false, purge_slice: 0, ..options.clone() };
    // Held until the end, so that no server opens the file meanwhile.
    let store = RedbStore::open(path, &options)?;
    // Where the file is, if its name only points there.
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
    /// Bytes that a copy of all rows takes, about.
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

/// What the server could write before, it can write afterwards.
fn keep_rights(file: &File, place: &Path, old: &Metadata) -> io::Result<()> {
    give_to_owner_of(file, place)?;
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        let why = format!(
            "only user {} and root can do this without taking the file from its owner",
            old.uid()
        );
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    file.set_permissions(Permissions::from_mode(old.mode() & 0o7777))
}

/// Why the old file stays.
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
