//! Removal of partial files that killed processes left behind.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};

use super::{PARTIAL, folder_of};

/// Removes partial files that were left behind for this path. Best effort.
pub(super) fn remove_left_behind(place: &Path) {
    let Some(name) = place.file_name() else { return };
    let is_ours = |found: &[u8]| {
        let mark = found
            .strip_prefix(name.as_encoded_bytes())
            .and_then(|rest| rest.strip_prefix(b"."))
            .and_then(|rest| rest.strip_suffix(PARTIAL.as_bytes()));
        mark.is_some_and(|it| it.len() == 16 && it.iter().all(u8::is_ascii_hexdigit))
    };
    let Ok(folder) = std::fs::read_dir(folder_of(place)) else { return };
    for entry in folder.flatten() {
        if is_ours(entry.file_name().as_encoded_bytes()) {
            drop(remove_unless_written(&entry.path()));
        }
    }
}

/// Removes a partial file, unless a process is writing to it.
///
/// # Errors
///
/// Errors of the operating system.
pub fn remove_unless_written(path: &Path) -> io::Result<()> {
    // Neither follows a link nor waits for the other end of a pipe.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(open(path, flags, Mode::empty()).map_err(io::Error::from)?);
    if !file.metadata()?.is_file() {
        return Ok(());
    }
    match file.try_lock() {
        Ok(()) => std::fs::remove_file(path),
        Err(_) => Ok(()),
    }
}
