//! Names of query parameters.
//!
//! poem-openapi ignores unknown parameters, and takes the first of repeated ones. A client that misspells `dry_run`
//! would then delete. So each name is checked against the operations before a handler runs.

use std::collections::BTreeSet;

use super::nearest::nearest;
use super::payload::decode;
use super::problem::Problem;
use super::routes::{Operation, QueryParameter};
use crate::service::FieldError;

/// Parameter for a token, which [`super::caller`] refuses with an error of its own.
const TOKEN: &str = "access_token";

/// A refused query. Reported by [`super::caller`] once the caller is known.
#[derive(Clone)]
pub(super) struct RefusedQuery(pub(super) Problem);

/// Maximum number of names that are refused by name.
const MAX_FAULTS: usize = 50;

/// Refuses unknown names, repeated names of single parameters, and text that is not UTF-8. Names that begin with `_`,
/// which clients add to bypass caches, are ignored.
pub(super) fn check(query: &str, operation: &Operation) -> Result<(), Problem> {
    let mut faults: Vec<FieldError> = Vec::new();
    let (mut given, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (raw, value) = pair.split_once('=').unwrap_or((pair, ""));
        if raw.starts_with('_') || operation.needs_token && raw == TOKEN {
            continue;
        }
        let name = decode(raw).filter(|name| !name.is_empty());
        let fault = match &name {
            None => Some("must have UTF-8 names".to_owned()),
            Some(name) => fault(name, value, operation, &given),
        };
        let field = name.unwrap_or_else(|| "query".to_owned());
        match fault {
            None => {
                given.insert(field);
            }
            Some(message) if refused.insert(field.clone()) => {
                faults.push(FieldError::new(&field, message));
            }
            Some(_) => {}
        }
        if faults.len() == MAX_FAULTS {
            break;
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
}

/// Returns the error of a parameter, given the names before it.
fn fault(
    name: &str,
    value: &str,
    operation: &Operation,
    given: &BTreeSet<String>,
) -> Option<String> {
    let Some(known) = operation.query.iter().find(|it| it.name == name) else {
        return Some(unknown(name, &operation.query));
    };
    if decode(value).is_none() {
        return Some("must be UTF-8".to_owned());
    }
    (!known.repeats && given.contains(name)).then(|| "must not be repeated".to_owned())
}

fn unknown(name: &str, known: &[QueryParameter]) -> String {
    let names = || known.iter().map(|it| it.name.as_str());
    if let Some(name) = nearest(name, names()) {
        return format!("is not a known parameter; did you mean {name}?");
    }
    let names: Vec<&str> = names().collect();
    if names.is_empty() {
        return "is not a known parameter; this operation takes none".to_owned();
    }
    format!("is not a known parameter; known parameters: {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use poem::http::Method;

    use super::*;

    fn refused(query: &str) -> Vec<String> {
        let query_parameter = |(name, repeats): (&str, bool)| QueryParameter {
            name: name.to_owned(),
            repeats,
        };
        let operation = Operation {
            method: Method::GET,
            needs_token: true,
            query: [("tag", true), ("dry_run", false)].map(query_parameter).into(),
        };
        let fields = check(query, &operation).err().map(Problem::into_fields);
        let said = |fault: FieldError| format!("{} {}", fault.field, fault.message);
        fields.into_iter().flatten().map(said).collect()
    }

    #[test]
    fn known_names_and_those_with_an_underscore_are_taken() {
        for query in [
            "",
            "&",
            "tag=a&tag=b&dry_run=true",
            "_=1&_=2&_t",
            "dry%5Frun=false",
            "dry_run",
        ] {
            assert_eq!(refused(query), [""; 0], "{query}");
        }
    }

    #[test]
    fn every_other_name_is_refused_once() {
        assert_eq!(
            refused("dryrun=1&page=2&page=3"),
            [
                "dryrun is not a known parameter; did you mean dry_run?",
                "page is not a known parameter; known parameters: tag, dry_run",
            ]
        );
        assert_eq!(refused("dry_run=1&dry_run=2"), ["dry_run must not be repeated"]);
        assert_eq!(refused("dry_run=1&dry%5frun=2"), ["dry_run must not be repeated"]);
        assert_eq!(refused("tag=%ff"), ["tag must be UTF-8"]);
        assert_eq!(refused("%ff=1&=5"), ["query must have UTF-8 names"]);
        assert_eq!(refused("access%5ftoken=x").len(), 1);
        assert_eq!(refused("access_token=x"), [""; 0]);
        let many: Vec<String> = (0..5_000).map(|n| format!("x{n}")).collect();
        assert_eq!(refused(&many.join("&")).len(), MAX_FAULTS);
    }
}
