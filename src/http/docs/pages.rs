//! The two pages and what they load.

use poem_openapi::OpenApiService;

use super::asset::Asset;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

/// Scripts and styles from this server only, data to this server only.
const SWAGGER_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; font-src 'self' data:; connect-src 'self'; form-action 'self'; \
    base-uri 'none'; frame-ancestors 'none'";

/// The same, but ReDoc writes its styles itself and searches in a worker that it makes from text.
const REDOC_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src blob:; \
    form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// The path of the document comes between the two parts.
const SWAGGER_START: [&str; 2] = [
    r"window.ui = SwaggerUIBundle({
  url: '",
    r"',
  dom_id: '#ui',
  deepLinking: true,
  filter: false,
  persistAuthorization: false,
  validatorUrl: null,
});
",
];

const REDOC_START: [&str; 2] = [
    r"Redoc.init('",
    r"', { scrollYOffset: 0 }, document.getElementById('ui'));
",
];

/// All files, by path.
pub(super) struct Pages {
    title: String,
    /// Files that do not change with the path under which a proxy shows the server.
    bundles: Vec<(&'static str, Asset)>,
    /// The rest, for clients that come without a proxy of that kind.
    own: Vec<(&'static str, Asset)>,
}

impl Pages {
    /// Cuts the files out of poem-openapi's pages. Takes a good tenth of a second.
    pub(super) fn new(title: &str) -> Self {
        let service = OpenApiService::<(), ()>::new((), "", "");
        let swagger = service.swagger_ui_html();
        let redoc = service.redoc_html();
        let bundles = vec![
            ("/docs/swagger-ui.css", immutable(CSS, inside(&swagger, "style"))),
            ("/docs/swagger-ui.js", immutable(JS, inside(&swagger, "script"))),
            ("/redoc/redoc.js", immutable(JS, inside(&redoc, "script"))),
        ];
        let mut pages = Self { title: title.to_owned(), bundles, own: Vec::new() };
        pages.own = ["/docs", "/docs/start.js", "/redoc", "/redoc/start.js"]
            .into_iter()
            .filter_map(|path| Some((path, pages.made("", path)?)))
            .collect();
        pages
    }

    pub(super) fn find(&self, path: &str) -> Option<&Asset> {
        let mut files = self.bundles.iter().chain(&self.own);
        files.find(|(of, _)| *of == path).map(|(_, asset)| asset)
    }

    /// A file for clients whose proxy shows the server below a path, if it is another one for them. Small, and so made for
    /// each of them.
    pub(super) fn below(&self, root: &str, path: &str) -> Option<Asset> {
        if root.is_empty() { None } else { self.made(root, path).map(Asset::of_one_path) }
    }

    fn made(&self, root: &str, path: &str) -> Option<Asset> {
        let page = |html: String, policy| {
            Some(Asset::new(HTML, html.into_bytes()).with_policy(policy))
        };
        let bundle = |path| Some(address(root, path, self.find(path)?));
        let start = |path| Some(address(root, path, &self.made(root, path)?));
        let script = |[before, after]: [&str; 2]| {
            Some(immutable(JS, &format!("{before}{root}/openapi.json{after}")))
        };
        match path {
            "/docs/start.js" => script(SWAGGER_START),
            "/redoc/start.js" => script(REDOC_START),
            "/docs" => {
                let style = bundle("/docs/swagger-ui.css")?;
                let style = format!("<link rel=\"stylesheet\" href=\"{style}\">");
                let scripts = [bundle("/docs/swagger-ui.js")?, start("/docs/start.js")?];
                page(html(&self.title, &style, &scripts), SWAGGER_POLICY)
            }
            "/redoc" => {
                let scripts = [bundle("/redoc/redoc.js")?, start("/redoc/start.js")?];
                page(html(&self.title, "", &scripts), REDOC_POLICY)
            }
            _ => None,
        }
    }
}

fn immutable(content_type: &'static str, text: &str) -> Asset {
    Asset::new(content_type, text.as_bytes().to_vec()).immutable()
}

/// The address of a file, which changes with what is in it.
fn address(root: &str, path: &str, asset: &Asset) -> String {
    format!("{root}{path}?v={}", asset.hash())
}

fn html(title: &str, head: &str, scripts: &[String]) -> String {
    let tags = scripts.iter().map(|address| {
        format!(
            "<script src=\"{address}\"></script>
"
        )
    });
    let scripts = tags.collect::<Vec<_>>().concat();
    let title = title.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<link rel=\"icon\" href=\"data:,\">\n{head}\n</head>\n\
         <body>\n<div id=\"ui\"></div>\n{scripts}</body>\n</html>\n"
    )
}

/// The text of the first element of this name that has the attribute poem-openapi gives its own.
fn inside<'a>(page: &'a str, element: &str) -> &'a str {
    let open = format!("<{element} charset=\"UTF-8\">");
    let close = format!("</{element}>");
    let text = page.split_once(&open).and_then(|(_, rest)| rest.split_once(&close));
    text.map_or("", |(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dependency_still_has_the_files_where_they_are_cut_out() {
        let service = OpenApiService::<(), ()>::new((), "", "");
        let (swagger, redoc) = (service.swagger_ui_html(), service.redoc_html());
        assert!(inside(&swagger, "style").len() > 100_000);
        assert!(inside(&swagger, "script").contains("SwaggerUIBundle"));
        assert!(inside(&swagger, "script").len() > 1_000_000);
        assert!(inside(&redoc, "script").len() > 500_000);
    }

    #[test]
    fn titles_cannot_break_out() {
        assert!(html("</title><script>", "", &[]).contains("&lt;/title>&lt;script>"));
    }
}
