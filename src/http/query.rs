//! The names in the query of a request.
//!
//! poem-openapi itself ignores a parameter that the operation does not have, and takes the first of several. A client that
//! misspells `dry_run` would then delete. So each name is checked against the OpenAPI document before a handler runs.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;

use super::nearest::nearest;
use super::problem::Problem;
use super::routes::QueryParameter;
use crate::service::FieldError;

/// A token in the query has an answer of its own ([`super::caller`]).
const TOKEN: &str = "access_token";

/// A query that was refused. Told by [`super::caller`] once it is known who asks.
#[derive(Clone)]
pub(super) struct RefusedQuery(pub(super) Problem);

/// Refuses names that are not `known`, single ones that are given twice, and text that is not UTF-8. Names that begin
/// with `_`, which clients add to get past caches, are ignored.
pub(super) fn check(query: &str, known: &[QueryParameter]) -> Result<(), Problem> {
    let mut faults: Vec<FieldError> = Vec::new();
    let mut given = BTreeSet::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(name), value) = (decode(name), decode(value)) else {
            faults.push(FieldError::new("query", "must be UTF-8"));
            continue;
        };
        if name.starts_with('_') || name == TOKEN {
            continue;
        }
        let message = match known.iter().find(|it| it.name == name) {
            None => unknown(&name, known),
            Some(_) if value.is_none() => "must be UTF-8".to_owned(),
            Some(it) if !it.repeats && given.contains(&name) => {
                "must be given once".to_owned()
            }
            Some(_) => {
                given.insert(name);
                continue;
            }
        };
        if faults.iter().all(|fault| fault.field != name) {
            faults.push(FieldError::new(&name, message));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
}

fn unknown(name: &str, known: &[QueryParameter]) -> String {
    let names = || known.iter().map(|it| it.name.as_str());
    if let Some(name) = nearest(name, names()) {
        return format!("is not a known parameter; did you mean {name}?");
    }
    let names: Vec<&str> = names().collect();
    if names.is_empty() {
        return "is not a known parameter; there are none here".to_owned();
    }
    format!("is not a known parameter; known here: {}", names.join(", "))
}

/// Decodes as browsers encode.
fn decode(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    percent_decode_str(&text).decode_utf8().ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(query: &str) -> Vec<String> {
        let known = [("tag", true), ("dry_run", false)]
            .map(|(name, repeats)| QueryParameter { name: name.to_owned(), repeats });
        let fields = check(query, &known).err().map(Problem::into_fields);
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
                "page is not a known parameter; known here: tag, dry_run",
            ]
        );
        assert_eq!(refused("dry_run=1&dry_run=2"), ["dry_run must be given once"]);
        assert_eq!(refused("dry_run=1&dry%5frun=2"), ["dry_run must be given once"]);
        assert_eq!(refused("tag=%ff"), ["tag must be UTF-8"]);
        assert_eq!(refused("%ff=1"), ["query must be UTF-8"]);
    }
}
