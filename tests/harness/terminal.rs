//! Terminals and their master ends.

use std::fs::{File, OpenOptions};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Opens a terminal, and the master end that stands for the keyboard and the screen.
pub(crate) fn terminal() -> (File, File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&master, size).unwrap();
    let terminal = OpenOptions::new().read(true).write(true).open(name).unwrap();
    (terminal, File::from(master))
}

/// Reads until the terminal is hung up. One read may return a part of the output.
pub(crate) fn rest(master: &mut File) -> String {
    let mut shown = Vec::new();
    // A terminal whose last user is gone ends with EIO.
    let _ = std::io::copy(master, &mut shown);
    String::from_utf8_lossy(&shown).into_owned()
}
