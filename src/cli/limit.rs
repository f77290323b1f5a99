//! Limits that the operating system sets: on the size of files (`ulimit -f`, systemd's `LimitFSIZE=`), on the number
//! of open ones (`ulimit -n`, `LimitNOFILE=`), on who may look into this process, and on what a stray signal does.

use std::io;

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::ConfigError;

/// Open files beside connections: the data file, sockets, backups, and connections that are just being closed.
const OTHER_FILES: u64 = 64;

/// Signals that would end the process, and that nobody sends to say so: of timers, of descriptors, of a power supply,
/// and those without a meaning of their own.
#[cfg(target_os = "linux")]
const STRAY: &[Signal] = &[
    Signal::USR1,
    Signal::USR2,
    Signal::ALARM,
    Signal::VTALARM,
    Signal::PROF,
    Signal::IO,
    Signal::POWER,
    Signal::STKFLT,
];
#[cfg(not(target_os = "linux"))]
const STRAY: &[Signal] =
    &[Signal::USR1, Signal::USR2, Signal::ALARM, Signal::VTALARM, Signal::PROF];

/// Numbers of real-time signals; a C library keeps the first of them for itself.
const REAL_TIME: std::ops::RangeInclusive<i32> = 32..=64;

/// From now on signals that mean nothing here do not end the process, and a write beyond the limit fails as on a full
/// disk. Without this the system ends the process with SIGXFSZ, in the middle of whatever it does.
///
/// # Errors
///
/// Those of the operating system.
pub(super) fn survive() -> io::Result<()> {
    // A handler once set outlives the runtime that it was set from, and nobody needs to hear of the signal.
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let _guard = runtime.enter();
    for stray in STRAY.iter().chain(&[Signal::XFSZ]) {
        signal(SignalKind::from_raw(stray.as_raw())).map(drop)?;
    }
    for number in REAL_TIME {
        // Not every system has all of them.
        drop(signal(SignalKind::from_raw(number)));
    }
    Ok(())
}

/// Raises the number of files that may be open to what the system allows, so that there is one for each of so many
/// connections. Shells and service managers set it low for the sake of old programs.
///
/// # Errors
///
/// When the system does not allow so many.
pub(super) fn open_files(connections: usize) -> Result<(), ConfigError> {
    let needed =
        u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OTHER_FILES);
    let limit = getrlimit(Resource::Nofile);
    // Where there is no highest number, the system still takes no more than it has.
    let wanted = limit.maximum.unwrap_or(needed);
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = Rlimit { current: Some(wanted), ..limit };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, "the number of open files cannot be raised");
        }
    }
    match getrlimit(Resource::Nofile).current {
        Some(allowed) if allowed < needed => Err(ConfigError {
            variable: "MAX_CONNECTIONS",
            reason: format!(
                "needs {needed} open files, and the system allows {allowed}: raise its limit (ulimit -n, LimitNOFILE=), or lower the setting"
            ),
        }),
        _ => Ok(()),
    }
}

/// From now on a crash leaves no image of the memory, with passwords in it, and on Linux nobody but root can read the
/// memory or the environment of this process in `/proc`.
///
/// # Errors
///
/// Those of the operating system.
pub(super) fn hide() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(
        rustix::process::DumpableBehavior::NotDumpable,
    )?;
    Ok(())
}
