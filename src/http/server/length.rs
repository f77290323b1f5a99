//! Detection of `Content-Length` values too large for an integer.
//!
//! hyper reports such a header only as malformed, so the incoming bytes are scanned.

const NAME: &[u8] = b"content-length:";

/// Maximum digits of a length that is a valid number; such lengths are checked elsewhere.
const DIGITS: usize = 19;

/// Scanner for a `Content-Length` line with too many digits.
#[derive(Debug)]
pub(super) struct Length {
    at: At,
    is_beyond: bool,
}

/// Position of the next byte within a line.
#[derive(Clone, Copy, Debug)]
enum At {
    /// After this many bytes of the name.
    Name(usize),
    /// After this many digits, not counting leading zeros.
    Value(usize),
    Rest,
}

impl Default for Length {
    fn default() -> Self {
        Self { at: At::Name(0), is_beyond: false }
    }
}

impl Length {
    /// Scans the next bytes of a connection.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while let [byte, rest @ ..] = bytes {
            bytes = rest;
            if *byte == b'\n' {
                self.is_beyond |= matches!(self.at, At::Value(digits) if digits > DIGITS);
                self.at = At::Name(0);
                continue;
            }
            self.at = match self.at {
                At::Name(length)
                    if NAME.get(length) == Some(&byte.to_ascii_lowercase()) =>
                {
                    if length + 1 == NAME.len() {
                        At::Value(0)
                    } else {
                        At::Name(length + 1)
                    }
                }
                At::Value(0) if matches!(byte, b' ' | b'\t' | b'0') => At::Value(0),
                At::Value(digits) if byte.is_ascii_digit() => At::Value(digits + 1),
                At::Value(digits) if matches!(byte, b' ' | b'\t' | b'\r') => {
                    At::Value(digits)
                }
                At::Name(_) | At::Value(_) | At::Rest => {
                    bytes = from_line_feed(bytes);
                    At::Rest
                }
            };
        }
    }

    /// Returns whether such a line occurred since the last call.
    pub(super) fn take(&mut self) -> bool {
        std::mem::take(&mut self.is_beyond)
    }
}

/// Returns the bytes from the first line feed on. `contains` looks at many bytes at once, `position` at one.
fn from_line_feed(bytes: &[u8]) -> &[u8] {
    const AT_ONCE: usize = 32;
    let chunks = bytes.chunks(AT_ONCE);
    let before = chunks.take_while(|chunk| !chunk.contains(&b'\n')).count();
    let rest = bytes.get(before * AT_ONCE..).unwrap_or_default();
    let end = rest.iter().position(|byte| *byte == b'\n');
    end.and_then(|end| rest.get(end..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_beyond(pieces: &[&str]) -> bool {
        let mut length = Length::default();
        for piece in pieces {
            length.read(piece.as_bytes());
        }
        length.take()
    }

    #[test]
    fn lengths_beyond_all_numbers_are_seen_however_they_come() {
        let many = "9".repeat(40);
        for header in [
            format!("Content-Length: {many}\r\n"),
            format!("content-length:{many} \t\r\n"),
            "CONTENT-LENGTH: 0018446744073709551615\n".to_owned(),
        ] {
            let request = format!("POST / HTTP/1.1\r\nHost: a\r\n{header}\r\n");
            assert!(is_beyond(&[&request]), "{request}");
            let bytes: Vec<String> = request.chars().map(String::from).collect();
            let bytes: Vec<&str> = bytes.iter().map(String::as_str).collect();
            assert!(is_beyond(&bytes), "{request}");
        }
        for header in [
            "Content-Length: 9999999999999999999\r\n".to_owned(),
            "Content-Length: 0000000000000000000000000000001\r\n".to_owned(),
            format!("Content-Length: {many}x\r\n"),
            format!("Content-Length: -{many}\r\n"),
            format!("X-Content-Length: {many}\r\n"),
            format!("X: content-length: {many}\r\n"),
            format!("Content-Length: {many}"),
        ] {
            let request = format!("POST / HTTP/1.1\r\nHost: a\r\n{header}\r");
            assert!(!is_beyond(&[&request]), "{request}");
        }
    }
}
