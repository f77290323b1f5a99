//! Lines of an import on their way to the server.

use std::io::{self, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;

/// Lines to import, without their ends.
pub type Lines = Box<dyn Iterator<Item = io::Result<String>> + Send>;

/// Sends lines on a thread of their own, which reports why they could not be read. The thread is not joined: it
/// may wait for input at a terminal, long after the server has refused a line.
pub(super) fn send(
    stream: UnixStream,
    lines: Lines,
) -> io::Result<mpsc::Receiver<io::Error>> {
    let (unread, told) = mpsc::channel();
    let sending = move || {
        for line in lines {
            let mut line = match line {
                Ok(line) => line,
                Err(error) => {
                    // Sent before the end that the server answers to, so that it is there with the answer.
                    drop(unread.send(error));
                    break;
                }
            };
            line.push('\n');
            // Sent at once: the next line may not come for long.
            if (&stream).write_all(line.as_bytes()).is_err() {
                // The server has hung up, and has said why.
                return;
            }
        }
        // The server may be gone.
        drop(stream.shutdown(Shutdown::Write));
    };
    thread::Builder::new().name("sender".to_owned()).spawn(sending)?;
    Ok(told)
}
