//! Order and groups of the pages, read from the index page.

use std::fmt::Write as _;

use pulldown_cmark::{Event, HeadingLevel, Tag};

use super::super::frame::escaped;
use super::{INDEX, markdown};

/// Groups of pages, one for each kind of reader.
pub(super) struct Map(Vec<Group>);

struct Group {
    title: String,
    pages: Vec<Entry>,
}

struct Entry {
    address: String,
    title: String,
}

impl Map {
    /// Reads headings of the second level and the links below them.
    pub(super) fn of(index: &str) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        let events = markdown::events(index);
        for (at, event) in events.iter().enumerate() {
            let text = || markdown::text_of(events.get(at..).unwrap_or_default());
            match (event, groups.last_mut()) {
                (Event::Start(Tag::Heading { level: HeadingLevel::H2, .. }), _) => {
                    groups.push(Group { title: text(), pages: Vec::new() });
                }
                (Event::Start(Tag::Link { dest_url, .. }), Some(group)) => {
                    if let Some(address) = markdown::address(dest_url) {
                        group.pages.push(Entry { address, title: text() });
                    }
                }
                _ => {}
            }
        }
        Self(groups)
    }

    /// Returns the list of all pages as navigation for one of them.
    pub(super) fn list(&self, here: &str) -> String {
        let mut list = String::from("<nav class=\"pages\" aria-label=\"Pages\">\n");
        for Group { title, pages } in &self.0 {
            // Writing to a string cannot fail.
            let _ = write!(list, "<h2>{}</h2>\n<ul>", escaped(title));
            for entry in pages {
                let mark =
                    if entry.address == here { " aria-current=\"page\"" } else { "" };
                let _ = write!(list, "<li>{}</li>", entry.link(mark));
            }
            list.push_str("</ul>\n");
        }
        list.push_str("</nav>\n");
        list
    }

    /// Returns links to the pages before and after one.
    pub(super) fn turn(&self, here: &str) -> String {
        let pages: Vec<&Entry> = self.0.iter().flat_map(|group| &group.pages).collect();
        let at = pages.iter().position(|entry| entry.address == here);
        let (before, after) = match at {
            Some(at) => {
                (at.checked_sub(1).and_then(|at| pages.get(at)), pages.get(at + 1))
            }
            None if here == INDEX => (None, pages.first()),
            None => (None, None),
        };
        let mut links = String::new();
        if let Some(entry) = before {
            let _ = write!(links, "<span>Before: {}</span>", entry.link(" rel=\"prev\""));
        }
        if let Some(entry) = after {
            let _ = write!(links, "<span>Next: {}</span>", entry.link(" rel=\"next\""));
        }
        format!("<nav class=\"turn\" aria-label=\"Before and next\">{links}</nav>\n")
    }
}

impl Entry {
    fn link(&self, attributes: &str) -> String {
        let (address, title) = (escaped(&self.address), escaped(&self.title));
        format!("<a href=\"{address}\"{attributes}>{title}</a>")
    }
}
