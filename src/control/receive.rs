//! Bytes of the socket: lines of bounded length, and files passed along.

use std::fs::File;
use std::io::{self, BufRead, Cursor, IoSlice, IoSliceMut, Read as _};
use std::mem::MaybeUninit;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use zeroize::Zeroizing;

use super::message::MAX_REQUEST;

/// Sends the first line of a connection, with a file.
pub(super) fn send_with_file(
    stream: &UnixStream,
    line: &[u8],
    file: &File,
) -> io::Result<()> {
    let files = [file.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut along = SendAncillaryBuffer::new(&mut space);
    if !along.push(SendAncillaryMessage::ScmRights(&files)) {
        return Err(io::Error::other("could not attach the file to the request"));
    }
    let sent = sendmsg(stream, &[IoSlice::new(line)], &mut along, SendFlags::NOSIGNAL)?;
    // The first line is short enough for any socket to take at once.
    if sent == line.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

/// Number of bytes received at once.
const BUFFER: usize = 4096;

/// The first line of a connection.
pub(super) struct First {
    /// Line, which may hold a password.
    pub(super) line: Zeroizing<Vec<u8>>,
    /// Bytes received after the line.
    pub(super) rest: Cursor<Vec<u8>>,
    pub(super) file: Option<File>,
}

/// Receives the first line, and a file if one comes along.
pub(super) fn first_line(stream: &UnixStream) -> io::Result<First> {
    // Large enough not to be copied while it grows.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_REQUEST + BUFFER));
    let mut file = None;
    loop {
        let mut buffer = Zeroizing::new([0; BUFFER]);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut along = RecvAncillaryBuffer::new(&mut space);
        let received = match recvmsg(
            stream,
            &mut [IoSliceMut::new(buffer.as_mut_slice())],
            &mut along,
            RecvFlags::CMSG_CLOEXEC,
        ) {
            // Interrupted by a signal, since the socket has a time limit.
            Err(Errno::INTR) => continue,
            received => received?,
        };
        for message in along.drain() {
            if let RecvAncillaryMessage::ScmRights(files) = message {
                file = files.map(File::from).next().or(file);
            }
        }
        let new = buffer.get(..received.bytes).unwrap_or_default();
        bytes.extend_from_slice(new);
        if let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            let rest = bytes.split_off(end + 1);
            bytes.truncate(end);
            return Ok(First { line: bytes, rest: Cursor::new(rest), file });
        }
        if new.is_empty() || bytes.len() > MAX_REQUEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

/// Reads the lines of a text, without their ends, each of at most `most` bytes.
pub fn lines<R: BufRead>(
    mut reader: R,
    most: usize,
) -> impl Iterator<Item = io::Result<String>> {
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let (mut failed, mut number) = (false, 0_u64);
    std::iter::from_fn(move || {
        if failed {
            return None;
        }
        number = number.saturating_add(1);
        let mut line = Vec::new();
        let read = reader.by_ref().take(limit).read_until(b'\n', &mut line);
        let line = match read {
            Ok(0) => return None,
            Ok(_) if line.last() == Some(&b'\n') => {
                line.pop();
                String::from_utf8(line)
            }
            Ok(_) if line.len() <= most => String::from_utf8(line),
            Ok(_) => {
                failed = true;
                return Some(Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("line {number} is longer than {most} bytes"),
                )));
            }
            Err(error) => {
                failed = true;
                return Some(Err(error));
            }
        };
        Some(line.map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("line {number} is not UTF-8"),
            )
        }))
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, Write as _};

    use super::*;

    #[test]
    fn a_file_comes_along_with_the_first_line() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        send_with_file(&ours, b"hello\nrest", &file).unwrap();

        let first = first_line(&theirs).unwrap();

        assert_eq!(first.line.as_slice(), b"hello");
        assert_eq!(first.rest.into_inner(), b"rest");
        first.file.unwrap().write_all(b"written").unwrap();
        file.rewind().unwrap();
        assert_eq!(io::read_to_string(file).unwrap(), "written");
    }

    #[test]
    fn a_first_line_without_end_is_refused() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let writer = std::thread::spawn(move || {
            // Refused at some point.
            drop(ours.write_all(&vec![b'x'; 2 * MAX_REQUEST]));
        });
        assert!(first_line(&theirs).is_err());
        drop(theirs);
        writer.join().unwrap();
    }

    #[test]
    fn lines_have_a_longest_length() {
        let all = |text: &str| -> Vec<_> {
            lines(text.as_bytes(), 3).map(|line| line.map_err(|_| ())).collect()
        };
        let ok = |text: &str| Ok(text.to_owned());
        assert_eq!(all("abc\n\nd"), [ok("abc"), ok(""), ok("d")]);
        assert_eq!(all("abcd\ne"), [Err(())]);
        assert_eq!(all(""), []);
    }
}
