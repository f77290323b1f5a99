//! `multipart/form-data` bodies ([RFC 7578](https://www.rfc-editor.org/rfc/rfc7578)), as sent by browsers for a
//! `FormData` and by `curl -F`.
//!
//! The body is parsed in place: a parser that copies it would leave passwords in memory.

/// Maximum number of headers of a part.
const MAX_HEADERS: usize = 8;

/// Maximum length of the boundary ([RFC 2046, section 5.1.1](https://www.rfc-editor.org/rfc/rfc2046#section-5.1.1)).
const MAX_BOUNDARY: usize = 70;

/// Field of a form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a [u8],
    /// Whether the client sent it as a file.
    pub(super) is_file: bool,
}

/// Reads the first parts of a body, up to `most`. `None` if the body does not match its media type.
pub(super) fn parts<'a>(
    body: &'a [u8],
    content_type: &str,
    most: usize,
) -> Option<Vec<Part<'a>>> {
    let boundary = parameter(content_type, "boundary")?;
    if !(1..=MAX_BOUNDARY).contains(&boundary.len()) {
        return None;
    }
    let first = format!("--{boundary}");
    let delimiter = format!("\r\n{first}");
    let mut rest = match body.strip_prefix(first.as_bytes()) {
        Some(rest) => rest,
        None => cut(body, delimiter.as_bytes())?.1,
    };
    let mut found = Vec::new();
    while !rest.starts_with(b"--") && found.len() < most {
        let (padding, part) = cut(rest, b"\r\n")?;
        if !padding.iter().all(|byte| b" \t".contains(byte)) {
            return None;
        }
        let (content, next) = cut(part, delimiter.as_bytes())?;
        found.push(read(content)?);
        rest = next;
    }
    Some(found)
}

fn read(part: &[u8]) -> Option<Part<'_>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let httparse::Status::Complete((length, headers)) =
        httparse::parse_headers(part, &mut headers).ok()?
    else {
        return None;
    };
    let disposition =
        headers.iter().find(|it| it.name.eq_ignore_ascii_case("content-disposition"))?;
    let disposition = str::from_utf8(disposition.value).ok()?;
    Some(Part {
        name: parameter(disposition, "name")?,
        value: part.get(length..)?,
        is_file: parameter(disposition, "filename").is_some(),
    })
}

/// Splits bytes at the first `mark`.
fn cut<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    Some((bytes.get(..at)?, bytes.get(at + mark.len()..)?))
}

/// Returns the value of a header parameter, without its quotes
/// ([RFC 9110, section 5.6.6](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.6)). Escaped characters stay escaped:
/// no known name or boundary has any.
fn parameter<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (found, after) = rest.split_once('=')?;
        let quoted = after.strip_prefix('"');
        let (value, next) = match quoted {
            Some(text) => {
                let mut is_escaped = false;
                let end = text.find(|c| {
                    let is_end = c == '"' && !is_escaped;
                    is_escaped = c == '\\' && !is_escaped;
                    is_end
                })?;
                let (value, after) = text.split_at(end);
                (value, after.split_once(';').map(|it| it.1))
            }
            None => match after.split_once(';') {
                Some((value, next)) => (value.trim(), Some(next)),
                None => (after.trim(), None),
            },
        };
        if found.trim().eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = next?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=x-1";

    fn fields(body: &str) -> Option<Vec<(&str, &str)>> {
        let parts = parts(body.as_bytes(), TYPE, 3)?.into_iter();
        Some(parts.map(|it| (it.name, str::from_utf8(it.value).unwrap())).collect())
    }

    fn part(name: &str, value: &str) -> String {
        format!(
            "--x-1\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        )
    }

    #[test]
    fn fields_are_read_as_browsers_and_curl_send_them() {
        let (username, password) =
            (part("username", "a@b.cc"), part("password", "--x\r\n--x-"));
        let body = format!("{username}{password}--x-1--\r\n");
        let wanted = [("username", "a@b.cc"), ("password", "--x\r\n--x-")];
        assert_eq!(fields(&body).unwrap(), wanted);
        let framed =
            format!("preamble\r\n{}epilogue", body.replace("--x-1\r\n", "--x-1 \t\r\n"));
        assert_eq!(fields(&framed).unwrap(), wanted);
        assert_eq!(fields("--x-1--").unwrap(), []);
        let many = format!("{}--x-1--", part("a", "").repeat(9));
        assert_eq!(fields(&many).unwrap().len(), 3);
        let file = "--q\r\ncontent-type: text/plain\r\n\
                    CONTENT-DISPOSITION: form-data; filename=\"name=;\\\"\"; name=a\r\n\r\nx\r\n--q--";
        let quoted = "multipart/form-data; charset=UTF-8; boundary=\"q\"";
        let file = parts(file.as_bytes(), quoted, 9).unwrap();
        assert_eq!(file, [Part { name: "a", value: b"x", is_file: true }]);
    }

    #[test]
    fn a_body_that_is_not_as_its_media_type_says_is_refused() {
        let whole = format!("{}--x-1--", part("a", "b"));
        for end in 0..whole.len() - 2 {
            assert!(fields(whole.get(..end).unwrap()).is_none(), "{end}");
        }
        for body in ["", "--x-2--", "--x-1 y\r\n\r\n--x-1--", "--x-1\r\n\r\na\r\n--x-1--"]
        {
            assert!(fields(body).is_none(), "{body}");
        }
        let long = format!("multipart/form-data; boundary={}", "b".repeat(71));
        for content_type in
            ["multipart/form-data", "multipart/form-data; boundary=", &long]
        {
            assert!(parts(whole.as_bytes(), content_type, 9).is_none(), "{content_type}");
        }
    }
}
