//! Request and response bodies: bounded, strictly checked, with all faults reported at once.
//!
//! poem-openapi's own payloads read without limit, stop at the first fault, accept numbers for strings and quote the
//! input in their errors. These payloads read through [`read`], check against the schema of the OpenAPI document (so
//! that the two cannot differ), and serialize responses directly to bytes.

mod budget;
mod form;
mod json;
mod lines;
mod multipart;
mod rendered;
mod schema;
mod unchecked;
mod wiped;

use std::time::Duration;

/// Implements poem-openapi's extractor for a body type, with the `parse` in scope. The document lists only the first
/// media type: client generators make a method for each, or fail at the second.
macro_rules! body_extractor {
    ($name:ident, [$documented:expr $(, $other:expr)*], $finish:expr) => {
        impl<'a, T: ParseFromJSON + 'static> poem_openapi::ApiExtractor<'a> for $name<T> {
            const TYPES: &'static [poem_openapi::ApiExtractorType] =
                &[poem_openapi::ApiExtractorType::RequestObject];
            type ParamType = ();
            type ParamRawType = ();

            fn register(registry: &mut poem_openapi::registry::Registry) {
                T::register(registry);
            }

            fn request_meta() -> Option<poem_openapi::registry::MetaRequest> {
                Some($crate::http::payload::request_of($documented, &T::schema_ref()))
            }

            async fn from_request(
                request: &'a Request,
                body: &mut RequestBody,
                _options: poem_openapi::ExtractParamOptions<()>,
            ) -> poem::Result<Self> {
                $finish(parse(request, body, &[$documented $(, $other)*]).await)
            }
        }
    };
}
use body_extractor;

use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use hyper::body::Bytes;
use poem::RequestBody;
use poem::http::{HeaderMap, HeaderName, header};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchemaRef};
use zeroize::Zeroize as _;

pub(super) use self::budget::BodyBudget;
use self::budget::Buffer;
pub(super) use self::form::{Form, decode};
pub(super) use self::json::{Json, MergePatch, OptionalJson, WriteJson};
pub(super) use self::lines::Lines;
pub(super) use self::rendered::{Rendered, Renderer, Reserved};
pub(super) use self::schema::BODY;
pub(super) use self::unchecked::Unchecked;
use super::idempotency::BodyDigest;
use super::middleware::RequestContext;
use super::problem::Problem;

fn request_of(content_type: &'static str, schema: &MetaSchemaRef) -> MetaRequest {
    let content = vec![MetaMediaType { content_type, schema: schema.clone() }];
    MetaRequest { description: None, content, required: true }
}

/// Limits on the size of a body and the time to receive it.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyLimits {
    pub(super) bytes: usize,
    pub(super) time: Duration,
}

impl BodyLimits {
    /// Returns the limits of the server, or zero limits if none are set.
    fn of(request: &poem::Request) -> Self {
        let nothing = Self { bytes: 0, time: Duration::ZERO };
        request.data::<RequestContext>().map_or(nothing, |context| context.body)
    }
}

/// Reads a whole body and counts it as it arrives; the announced length is not trusted. The body may hold a password,
/// so no copy of it is left in memory. Keep the buffer until the body is parsed.
async fn read(
    request: &poem::Request,
    body: &mut RequestBody,
) -> Result<Buffer, Problem> {
    is_plain(request.headers())?;
    let limits = BodyLimits::of(request);
    let buffer = Buffer::of(request)?;
    let body = body.take().map_err(|_| Problem::internal())?;
    let buffer = tokio::time::timeout(limits.time, collect(body, buffer, limits.bytes))
        .await
        .map_err(|_| Problem::body_too_slow())??;
    if let Some(digest) = request.data::<BodyDigest>() {
        digest.set(&buffer);
    }
    Ok(buffer)
}

async fn collect(
    body: poem::Body,
    mut buffer: Buffer,
    limit: usize,
) -> Result<Buffer, Problem> {
    let mut body: BoxBody<Bytes, std::io::Error> = body.into();
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|_| Problem::malformed("the body could not be read"))?;
        let Ok(data) = frame.into_data() else { continue };
        let pushed = buffer.push(&data, limit);
        // Fails if the connection shares the buffer, which it then overwrites itself.
        if let Ok(mut own) = data.try_into_mut() {
            own.as_mut().zeroize();
        }
        pushed?;
    }
    Ok(buffer)
}

/// Refuses a body that is compressed or partial.
fn is_plain(headers: &HeaderMap) -> Result<(), Problem> {
    if codings(headers, header::CONTENT_ENCODING)
        .any(|it| !it.eq_ignore_ascii_case(b"identity"))
    {
        return Err(Problem::content_encoding());
    }
    if headers.contains_key(header::CONTENT_RANGE) {
        return Err(Problem::malformed("Content-Range is not supported in requests"));
    }
    Ok(())
}

/// Refuses any request with a transfer coding other than a single `chunked`
/// ([RFC 9112, section 6.1](https://www.rfc-editor.org/rfc/rfc9112#section-6.1)).
pub(super) fn check_transfer_coding(headers: &HeaderMap) -> Result<(), Problem> {
    let codings = || codings(headers, header::TRANSFER_ENCODING);
    if codings().any(|it| !it.eq_ignore_ascii_case(b"chunked")) {
        return Err(Problem::transfer_coding());
    }
    if codings().nth(1).is_some() {
        return Err(Problem::malformed(
            "the transfer coding chunked must not be repeated",
        ));
    }
    Ok(())
}

fn codings(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &[u8]> {
    let values = headers.get_all(name).into_iter();
    let codings = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    codings.map(<[u8]>::trim_ascii).filter(|it| !it.is_empty())
}

/// Returns the media type of a body, in lower case, without parameters.
fn media_type(request: &poem::Request) -> Option<String> {
    let essence = request.content_type()?.split(';').next()?;
    Some(essence.trim().to_ascii_lowercase())
}
