//! `duly healthcheck`

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::CommandError;
use crate::config::{Config, Listen};

/// Longest time until the answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks the server that runs under these settings. For containers without any other program.
#[tokio::main(flavor = "current_thread")]
pub(super) async fn run(config: &Config) -> Result<(), CommandError> {
    let asked = tokio::time::timeout(TIMEOUT, ask(&config.listen)).await;
    let not_ready = |why: &str| {
        Err(CommandError::NotReady(format!("the server at {} {why}", config.listen)))
    };
    match asked {
        Ok(Ok(StatusCode::OK)) => Ok(()),
        Ok(Ok(status)) => not_ready(&format!("is not ready: {status}")),
        Ok(Err(error)) => not_ready(&format!("cannot be asked: {error}")),
        Err(_) => not_ready("does not answer"),
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn ask(listen: &Listen) -> Result<StatusCode, Failure> {
    match listen {
        Listen::Tcp(address) => get(TcpStream::connect(reachable(*address)).await?).await,
        Listen::Unix(path) => get(UnixStream::connect(path).await?).await,
    }
}

async fn get(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> Result<StatusCode, Failure> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::get("/health/ready")
        .header("host", "localhost")
        .header("connection", "close")
        .body(Empty::<Bytes>::new())?;
    let status = sender.send_request(request).await?.status();
    connection.abort();
    Ok(status)
}

/// A server that listens everywhere is asked here.
const fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
