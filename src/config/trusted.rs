//! Trusted files: settings and keys.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::process::geteuid;

use crate::files::folder_of;

/// Maximum number of links on the way to a file, as on Linux.
const MAX_LINKS: usize = 40;

/// Opens a file that belongs to root or to the user of this process, as must the links that lead to it.
///
/// # Errors
///
/// [`io::ErrorKind::PermissionDenied`] naming the owner and the `chown` if it belongs to another user, and errors of
/// the operating system.
pub(super) fn open(path: &Path) -> io::Result<(File, Metadata)> {
    owner_of_links(path)?;
    // Checked before it is opened: another user's pipe would block forever.
    owner("file", "chown", path, &path.metadata()?)?;
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    owner("file", "chown", path, &metadata)?;
    Ok((file, metadata))
}

/// Checks the owners of links: the owner of a link chooses the file that it leads to.
fn owner_of_links(path: &Path) -> io::Result<()> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        // A path that cannot be examined is no link, or cannot be opened either.
        let Ok(found) = path.symlink_metadata() else { return Ok(()) };
        if !found.is_symlink() {
            return Ok(());
        }
        owner("link", "chown -h", &path, &found)?;
        path = folder_of(&path).join(path.read_link()?);
    }
    Ok(())
}

fn owner(kind: &str, chown: &str, path: &Path, found: &Metadata) -> io::Result<()> {
    let (uid, own) = (found.uid(), geteuid().as_raw());
    if uid == 0 || uid == own {
        return Ok(());
    }
    let why = format!(
        "the {kind} belongs to user {uid}, but must belong to root or to the user who runs Duly: run {chown} {own} {}",
        path.display()
    );
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}
