//! Checks of the path of the data file.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use crate::config::BRING_OVER;
use crate::files::{folder_of, is_lasting, not_opened};
use crate::store::OpenError;
use crate::store::redb::file::database::io_error;

/// Header of an SQLite database (<https://www.sqlite.org/fileformat.html>).
const SQLITE: &[u8; 16] = b"SQLite format 3\0";

/// Refuses a path that cannot be a data file before opening it: a pipe never opens. A missing file is fine.
pub(in crate::store::redb) fn check(path: &Path) -> Result<(), OpenError> {
    let found = match path.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => found.map_err(|error| refused(path, error))?,
    };
    if found.is_dir() {
        let file = path.join("duly.redb");
        let example =
            format!("is a folder: name a file in it, such as {}", file.display());
        return Err(unusable(path, example));
    }
    if !found.is_file() {
        return Err(unusable(path, "is not a regular file: name another one"));
    }
    let file = File::options().read(true).write(true).open(path);
    let mut file = file.map_err(|error| refused(path, error))?;
    let mut begin = [0; SQLITE.len()];
    // redb judges a file that is too short.
    if file.read_exact(&mut begin).is_ok() && begin == *SQLITE {
        let why = format!(
            "is an SQLite database, which Duly does not support: name another file. {BRING_OVER}"
        );
        return Err(unusable(path, why));
    }
    Ok(())
}

/// Returns the error for an existing file that cannot be opened.
pub(in crate::store::redb) fn refused(path: &Path, error: io::Error) -> OpenError {
    if is_lasting(&error) && error.kind() != ErrorKind::NotFound {
        return unusable(path, format!("cannot be opened: {}", not_opened(path, error)));
    }
    io_error(path, &error)
}

/// Returns the error for a file that cannot be created.
pub(in crate::store::redb) fn not_made(path: &Path, error: &io::Error) -> OpenError {
    if is_lasting(error) {
        let folder = folder_of(path);
        let help = format!(
            "make the folder {} writable for this user, or name another",
            folder.display()
        );
        return unusable(path, format!("cannot be created: {error}; {help}"));
    }
    io_error(path, error)
}

fn unusable(path: &Path, why: impl Into<String>) -> OpenError {
    OpenError::Unusable { path: path.to_owned(), why: why.into() }
}
