//! Limits of the operating system: file size (`ulimit -f`, systemd's `LimitFSIZE=`), open files (`ulimit -n`,
//! `LimitNOFILE=`), access to this process, and the effect of stray signals.

use std::io;

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::ConfigError;

/// Open files beside client connections: the data file, sockets, backups, and connections that are being closed.
const OTHER_FILES: u64 = 64;

/// Signals that would end the process without being sent for that purpose: of timers, of descriptors, of a power
/// supply, and signals without a fixed meaning.
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

/// Numbers of real-time signals; a C library reserves the first of them.
const REAL_TIME: std::ops::RangeInclusive<i32> = 32..=64;

/// Makes stray signals harmless, and makes a write beyond the file size limit fail as on a full disk. Without this
/// the system ends the process with SIGXFSZ, in the middle of its work.
///
/// # Errors
///
/// Errors of the operating system.
pub(super) fn survive() -> io::Result<()> {
    // A handler outlives the runtime that set it, and the signal needs no receiver.
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let _guard = runtime.enter();
    for stray in STRAY.iter().chain(&[Signal::XFSZ]) {
        signal(SignalKind::from_raw(stray.as_raw())).map(drop)?;
    }
    for number in REAL_TIME {
        // Some systems lack some of them.
        drop(signal(SignalKind::from_raw(number)));
    }
    Ok(())
}

/// Raises the limit on open files to what the system allows, so that it suffices for this many connections. Shells
/// and service managers set it low for the sake of old programs.
///
/// # Errors
///
/// Fails if the system does not allow that many.
pub(super) fn open_files(connections: usize) -> Result<(), ConfigError> {
    let needed =
        u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OTHER_FILES);
    let limit = getrlimit(Resource::Nofile);
    // Without a hard limit, only the needed number is requested: the system still has a maximum.
    let wanted = limit.maximum.unwrap_or(needed);
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = Rlimit { current: Some(wanted), ..limit };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, "could not raise the limit on open files");
        }
    }
    match getrlimit(Resource::Nofile).current {
        Some(allowed) if allowed < needed => Err(ConfigError {
            variable: "MAX_CONNECTIONS",
            reason: format!(
                "needs {needed} open files, but the system allows {allowed}: raise that limit (ulimit -n, LimitNOFILE=), or lower MAX_CONNECTIONS"
            ),
        }),
        _ => Ok(()),
    }
}

/// Prevents core dumps, which would contain passwords, and on Linux allows only root to read the memory and the
/// environment of this process in `/proc`.
///
/// # Errors
///
/// Errors of the operating system.
pub(super) fn hide() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(
        rustix::process::DumpableBehavior::NotDumpable,
    )?;
    Ok(())
}
