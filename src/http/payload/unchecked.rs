//! Parts of a body that are checked separately.

use std::borrow::Cow;
use std::marker::PhantomData;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseFromJSON, ParseResult, ToJSON, Type};
use serde_json::Value;

use super::schema::{self, Unknown};
use super::wiped::Wiped;
use crate::http::problem::Problem;

/// Part of a body, documented as a `T` and not checked with the rest of the body.
#[derive(Debug)]
pub(crate) struct Unchecked<T>(Value, PhantomData<fn() -> T>);

impl<T> Unchecked<T> {
    pub(crate) const fn new(value: Value) -> Self {
        Self(value, PhantomData)
    }

    /// Parses the part by the rules of whole bodies. Field paths in errors start at the part.
    pub(crate) fn check<U: ParseFromJSON + 'static>(self) -> Result<U, Problem> {
        schema::parse(Wiped::new(self.0), Unknown::Refused)
    }
}

impl<T: Type> Type for Unchecked<T> {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        T::name()
    }

    fn schema_ref() -> MetaSchemaRef {
        // Payloads do not check an `anyOf`. The document shows its only choice directly.
        let any_of = vec![T::schema_ref()];
        MetaSchemaRef::Inline(Box::new(MetaSchema { any_of, ..MetaSchema::ANY }))
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl<T: Type> ParseFromJSON for Unchecked<T> {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Ok(Self::new(value.unwrap_or_default()))
    }
}

impl<T: Type> ToJSON for Unchecked<T> {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.clone())
    }
}
