//! The client's end of the control socket.

use std::fs::File;
use std::io::{self, BufReader, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;
use zeroize::Zeroizing;

use super::message::{Command, Form, MAX_REQUEST, Reply, Request, TEXT_VERSION, VERSION};
use super::receive::send_with_file;
use super::send::send;
use super::{Failure, Sink};

pub use super::receive::lines;
pub use super::send::Lines;

/// Maximum length of a line of an answer, in bytes.
const MAX_REPLY: usize = 1 << 20;

/// Connects to the server of a data file, through its socket. `None` if no server listens.
///
/// # Errors
///
/// Fails with errors of the operating system, such as missing rights; and if the listener is neither root, nor
/// the own user, nor the owner of the data file: commands carry passwords.
pub fn connect(path: &Path, data_file: &Path) -> io::Result<Option<UnixStream>> {
    match UnixStream::connect(path) {
        Ok(stream) => {
            let uid = socket_peercred(&stream)?.uid.as_raw();
            let owner = std::fs::metadata(data_file).map(|found| found.uid()).ok();
            if uid == 0 || uid == geteuid().as_raw() || Some(uid) == owner {
                Ok(Some(stream))
            } else {
                let who = format!(
                    "the process that listens there runs as user {uid}, who does not own the data file: set CONTROL_SOCKET to the server's value, or ask that user to stop it"
                );
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
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let owner = std::fs::metadata(path).map(|found| found.uid());
            let who = owner
                .map_or_else(|_| "its owner".to_owned(), |uid| format!("user {uid}"));
            let why = format!(
                "only {who} and root may connect: run the command as one of them"
            );
            Err(io::Error::new(error.kind(), why))
        }
        Err(error) => Err(error),
    }
}

/// A command to send to the server.
#[derive(Debug)]
pub struct Order<'a> {
    /// The command.
    pub command: Command,
    /// Form of the answer.
    pub form: Form,
    /// File to pass along.
    pub file: Option<&'a File>,
}

/// Makes the server carry out a command, and passes its answers on.
///
/// # Errors
///
/// Fails as the server reports, or if the server goes away.
pub fn ask(
    stream: &UnixStream,
    order: Order<'_>,
    lines: Lines,
    sink: &mut dyn Sink,
) -> Result<(), Failure> {
    let Order { command, form, file } = order;
    let is_import = matches!(command, Command::Import { .. });
    let version = match form {
        Form::Text => TEXT_VERSION,
        Form::Json => VERSION,
    };
    let request = Request { version, command, form, steps: true };
    // The line may hold a password: large enough not to be copied while it grows, and wiped in the end.
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_REQUEST));
    serde_json::to_writer(&mut *line, &request).map_err(io::Error::from)?;
    line.push(b'\n');
    let sent = match file {
        Some(file) => send_with_file(stream, &line, file),
        None => (&*stream).write_all(&line),
    };
    match sent {
        // A server that hangs up before it reads the command may have said why.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            return replies(stream, sink).and_then(|()| Err(error.into()));
        }
        sent => sent?,
    }
    let unread = if is_import { Some(send(stream.try_clone()?, lines)?) } else { None };
    let outcome = replies(stream, sink);
    // To the server, unreadable lines end the import; the cause is known here.
    match (outcome, unread.and_then(|unread| unread.try_recv().ok())) {
        (Err(_), Some(error)) => Err(error.into()),
        (outcome, _) => outcome,
    }
}

fn replies(stream: &UnixStream, sink: &mut dyn Sink) -> Result<(), Failure> {
    for line in lines(BufReader::new(stream), MAX_REPLY) {
        let reply = serde_json::from_str(&line?).map_err(|_| {
            Failure::new(Failure::PROTOCOL, "the server sent an invalid response")
        })?;
        match reply {
            Reply::Done => return Ok(()),
            Reply::Failed { code, message } => return Err(Failure { code, message }),
            other => sink.send(other)?,
        }
    }
    Err(Failure::new(
        Failure::IO,
        "the server closed the connection before the command was done",
    ))
}
