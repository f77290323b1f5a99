//! Paths of the API and their methods, read from the handlers' descriptions.

use std::sync::Arc;

use poem::http::Method;
use poem_openapi::registry::{MetaOperation, MetaParamIn, MetaPath};

use super::metrics::{OTHER, Operation as Counted};
use super::openapi;

/// All paths of the API.
pub(super) struct RouteTable {
    routes: Vec<Route>,
    /// Number of segments of the longest path.
    longest: usize,
    /// Counters of requests without a route.
    others: Counts,
}

/// Request counters of a route, by method.
struct Counts(Vec<Arc<Counted>>);

/// Name for requests without a route, in the log and in metrics.
pub(super) const NO_ROUTE: &str = "-";

/// One path.
pub(super) struct Route {
    /// Path with its prefix: `/api/v1/tasks/{id}`.
    pub(super) pattern: String,
    /// Segments of the path; `None` matches any.
    segments: Vec<Option<String>>,
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
    pub(super) method: Method,
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
    fn of(path: &MetaPath) -> Self {
        let methods = || path.operations.iter().map(|it| it.method.as_str());
        let mut allow: Vec<&str> = methods().collect();
        if allow.contains(&"GET") {
            allow.push("HEAD");
        }
        allow.push("OPTIONS");
        allow.sort_unstable();
        let mut ids = path.operations.iter().filter_map(|it| it.operation_id);
        let strict = path.operations.iter().filter(|it| it.tags != [openapi::HEALTH]);
        Self {
            pattern: path.path.clone(),
            segments: segments(&path.path).map(literal).collect(),
            allow: allow.join(", "),
            speaks_oauth: ids.any(|id| openapi::OAUTH.contains(&id)),
            operations: strict.map(Operation::of).collect(),
            counts: Counts::new(&path.path, methods()),
        }
    }

    /// Whether the path has these segments. Compares the last first: all routes begin alike.
    fn fits(&self, found: &[&str]) -> bool {
        let is_same = |(wanted, found): (&Option<String>, &&str)| {
            wanted.as_ref().is_none_or(|wanted| wanted == found)
        };
        self.segments.len() == found.len()
            && self.segments.iter().zip(found).rev().all(is_same)
    }

    /// Returns the operation of a method, if its query is checked.
    pub(super) fn operation(&self, method: &Method) -> Option<&Operation> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.operations.iter().find(|it| it.method == *method)
    }
}

impl Operation {
    fn of(operation: &MetaOperation) -> Self {
        let queries =
            operation.params.iter().filter(|it| it.in_type == MetaParamIn::Query);
        let query = queries.map(|it| QueryParameter {
            name: it.name.clone(),
            repeats: it.schema.is_array(),
        });
        Self {
            method: operation.method.clone(),
            needs_token: !operation.security.is_empty(),
            query: query.collect(),
        }
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
    pub(super) fn of(paths: &[MetaPath]) -> Self {
        let mut routes: Vec<Route> = paths.iter().map(Route::of).collect();
        // A literal segment comes before a parameter: `{` sorts after all letters.
        routes.sort_by(|one, other| one.pattern.cmp(&other.pattern));
        // Without a prefix, both health checks have the same path.
        routes.dedup_by(|one, other| one.pattern == other.pattern);
        let longest = routes.iter().map(|route| route.segments.len()).max();
        let others = Counts::new(NO_ROUTE, ["GET"].into_iter());
        Self { routes, longest: longest.unwrap_or(0), others }
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

    /// Returns the route of a path. Trailing and repeated slashes make no difference, as in the routes themselves, but
    /// two at the beginning match nothing.
    pub(super) fn find(&self, path: &str) -> Option<&Route> {
        if path.starts_with("//") {
            return None;
        }
        let mut found = Vec::with_capacity(self.longest);
        for segment in segments(path) {
            if found.len() == self.longest {
                return None;
            }
            found.push(segment);
        }
        self.routes.iter().find(|route| route.fits(&found))
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

fn literal(segment: &str) -> Option<String> {
    (!segment.starts_with('{')).then(|| segment.to_owned())
}

#[cfg(test)]
mod tests {
    use poem_openapi::registry::MetaResponses;

    use super::*;

    fn path(path: &str, methods: &[Method]) -> MetaPath {
        let operation = |method: &Method| MetaOperation {
            method: method.clone(),
            tags: Vec::new(),
            summary: None,
            description: None,
            external_docs: None,
            params: Vec::new(),
            request: None,
            responses: MetaResponses { responses: Vec::new() },
            deprecated: false,
            security: Vec::new(),
            operation_id: None,
            code_samples: Vec::new(),
        };
        MetaPath {
            path: path.to_owned(),
            operations: methods.iter().map(operation).collect(),
        }
    }

    #[test]
    fn paths_are_found_by_their_parts() {
        let table = RouteTable::of(&[
            path("/a/tasks/{id}", &[Method::GET, Method::PATCH]),
            path("/a/tasks/batch", &[Method::POST]),
            path("/a/tasks", &[Method::POST]),
        ]);
        assert_eq!(table.find("/a/tasks/7").unwrap().allow, "GET, HEAD, OPTIONS, PATCH");
        assert_eq!(table.find("/a/tasks/batch").unwrap().allow, "OPTIONS, POST");
        assert_eq!(table.find("/a/tasks").unwrap().allow, "OPTIONS, POST");
        assert_eq!(table.find("/a//tasks/").unwrap().pattern, "/a/tasks");
        for path in ["/", "/a", "/a/tasks/7/x", "/b/tasks", "//a/tasks"] {
            assert!(table.find(path).is_none(), "{path}");
        }
    }
}
