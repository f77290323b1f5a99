//! Checks JSON against the schema that poem-openapi registered for a type.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseFromJSON, Type};
use serde_json::Value;

use super::wiped::Wiped;
use crate::http::completed::Completed;
use crate::http::format;
use crate::http::problem::Problem;
use crate::service::FieldError;

/// Field name of the body as a whole.
pub(in crate::http) const BODY: &str = "body";

/// Treatment of object members unknown to the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    Refused,
    Ignored,
}

/// Parses a value into a `T`, or reports all its faults. Never quotes a value.
pub(super) fn parse<T: ParseFromJSON + 'static>(
    value: Wiped,
    unknown: Unknown,
) -> Result<T, Problem> {
    let schema = Schema::of::<T>();
    let mut check = Check { schema: &schema, unknown, faults: Vec::new() };
    check.value(&schema.root, value.get(), "");
    if !check.faults.is_empty() {
        return Err(Problem::invalid(check.faults));
    }
    T::parse_from_json(Some(value.take()))
        .map_err(|_| Problem::invalid(vec![FieldError::new(BODY, "is not valid")]))
}

struct Schema {
    registry: Registry,
    root: MetaSchemaRef,
}

impl Schema {
    /// Returns the schema of a type; registers each type once.
    fn of<T: Type + 'static>() -> Arc<Self> {
        static KNOWN: LazyLock<RwLock<HashMap<TypeId, Arc<Schema>>>> =
            LazyLock::new(RwLock::default);
        let key = TypeId::of::<T>();
        if let Some(schema) =
            KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&key)
        {
            return Arc::clone(schema);
        }
        let mut registry = Registry::new();
        T::register(&mut registry);
        let schema = Arc::new(Self { registry, root: T::schema_ref() });
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(key, Arc::clone(&schema));
        schema
    }
}

struct Check<'a> {
    schema: &'a Schema,
    unknown: Unknown,
    faults: Vec<FieldError>,
}

impl Check<'_> {
    fn fault(&mut self, at: &str, message: impl Into<String>) {
        let field = if at.is_empty() { BODY } else { at };
        self.faults.push(FieldError { field: field.to_owned(), message: message.into() });
    }

    fn value(&mut self, schema: &MetaSchemaRef, value: &Value, at: &str) {
        let schema = match schema {
            MetaSchemaRef::Inline(schema) => schema.as_ref(),
            MetaSchemaRef::Reference(name) => {
                match self.schema.registry.schemas.get(name) {
                    Some(schema) => schema,
                    None => return self.fault(at, "is not valid"),
                }
            }
        };
        if schema.format == Some(format::IGNORED) {
            return;
        }
        if value.is_null() {
            if !schema.nullable {
                self.fault(at, "must not be null");
            }
            return;
        }
        for part in &schema.all_of {
            self.value(part, value, at);
        }
        if !schema.enum_items.is_empty() && !schema.enum_items.contains(value) {
            let choices: Vec<String> =
                schema.enum_items.iter().map(|item| item.to_string()).collect();
            return self.fault(at, format!("must be one of {}", choices.join(", ")));
        }
        match (schema.ty, value) {
            ("string", Value::String(text)) => self.string(schema, text, at),
            ("integer", Value::Number(number)) if number.is_i64() || number.is_u64() => {
                self.number(schema, number, at);
            }
            ("number", Value::Number(number)) => self.number(schema, number, at),
            ("boolean", Value::Bool(_)) | ("", _) => {}
            ("boolean", value)
                if schema.format == Some(format::COMPLETED)
                    && Completed::of(value).is_some() => {}
            ("array", Value::Array(items)) => self.array(schema, items, at),
            ("object", Value::Object(members)) => self.object(schema, members, at),
            ("string", _) => self.fault(at, "must be a string"),
            ("integer", _) => self.fault(at, "must be a whole number"),
            ("number", _) => self.fault(at, "must be a number"),
            ("boolean", _) => self.fault(at, "must be true or false"),
            ("array", _) => self.fault(at, "must be an array"),
            _ => self.fault(at, "must be an object"),
        }
    }

    fn string(&mut self, schema: &MetaSchema, text: &str, at: &str) {
        // A format checks its own length limits; that of an email ignores surrounding white space.
        if let Some(checked) = schema.format.and_then(|it| format::check(it, text)) {
            if let Err(message) = checked {
                self.fault(at, message);
            }
            return;
        }
        let chars = text.chars().count();
        if let Some(least) = schema.min_length.filter(|least| chars < *least) {
            let message = if least == 1 {
                "must not be empty".to_owned()
            } else {
                format!("must have at least {least} characters")
            };
            self.fault(at, message);
        }
        if let Some(most) = schema.max_length.filter(|most| chars > *most) {
            self.fault(at, format!("must have at most {most} characters"));
        }
    }

    fn number(&mut self, schema: &MetaSchema, number: &serde_json::Number, at: &str) {
        let Some(number) = number.as_f64() else { return };
        let is_unsigned = schema.format.is_some_and(|it| it.starts_with("uint"));
        let minimum = schema.minimum.or_else(|| is_unsigned.then_some(0.0));
        if let Some(least) = minimum.filter(|least| number < *least) {
            self.fault(at, format!("must be at least {least}"));
        }
        if let Some(most) = schema.maximum.filter(|most| number > *most) {
            self.fault(at, format!("must be at most {most}"));
        }
    }

    fn array(&mut self, schema: &MetaSchema, items: &[Value], at: &str) {
        if let Some(least) = schema.min_items.filter(|least| items.len() < *least) {
            self.fault(at, format!("must have at least {least} items"));
        }
        if let Some(most) = schema.max_items.filter(|most| items.len() > *most) {
            return self.fault(at, format!("must have at most {most} items"));
        }
        if let Some(of) = &schema.items {
            for (place, item) in items.iter().enumerate() {
                self.value(of, item, &join(at, &place.to_string()));
            }
        }
    }

    fn object(
        &mut self,
        schema: &MetaSchema,
        members: &serde_json::Map<String, Value>,
        at: &str,
    ) {
        for name in &schema.required {
            if !members.contains_key(*name) {
                self.fault(&join(at, name), "is required");
            }
        }
        for (name, value) in members {
            let known = schema.properties.iter().find(|(known, _)| known == name);
            match known {
                Some((_, of)) => self.value(of, value, &join(at, name)),
                None if self.unknown == Unknown::Refused => {
                    self.fault(&join(at, name), "is not a known field");
                }
                None => {}
            }
        }
    }
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}
