//! Rendering of Markdown pages as HTML. Raw HTML is shown as text.

use std::collections::HashMap;

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

use super::super::frame::escaped;

/// Page as HTML.
#[derive(Default)]
pub(super) struct Rendered {
    /// Text of the first heading.
    pub(super) title: String,
    /// First heading and first paragraph.
    pub(super) head: String,
    pub(super) body: String,
    /// Text and id of each heading of the second level.
    pub(super) sections: Vec<(String, String)>,
}

/// Parses a Markdown text.
pub(super) fn events(source: &str) -> Vec<Event<'_>> {
    Parser::new_ext(source, Options::ENABLE_TABLES).collect()
}

pub(super) fn render(source: &str) -> Rendered {
    let mut page = Rendered::default();
    let mut slugs = Slugs::default();
    let (events, mut ready) = (events(source), Vec::new());
    let (mut drops_link, mut in_table) = (false, false);
    for (at, event) in events.iter().enumerate() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                let text = text_of(events.get(at..).unwrap_or_default());
                let id = slugs.slug(&text);
                ready.push(written(format!("<{level} id=\"{}\">", escaped(&id))));
                page.note(*level, text, id);
            }
            Event::End(TagEnd::Paragraph) if page.head.is_empty() => {
                ready.push(event.clone());
                html::push_html(&mut page.head, ready.drain(..));
            }
            Event::Start(Tag::Link { dest_url, .. }) => match address(dest_url) {
                Some(url) => {
                    ready.push(written(format!("<a href=\"{}\">", escaped(&url))));
                }
                None => drops_link = true,
            },
            Event::End(TagEnd::Link) if drops_link => drops_link = false,
            // Lets long names in narrow columns break after an underscore.
            Event::Code(text) if in_table && text.contains('_') => {
                let text = escaped(text).replace('_', "_<wbr>");
                ready.push(written(format!("<code>{text}</code>")));
            }
            // The pages have no images.
            Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => {}
            other => {
                in_table = match other {
                    Event::Start(Tag::Table(_)) => true,
                    Event::End(TagEnd::Table) => false,
                    _ => in_table,
                };
                ready.extend(shown(other).into_iter().flatten());
            }
        }
    }
    html::push_html(&mut page.body, ready.into_iter());
    page
}

/// Wraps generated HTML as an event.
fn written<'a>(html: impl Into<CowStr<'a>>) -> Event<'a> {
    Event::InlineHtml(html.into())
}

/// Converts an element for display: scrollable boxes can be focused with the keyboard, and HTML becomes text.
fn shown<'a>(event: &Event<'a>) -> [Option<Event<'a>>; 2] {
    let first = match event {
        Event::Start(Tag::Table(_)) => {
            let open = "<div class=\"scroll\" role=\"group\" aria-label=\"Table\" tabindex=\"0\">";
            return [Some(written(open)), Some(event.clone())];
        }
        Event::End(TagEnd::Table) => {
            return [Some(event.clone()), Some(written("</div>\n"))];
        }
        Event::Start(Tag::CodeBlock(_)) => written("<pre tabindex=\"0\"><code>"),
        Event::End(TagEnd::CodeBlock) => written("</code></pre>\n"),
        Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text.clone()),
        other => other.clone(),
    };
    [Some(first), None]
}

impl Rendered {
    fn note(&mut self, level: HeadingLevel, text: String, id: String) {
        match level {
            HeadingLevel::H1 if self.title.is_empty() => self.title = text,
            HeadingLevel::H2 => self.sections.push((text, id)),
            _ => {}
        }
    }
}

/// Returns the text of the element that begins here.
pub(super) fn text_of(events: &[Event<'_>]) -> String {
    let (mut text, mut depth) = (String::new(), 0_usize);
    for event in events {
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Text(part) | Event::Code(part) => text.push_str(part),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    text
}

/// Converts a link of a page to its URL in the guide: `tasks.md#plan` becomes `tasks#plan`. `None` if it is not served.
pub(super) fn address(link: &str) -> Option<String> {
    if link.starts_with('#')
        || link.starts_with("https://")
        || link.starts_with("http://")
    {
        return Some(link.to_owned());
    }
    let (file, anchor) = match link.split_once('#') {
        Some((file, anchor)) => (file, format!("#{anchor}")),
        None => (link, String::new()),
    };
    let name = file.strip_suffix(".md").filter(|name| super::source(name).is_some())?;
    Some(if name == super::INDEX {
        format!("./{anchor}")
    } else {
        format!("{name}{anchor}")
    })
}

/// Generator of heading ids, in the format of GitHub.
#[derive(Default)]
struct Slugs(HashMap<String, usize>);

impl Slugs {
    fn slug(&mut self, text: &str) -> String {
        let is_kept = |sign: &char| sign.is_alphanumeric() || "-_ ".contains(*sign);
        let kept = text.chars().filter(is_kept);
        let slug = kept.collect::<String>().to_lowercase().replace(' ', "-");
        let seen = self.0.entry(slug.clone()).or_default();
        *seen += 1;
        if *seen == 1 { slug } else { format!("{slug}-{}", *seen - 1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_shown_and_not_passed_on() {
        let page = render(
            "# T\n\na <b onclick=x>b</b> <script>\n\n<script>alert(1)</script>\n\n<div>x</div>\n\n```\n</code><i>\n```\n",
        );
        let html = [page.head, page.body].concat();
        for tag in ["<b", "<script", "<div", "<i>"] {
            assert!(!html.contains(tag), "{html}");
        }
        assert!(html.contains("&lt;script&gt;alert(1)"), "{html}");
    }

    #[test]
    fn headings_have_the_ids_of_github() {
        let page = render(
            "# `If-Match`: only if *nobody* was faster\n## Two, [three](#x)\n## Two, three\n",
        );
        assert!(page.body.contains("id=\"if-match-only-if-nobody-was-faster\""));
        assert_eq!(page.title, "If-Match: only if nobody was faster");
        let ids: Vec<_> = page.sections.iter().map(|(_, id)| id.as_str()).collect();
        assert_eq!(ids, ["two-three", "two-three-1"]);
    }

    #[test]
    fn links_lead_to_pages_that_are_served() {
        for (link, leads_to) in [
            ("tasks.md", Some("tasks")),
            ("tasks.md#plan", Some("tasks#plan")),
            ("index.md", Some("./")),
            ("#plan", Some("#plan")),
            ("https://example.com/a.md", Some("https://example.com/a.md")),
            ("../../../../tests/crash/mod.rs", None),
            ("nothing.md", None),
            ("javascript:alert(1)", None),
        ] {
            assert_eq!(address(link).as_deref(), leads_to, "{link}");
        }
        let page = render("[the test](../tests/crash.rs) [tasks](tasks.md)\n");
        assert_eq!(page.head, "<p>the test <a href=\"tasks\">tasks</a></p>\n");
    }
}
