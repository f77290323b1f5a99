//! JSON bodies of requests and responses.

use poem::http::{HeaderValue, header};
use poem::{IntoResponse, Request, RequestBody, Response};
use poem_openapi::payload::Payload;
use poem_openapi::registry::{
    MetaMediaType, MetaRequest, MetaResponse, MetaResponses, MetaSchemaRef, Registry,
};
use poem_openapi::types::{ParseFromJSON, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::schema::{self, Unknown};
use super::wiped::Wiped;
use super::{body_extractor, media_type, read, request_of};
use crate::http::problem::Problem;

const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";

/// UTF-8 byte order mark, which some editors write.
/// [RFC 8259, section 8.1](https://www.rfc-editor.org/rfc/rfc8259#section-8.1) allows parsers to ignore it.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Initial capacity of a response buffer, in bytes: enough for one object.
const USUAL_BYTES: usize = 512;

/// Number of header fields of an ordinary response.
const USUAL_HEADERS: usize = 10;

/// JSON body. Accepted without a `Content-Type`, as in the replaced service.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

/// JSON merge patch ([RFC 7396](https://www.rfc-editor.org/rfc/rfc7396)), under either media type.
///
/// Contains the problem if the body is invalid, to be reported together with faults of the path.
#[derive(Debug)]
pub(crate) struct MergePatch<T>(pub(crate) Result<T, Problem>);

/// JSON body that may be absent. Contains the problem if the body is invalid, like [`MergePatch`].
#[derive(Debug)]
pub(crate) struct OptionalJson<T>(pub(crate) Result<Option<T>, Problem>);

impl<'a, T: ParseFromJSON + 'static> ApiExtractor<'a> for OptionalJson<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest { required: false, ..request_of(JSON, &T::schema_ref()) })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let bytes = match read(request, body).await {
            Ok(bytes) if is_absent(&bytes) => return Ok(Self(Ok(None))),
            Ok(bytes) => bytes,
            Err(problem) => return Ok(Self(Err(problem))),
        };
        Ok(Self(parse_bytes(request, &bytes, &[JSON]).map(Some)))
    }
}

/// Whether a body says nothing: some clients send null or a line end for none.
fn is_absent(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii(), b"" | b"null")
}

async fn parse<T: ParseFromJSON + 'static>(
    request: &Request,
    body: &mut RequestBody,
    media_types: &[&str],
) -> Result<T, Problem> {
    check_media_type(request, media_types)?;
    let bytes = read(request, body).await?;
    parse_bytes(request, &bytes, media_types)
}

fn check_media_type(request: &Request, media_types: &[&str]) -> Result<(), Problem> {
    let is_taken = |it: &str| media_types.contains(&it) || is_json_of_a_kind(it);
    if media_type(request).is_some_and(|found| !is_taken(&found)) {
        return Err(Problem::media_type(JSON));
    }
    Ok(())
}

fn parse_bytes<T: ParseFromJSON + 'static>(
    request: &Request,
    bytes: &[u8],
    media_types: &[&str],
) -> Result<T, Problem> {
    check_media_type(request, media_types)?;
    let json = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    if json.is_empty() {
        return Err(Problem::malformed("the body is empty; it must be JSON"));
    }
    let strict: Strict = serde_json::from_slice(json).map_err(|error| {
        // The parser's own message may quote the body.
        let (line, column) = (error.line(), error.column());
        let fault =
            if error.is_data() { "repeats a member name" } else { "is not valid JSON" };
        Problem::malformed(format!("the body {fault} at line {line}, column {column}"))
    })?;
    schema::parse(strict.0, Unknown::Refused)
}

/// Whether a media type is JSON with a suffix, such as `application/vnd.example+json`, which the replaced service
/// accepted. Patch formats are excluded.
fn is_json_of_a_kind(media_type: &str) -> bool {
    let kind = media_type.strip_prefix("application/");
    let kind = kind.and_then(|it| it.strip_suffix("+json"));
    kind.is_some_and(|it| !it.is_empty() && !it.ends_with("patch"))
}

