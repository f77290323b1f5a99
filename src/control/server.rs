//! The server's end of the control socket.

use std::collections::HashMap;
use std::fs::Permissions;
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::message::{Reply, Request, TEXT_VERSION, VERSION};
use super::receive::{first_line, lines};
use super::run::{Input, Parts, Sink, run};
use super::{Command, Failure};
use crate::domain::progress::Step;
use crate::files::not_made;
use crate::service::export_format::MAX_LINE;
use crate::socket::{self, RemoveOnDrop};

/// Maximum number of concurrent commands; more wait.
const MAX_COMMANDS: usize = 4;

/// Maximum time that the client may send nothing while input is expected.
const READ_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// Maximum time that the client may read nothing: an export holds a snapshot of the data.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Maximum time that the client may take to read the rest when the server stops.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Delay after a failed `accept`.
const BACK_OFF: Duration = Duration::from_millis(100);

/// A bound control socket. Removed when this is dropped.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    _file: RemoveOnDrop,
}

impl Control {
    /// Binds the socket. Replaces one that has no listener.
    ///
    /// # Errors
    ///
    /// Fails if another process listens there, or if the path cannot be used.
    pub async fn bind(path: &Path) -> io::Result<Self> {
        let bound = socket::bind(path).await;
        let (listener, file) = bound.map_err(|error| not_made(path, error))?;
        std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
        Ok(Self { listener, _file: file })
    }

    /// Serves until `stop` is cancelled, then lets commands end early.
    pub async fn serve(self, parts: Parts, stop: CancellationToken) {
        let room = Arc::new(Semaphore::new(MAX_COMMANDS));
        let mut commands = JoinSet::new();
        let mut streams = HashMap::new();
        let accept = async {
            loop {
                let accepted = async {
                    // Never closed, so there is always a permit in the end.
                    let permit = Arc::clone(&room).acquire_owned().await;
                    let stream = self.listener.accept().await?.0;
                    let is_ours = is_ours(&stream)?;
                    let stream = stream.into_std()?;
                    if !is_ours {
                        refuse(&stream);
                        return Ok(None);
                    }
                    stream.set_nonblocking(false)?;
                    Ok::<_, io::Error>(Some((stream, permit)))
                };
                match accepted.await {
                    Ok(Some((stream, permit))) => {
                        let (parts, stop) = (parts.clone(), stop.clone());
                        let stream = Arc::new(stream);
                        // Weak, so that the connection is closed when its command has ended.
                        let open = Arc::downgrade(&stream);
                        let command = commands.spawn_blocking(move || {
                            answer(&parts, &stream, stop);
                            drop((stream, permit));
                        });
                        streams.insert(command.id(), open);
                    }
                    Ok(None) => {
                        tracing::warn!("rejected a control connection from another user");
                    }
                    Err(error) => {
                        tracing::warn!(%error, "could not accept a control connection");
                        tokio::time::sleep(BACK_OFF).await;
                    }
                }
                while let Some(ended) = commands.try_join_next_with_id() {
                    streams.remove(&ended.map_or_else(|error| error.id(), |(id, ())| id));
                }
            }
        };
        tokio::select! {
            () = accept => {}
            () = stop.cancelled() => {}
        }
        let streams: Vec<_> = streams.values().filter_map(Weak::upgrade).collect();
        let end = |how| {
            for stream in &streams {
                // The client may have disconnected.
                drop(stream.shutdown(how));
            }
        };
        // Commands that wait for more lines see their end.
        end(Shutdown::Read);
        let mut ended = async || while commands.join_next().await.is_some() {};
        if tokio::time::timeout(LAST_ANSWERS, ended()).await.is_err() {
            // The client does not read.
            end(Shutdown::Both);
            ended().await;
        }
    }
}

/// Whether the client is the user of this process, or root.
fn is_ours(stream: &tokio::net::UnixStream) -> io::Result<bool> {
    let uid = stream.peer_cred()?.uid();
    Ok(uid == 0 || uid == rustix::process::geteuid().as_raw())
}

/// Reports why the connection is refused, as far as that needs no waiting.
fn refuse(mut stream: &UnixStream) {
    let message = "the server accepts commands only from its own user and from root";
    let reply = Reply::Failed { code: Failure::IO, message: message.to_owned() };
    if let Ok(mut line) = serde_json::to_vec(&reply) {
        line.push(b'\n');
        // The client may have disconnected.
        drop(stream.write_all(&line));
    }
}

fn answer(parts: &Parts, stream: &UnixStream, stop: CancellationToken) {
    let mut sink = match Replies::to(stream, stop) {
        Ok(sink) => sink,
        Err(error) => {
            tracing::warn!(%error, "could not respond to a command");
            return;
        }
    };
    let last = match carry_out(parts, stream, &mut sink) {
        Ok(()) => Reply::Done,
        Err(Failure { code, message }) => Reply::Failed { code, message },
    };
    // The client may have disconnected.
    drop(sink.write(&last).and_then(|()| sink.to.flush()));
}

fn carry_out(
    parts: &Parts,
    stream: &UnixStream,
    sink: &mut Replies<'_>,
) -> Result<(), Failure> {
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    let unknown = || {
        let message = "the server does not know this command: use the version of duly that the server runs";
        Failure::new(Failure::PROTOCOL, message)
    };
    let first = first_line(stream).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => unknown(),
        _ => error.into(),
    })?;
    let request: Request = serde_json::from_slice(&first.line).map_err(|_| unknown())?;
    if !(TEXT_VERSION..=VERSION).contains(&request.version) {
        let message =
            format!("the server supports the protocol only up to version {VERSION}");
        return Err(Failure::new(Failure::PROTOCOL, message));
    }
    tracing::info!(command = request.command.name(), "received a command");
    sink.steps = request.steps;
    let reader = BufReader::new(first.rest.chain(stream));
    let is_import = matches!(request.command, Command::Import { .. });
    let mut lines = lines(reader, MAX_LINE).take_while(|_| is_import);
    let name = Path::new("the copy");
    let input = Input { lines: &mut lines, file: first.file.map(|file| (file, name)) };
    Handle::current().block_on(run(parts, request.command, request.form, input, sink))
}

/// Receiver that sends answers through the socket.
struct Replies<'a> {
    to: BufWriter<&'a UnixStream>,
    stop: CancellationToken,
    /// Whether the client understands steps.
    steps: bool,
}

impl<'a> Replies<'a> {
    fn to(stream: &'a UnixStream, stop: CancellationToken) -> io::Result<Self> {
        stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        Ok(Self { to: BufWriter::with_capacity(64 * 1024, stream), stop, steps: false })
    }

    fn write(&mut self, reply: &Reply) -> io::Result<()> {
        serde_json::to_writer(&mut self.to, reply)?;
        self.to.write_all(b"\n")
    }
}

impl Sink for Replies<'_> {
    fn send(&mut self, reply: Reply) -> io::Result<()> {
        if self.stop.is_cancelled() {
            return Err(io::Error::other("the server is stopping"));
        }
        let reply = match reply {
            Reply::Step { at, .. } if !self.steps => {
                Reply::Progress(at.unwrap_or_default().into(), Step::WHOLE.into())
            }
            reply => reply,
        };
        self.write(&reply)?;
        match reply {
            Reply::Line(_) => Ok(()),
            Reply::Progress(..)
            | Reply::Step { .. }
            | Reply::Done
            | Reply::Failed { .. } => self.to.flush(),
        }
    }
}
