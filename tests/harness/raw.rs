//! Requests that no well-behaved client would send, byte by byte.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::Answer;

/// Longest time until a response.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends bytes on a connection of their own and reads the one response.
pub(crate) async fn raw(address: SocketAddr, request: impl Into<Vec<u8>>) -> Answer {
    let request = request.into();
    let asked = String::from_utf8_lossy(&request).lines().next().unwrap().to_owned();
    let answer = tokio::task::spawn_blocking(move || exchange(address, &request));
    Answer::parse(asked, &answer.await.unwrap())
}

fn exchange(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

/// Header block: the request line, the fields that every request needs, and the given ones.
pub(crate) fn head(line: &str, fields: &[(&str, &str)]) -> String {
    let fields = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let fields = fields.collect::<Vec<_>>().concat();
    format!("{line} HTTP/1.1\r\nHost: duly\r\nConnection: close\r\n{fields}\r\n")
}
