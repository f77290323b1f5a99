//! Limits on the size of files (`ulimit -f`, systemd's `LimitFSIZE=`).

use std::io;

use rustix::process::Signal;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// From now on a write beyond the limit fails as on a full disk. Without this the system ends the process
/// with SIGXFSZ, in the middle of whatever it does.
///
/// # Errors
///
/// Those of the operating system.
pub(super) fn survive() -> io::Result<()> {
    // A handler once set outlives the runtime that it was set from, and nobody needs to hear of the signal.
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let _guard = runtime.enter();
    signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
}
