//! Atomic creation and replacement of files.

mod blame;
mod left_behind;
mod partial;

use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

pub use self::blame::{is_lasting, not_made, not_opened};
pub use self::left_behind::remove_unless_written;
use self::partial::Partial;
pub use self::partial::{PARTIAL, abandon};

/// Creates a file that only its owner can read, under another name first.
///
/// A crash leaves the whole file or none, and an existing file stays untouched. The file and its name are durable when
/// this returns.
///
/// # Errors
///
/// The errors of `fill`; [`io::ErrorKind::AlreadyExists`] if the file exists, perhaps created by another process
/// meanwhile; and errors of the operating system.
pub fn make_private<E: From<io::Error>>(
    path: &Path,
    fill: impl FnOnce(File) -> Result<(), E>,
) -> Result<(), E> {
    make_whole(path, fill, |partial| rename_new(partial, path))
}

/// Replaces an existing file. A crash leaves the old file or the new one in place, both whole. Durable when this
/// returns.
///
/// # Errors
///
/// The errors of `fill`, and errors of the operating system. The old file is then still in place, unless only the new
/// name could not be made durable.
pub fn replace<E: From<io::Error>>(
    path: &Path,
    fill: impl FnOnce(File) -> Result<(), E>,
) -> Result<(), E> {
    make_whole(path, fill, |partial| std::fs::rename(partial, path))
}

/// Fills a file under a unique name, and renames it when it is whole and on disk.
fn make_whole<E: From<io::Error>>(
    path: &Path,
    fill: impl FnOnce(File) -> Result<(), E>,
    rename: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<(), E> {
    left_behind::remove_left_behind(path);
    let partial = Partial::create(path)?;
    fill(partial.file.try_clone()?)?;
    Ok(partial.name(path, rename)?)
}

/// Replaces an existing file with a new one of the same owner, and keeps the old one under another name. A crash leaves
/// the old file or the new one in place, both whole. Durable when this returns.
///
/// # Errors
///
/// The errors of `fill`; [`io::ErrorKind::AlreadyExists`] if the name for the old file is taken; and errors of the
/// operating system. The old file is then still in place, unless only the new name could not be made durable.
pub fn replace_private<E: From<io::Error>>(
    path: &Path,
    keep: &Path,
    fill: impl FnOnce(File) -> Result<(), E>,
) -> Result<(), E> {
    left_behind::remove_left_behind(path);
    let partial = Partial::create(path)?;
    give_to_owner_of(&partial.file, path)?;
    fill(partial.file.try_clone()?)?;
    let mut is_kept = false;
    // A second name first, so that the old file always has one.
    let linked = partial.name(path, |partial| {
        std::fs::hard_link(path, keep)?;
        is_kept = true;
        sync_folder(path)?;
        std::fs::rename(partial, path)
    });
    match linked {
        Err(error) if !is_kept && is_unsupported(&error) => {
            make_private(keep, |mut copy| {
                io::copy(&mut File::open(path)?, &mut copy).map(|_| ())
            })?;
            Ok(partial.name(path, |partial| std::fs::rename(partial, path))?)
        }
        linked => Ok(linked?),
    }
}

/// Copies owner and group from the file at `path`, or its directory, as far as the operating system permits: a server
/// must be able to write files that the administrator creates for it.
///
/// # Errors
///
/// Errors of the operating system, except a refusal.
pub fn give_to_owner_of(file: &File, path: &Path) -> io::Result<()> {
    let owner = match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            std::fs::metadata(folder_of(path))
        }
        found => found,
    }?;
    let own = file.metadata()?;
    if (own.uid(), own.gid()) == (owner.uid(), owner.gid()) {
        return Ok(());
    }
    match fchown(file, Some(owner.uid()), Some(owner.gid())) {
        Err(error) if error.kind() != io::ErrorKind::PermissionDenied => Err(error),
        _ => Ok(()),
    }
}

/// Whether an open file is the one at a path now.
///
/// # Errors
///
/// Errors of the operating system.
pub fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let (open, there) = (file.metadata()?, std::fs::metadata(path)?);
    Ok((open.dev(), open.ino()) == (there.dev(), there.ino()))
}

/// Returns the first free name: `path.ending`, `path.ending.2` and so on.
///
/// # Errors
///
/// Errors of the operating system.
pub fn free_name(path: &Path, ending: &str) -> io::Result<PathBuf> {
    for number in 1_u64.. {
        let mut name = path.as_os_str().to_owned();
        name.push(".");
        name.push(ending);
        if number > 1 {
            name.push(format!(".{number}"));
        }
        let name = PathBuf::from(name);
        match std::fs::symlink_metadata(&name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(name),
            outcome => outcome.map(|_| ())?,
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn is_unsupported(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(error.kind(), K::Unsupported | K::PermissionDenied)
        || error.raw_os_error() == Some(Errno::PERM.raw_os_error())
}

/// Renames a file, unless the new name is taken.
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
/// Errors of the operating system.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// Returns the folder of a file.
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
    fn a_file_that_is_replaced_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "one").unwrap();
        let keep = free_name(&path, "before").unwrap();
        let replace = |text: &'static [u8]| {
            replace_private(&path, &keep, |mut file| -> io::Result<()> {
                file.write_all(text)
            })
        };
        replace(b"two").unwrap();

        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read(&keep).unwrap(), b"one");
        // Not a second time under the same name.
        assert_eq!(replace(b"three").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(free_name(&path, "before").unwrap(), folder.path().join("a.before.2"));
        assert_eq!(folder.path().read_dir().unwrap().count(), 2);
    }

    #[test]
    fn a_file_that_got_its_name_is_not_locked_for_the_sake_of_a_copy_of_its_descriptor() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut copy = None;
        make_private(&path, |file| -> io::Result<()> {
            copy = Some(file);
            Ok(())
        })
        .unwrap();

        File::open(&path).unwrap().try_lock().unwrap();
        drop(copy);
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
