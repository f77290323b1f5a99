//! Static files: compressed once, cached by clients.

use std::io::{Read as _, Write as _};
use std::sync::OnceLock;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use hyper::body::Bytes;
use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::{Request, Response};
use sha2::{Digest as _, Sha256};

use crate::domain::hex::hex;
use crate::http::response_memory::SharedBytes;

/// Requires revalidation on each use; the response is short if nothing has changed.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");
/// Cache policy of files whose URL changes with their content.
const FOREVER: HeaderValue =
    HeaderValue::from_static("public, max-age=31536000, immutable");
/// Cache policy of files that depend on the proxy.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const VARY: HeaderValue = HeaderValue::from_static("accept-encoding, x-forwarded-prefix");
const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// File, gzipped and plain; responses share the bytes.
pub(super) struct Asset {
    content_type: &'static str,
    gzip: Bytes,
    /// Decompressed for the first client without gzip support.
    plain: OnceLock<Bytes>,
    hash: String,
    cache: HeaderValue,
    policy: Option<HeaderValue>,
    /// Whether all clients share the bytes, so that they are not counted.
    is_shared: bool,
}

/// Encodings and cached versions of a client.
#[derive(Clone, Debug)]
pub(super) struct Accept {
    gzip: bool,
    has: Vec<String>,
}

impl Asset {
    pub(super) fn new(content_type: &'static str, bytes: Vec<u8>) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        // Writing to memory cannot fail.
        let gzip =
            encoder.write_all(&bytes).and_then(|()| encoder.finish()).unwrap_or_default();
        let mut hash = hex(&Sha256::digest(&bytes));
        hash.truncate(16);
        Self {
            content_type,
            gzip: gzip.into(),
            plain: OnceLock::new(),
            hash,
            cache: REVALIDATE,
            policy: None,
            is_shared: true,
        }
    }

    /// Marks a file as made for clients below one path: it is not cached, and its bytes are counted.
    pub(super) fn of_one_path(mut self) -> Self {
        self.cache = NO_STORE;
        self.is_shared = false;
        self
    }

    /// Marks a file whose URL contains its hash as immutable.
    pub(super) fn immutable(mut self) -> Self {
        self.cache = FOREVER;
        self
    }

    /// Sets the Content-Security-Policy of a page.
    pub(super) fn with_policy(mut self, policy: &'static str) -> Self {
        self.policy = Some(HeaderValue::from_static(policy));
        self
    }

    /// Returns the hash of the content.
    pub(super) fn hash(&self) -> &str {
        &self.hash
    }

    pub(super) fn answer(&self, accept: &Accept) -> Response {
        // Gzipped and plain are two representations, each with its own `ETag`.
        let etag = format!("\"{}{}\"", self.hash, if accept.gzip { "-gz" } else { "" });
        let has = accept.has.iter().any(|tag| tag == "*" || *tag == etag);
        let mut response = if has {
            Response::builder().status(StatusCode::NOT_MODIFIED).finish()
        } else if accept.gzip {
            let response = Response::builder().header(header::CONTENT_ENCODING, GZIP);
            response.content_type(self.content_type).body(self.gzip.clone())
        } else {
            Response::builder().content_type(self.content_type).body(self.plain())
        };
        if self.is_shared {
            response.extensions_mut().insert(SharedBytes);
        }
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, self.cache.clone());
        headers.insert(header::VARY, VARY);
        if let Ok(etag) = HeaderValue::try_from(etag) {
            headers.insert(header::ETAG, etag);
        }
        if let Some(policy) = &self.policy {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
        }
        response
    }

    /// Returns the uncompressed file.
    pub(super) fn plain(&self) -> Bytes {
        let unpacked = self.plain.get_or_init(|| {
            let mut plain = Vec::new();
            // Cannot fail: the bytes are from `new`.
            match GzDecoder::new(self.gzip.as_ref()).read_to_end(&mut plain) {
                Ok(_) => plain.into(),
                Err(_) => Bytes::new(),
            }
        });
        unpacked.clone()
    }
}

impl Accept {
    pub(super) fn of(request: &Request) -> Self {
        let headers = request.headers();
        let tags = list(headers, header::IF_NONE_MATCH);
        let has = tags.map(|tag| tag.trim_start_matches("W/").to_owned()).collect();
        Self { gzip: takes_gzip(headers), has }
    }
}

/// Whether a client accepts gzip ([RFC 9110, section 12.5.3](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3)).
fn takes_gzip(headers: &HeaderMap) -> bool {
    let mut any = None;
    for coding in list(headers, header::ACCEPT_ENCODING) {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().trim_start_matches("q=").parse::<f32>();
        let taken = weight.is_ok_and(|weight| weight > 0.0);
        match name.trim() {
            "gzip" | "x-gzip" => return taken,
            "*" => any = Some(taken),
            _ => {}
        }
    }
    any.unwrap_or(false)
}

fn list(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// Whether the method of a request is GET or HEAD.
pub(super) fn is_read(request: &Request) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gzip(value: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
        takes_gzip(&headers)
    }

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        for value in
            ["gzip", "br, gzip", "deflate;q=0.5, gzip;q=0.1", "*", "br;q=0, *;q=1"]
        {
            assert!(gzip(value), "{value}");
        }
        for value in ["", "br", "gzip;q=0", "*, gzip;q=0", "*;q=0", "gzip;q=nonsense"] {
            assert!(!gzip(value), "{value}");
        }
    }

    #[test]
    fn both_forms_hold_the_same_bytes() {
        let bytes = b"text ".repeat(1000);
        let asset = Asset::new("text/plain", bytes.clone());
        assert_eq!(asset.plain(), bytes);
        assert!(asset.gzip.len() < 200);
    }
}
