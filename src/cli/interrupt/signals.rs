//! Signals that ask a command to end.

use std::{fs, io};

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

const SIGNALS: [Signal; 3] = [Signal::INT, Signal::TERM, Signal::HUP];

/// Listens for signals, except those that the parent process has set to be ignored, as `nohup` does.
pub(super) fn listen() -> io::Result<mpsc::Receiver<i32>> {
    let (sender, came) = mpsc::channel(1);
    let ignored = ignored();
    for number in SIGNALS.map(Signal::as_raw) {
        if ignored & (1 << (number - 1)) != 0 {
            continue;
        }
        let mut heard = signal(SignalKind::from_raw(number))?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while heard.recv().await.is_some() && sender.send(number).await.is_ok() {}
        });
    }
    Ok(came)
}

/// Returns ignored signals, one bit each. 0 where the system does not report them.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