body_extractor!(Json, [JSON], |parsed: Result<T, Problem>| Ok(Self(parsed?)));
body_extractor!(MergePatch, [JSON, MERGE_PATCH], |parsed| Ok(Self(parsed)));

impl<T: Type> Payload for Json<T> {
    const CONTENT_TYPE: &'static str = JSON;

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: WriteJson + Send> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        if let Err(problem) = self.0.write_json(&mut bytes) {
            return problem.into_response();
        }
        if bytes.len() > USUAL_BYTES {
            // The memory budget counts the length, not the capacity.
            bytes.shrink_to_fit();
        }
        response(bytes)
    }
}

/// Value that can append its JSON to a response.
pub(crate) trait WriteJson {
    /// Appends the value as JSON.
    fn write_json(&self, bytes: &mut Vec<u8>) -> Result<(), Problem>;
}

impl<T: Serialize + ?Sized> WriteJson for T {
    fn write_json(&self, bytes: &mut Vec<u8>) -> Result<(), Problem> {
        serde_json::to_writer(bytes, self).map_err(|error| {
            tracing::error!(%error, "failed to serialize a response");
            Problem::internal()
        })
    }
}

/// Builds a response from serialized JSON.
pub(super) fn response(bytes: Vec<u8>) -> Response {
    let mut response = Response::builder().body(bytes);
    let headers = response.headers_mut();
    // The middleware adds more.
    headers.reserve(USUAL_HEADERS);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
    response
}

impl<T: Type + WriteJson + Send> ApiResponse for Json<T> {
    fn meta() -> MetaResponses {
        let content = vec![MetaMediaType { content_type: JSON, schema: T::schema_ref() }];
        let response = MetaResponse {
            description: "Done.",
            status: Some(200),
            status_range: None,
            content,
            headers: Vec::new(),
        };
        MetaResponses { responses: vec![response] }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// JSON without duplicate object members, of which two parsers could read different values.
struct Strict(Wiped);

impl From<Value> for Strict {
    fn from(value: Value) -> Self {
        Self(Wiped::new(value))
    }
}

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Strict;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Strict, E> {
        Ok(Value::Null.into())
    }

    fn visit_bool<E>(self, v: bool) -> Result<Strict, E> {
        Ok(Value::from(v).into())
    }

    fn visit_i64<E>(self, v: i64) -> Result<Strict, E> {
        Ok(Value::from(v).into())
    }

    fn visit_u64<E>(self, v: u64) -> Result<Strict, E> {
        Ok(Value::from(v).into())
    }

    fn visit_f64<E>(self, v: f64) -> Result<Strict, E> {
        Ok(Value::from(v).into())
    }

    fn visit_str<E>(self, v: &str) -> Result<Strict, E> {
        Ok(Value::from(v).into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Strict, A::Error> {
        let mut items = Wiped::new(Value::Array(Vec::new()));
        while let Some(Strict(item)) = seq.next_element()? {
            if let Value::Array(items) = items.get_mut() {
                items.push(item.take());
            }
        }
        Ok(Strict(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Strict, A::Error> {
        let mut members = Wiped::new(Value::Object(serde_json::Map::new()));
        while let Some(name) = map.next_key::<String>()? {
            let Strict(value) = map.next_value()?;
            let Value::Object(known) = members.get_mut() else { continue };
            if let Some(before) = known.insert(name, value.take()) {
                drop(Wiped::new(before));
                return Err(A::Error::custom("repeated member name"));
            }
        }
        Ok(Strict(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_twice_is_not_json_to_us() {
        assert!(serde_json::from_str::<Strict>(r#"{"a":1,"b":[{"a":1}]}"#).is_ok());
        for text in [r#"{"a":1,"a":1}"#, r#"[{"b":{"a":1,"a":2}}]"#] {
            assert!(
                serde_json::from_str::<Strict>(text).is_err_and(|error| error.is_data())
            );
        }
    }

    #[test]
    fn hostile_nesting_ends_in_an_error() {
        let text = "[".repeat(100_000);
        assert!(serde_json::from_str::<Strict>(&text).is_err());
    }
}
