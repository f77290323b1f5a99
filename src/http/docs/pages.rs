//! Swagger UI and ReDoc pages, with their scripts and styles.

use std::sync::Arc;

use poem_openapi::OpenApiService;

use super::asset::Asset;
use super::frame::{Frame, Page, address};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

/// Policy of Swagger UI: scripts, styles and requests only from and to this server.
const SWAGGER_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; font-src 'self' data:; connect-src 'self'; form-action 'self'; \
    base-uri 'none'; frame-ancestors 'none'";

/// Policy of ReDoc: the same, plus inline styles and a worker that ReDoc creates from a blob for its search.
const REDOC_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src blob:; \
    form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// Start script of Swagger UI, split where the path of the document is inserted. The plugin shows the samples of an
/// operation, which Swagger UI does not support, and focuses the user name instead of the last field when an
/// authorization begins.
const SWAGGER_START: [&str; 2] = [
    r"const plugin = ({ React }) => ({
  wrapComponents: {
    oauth2: OAuth2 => props => {
      React.useEffect(() => document.getElementById('oauth_username')?.focus(), []);
      return React.createElement(OAuth2, props);
    },
    responses: Responses => props => {
      const all = props.specSelectors.specJson().getIn(['paths', props.path, props.method, 'x-codeSamples']);
      if (!all) return React.createElement(Responses, props);
      const shown = all.toJS().map(({ label, source }) => React.createElement('div', { key: label },
        React.createElement('h5', null, label), React.createElement('pre', { tabIndex: 0 }, source)));
      return React.createElement(React.Fragment, null,
        React.createElement('details', { className: 'samples' },
          React.createElement('summary', null, 'Samples'), shown),
        React.createElement(Responses, props));
    },
  },
});
window.ui = SwaggerUIBundle({
  url: '",
    r"',
  plugins: [plugin],
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

/// Files of both pages, by path.
pub(super) struct Pages {
    title: String,
    frame: Arc<Frame>,
    /// Files that do not depend on the path under which a proxy shows the server.
    bundles: Vec<(&'static str, Asset)>,
    /// Other files, for clients that see the server at the root.
    own: Vec<(&'static str, Asset)>,
}

impl Pages {
    /// Extracts the files from poem-openapi's pages. Takes more than a tenth of a second.
    pub(super) fn new(title: &str, frame: Arc<Frame>) -> Self {
        let service = OpenApiService::<(), ()>::new((), "", "");
        let swagger = service.swagger_ui_html();
        let redoc = service.redoc_html();
        let bundles = vec![
            ("/docs/swagger-ui.css", immutable(CSS, inside(&swagger, "style"))),
            ("/docs/swagger-ui.js", immutable(JS, inside(&swagger, "script"))),
            ("/redoc/redoc.js", immutable(JS, inside(&redoc, "script"))),
        ];
        let mut pages = Self { title: title.to_owned(), frame, bundles, own: Vec::new() };
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

    /// Returns the file for clients whose proxy shows the server below a path, if it differs for them. Such files are
    /// small, so each request makes its own.
    pub(super) fn below(&self, root: &str, path: &str) -> Option<Asset> {
        if root.is_empty() { None } else { self.made(root, path).map(Asset::of_one_path) }
    }

    fn made(&self, root: &str, path: &str) -> Option<Asset> {
        let page = |place, head: &str, scripts: &[String], policy| {
            let page = Page {
                title: &self.title,
                place,
                root,
                class: "api",
                head,
                body: &body(scripts),
            };
            let html = self.frame.html(&page).into_bytes();
            Some(Asset::new(HTML, html).with_policy(policy))
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
                let style = format!("<link rel=\"stylesheet\" href=\"{style}\">\n");
                let scripts = [bundle("/docs/swagger-ui.js")?, start("/docs/start.js")?];
                page(path, &style, &scripts, SWAGGER_POLICY)
            }
            "/redoc" => {
                let scripts = [bundle("/redoc/redoc.js")?, start("/redoc/start.js")?];
                page(path, "", &scripts, REDOC_POLICY)
            }
            _ => None,
        }
    }
}

fn immutable(content_type: &'static str, text: &str) -> Asset {
    Asset::new(content_type, text.as_bytes().to_vec()).immutable()
}

/// Returns the element that the scripts fill, and the scripts.
fn body(scripts: &[String]) -> String {
    let tags =
        scripts.iter().map(|address| format!("<script src=\"{address}\"></script>\n"));
    let scripts: String = tags.collect();
    format!("<main id=\"content\"><div id=\"ui\"></div></main>\n{scripts}")
}

/// Returns the text of the first element of this name with the attribute that poem-openapi sets.
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
}
