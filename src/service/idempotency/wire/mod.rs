//! Stored forms of outcomes, as JSON.

mod account;
mod credential;
mod list;
mod task;
mod undo;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::auth::Secret;
use crate::domain::timestamp::{Timestamp, TimestampError};

/// Conversion of an outcome to its stored form and back.
pub(super) trait Stored: Sized {
    /// Stored form. Fields may be added if they have a default; a form that cannot be read is not replayed.
    type Wire: Serialize + DeserializeOwned;

    /// Converts the outcome to its stored form.
    fn to_wire(&self) -> Self::Wire;

    /// Converts the stored form back, if it is valid.
    fn from_wire(wire: Self::Wire) -> Option<Self>;
}

/// Time, in milliseconds since 1970.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
struct Millis(i64);

impl From<Timestamp> for Millis {
    fn from(time: Timestamp) -> Self {
        Self(time.as_millis())
    }
}

impl Millis {
    fn time(self) -> Result<Timestamp, TimestampError> {
        Timestamp::from_millis(self.0)
    }
}

/// Secret, which leaves the program sealed.
struct WireSecret(Secret);

impl Serialize for WireSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for WireSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::new(text)))
    }
}

impl Stored for () {
    type Wire = ();

    fn to_wire(&self) -> Self::Wire {}

    fn from_wire((): Self::Wire) -> Option<Self> {
        Some(())
    }
}

impl Stored for u64 {
    type Wire = Self;

    fn to_wire(&self) -> Self::Wire {
        *self
    }

    fn from_wire(wire: Self::Wire) -> Option<Self> {
        Some(wire)
    }
}
