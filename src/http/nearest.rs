//! Suggestions for names that are misspelled.

/// Minimum similarity of a suggestion, from 0 (nothing in common) to 1 (equal).
const ALIKE: f64 = 0.75;

/// Maximum number of characters of a name that are compared.
const MAX_CHARS: usize = 64;

/// Returns the known name most similar to `name`, if it is similar enough.
pub(super) fn nearest<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let name: String = name.chars().take(MAX_CHARS).collect();
    let name = name.to_ascii_lowercase();
    let alike = |known: &'a str| (strsim::jaro(&name, known), known);
    known
        .into_iter()
        .map(alike)
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(one, _), (two, _)| one.total_cmp(two))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_name_is_like_one_that_is_known() {
        let known = ["completed", "dry_run", "limit", "parent_id", "skip", "sort", "tag"];
        for (name, expected) in [
            ("tags", Some("tag")),
            ("complete", Some("completed")),
            ("dryrun", Some("dry_run")),
            ("dryRun", Some("dry_run")),
            ("sort_by", Some("sort")),
            ("parent", Some("parent_id")),
            ("page", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known), expected, "{name}");
        }
        assert_eq!(nearest(&"x".repeat(16_000), known), None);
    }
}
