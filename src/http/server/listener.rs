//! Listeners on TCP ports and Unix sockets.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use poem::Addr;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};

use crate::config::Listen;
use crate::files::not_made;
use crate::socket::{self, RemoveOnDrop};

/// Maximum connections that wait to be accepted; the system may allow fewer. With tokio's default of 128, half of a
/// thousand simultaneous clients are dropped silently, and retry after a second.
const BACKLOG: u32 = 4096;

/// Send buffer of a connection, in bytes; the kernel uses up to twice as much. By default it uses 4 MiB of this
/// machine's memory for a client that does not read.
const SEND_BUFFER: u32 = 128 * 1024;

/// Bound address. Dropping it removes a Unix socket's file.
#[derive(Debug)]
pub enum Listener {
    /// TCP port.
    Tcp(TcpListener),
    /// Unix socket.
    Unix(UnixListener, RemoveOnDrop),
}

/// Remote end of a connection; has no address on a Unix socket.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Peer(pub(super) Option<SocketAddr>);

impl Peer {
    pub(super) fn ip(self) -> Option<IpAddr> {
        self.0.map(|address| address.ip())
    }
}

impl From<Peer> for Addr {
    fn from(peer: Peer) -> Self {
        match peer.0 {
            Some(address) => Self::SocketAddr(address),
            None => Self::custom("unix", ""),
        }
    }
}

impl Listener {
    /// Binds an address. Replaces a socket file without a listener.
    ///
    /// # Errors
    ///
    /// When the address is in use or not permitted.
    pub async fn bind(listen: &Listen) -> io::Result<Self> {
        match listen {
            Listen::Tcp(address) => bind_tcp(*address).map(Self::Tcp),
            Listen::Unix(path) => {
                let bound = socket::bind(path).await;
                let (listener, file) = bound.map_err(|error| not_made(path, error))?;
                Ok(Self::Unix(listener, file))
            }
        }
    }

    /// Returns the address, with the assigned port for port 0.
    ///
    /// # Errors
    ///
    /// When the operating system does not report the address.
    pub fn local_addr(&self) -> io::Result<Addr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Addr::SocketAddr),
            Self::Unix(_, path) => {
                Ok(Addr::custom("unix", path.path().display().to_string()))
            }
        }
    }

    pub(in crate::http) async fn accept(&self) -> io::Result<(Io, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Responses are written whole, so Nagle's algorithm would only delay them.
                stream.set_nodelay(true)?;
                Ok((Io::Tcp(stream), Peer(Some(peer))))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok((Io::Unix(stream), Peer(None)))
            }
        }
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket =
        if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Otherwise a restarted server must wait for connections of the previous one to leave TIME_WAIT.
    socket.set_reuseaddr(true)?;
    // Accepted connections inherit it.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Whether an error of `accept` concerns one connection only, so that the next can be accepted at once.
pub(super) fn is_fault_of_one(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(
        error.kind(),
        K::ConnectionAborted
            | K::ConnectionReset
            | K::ConnectionRefused
            | K::InvalidInput
    )
}

/// TCP or Unix connection.
#[derive(Debug)]
pub(in crate::http) enum Io {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
