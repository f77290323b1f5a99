//! Guide: Markdown pages as HTML, below `/docs/guide/`.
//!
//! Links between pages are relative, so that a page is the same below any path that a proxy adds.

mod map;
mod markdown;

use super::asset::Asset;
use super::frame::{Frame, Page, escaped};
use map::Map;

/// Page at the root of the guide.
pub(super) const INDEX: &str = "index";
pub(super) const ROOT: &str = "/docs/guide";

/// Policy of guide pages: styles and images from this server only.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; \
    base-uri 'none'; frame-ancestors 'none'";

macro_rules! page {
    ($name:literal) => {
        ($name, include_str!(concat!("../pages/", $name, ".md")))
    };
}

/// Name and Markdown of every page.
pub(super) const SOURCES: &[(&str, &str)] = &[
    page!("account"),
    page!("administration"),
    page!("authentication"),
    page!("backups"),
    page!("batch"),
    page!("commands"),
    page!("concurrency"),
    page!("developing"),
    page!("endpoints"),
    page!("errors"),
    page!("export"),
    page!("failures"),
    page!("figures"),
    page!("finding-tasks"),
    page!("getting-started"),
    page!("idempotency"),
    page!("index"),
    page!("install"),
    page!("keys"),
    page!("limits"),
    page!("lists"),
    page!("monitoring"),
    page!("not"),
    page!("pagination"),
    page!("personal-tokens"),
    page!("proxies"),
    page!("recurrence"),
    page!("replaced-service"),
    page!("settings"),
    page!("syncing"),
    page!("tasks"),
    page!("tls"),
    page!("undo"),
    page!("upgrade"),
];

/// Returns the Markdown of a page.
pub(in crate::http) fn source(name: &str) -> Option<&'static str> {
    SOURCES.iter().find(|(of, _)| *of == name).map(|(_, text)| *text)
}

/// Returns the path of a page. Only that of the index ends with a slash.
pub(super) fn path(name: &str) -> String {
    if name == INDEX { format!("{ROOT}/") } else { format!("{ROOT}/{name}") }
}

/// All pages, by path without a trailing slash.
pub(super) struct Guide(Vec<(String, Asset)>);

impl Guide {
    pub(super) fn new(frame: &Frame) -> Self {
        let map = Map::of(source(INDEX).unwrap_or_default());
        let page = |(name, text): &(&str, &str)| {
            let path = path(name).trim_end_matches('/').to_owned();
            let html = page(frame, &map, name, text).into_bytes();
            (path, Asset::new("text/html; charset=utf-8", html).with_policy(POLICY))
        };
        Self(SOURCES.iter().map(page).collect())
    }

    pub(super) fn find(&self, path: &str) -> Option<&Asset> {
        self.0.iter().find(|(of, _)| of == path).map(|(_, asset)| asset)
    }
}

fn page(frame: &Frame, map: &Map, name: &str, text: &str) -> String {
    let page = markdown::render(text);
    // The index is a list itself.
    let sections = if name == INDEX { String::new() } else { contents(&page.sections) };
    let body = format!(
        "<div class=\"columns\"><main id=\"content\">\n{}{sections}{}{}</main>\n{}</div>\n",
        page.head,
        page.body,
        map.turn(name),
        map.list(name),
    );
    let title = format!("{} - Duly", page.title);
    frame.html(&Page {
        title: if name == INDEX { "Duly guide" } else { &title },
        place: "/docs/guide/",
        root: "../..",
        class: "guide",
        head: "",
        body: &body,
    })
}

/// Returns the table of contents of a page with at least three sections.
fn contents(sections: &[(String, String)]) -> String {
    if sections.len() < 3 {
        return String::new();
    }
    let items = sections.iter().map(|(title, id)| {
        format!("<li><a href=\"#{}\">{}</a></li>", escaped(id), escaped(title))
    });
    let items: String = items.collect();
    format!("<nav class=\"toc\" aria-label=\"On this page\"><ul>{items}</ul></nav>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_of_the_folder_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/docs/pages");
        let files = std::fs::read_dir(folder).unwrap();
        let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> =
            files.filter_map(|file| Some(file.strip_suffix(".md")?.to_owned())).collect();
        names.sort();
        let served: Vec<&str> = SOURCES.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, served);
    }
}
