//! Tests of the documentation pages of the API, and of the document that they read.

use std::io::Read as _;

use hyper::StatusCode;

use crate::harness::{Answer, Server};

const PAGES: [&str; 2] = ["!/docs", "!/redoc"];

/// Values of `src` and `href` attributes.
fn addresses(html: &str) -> Vec<&str> {
    let after =
        ["src=\"", "href=\""].into_iter().flat_map(|name| html.split(name).skip(1));
    after.map(|rest| rest.split('"').next().unwrap()).collect()
}

fn unpacked(answer: &Answer) -> Vec<u8> {
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&answer.bytes[..]).read_to_end(&mut bytes).unwrap();
    bytes
}

/// One directive of a Content-Security-Policy.
fn directive<'a>(policy: &'a str, name: &str) -> &'a str {
    let directives = policy.split(';').map(str::trim);
    let mut found = directives.filter_map(|one| one.strip_prefix(name));
    found.next().unwrap_or_default().trim()
}

#[tokio::test]
async fn whoever_comes_to_the_door_is_shown_the_pages() {
    for prefix in ["--api-v1-prefix=/api/v1", "--api-v1-prefix="] {
        let server = Server::with(&[prefix]).await;
        let answer = server.client.get("!/").await;
        assert_eq!(
            answer.header("location"),
            Some("/docs"),
            "{prefix}: {}",
            answer.status
        );
        assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT);
    }
}

#[tokio::test]
async fn pages_and_all_they_load_come_from_here() {
    let server = Server::start().await;
    let zipped = server.client.with_header("accept-encoding", "gzip, br");
    for page in PAGES {
        let answer = server.client.get(page).await;
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        let policy = answer.header("content-security-policy").unwrap();
        assert_eq!(directive(policy, "default-src"), "'none'");
        assert_eq!(directive(policy, "script-src"), "'self'");
        assert_eq!(directive(policy, "connect-src"), "'self'");
        assert_eq!(directive(policy, "frame-ancestors"), "'none'");
        assert!(!policy.contains("http") && !policy.contains('*'), "{policy}");

        let html = str::from_utf8(&answer.bytes).unwrap();
        assert!(!html.contains("<script>") && !html.contains("onload"), "{html}");
        let addresses = addresses(html);
        let files: Vec<&&str> =
            addresses.iter().filter(|address| address.contains("?v=")).collect();
        assert!(files.len() >= 2, "{html}");
        for file in files {
            assert!(file.starts_with('/') && !file.starts_with("//"), "{page}: {file}");
            let plain = server.client.get(&format!("!{file}")).await;
            assert_eq!(plain.status, StatusCode::OK, "{file}");
            let cache = plain.header("cache-control").unwrap();
            assert!(cache.contains("immutable") && cache.contains("public"), "{cache}");
            let kind = plain.header("content-type").unwrap();
            let wanted = match file.split_once('?').unwrap().0.rsplit_once('.').unwrap().1
            {
                "js" => "text/javascript",
                "css" => "text/css",
                _ => "image/svg+xml",
            };
            assert!(kind.starts_with(wanted), "{file}: {kind}");

            let zip = zipped.get(&format!("!{file}")).await;
            assert!(zip.bytes.len() < plain.bytes.len() || plain.bytes.len() < 1000);
            assert_eq!(unpacked(&zip), plain.bytes, "{file}");
            assert_ne!(zip.header("etag"), plain.header("etag"), "{file}");
        }
    }
    // The pages load the document by its path alone.
    for script in ["!/docs/start.js", "!/redoc/start.js"] {
        let text = server.client.get(script).await.bytes;
        let text = str::from_utf8(&text).unwrap();
        assert!(text.contains("'/openapi.json'") && !text.contains("//"), "{text}");
    }
    // ReDoc would load a logo from another host.
    let redoc = server.client.get("!/redoc/redoc.js").await.bytes;
    assert!(!String::from_utf8_lossy(&redoc).contains("cdn.redoc.ly"));
}

#[tokio::test]
async fn what_a_client_has_is_not_sent_again() {
    let server = Server::start().await;
    let plain = server.client.clone();
    let zipped = server.client.with_header("accept-encoding", "gzip");
    for path in [
        "!/docs",
        "!/redoc",
        "!/docs/start.js",
        "!/docs/swagger-ui.css",
        "!/openapi.json",
        "!/openapi.yaml",
    ] {
        let mut tags = Vec::new();
        for client in [&plain, &zipped] {
            let answer = client.get(path).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            assert!(answer.header("vary").unwrap().contains("accept-encoding"), "{path}");
            let tag = answer.header("etag").unwrap().to_owned();
            for has in
                [tag.clone(), format!("\"other\", {tag}"), format!("W/{tag}"), "*".into()]
            {
                let again = client.with_header("if-none-match", &has).get(path).await;
                assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{path}: {has}");
                assert!(again.bytes.is_empty(), "{path}");
                for name in ["etag", "cache-control", "vary"] {
                    assert_eq!(again.header(name), answer.header(name), "{path}: {name}");
                }
            }
            let other = client.with_header("if-none-match", "\"other\"").get(path).await;
            assert_eq!(other.bytes, answer.bytes, "{path}");
            tags.push(tag);
        }
        assert_ne!(tags[0], tags[1], "{path}: two forms, two tags");
    }
}

#[tokio::test]
async fn pages_and_documents_are_asked_for_again_and_packed_on_demand() {
    let server = Server::start().await;
    let zipped = server.client.with_header("accept-encoding", "gzip");
    let refused = server.client.with_header("accept-encoding", "gzip;q=0, br");
    for path in ["!/docs", "!/redoc", "!/openapi.json", "!/openapi.yaml"] {
        let plain = server.client.get(path).await;
        assert_eq!(plain.header("cache-control"), Some("no-cache"), "{path}");
        assert_eq!(plain.header("content-encoding"), None, "{path}");
        assert_eq!(refused.get(path).await.bytes, plain.bytes, "{path}");
        assert_eq!(unpacked(&zipped.get(path).await), plain.bytes, "{path}");
    }
}

#[tokio::test]
async fn the_title_is_a_setting_and_cannot_break_out() {
    let server = Server::with(&["--project-name=A & B </title><script>x"]).await;
    for page in PAGES {
        let answer = server.client.get(page).await;
        let html = str::from_utf8(&answer.bytes).unwrap();
        assert!(
            html.contains("<title>A &amp; B &lt;/title>&lt;script>x</title>"),
            "{html}"
        );
    }
    let document = server.client.get("!/openapi.json").await.body;
    assert_eq!(document["info"]["title"], "A & B </title><script>x");
}
