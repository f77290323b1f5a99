//! HTML frame of all pages: icon, name, style and navigation.

use super::asset::Asset;

pub(super) const STYLE: &str = "/docs/style.css";
pub(super) const ICON: &str = "/docs/icon.svg";

/// Links of the navigation bar.
const PLACES: [(&str, &str); 3] =
    [("/docs/guide/", "Guide"), ("/docs", "Try it"), ("/redoc", "Reference")];

/// Style sheet and icon of all pages.
pub(super) struct Frame {
    style: Asset,
    icon: Asset,
}

/// Content of a page. `head` and `body` are HTML.
pub(super) struct Page<'a> {
    pub(super) title: &'a str,
    /// Path of the current entry in the navigation bar.
    pub(super) place: &'a str,
    /// Prefix of links to paths of this server.
    pub(super) root: &'a str,
    pub(super) class: &'a str,
    pub(super) head: &'a str,
    pub(super) body: &'a str,
}

impl Frame {
    pub(super) fn new() -> Self {
        let (style, icon) = (include_str!("style.css"), include_str!("icon.svg"));
        let asset =
            |kind, text: &str| Asset::new(kind, text.as_bytes().to_vec()).immutable();
        Self {
            style: asset("text/css; charset=utf-8", style),
            icon: asset("image/svg+xml", icon),
        }
    }

    pub(super) fn find(&self, path: &str) -> Option<&Asset> {
        match path {
            STYLE => Some(&self.style),
            ICON => Some(&self.icon),
            _ => None,
        }
    }

    pub(super) fn html(&self, page: &Page<'_>) -> String {
        let Page { title, place, root, class, head, body } = page;
        let style = address(root, STYLE, &self.style);
        let icon = address(root, ICON, &self.icon);
        let links = PLACES.map(|(path, name)| {
            let current = if path == *place { " aria-current=\"true\"" } else { "" };
            format!("<a href=\"{root}{path}\"{current}>{name}</a>")
        });
        let (title, links) = (escaped(title), links.concat());
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}</title>\n<link rel=\"icon\" href=\"{icon}\" type=\"image/svg+xml\">\n{head}\
             <link rel=\"stylesheet\" href=\"{style}\">\n</head>\n<body class=\"{class}\">\n\
             <a class=\"skip\" href=\"#content\">Skip to the content</a>\n<header class=\"bar\">\
             <a class=\"brand\" href=\"{root}/docs/guide/\"><img src=\"{icon}\" alt=\"\" width=\"26\" height=\"26\">Duly</a>\
             <nav aria-label=\"Documentation\">{links}</nav></header>\n{body}</body>\n</html>\n"
        )
    }
}

/// Returns the URL of a file, which changes with its content.
pub(super) fn address(root: &str, path: &str, asset: &Asset) -> String {
    format!("{root}{path}?v={}", asset.hash())
}

/// Escapes text for HTML, including attribute values.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_cannot_break_out() {
        let page = Page {
            title: "</title><script>",
            place: "",
            root: "",
            class: "",
            head: "",
            body: "",
        };
        assert!(Frame::new().html(&page).contains("&lt;/title>&lt;script>"));
    }
}
