//! New files that are there whole or not at all.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

/// Makes a file that only its owner may read, under another name first: a crash leaves the whole file
/// or none, and never touches one that was there. Durable, with its name, when this returns.
///
/// # Errors
///
/// Those of `fill`; [`io::ErrorKind::AlreadyExists`] if there is such a file, made by somebody else
/// meanwhile perhaps; and those of the operating system.
pub fn make_private<E: From<io::Error>>(
    path: &Path,
    fill: impl FnOnce(File) -> Result<(), E>,
) -> Result<(), E> {
    // A name that nothing left behind has, so that nothing left behind is written to.
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{:016x}.partial", RandomState::new().hash_one(path)));
    let partial = PathBuf::from(partial);
    let mut options = OpenOptions::new();
    let file =
        options.read(true).write(true).create_new(true).mode(0o600).open(&partial)?;
    let made = fill(file).and_then(|()| {
        File::open(&partial)?.sync_all()?;
        rename_new(&partial, path)?;
        sync_folder(path)?;
        Ok(())
    });
    if made.is_err() {
        // Best effort. After a rename there is nothing under this name.
        drop(std::fs::remove_file(&partial));
    }
    made
}

/// Renames, unless there is something under the new name.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some file systems cannot do both in one step.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            if to.try_exists()? {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            std::fs::rename(from, to)
        }
        outcome => Ok(outcome?),
    }
}

/// Makes the names in the folder of a file durable.
///
/// # Errors
///
/// Those of the operating system.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// The folder that a file is in.
pub fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_file_that_is_there_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let make = |text: &'static [u8]| {
            make_private(&path, |mut file| -> io::Result<()> { file.write_all(text) })
        };
        make(b"one").unwrap();

        assert_eq!(make(b"two").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn a_failure_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let failed = make_private(&path, |_| Err(io::Error::other("full")));
        assert!(failed.is_err());
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
}
