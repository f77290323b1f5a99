//! Form bodies, as sent by OAuth 2 clients, browsers and `curl -F`.

use percent_encoding::percent_decode;
use poem::{Request, RequestBody};
use poem_openapi::types::ParseFromJSON;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::multipart::{self, Part};
use super::schema::{self, BODY, Unknown};
use super::wiped::Wiped;
use super::{body_extractor, media_type, read};
use crate::http::problem::Problem;
use crate::service::FieldError;

const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

const NOT_UTF_8: &str = "must be UTF-8";

/// Maximum number of fields that are read.
const MAX_FIELDS: usize = 64;

/// Form body. Fields unknown to `T` are ignored, as
/// [RFC 6749, section 3.2](https://www.rfc-editor.org/rfc/rfc6749#section-3.2) requires.
#[derive(Debug)]
pub(crate) struct Form<T>(pub(crate) T);

async fn parse<T: ParseFromJSON + 'static>(
    request: &Request,
    body: &mut RequestBody,
    media_types: &[&str],
) -> Result<T, Problem> {
    let found = media_type(request).filter(|it| media_types.contains(&it.as_str()));
    let is_multipart = found.ok_or_else(|| {
        Problem::media_type("application/x-www-form-urlencoded or multipart/form-data")
    })? == MULTIPART;
    let bytes = read(request, body).await?;
    let fields = match request.content_type() {
        Some(content_type) if is_multipart => {
            let parts = multipart::parts(&bytes, content_type, MAX_FIELDS);
            let is_none = "the body is not valid multipart/form-data";
            multipart(parts.ok_or_else(|| Problem::malformed(is_none))?)
        }
        _ => urlencoded(&bytes),
    };
    schema::parse(fields.map_err(Problem::invalid)?.0, Unknown::Ignored)
}

body_extractor!(Form, [FORM, MULTIPART], |parsed: Result<T, Problem>| Ok(Self(parsed?)));

/// Fields of a form, as text.
struct Fields(Wiped);

impl Fields {
    fn none() -> Self {
        Self(Wiped::new(Value::Object(Map::new())))
    }

    /// Adds a field. An empty value counts as absent (RFC 6749, section 3.1); a repeated field is a fault.
    fn add(&mut self, name: String, value: String) -> Result<(), Vec<FieldError>> {
        if value.is_empty() {
            return Ok(());
        }
        let Value::Object(known) = self.0.get_mut() else { return Ok(()) };
        if known.contains_key(&name) {
            drop(Wiped::new(Value::String(value)));
            return Err(fault(&name, "must not be repeated"));
        }
        known.insert(name, Value::String(value));
        Ok(())
    }
}

fn fault(field: &str, message: &str) -> Vec<FieldError> {
    vec![FieldError::new(field, message)]
}

fn urlencoded(bytes: &[u8]) -> Result<Fields, Vec<FieldError>> {
    let text = str::from_utf8(bytes).map_err(|_| fault(BODY, NOT_UTF_8))?;
    let mut fields = Fields::none();
    for pair in text.split('&').filter(|pair| !pair.is_empty()).take(MAX_FIELDS) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name).ok_or_else(|| fault(BODY, NOT_UTF_8))?;
        let value = decode(value).ok_or_else(|| fault(&name, NOT_UTF_8))?;
        fields.add(name, value)?;
    }
    Ok(fields)
}

fn multipart(parts: Vec<Part<'_>>) -> Result<Fields, Vec<FieldError>> {
    let mut fields = Fields::none();
    for Part { name, value, is_file } in parts {
        if is_file {
            return Err(fault(name, "must be text, not a file"));
        }
        let value = str::from_utf8(value).map_err(|_| fault(name, NOT_UTF_8))?;
        fields.add(name.to_owned(), value.to_owned())?;
    }
    Ok(fields)
}

/// Decodes URL-encoded text; `None` if the bytes are not UTF-8. Wipes intermediate buffers.
pub(in crate::http) fn decode(text: &str) -> Option<String> {
    let spaced = text.bytes().map(|byte| if byte == b'+' { b' ' } else { byte });
    let spaced = Zeroizing::new(spaced.collect::<Vec<u8>>());
    let mut decoded = Zeroizing::new(Vec::with_capacity(spaced.len()));
    decoded.extend(percent_decode(&spaced));
    str::from_utf8(&decoded).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_as_browsers_encode_them() {
        let form = b"username=a%2Bb%40c.example&password=p+%26+q&scope=&x";
        let fields = urlencoded(form).unwrap().0.take();
        assert_eq!(fields["username"], "a+b@c.example");
        assert_eq!(fields["password"], "p & q");
        assert_eq!(fields.as_object().unwrap().len(), 2);
    }

    #[test]
    fn a_field_twice_and_broken_text_are_faults() {
        for bytes in [&b"a=1&a=2"[..], b"a=%ff", b"%ff=a", b"\xff=a"] {
            assert!(urlencoded(bytes).is_err(), "{bytes:?}");
        }
    }
}
