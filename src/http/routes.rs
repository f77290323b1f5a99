//! Which paths there are and what can be done at each, read from the OpenAPI document.

use serde_json::Value;

/// Every path of the document.
#[derive(Debug)]
pub(super) struct RouteTable(Vec<Route>);

/// One path.
#[derive(Debug)]
pub(super) struct Route {
    /// As in the document: `/api/v1/tasks/{id}`.
    pub(super) pattern: String,
    /// The value of an `Allow` header.
    pub(super) allow: String,
}

impl RouteTable {
    pub(super) fn of(document: &Value) -> Self {
        let paths = document.get("paths").and_then(Value::as_object);
        let routes = paths.into_iter().flatten().map(|(pattern, operations)| {
            let methods = operations.as_object().into_iter().flatten();
            let mut allow: Vec<String> =
                methods.map(|(method, _)| method.to_ascii_uppercase()).collect();
            if allow.iter().any(|method| method == "GET") {
                allow.push("HEAD".to_owned());
            }
            allow.push("OPTIONS".to_owned());
            allow.sort();
            Route { pattern: pattern.clone(), allow: allow.join(", ") }
        });
        Self(routes.collect())
    }

    pub(super) fn find(&self, path: &str) -> Option<&Route> {
        self.0.iter().find(|route| fits(&route.pattern, path))
    }
}

/// Part by part; a part in braces stands for any one. Slashes at the end or in a row make no difference,
/// as in the routes themselves.
fn fits(pattern: &str, path: &str) -> bool {
    let parts = |path| str::split(path, '/').filter(|part| !part.is_empty());
    let (mut wanted, mut found) = (parts(pattern), parts(path));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found)) => {
                if !wanted.starts_with('{') && wanted != found {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_are_found_by_their_parts() {
        let operations = json!({ "get": {}, "patch": {} });
        let table = RouteTable::of(&json!({
            "paths": { "/a/tasks": { "post": {} }, "/a/tasks/{id}": operations },
        }));
        assert_eq!(table.find("/a/tasks/7").unwrap().allow, "GET, HEAD, OPTIONS, PATCH");
        assert_eq!(table.find("/a/tasks").unwrap().allow, "OPTIONS, POST");
        assert_eq!(table.find("/a//tasks/").unwrap().pattern, "/a/tasks");
        for path in ["/", "/a", "/a/tasks/7/x", "/b/tasks"] {
            assert!(table.find(path).is_none(), "{path}");
        }
    }
}
