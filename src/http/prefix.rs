//! The path under which a proxy exposes the server.

use poem::http::{HeaderMap, HeaderName};

pub(super) const PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// Maximum length of that path, in bytes.
const LONGEST: usize = 128;

/// Returns the path in the header, without a trailing slash, if it can stand unescaped in a link.
pub(super) fn of(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(PREFIX).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let value = value.to_str().ok().filter(|it| it.len() <= LONGEST)?;
    let path = value.strip_suffix('/').unwrap_or(value);
    let is_part = |part: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        !matches!(part, "" | "." | "..") && part.bytes().all(is_plain)
    };
    let is_path = match path.strip_prefix('/') {
        Some(parts) => parts.split('/').all(is_part),
        None => value == "/",
    };
    is_path.then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(values: &[&'static str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(PREFIX, value.parse().unwrap());
        }
        of(&headers).map(str::to_owned)
    }

    #[test]
    fn a_prefix_is_one_plain_path() {
        for (given, path) in [
            ("/duly", "/duly"),
            ("/duly/", "/duly"),
            ("/a/b-c_d~e.f", "/a/b-c_d~e.f"),
            ("/", ""),
        ] {
            assert_eq!(prefix(&[given]).as_deref(), Some(path), "{given}");
        }
        for bad in [
            "",
            "duly",
            "//duly",
            "/duly//",
            "/a//b",
            "/..",
            "/a/../b",
            "/./a",
            "/a b",
            "/a%2f",
            "/a?b",
            "/a#b",
            "/a\\b",
            "/a\"b",
            "/<a>",
            "/a,/b",
            "https://a/b",
            "/a:b",
            "/\u{e9}",
        ] {
            assert_eq!(prefix(&[bad]), None, "{bad}");
        }
        let long: &'static str = Box::leak(format!("/{}", "a".repeat(LONGEST)).into());
        assert_eq!(prefix(&[long]), None);
        assert_eq!(prefix(&["/a", "/a"]), None);
    }
}
