//! Errors of the operating system, with the cause and the remedy in words.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::process::geteuid;

use super::folder_of;

/// Explains why no file could be created at a path: mostly the folder refuses it. Keeps the kind of the error.
pub fn not_made(place: &Path, error: io::Error) -> io::Error {
    use io::ErrorKind as K;
    let (folder, user) = (folder_of(place), geteuid().as_raw());
    let shown = folder.display();
    let why = match error.kind() {
        K::NotFound => format!("the folder {shown} does not exist"),
        K::NotADirectory => format!("{shown} is not a folder"),
        K::ReadOnlyFilesystem => {
            format!("the folder {shown} is on a file system that is mounted read-only")
        }
        K::PermissionDenied => {
            let owner = folder.metadata().map(|found| found.uid());
            let owner =
                owner.map_or_else(|_| String::new(), |uid| format!(" of user {uid}"));
            format!(
                "user {user}, who runs Duly, may not write to the folder {shown}{owner}"
            )
        }
        _ => return error,
    };
    io::Error::new(error.kind(), why)
}

/// Explains why an existing file could not be opened. Keeps the kind of the error.
pub fn not_opened(path: &Path, error: io::Error) -> io::Error {
    let user = geteuid().as_raw();
    match (error.kind(), path.metadata()) {
        (io::ErrorKind::PermissionDenied, Ok(found)) => {
            let why = format!(
                "user {user}, who runs Duly, may not open it; it belongs to user {} and has mode {:o}",
                found.uid(),
                found.mode() & 0o7777
            );
            io::Error::new(error.kind(), why)
        }
        (io::ErrorKind::PermissionDenied, Err(_)) => {
            let folder = folder_of(path);
            let why = format!(
                "user {user}, who runs Duly, may not access the folder {}",
                folder.display()
            );
            io::Error::new(error.kind(), why)
        }
        (io::ErrorKind::ReadOnlyFilesystem, _) => {
            io::Error::new(error.kind(), "its file system is mounted read-only")
        }
        _ => error,
    }
}

/// Whether the error needs another setting or permission, so that a retry would not help.
pub fn is_lasting(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(
        error.kind(),
        K::NotFound | K::NotADirectory | K::PermissionDenied | K::ReadOnlyFilesystem
    )
}
