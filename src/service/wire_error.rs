//! Error for a line that is not part of an export, without quoting it.

use serde_path_to_error::{Error, Path, Segment};

use super::export_format::LineError;

/// Names the invalid member, if the line is JSON of a known kind.
pub(super) fn of(error: &Error<serde_json::Error>) -> LineError {
    let text = error.inner().to_string();
    let named = |begin: &str| {
        let name = text.strip_prefix(begin)?.split('`').next()?;
        is_name(name).then(|| name.to_owned())
    };
    // The first member is the kind of the line.
    let mut path = members(error.path());
    let is_known = error.inner().is_data() && path.next().is_some();
    let rest: Vec<String> = path.collect();
    if !is_known {
        return LineError::Malformed;
    }
    let (field, reason) = if let Some(name) = named("missing field `") {
        (name, "is missing")
    } else if let Some(name) = named("duplicate field `") {
        (name, "is present twice")
    } else if let Some(name) = named("unknown field `") {
        (name, "is not a known field")
    } else if !rest.is_empty() {
        (rest.join("."), "has the wrong type")
    } else {
        return LineError::Malformed;
    };
    LineError::Field { field, reason: reason.to_owned() }
}

fn members(path: &Path) -> impl Iterator<Item = String> {
    path.iter().filter_map(|segment| match segment {
        Segment::Map { key } if is_name(key) => Some(key.clone()),
        Segment::Enum { variant } if is_name(variant) => Some(variant.clone()),
        Segment::Seq { index } => Some(index.to_string()),
        _ => None,
    })
}

/// Whether the text looks like the name of a member, and so reveals nothing else.
fn is_name(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}
