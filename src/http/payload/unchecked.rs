//! Parts of a body that are checked by themselves.

use std::borrow::Cow;
use std::marker::PhantomData;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseFromJSON, ParseResult, ToJSON, Type};
use serde_json::Value;

use super::schema::{self, Unknown};
use super::wiped::Wiped;
use crate::http::problem::Problem;

/// A part of a body that is shown as a `T` and not checked with the rest of the body.
#[derive(Debug)]
pub(crate) struct Unchecked<T>(Value, PhantomData<fn() -> T>);

impl<T> Unchecked<T> {
    pub(crate) const fn new(value: Value) -> Self {
        Self(value, PhantomData)
    }

    /// Turns the part into a value by the rules of whole bodies. Fields are named from there on.
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
        // Payloads do not look into a choice. The document shows it as the only one that there is.
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
