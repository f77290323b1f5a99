//! `application/x-www-form-urlencoded` bodies, as OAuth 2 clients send them.

use percent_encoding::percent_decode;
use poem::{Request, RequestBody};
use poem_openapi::types::ParseFromJSON;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::schema::{self, Unknown};
use super::wiped::Wiped;
use super::{body_extractor, media_type, read};
use crate::http::problem::Problem;
use crate::service::FieldError;

const FORM: &str = "application/x-www-form-urlencoded";

/// Most fields that are looked at.
const MAX_FIELDS: usize = 64;

/// A form. Fields that `T` does not know are ignored, as
/// [RFC 6749, section 3.2](https://www.rfc-editor.org/rfc/rfc6749#section-3.2) asks.
#[derive(Debug)]
pub(crate) struct Form<T>(pub(crate) T);

async fn parse<T: ParseFromJSON + 'static>(
    request: &Request,
    body: &mut RequestBody,
    media_types: &[&str],
) -> Result<T, Problem> {
    if media_type(request).is_none_or(|found| !media_types.contains(&found.as_str())) {
        return Err(Problem::media_type(FORM));
    }
    let bytes = read(request, body).await?;
    let fields = fields(&bytes).map_err(Problem::invalid)?;
    schema::parse(fields, Unknown::Ignored)
}

body_extractor!(Form, [FORM], |parsed: Result<T, Problem>| Ok(Self(parsed?)));

/// Reads all fields as text. An empty field counts as absent (RFC 6749, section 3.1), a field twice and
/// bytes that are not UTF-8 are faults.
fn fields(bytes: &[u8]) -> Result<Wiped, Vec<FieldError>> {
    let fault = |field: &str, message| vec![FieldError::new(field, message)];
    let text = str::from_utf8(bytes).map_err(|_| fault("body", "must be UTF-8"))?;
    let mut fields = Wiped::new(Value::Object(Map::new()));
    for pair in text.split('&').filter(|pair| !pair.is_empty()).take(MAX_FIELDS) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name).ok_or_else(|| fault("body", "must be UTF-8"))?;
        let value = decode(value).ok_or_else(|| fault(&name, "must be UTF-8"))?;
        if value.is_empty() {
            continue;
        }
        let Value::Object(known) = fields.get_mut() else { continue };
        if let Some(before) = known.insert(name.clone(), Value::String(value)) {
            drop(Wiped::new(before));
            return Err(fault(&name, "must be given once"));
        }
    }
    Ok(fields)
}

/// Decodes as browsers encode; nothing if the bytes are not UTF-8. Nothing on the way stays in memory.
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
        let fields =
            fields(b"username=a%2Bb%40c.example&password=p+%26+q&scope=&x").unwrap();
        let fields = fields.take();
        assert_eq!(fields["username"], "a+b@c.example");
        assert_eq!(fields["password"], "p & q");
        assert_eq!(fields.as_object().unwrap().len(), 2);
    }

    #[test]
    fn a_field_twice_and_broken_text_are_faults() {
        for bytes in [&b"a=1&a=2"[..], b"a=%ff", b"%ff=a", b"\xff=a"] {
            assert!(fields(bytes).is_err(), "{bytes:?}");
        }
    }
}
