//! Order of the document's members, which is also the order of the documentation pages.

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Map, Value, json};

const MEMBERS: [&str; 7] =
    ["openapi", "info", "servers", "tags", "paths", "components", "security"];
const TAGS: [&str; 6] = ["Tasks", "Lists", "History", "Auth", "Health", "Admin"];
const METHODS: [&str; 4] = ["post", "get", "patch", "delete"];
/// Operations whose paths come first and last within their tag.
const FIRST: [&str; 3] = ["user_register", "session_login", "session_refresh"];
const LAST: [&str; 3] = ["tag_list", "oauth_metadata", "audit_list"];

/// Part of the document that is serialized in order.
pub(super) struct Ordered<'a> {
    part: &'a Value,
    level: Level,
}

#[derive(Clone, Copy)]
enum Level {
    Document,
    Paths,
    Path,
}

impl<'a> Ordered<'a> {
    pub(super) const fn new(document: &'a Value) -> Self {
        Self { part: document, level: Level::Document }
    }
}

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Value::Object(members) = self.part else {
            return self.part.serialize(serializer);
        };
        let mut map = serializer.serialize_map(Some(members.len()))?;
        for (name, part) in sorted(members, self.level) {
            match self.level {
                Level::Document if name == "paths" => {
                    map.serialize_entry(name, &Self { part, level: Level::Paths })?;
                }
                Level::Paths => {
                    map.serialize_entry(name, &Self { part, level: Level::Path })?;
                }
                Level::Document | Level::Path => map.serialize_entry(name, part)?,
            }
        }
        map.end()
    }
}

fn sorted(members: &Map<String, Value>, level: Level) -> Vec<(&String, &Value)> {
    let mut sorted: Vec<_> = members.iter().collect();
    match level {
        Level::Document => sorted.sort_by_key(|(name, _)| place(&MEMBERS, name)),
        Level::Paths => sorted.sort_by_cached_key(|(path, of)| path_key(path, of)),
        Level::Path => sorted.sort_by_key(|(name, _)| place(&METHODS, name)),
    }
    sorted
}

/// Returns the sort key of a path: its tag, place within the tag, and segments. Paths below an id follow the list.
fn path_key(path: &str, operations: &Value) -> (usize, usize, Vec<String>) {
    let of = |member| {
        let mut operations = super::members(Some(operations));
        operations.find_map(|(_, it)| it.pointer(member).and_then(Value::as_str))
    };
    let id = of("/operationId").unwrap_or_default();
    let within = match place(&LAST, id) {
        last if last < LAST.len() => FIRST.len() + 1 + last,
        _ => place(&FIRST, id),
    };
    let part = |part: &str| part.strip_prefix('{').map_or(part, |_| "").to_owned();
    let parts = path.split('/').map(part).collect();
    (place(&TAGS, of("/tags/0").unwrap_or_default()), within, parts)
}

fn place(names: &[&str], name: &str) -> usize {
    names.iter().position(|it| *it == name).unwrap_or(names.len())
}

/// Merges the tags of both parts of the API, without duplicates.
pub(super) fn tags(base: Option<&Value>, root: Option<&Value>) -> Value {
    let both = [base, root].into_iter().flatten().filter_map(Value::as_array).flatten();
    let mut tags: Vec<Value> = Vec::new();
    for tag in both {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
    let name = |tag: &Value| {
        tag.get("name").and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    tags.sort_by_cached_key(|tag| place(&TAGS, &name(tag)));
    json!(tags)
}
