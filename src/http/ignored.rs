//! Body members that are accepted and ignored.

use poem_openapi::registry::MetaSchema;
use poem_openapi::types::{ParseFromJSON, ParseResult, ToJSON};
use serde_json::Value;

use super::format;
use super::wire::schema_type;

/// A member that the server sets by itself: accepted and ignored, so that a client can send a whole task or account
/// back.
#[derive(Debug)]
pub(super) struct Ignored;

schema_type!(
    Ignored,
    "ignored",
    MetaSchema { format: Some(format::IGNORED), ..MetaSchema::ANY }
);

impl ParseFromJSON for Ignored {
    fn parse_from_json(_value: Option<Value>) -> ParseResult<Self> {
        Ok(Self)
    }
}

impl ToJSON for Ignored {
    fn to_json(&self) -> Option<Value> {
        None
    }
}
