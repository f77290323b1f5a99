//! Entity tags of tasks ([RFC 9110, section 8.8.3](https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3)): the revision
//! in quotes, and always strong.

use crate::domain::task::{IfMatch, Task};

/// The tag of a task.
pub(super) fn of(task: &Task) -> String {
    format!("\"{}\"", task.revision)
}

/// Reads `If-Match`: `*`, or a list of tags, of which weak ones match nothing.
pub(super) fn if_match(text: &str) -> Result<IfMatch, String> {
    if text.trim() == "*" {
        return Ok(IfMatch::Any);
    }
    let tags = list(text).ok_or("must be entity tags such as \"3\", or *")?;
    let strong = tags.into_iter().filter(|tag| !tag.is_weak);
    Ok(IfMatch::OneOf(strong.filter_map(|tag| tag.revision).collect()))
}

/// Whether `If-None-Match` names this state of the task. Weak tags are as good as strong ones here; what is no list
/// of tags names nothing.
pub(super) fn none_match_names(text: &str, task: &Task) -> bool {
    let named =
        |tags: Vec<EntityTag>| tags.iter().any(|tag| tag.revision == Some(task.revision));
    text.trim() == "*" || list(text).is_some_and(named)
}

struct EntityTag {
    is_weak: bool,
    /// `None` for a tag that is none of ours.
    revision: Option<u64>,
}

fn list(text: &str) -> Option<Vec<EntityTag>> {
    let tags = text.split(',').map(str::trim).filter(|tag| !tag.is_empty());
    tags.map(|tag| {
        let (is_weak, tag) = match tag.strip_prefix("W/") {
            Some(tag) => (true, tag),
            None => (false, tag),
        };
        let opaque = tag.strip_prefix('"')?.strip_suffix('"')?;
        let is_ours = opaque.bytes().all(|byte| byte.is_ascii_digit());
        let revision = if is_ours { opaque.parse().ok() } else { None };
        (!opaque.contains('"')).then_some(EntityTag { is_weak, revision })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strong_tags_of_ours_match() {
        assert_eq!(if_match("*"), Ok(IfMatch::Any));
        assert_eq!(if_match("\"3\""), Ok(IfMatch::OneOf(vec![3])));
        let many = if_match("\"1\", W/\"2\" ,\"x\",\"4\", \"99999999999999999999\"");
        assert_eq!(many, Ok(IfMatch::OneOf(vec![1, 4])));
        assert_eq!(if_match(""), Ok(IfMatch::OneOf(vec![])));
        for text in ["3", "\"3", "w/\"3\"", "\"3\" \"4\"", "**", "\""] {
            assert!(if_match(text).is_err(), "{text}");
        }
    }
}
