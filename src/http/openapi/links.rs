//! Links from the creation of a resource to the operations on it.

use serde_json::{Map, Value, json};

/// Links the response of each creating operation to the operations below its id
/// ([links](https://spec.openapis.org/oas/v3.0.3#link-object)), so that tools know where ids come from.
pub(super) fn add(paths: &mut Map<String, Value>) {
    let mut links: Map<String, Value> = Map::new();
    for (path, operations) in paths.iter() {
        let Some((parent, _)) = path.split_once("/{id}") else { continue };
        let below = links.entry(parent).or_insert_with(|| json!({}));
        for (_, operation) in super::members(Some(operations)) {
            let id = operation.get("operationId").and_then(Value::as_str);
            if let (Some(below), Some(id)) = (below.as_object_mut(), id) {
                let link = json!({ "operationId": id, "parameters": { "id": "$response.body#/id" } });
                below.insert(id.to_owned(), link);
            }
        }
    }
    for (parent, links) in links {
        let made = paths.get_mut(&parent);
        let made =
            made.and_then(|operations| operations.pointer_mut("/post/responses/201"));
        if let Some(made) = made.and_then(Value::as_object_mut) {
            made.insert("links".to_owned(), links);
        }
    }
}
