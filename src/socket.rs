//! Unix socket files: created, replaced when stale, removed at the end.

use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// Maximum length of a socket path, in bytes: the size of `sockaddr_un`.
pub const MAX_PATH: usize = 107;

/// A socket file. Removed when dropped.
#[derive(Debug)]
pub struct RemoveOnDrop(PathBuf);

impl RemoveOnDrop {
    /// Returns the path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::debug!(%error, "the socket could not be removed");
        }
    }
}

/// Listens at a path. A stale socket file, without a listener, is replaced.
///
/// # Errors
///
/// Fails if another process is listening on this socket, or the path may not be used.
pub async fn bind(path: &Path) -> io::Result<(UnixListener, RemoveOnDrop)> {
    remove_stale(path).await?;
    let listener = UnixListener::bind(path)?;
    Ok((listener, RemoveOnDrop(path.to_owned())))
}

async fn remove_stale(path: &Path) -> io::Result<()> {
    use io::ErrorKind as K;
    let outcome = UnixStream::connect(path).await.map_err(|error| error.kind());
    let Ok(found) = std::fs::symlink_metadata(path) else {
        // Binding reports the error, if any.
        return Ok(());
    };
    let taken = |why: String| Err(io::Error::new(K::AddrInUse, why));
    match outcome {
        Ok(_) => taken("another process is listening on this socket".to_owned()),
        // A file that is no socket refuses connections as well, and must not be removed.
        Err(_) if !found.file_type().is_socket() => {
            taken("the path exists and is not a socket".to_owned())
        }
        Err(K::ConnectionRefused) => match std::fs::remove_file(path) {
            Err(error) if error.kind() == K::PermissionDenied => taken(format!(
                "user {} left a stale socket at this path: remove it as that user or as root",
                found.uid()
            )),
            removed => removed,
        },
        Err(K::PermissionDenied) => {
            taken(format!("the socket at this path belongs to user {}", found.uid()))
        }
        Err(_) => Ok(()),
    }
}
