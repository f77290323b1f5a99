//! Domain types in JSON and in the OpenAPI document.
//!
//! Kept here so that `domain` does not depend on poem or serde.

use poem_openapi::registry::MetaSchema;
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON};
use serde::{Serialize, Serializer};
use serde_json::Value;
use zeroize::Zeroizing;

use super::format;
use crate::domain::email::Email;
use crate::domain::password::Password;
use crate::domain::time_zone::TimeZone;
use crate::domain::timestamp::{TEXT_LEN, Timestamp};

/// Describes a type in the OpenAPI document by the schema of one value.
macro_rules! schema_type {
    ($type:ident, $name:expr, $schema:expr) => {
        impl poem_openapi::types::Type for $type {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn schema_ref() -> poem_openapi::registry::MetaSchemaRef {
                poem_openapi::registry::MetaSchemaRef::Inline(Box::new($schema))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }
    };
}
pub(super) use schema_type;

/// Defines a text in a request, which is checked together with the other fields, by the rules of its format
/// ([`super::payload`]).
macro_rules! text_type {
    ($(#[$doc:meta])* $type:ident, $name:expr, $schema:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(in crate::http) struct $type(pub(in crate::http) String);

        $crate::http::wire::schema_type!($type, $name, $schema);

        impl poem_openapi::types::ParseFromJSON for $type {
            fn parse_from_json(
                value: Option<serde_json::Value>,
            ) -> poem_openapi::types::ParseResult<Self> {
                match value.unwrap_or_default() {
                    serde_json::Value::String(text) => Ok(Self(text)),
                    other => Err(poem_openapi::types::ParseError::expected_type(other)),
                }
            }
        }

        impl poem_openapi::types::ToJSON for $type {
            fn to_json(&self) -> Option<serde_json::Value> {
                Some(serde_json::Value::String(self.0.clone()))
            }
        }
    };
}
pub(super) use text_type;

text_type!(
    /// Scopes in a form. Checked by [`Scopes`](crate::domain::scope::Scopes), with errors of OAuth 2.
    ScopeText,
    "string_scope",
    MetaSchema {
        pattern: Some(
            "^ *((tasks:read|tasks:write|account)( +(tasks:read|tasks:write|account))* *)?$"
                .to_owned()
        ),
        ..MetaSchema::new("string")
    }
);

text_type!(
    /// An email address in a request.
    EmailText,
    "string_email",
    MetaSchema {
        max_length: Some(Email::MAX_BYTES),
        ..MetaSchema::new_with_format("string", format::EMAIL)
    }
);

text_type!(
    /// The name of a time zone in a request.
    TimeZoneText,
    "string_time_zone",
    MetaSchema {
        max_length: Some(TimeZone::MAX_BYTES),
        ..MetaSchema::new_with_format("string", format::TIME_ZONE)
    }
);

/// Defines a password in a request, which is wiped from memory when dropped.
macro_rules! password_type {
    ($(#[$doc:meta])* $type:ident, $name:expr, $schema:expr) => {
        $(#[$doc])*
        pub(super) struct $type(pub(super) Zeroizing<String>);

        schema_type!($type, $name, $schema);

        impl ParseFromJSON for $type {
            fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
                match value.unwrap_or_default() {
                    Value::String(text) => Ok(Self(text.into())),
                    other => Err(ParseError::expected_type(other)),
                }
            }
        }

        impl ToJSON for $type {
            fn to_json(&self) -> Option<Value> {
                Some(Value::String(self.0.as_str().to_owned()))
            }
        }

        impl From<&str> for $type {
            fn from(text: &str) -> Self {
                Self(text.to_owned().into())
            }
        }
    };
}

password_type!(
    /// A password in a request.
    PasswordText,
    "string",
    MetaSchema::new("string")
);

password_type!(
    /// A new password. Checked by [`Password::check`].
    NewPasswordText,
    "string_new_password",
    MetaSchema {
        min_length: Some(Password::MIN_CHARS),
        max_length: Some(Password::MAX_CHARS),
        ..MetaSchema::new_with_format("string", format::PASSWORD)
    }
);

/// Needed for the limits on its length.
impl AsRef<str> for PasswordText {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

schema_type!(
    Timestamp,
    "string_date-time",
    MetaSchema::new_with_format("string", format::TIME)
);

impl ParseFromJSON for Timestamp {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        match value.unwrap_or_default() {
            Value::String(text) => text.parse().map_err(ParseError::custom),
            other => Err(ParseError::expected_type(other)),
        }
    }
}

impl ToJSON for Timestamp {
    fn to_json(&self) -> Option<Value> {
        Some(Value::String(self.to_string()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.to_text(&mut [0; TEXT_LEN]))
    }
}
