//! Answers that hyper makes by itself to requests that it cannot read.
//!
//! It makes them when no other answer is on its way, and writes each in one piece. Of all answers they are the only ones
//! without a request id.

/// Longest answer that hyper makes by itself, in bytes.
const LONGEST: usize = 256;

/// Marks a request that stands for one that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Unreadable {
    Malformed,
    UriTooLong,
    HeaderTooLarge,
    /// Its length is beyond all numbers.
    BodyTooLarge,
}

/// The reason for an answer of hyper's own, and the line with its date.
pub(super) fn unreadable(answer: &[u8]) -> Option<(Unreadable, String)> {
    if answer.len() > LONGEST {
        return None;
    }
    let head = str::from_utf8(answer).ok()?.strip_suffix("\r\n\r\n")?;
    let why = match head.strip_prefix("HTTP/1.")?.get(2..5)? {
        "400" => Unreadable::Malformed,
        "414" => Unreadable::UriTooLong,
        "431" => Unreadable::HeaderTooLarge,
        _ => return None,
    };
    let mut fields = head.split("\r\n").skip(1);
    let has = |name: &str| fields.clone().any(|field| field.starts_with(name));
    if has("x-request-id:") || !has("content-length: 0") {
        return None;
    }
    let date = fields.find(|field| field.starts_with("date:"))?;
    Some((why, date.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_hyper_are_told_from_all_others() {
        let own = |status: &str, more: &str| {
            let head = format!("HTTP/1.1 {status}\r\n{more}content-length: 0\r\n");
            unreadable(format!("{head}date: today\r\n\r\n").as_bytes())
        };
        let date = || "date: today".to_owned();
        for (status, why) in [
            ("400 Bad Request", Unreadable::Malformed),
            ("414 URI Too Long", Unreadable::UriTooLong),
            ("431 Request Header Fields Too Large", Unreadable::HeaderTooLarge),
        ] {
            assert_eq!(own(status, "connection: close\r\n"), Some((why, date())));
            assert_eq!(own(status, "x-request-id: a\r\n"), None);
        }
        assert_eq!(own("100 Continue", ""), None);
        assert_eq!(unreadable(b""), None);
        assert_eq!(unreadable(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0"), None);
        assert_eq!(unreadable(br#"{"title":"HTTP/1.1 400 Bad Request"}"#), None);
    }
}
