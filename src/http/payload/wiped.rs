//! JSON values that may contain a password.

use serde_json::Value;
use zeroize::Zeroize as _;

/// Value whose strings are wiped from memory when it is dropped.
pub(super) struct Wiped(Value);

impl Wiped {
    pub(super) const fn new(value: Value) -> Self {
        Self(value)
    }

    pub(super) const fn get(&self) -> &Value {
        &self.0
    }

    pub(super) const fn get_mut(&mut self) -> &mut Value {
        &mut self.0
    }

    /// Returns the value without wiping it; the caller must do that.
    pub(super) fn take(mut self) -> Value {
        self.0.take()
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_text_is_wiped_however_deep() {
        let mut value =
            json!({ "a": "one", "b": [{ "c": "two" }, 3, "four"], "d": null });
        wipe(&mut value);
        assert_eq!(value, json!({ "a": "", "b": [{ "c": "" }, 3, ""], "d": null }));
    }
}
