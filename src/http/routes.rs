//! Paths of the API and their methods, read from the OpenAPI document.

use std::sync::Arc;

use poem::http::Method;
use serde_json::{Value, json};

use super::metrics::{OTHER, Operation as Counted};
use super::openapi;

/// All paths of the document.
pub(super) struct RouteTable {
    routes: Vec<Route>,
    /// Counters of requests without a route.
    others: Counts,
}

/// Request counters of a route, by method.
struct Counts(Vec<Arc<Counted>>);

/// Name for requests without a route, in the log and in metrics.
pub(super) const NO_ROUTE: &str = "-";

/// One path.
pub(super) struct Route {
    /// Path as in the document: `/api/v1/tasks/{id}`.
    pub(super) pattern: String,
    /// Value of an `Allow` header.
    pub(super) allow: String,
    /// Whether the route issues or revokes tokens for OAuth 2 clients.
    pub(super) speaks_oauth: bool,
    /// Operations whose queries are checked.
    operations: Vec<Operation>,
    counts: Counts,
}

/// An operation of a path.
#[derive(Debug)]
pub(super) struct Operation {
    /// Name of the method, in lower case.
    pub(super) method: String,
    pub(super) needs_token: bool,
    pub(super) query: Vec<QueryParameter>,
}

/// A query parameter of an operation.
#[derive(Debug)]
pub(super) struct QueryParameter {
    pub(super) name: String,
    /// Whether it may be repeated.
    pub(super) repeats: bool,
}

impl Route {
    /// Returns the operation of a method, if its query is checked.
    pub(super) fn operation(&self, method: &Method) -> Option<&Operation> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let method = method.as_str();
        self.operations.iter().find(|it| method.eq_ignore_ascii_case(&it.method))
    }
}

impl Counts {
    fn new<'a>(route: &str, methods: impl Iterator<Item = &'a str>) -> Self {
        Self(methods.chain([OTHER]).map(|method| Counted::new(route, method)).collect())
    }

    /// Returns the counter of a method; the last one counts all other methods.
    fn of(&self, method: &Method) -> Option<&Arc<Counted>> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let own = self.0.iter().find(|it| it.is_for(method.as_str()));
        own.or_else(|| self.0.last())
    }
}

impl RouteTable {
    pub(super) fn of(document: &Value) -> Self {
        let paths = document.get("paths").and_then(Value::as_object);
        let routes = paths.into_iter().flatten().map(|(pattern, operations)| {
            let operations = || operations.as_object().into_iter().flatten();
            let methods: Vec<String> =
                operations().map(|(method, _)| method.to_ascii_uppercase()).collect();
            let counts = Counts::new(pattern, methods.iter().map(String::as_str));
            let mut allow = methods;
            if allow.iter().any(|method| method == "GET") {
                allow.push("HEAD".to_owned());
            }
            allow.push("OPTIONS".to_owned());
            allow.sort();
            let strict = operations().filter(|(_, it)| !openapi::is_health_check(it));
            let strict = strict.map(|(method, it)| Operation {
                method: method.clone(),
                needs_token: it.get("security").is_some(),
                query: query_parameters(it),
            });
            let speaks_oauth = operations().any(|(_, it)| openapi::speaks_oauth(it));
            Route {
                pattern: pattern.clone(),
                allow: allow.join(", "),
                speaks_oauth,
                operations: strict.collect(),
                counts,
            }
        });
        let others = Counts::new(NO_ROUTE, ["GET"].into_iter());
        Self { routes: routes.collect(), others }
    }

    /// Returns the counter of a method, for a route or for requests without one.
    pub(super) fn counts<'a>(
        &'a self,
        route: Option<&'a Route>,
        method: &Method,
    ) -> Option<&'a Arc<Counted>> {
        route.map_or(&self.others, |route| &route.counts).of(method)
    }

    /// Returns the counters of all requests.
    pub(super) fn all_counts(&self) -> Vec<Arc<Counted>> {
        let all = self.routes.iter().map(|route| &route.counts).chain([&self.others]);
        all.flat_map(|counts| counts.0.iter().cloned()).collect()
    }

    pub(super) fn find(&self, path: &str) -> Option<&Route> {
        self.routes.iter().find(|route| fits(&route.pattern, path))
    }
}

fn query_parameters(operation: &Value) -> Vec<QueryParameter> {
    let parameters = operation.get("parameters").and_then(Value::as_array);
    let parameters = parameters.into_iter().flatten();
    let of_query = parameters.filter(|it| it.get("in") == Some(&json!("query")));
    let parameter = |it: &Value| {
        let name = it.get("name").and_then(Value::as_str)?.to_owned();
        let repeats = it.pointer("/schema/type") == Some(&json!("array"));
        Some(QueryParameter { name, repeats })
    };
    of_query.filter_map(parameter).collect()
}

/// Whether a path matches a pattern, segment by segment; a segment in braces matches any. Trailing and repeated
/// slashes make no difference, as in the routes themselves, but two at the beginning match nothing.
fn fits(pattern: &str, path: &str) -> bool {
    if path.starts_with("//") {
        return false;
    }
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
        for path in ["/", "/a", "/a/tasks/7/x", "/b/tasks", "//a/tasks"] {
            assert!(table.find(path).is_none(), "{path}");
        }
    }
}
