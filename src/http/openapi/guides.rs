//! Short guides in the document, extracted from the guide.

use std::fmt::Write as _;

use serde_json::Value;

use crate::http::docs;

/// Start of a Markdown link to the guide.
const LINK: &str = "](/docs/guide/";

/// Pages, and the sections of each that the document includes.
const GUIDES: [(&str, &[&str]); 7] = [
    ("authentication", &["Log in", "Refresh", "Scopes"]),
    ("errors", &["Form", "The request is wrong", "Access", "State", "The server"]),
    ("pagination", &["Follow `Link`", "Pages by number"]),
    ("recurrence", &["Make a recurring task", "Complete it"]),
    (
        "concurrency",
        &[
            "Change only what you mean",
            "`If-Match`: only if nobody was faster",
            "Form of the header",
        ],
    ),
    ("idempotency", &["Use a key", "Where it works"]),
    ("batch", &["All or nothing", "Operations", "When a change cannot be made"]),
];

/// Returns the description of the API, followed by the guides, each collapsible.
pub(super) fn description(of_api: &str) -> String {
    let mut text =
        format!("{of_api}\n\nThe [guide{LINK}) explains each topic in detail.\n");
    for (name, sections) in GUIDES {
        let Some(source) = docs::source(name) else { continue };
        let title = source.lines().next().unwrap_or_default().trim_start_matches("# ");
        // Writing to a string cannot fail.
        let _ = write!(text, "\n<details><summary>{title}</summary>\n\n");
        for section in sections {
            let _ = write!(text, "**{section}**\n\n{}\n\n", extract(source, section));
        }
        let _ = write!(text, "More: [{title}{LINK}{name}).\n\n</details>\n");
    }
    text
}

/// Returns the text and tables of a section. Its samples are omitted, since operations have their own.
fn extract(source: &str, section: &str) -> String {
    let heading = format!("\n## {section}\n");
    let text = source.split_once(&heading).map_or("", |(_, rest)| rest);
    let text = text.split("\n## ").next().unwrap_or_default();
    let mut kept: Vec<String> = Vec::new();
    for (number, part) in text.split("```").enumerate() {
        // Every second part is a code sample.
        if number % 2 == 1 {
            continue;
        }
        let paragraphs = part.split("\n\n").map(str::trim).filter(|it| !it.is_empty());
        for paragraph in paragraphs {
            let announces = paragraph.lines().count() == 1 && paragraph.ends_with(':');
            if !(announces
                && ["Python", "JavaScript"].iter().any(|it| paragraph.contains(it)))
            {
                kept.push(linked(paragraph));
            }
        }
        // The colon announced the omitted sample.
        if let Some(last) = kept.last_mut().filter(|last| last.ends_with(':')) {
            last.pop();
            last.push('.');
        }
    }
    kept.join("\n\n")
}

/// Replaces links between pages by links to the guide of this server.
fn linked(text: &str) -> String {
    let mut parts = text.split("](");
    let mut linked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (target, rest) = part.split_once(')').unwrap_or((part, ""));
        match target.split_once(".md") {
            Some((name, anchor)) if docs::source(name).is_some() => {
                let _ = write!(linked, "{LINK}{name}{anchor}){rest}");
            }
            _ => {
                let _ = write!(linked, "]({part}");
            }
        }
    }
    linked
}

/// Prefixes links to the guide with a path, for clients that see the server below it.
pub(super) fn move_below(document: &mut Value, root: &str) {
    let link = format!("]({root}/docs/guide/");
    if let Some(Value::String(text)) = document.pointer_mut("/info/description") {
        *text = text.replace(LINK, &link);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_is_there_with_text_and_without_samples() {
        for (name, sections) in GUIDES {
            for section in sections {
                let text = extract(docs::source(name).unwrap(), section);
                assert!(text.len() > 40, "{name}: {section}: {text}");
                assert!(!text.contains("```") && !text.contains("Python"), "{text}");
                assert!(!text.contains(".md"), "{text}");
                assert!(!text.ends_with(':'), "{text}");
            }
        }
    }
}
