//! The trace of a request, as named by a client or a proxy
//! ([W3C Trace Context](https://www.w3.org/TR/trace-context/#traceparent-header)). For the log only: no response
//! contains it.

use std::fmt;

use poem::http::{HeaderMap, HeaderName};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Length of `00-<trace>-<parent>-<flags>`.
const LEN: usize = 55;

/// Id of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TraceId(u128);

impl TraceId {
    /// Reads the id from the headers of a request. `None` if the field is missing, repeated or invalid.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut given = headers.get_all(TRACEPARENT).iter();
        let only = given.next().filter(|_| given.next().is_none())?;
        Self::parse(only.to_str().ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(5, '-');
        let mut hex = |len: usize| {
            let part = parts.next().filter(|part| part.len() == len)?;
            let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            part.bytes().all(is_hex).then(|| u128::from_str_radix(part, 16).ok())?
        };
        let (version, trace, parent, _flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
        // Later versions may append more, and this one may not; 255 is no version.
        let is_whole = text.len() == LEN || (version > 0 && parts.next().is_some());
        (version < 255 && is_whole && trace > 0 && parent > 0).then_some(Self(trace))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    #[test]
    fn the_trace_is_the_second_part() {
        for text in [
            format!("00-{TRACE}-b7ad6b7169203331-01"),
            format!("cc-{TRACE}-b7ad6b7169203331-00"),
            format!("cc-{TRACE}-b7ad6b7169203331-00-what-the-future-will-be-like"),
        ] {
            let found = TraceId::parse(&text).map(|id| id.to_string());
            assert_eq!(found.as_deref(), Some(TRACE), "{text}");
        }
    }

    #[test]
    fn what_is_not_valid_is_no_trace() {
        for text in [
            String::new(),
            TRACE.to_owned(),
            format!("00-{TRACE}-b7ad6b7169203331"),
            format!("00-{TRACE}-b7ad6b7169203331-01-"),
            format!("00-{TRACE}-b7ad6b7169203331-01-more"),
            format!("cc-{TRACE}-b7ad6b7169203331-01.more"),
            format!("ff-{TRACE}-b7ad6b7169203331-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
            format!("00-{}-b7ad6b7169203331-01", TRACE.to_uppercase()),
            format!("00-{}-b7ad6b7169203331-01", TRACE.replacen('0', "+", 1)),
            format!("00-{}-b7ad6b7169203331-01", TRACE.replacen("0a", "ü", 1)),
        ] {
            assert_eq!(TraceId::parse(&text), None, "{text}");
        }
    }
}
