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

const SWAGGER_START: &str = r"window.ui = SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#ui',
  deepLinking: true,
  filter: false,
  persistAuthorization: false,
  validatorUrl: null,
});
";

const REDOC_START: &str = r"Redoc.init('/openapi.json', { scrollYOffset: 0 }, document.getElementById('ui'));
";

/// All files, by path.
pub(super) struct Pages(Vec<(&'static str, Asset)>);

impl Pages {
    /// Cuts the files out of poem-openapi's pages. Takes a good tenth of a second.
    pub(super) fn new(title: &str) -> Self {
        let service = OpenApiService::<(), ()>::new((), "", "");
        let swagger = service.swagger_ui_html();
        let redoc = service.redoc_html();
        let mut files = Vec::new();
        let mut add = |path: &'static str, content_type, text: &str| {
            let asset = Asset::new(content_type, text.as_bytes().to_vec()).immutable();
            let address = format!("{path}?v={}", asset.hash());
            files.push((path, asset));
            address
        };
        let css = add("/docs/swagger-ui.css", CSS, inside(&swagger, "style"));
        let swagger_js = add("/docs/swagger-ui.js", JS, inside(&swagger, "script"));
        let swagger_start = add("/docs/start.js", JS, SWAGGER_START);
        let redoc_js = add("/redoc/redoc.js", JS, inside(&redoc, "script"));
        let redoc_start = add("/redoc/start.js", JS, REDOC_START);

        let style = format!("<link rel=\"stylesheet\" href=\"{css}\">");
        let swagger = html(title, &style, &[&swagger_js, &swagger_start]);
        let redoc = html(title, "", &[&redoc_js, &redoc_start]);
        files.push((
            "/docs",
            Asset::new(HTML, swagger.into_bytes()).with_policy(SWAGGER_POLICY),
        ));
        files.push((
            "/redoc",
            Asset::new(HTML, redoc.into_bytes()).with_policy(REDOC_POLICY),
        ));
        Self(files)
    }

    pub(super) fn find(&self, path: &str) -> Option<&Asset> {
        self.0.iter().find(|(of, _)| *of == path).map(|(_, asset)| asset)
    }
}

fn html(title: &str, head: &str, scripts: &[&str]) -> String {
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
