//! The operator's end of the socket.

use std::fs::File;
use std::io::{self, BufReader, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;

use super::message::{Command, Reply, Request, VERSION};
use super::receive::{self, send_with_file};
use super::{Failure, Sink};

pub use self::receive::lines;

/// Longest line of an answer, in bytes.
const MAX_REPLY: usize = 1 << 20;

/// Lines to import, on their way to the server.
pub type Lines = Box<dyn Iterator<Item = io::Result<String>> + Send>;

/// Connects to the server of a data file, which listens at a socket. `None` if none does.
///
/// # Errors
///
/// Those of the operating system, such as missing rights; and if somebody listens who is neither root, nor
/// ourselves, nor the owner of the data file: commands carry passwords.
pub fn connect(path: &Path, data_file: &Path) -> io::Result<Option<UnixStream>> {
    match UnixStream::connect(path) {
        Ok(stream) => {
            let uid = socket_peercred(&stream)?.uid.as_raw();
            let owner = std::fs::metadata(data_file).map(|found| found.uid()).ok();
            if uid == 0 || uid == geteuid().as_raw() || Some(uid) == owner {
                Ok(Some(stream))
            } else {
                let who =
                    format!("user {uid} listens there, who does not own the data file");
                Err(io::Error::new(io::ErrorKind::PermissionDenied, who))
            }
        }
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Has the server carry out a command, and passes its answers on.
///
/// # Errors
///
/// What the server says, or that it went away.
pub fn ask(
    stream: &UnixStream,
    command: Command,
    file: Option<&File>,
    lines: Lines,
    sink: &mut dyn Sink,
) -> Result<(), Failure> {
    let is_import = matches!(command, Command::Import { .. });
    let request = Request { version: VERSION, command };
    let mut line = serde_json::to_vec(&request).map_err(io::Error::from)?;
    line.push(b'\n');
    let sent = match file {
        Some(file) => send_with_file(stream, &line, file),
        None => (&*stream).write_all(&line),
    };
    match sent {
        // Who hangs up before a command came may have said why.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            return replies(stream, sink).and_then(|()| Err(error.into()));
        }
        sent => sent?,
    }
    let unread = if is_import { Some(send(stream.try_clone()?, lines)?) } else { None };
    let outcome = replies(stream, sink);
    // Lines that could not be read end the import, as the server sees it; here is why.
    match (outcome, unread.and_then(|unread| unread.try_recv().ok())) {
        (Err(_), Some(error)) => Err(error.into()),
        (outcome, _) => outcome,
    }
}

/// Sends lines on a thread of their own, which tells why they could not be read. Nobody waits for it: it may wait
/// for somebody who types, long after the server has refused a line.
fn send(stream: UnixStream, lines: Lines) -> io::Result<mpsc::Receiver<io::Error>> {
    let (unread, told) = mpsc::channel();
    let sending = move || {
        for line in lines {
            let mut line = match line {
                Ok(line) => line,
                Err(error) => {
                    // Before the end that the server answers to, so that it is there with the answer.
                    drop(unread.send(error));
                    break;
                }
            };
            line.push('\n');
            // Not held back to be sent with others, which may not come for long.
            if (&stream).write_all(line.as_bytes()).is_err() {
                // The server has hung up, and has said why.
                return;
            }
        }
        // A server that is gone needs no telling.
        drop(stream.shutdown(Shutdown::Write));
    };
    thread::Builder::new().name("sender".to_owned()).spawn(sending)?;
    Ok(told)
}

fn replies(stream: &UnixStream, sink: &mut dyn Sink) -> Result<(), Failure> {
    for line in lines(BufReader::new(stream), MAX_REPLY) {
        let reply = serde_json::from_str(&line?).map_err(|_| {
            Failure::new(Failure::PROTOCOL, "the server's answer makes no sense")
        })?;
        match reply {
            Reply::Done => return Ok(()),
            Reply::Failed { code, message } => return Err(Failure { code, message }),
            other => sink.send(other)?,
        }
    }
    Err(Failure::new(Failure::IO, "the server went away before it was done"))
}
