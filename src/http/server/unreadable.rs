//! Responses that hyper makes itself to requests that it cannot parse.
//!
//! hyper makes them when no other response is in progress, and writes each in one piece. They are the only responses
//! without a request id.

/// Maximum length of a response that hyper makes itself, in bytes.
const LONGEST: usize = 256;

/// Marks a request that stands for one that could not be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Unreadable {
    Malformed,
    UriTooLong,
    HeaderTooLarge,
    /// `Content-Length` is too large for an integer.
    BodyTooLarge,
}

/// Returns the reason of a response that hyper made itself, and its `Date` line.
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
