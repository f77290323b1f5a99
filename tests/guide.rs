//! Tests of the guide that the server serves, and of the content of its pages.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use hyper::StatusCode;
use regex::Regex;
use serde_json::Value;

use crate::harness::client::Client;
use crate::harness::process::expect;
use crate::harness::{Home, Server};

const FOLDER: &str = "src/http/docs/pages";
const TRUSTED: &str = "--trusted-proxies=127.0.0.0/8";

/// Name and Markdown of every page.
fn sources() -> BTreeMap<String, String> {
    let files = fs::read_dir(FOLDER).unwrap().map(|file| file.unwrap().path());
    let sources = files.map(|path| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    });
    sources.collect()
}

fn path(name: &str) -> String {
    let name = if name == "index" { "" } else { name };
    format!("/docs/guide/{name}")
}

/// Served HTML of every page, by path.
async fn pages(client: &Client) -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    for name in sources().into_keys() {
        let path = path(&name);
        let answer = client.get(&format!("!{path}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        pages.insert(path, String::from_utf8(answer.bytes.to_vec()).unwrap());
    }
    pages
}

fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let open = format!(" {name}=\"");
    let rest = html.split(open.as_str()).skip(1);
    rest.map(|rest| rest.split('"').next().unwrap()).collect()
}

#[tokio::test]
async fn the_guide_names_every_member_of_a_task_and_every_filter_and_sort_key() {
    let server = Server::start().await;
    let document = server.client.get("!/openapi.json").await.expect(StatusCode::OK);
    let sources = sources();
    let is_row = |page: &str, name: &str| {
        sources[page].lines().any(|line| line.starts_with(&format!("| `{name}")))
    };
    let is_named = |page: &str, name: &str| sources[page].contains(&format!("`{name}`"));
    let members = |schema: &str| {
        let members = &document["components"]["schemas"][schema]["properties"];
        members.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    let mut paragraphs = sources["tasks"].split("\n\n");
    let own = paragraphs.find(|text| text.starts_with("The server sets ")).unwrap();
    for name in members("TaskPatch").into_iter().chain(members("TaskView")) {
        let is_own = own.contains(&format!("`{name}`"));
        assert!(is_own || is_row("tasks", &name), "{name}");
    }
    let parameters = &document["paths"]["/api/v1/tasks"]["get"]["parameters"];
    let mut paragraphs = sources["finding-tasks"].split("\n\n");
    let sorts = paragraphs.find(|text| text.starts_with("`sort` takes")).unwrap();
    for parameter in parameters.as_array().unwrap() {
        let name = parameter["name"].as_str().unwrap();
        let is_told = match name {
            "skip" | "limit" | "cursor" => is_named("pagination", name),
            "sort" => true,
            filter => is_row("finding-tasks", filter),
        };
        assert!(is_told, "{name}");
        for value in parameter["schema"]["enum"].as_array().into_iter().flatten() {
            let value = value.as_str().unwrap().trim_start_matches('-');
            let told = parameter["description"].as_str().unwrap();
            assert!(told.contains(&format!("`{value}`")), "{value} of {name}");
            assert!(name != "sort" || sorts.contains(&format!("`{value}`")), "{value}");
        }
    }
}

#[tokio::test]
async fn every_page_is_served_as_html_that_runs_nothing() {
    let server = Server::start().await;
    let tags = Regex::new("<(/?)([a-z][a-z0-9]*)").unwrap();
    let inline = Regex::new("<[^>]* (style|on[a-z]+)=").unwrap();
    let known = "a body code div em h1 h2 h3 head header html img li link main meta nav ol p pre span strong \
                 table tbody td th thead title tr ul wbr";
    let known: BTreeSet<&str> = known.split_whitespace().collect();
    for (path, html) in pages(&server.client).await {
        let answer = server.client.get(&format!("!{path}")).await;
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'"), "{policy}");
        assert!(!policy.contains("script") && !policy.contains("unsafe"), "{policy}");

        assert!(html.starts_with("<!doctype html>\n<html lang=\"en\">"), "{path}");
        assert_eq!(html.matches("<h1 id=").count(), 1, "{path}");
        assert!(html.contains("Duly") && html.contains("<main id=\"content\">"));
        for tag in tags.captures_iter(&html) {
            assert!(known.contains(&tag[2]), "{path}: {}", &tag[0]);
        }
        assert!(!inline.is_match(&html), "{path}");
    }
}

#[tokio::test]
async fn each_page_has_a_title_of_its_own_and_the_text_of_its_source() {
    let server = Server::start().await;
    let pages = pages(&server.client).await;
    let mut titles = BTreeSet::new();
    for (name, source) in sources() {
        let html = &pages[&path(&name)];
        let title = html.split("<title>").nth(1).unwrap().split('<').next().unwrap();
        assert!(title.contains("Duly") && titles.insert(title.to_owned()), "{title}");
        let heading = source.lines().next().unwrap().strip_prefix("# ").unwrap();
        assert!(html.contains(&format!("\">{heading}</h1>")), "{name}");
        let rows = source.lines().filter(|line| line.starts_with('|')).count();
        let rules = source.lines().filter(|line| line.starts_with("|---")).count();
        assert_eq!(html.matches("<tr>").count(), rows - rules, "{name}");
    }
}

#[tokio::test]
async fn every_link_of_the_guide_leads_somewhere() {
    let server = Server::with(&[TRUSTED]).await;
    for root in ["", "/duly", "/a/b"] {
        let client = server.client.with_header("x-forwarded-prefix", root);
        let client = if root.is_empty() { server.client.clone() } else { client };
        let pages = pages(&client).await;
        for (path, html) in &pages {
            let links =
                attributes(html, "href").into_iter().chain(attributes(html, "src"));
            for link in links.filter(|link| !link.starts_with("http")) {
                let (link, anchor) = link.split_once('#').unwrap_or((link, ""));
                let target = resolved(path, link);
                let at = format!("{path}: {link}#{anchor}");
                if !anchor.is_empty() {
                    let ids = attributes(&pages[&target], "id");
                    assert_eq!(ids.iter().filter(|id| **id == anchor).count(), 1, "{at}");
                }
                if !pages.contains_key(&target) {
                    let answer = client.get(&format!("!{target}")).await;
                    assert_eq!(answer.status, StatusCode::OK, "{at}");
                }
            }
        }
    }
}

/// Path that a relative link of a page resolves to.
fn resolved(path: &str, link: &str) -> String {
    if link.is_empty() {
        return path.to_owned();
    }
    let (folder, _) = path.rsplit_once('/').unwrap();
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in link.split('/') {
        match part {
            ".." => assert!(parts.len() > 1 && parts.pop().is_some(), "{link}"),
            "." => {}
            part => parts.push(part),
        }
    }
    let slash = if link == "./" { "/" } else { "" };
    format!("{}{slash}", parts.join("/"))
}

#[tokio::test]
async fn every_page_is_reached_from_every_other_and_from_the_reference() {
    let server = Server::start().await;
    let pages = pages(&server.client).await;
    for (path, html) in &pages {
        let links: BTreeSet<String> = attributes(html, "href")
            .into_iter()
            .filter(|link| !link.starts_with("http") && !link.starts_with('#'))
            .map(|link| resolved(path, link))
            .collect();
        for wanted in pages.keys().map(String::as_str).chain(["/docs", "/redoc"]) {
            assert!(links.contains(wanted), "{path} does not link to {wanted}");
        }
    }
    for page in ["/docs", "/redoc"] {
        let html = server.client.get(&format!("!{page}")).await.bytes;
        let html = str::from_utf8(&html).unwrap().to_owned();
        for wanted in ["/docs/guide/", "/docs", "/redoc"] {
            assert!(attributes(&html, "href").contains(&wanted), "{page}: {wanted}");
        }
        assert!(html.contains("icon.svg") && html.contains(">Duly</a>"), "{html}");
    }
}

#[tokio::test]
async fn the_guide_has_one_address_for_each_page() {
    let server = Server::with(&[TRUSTED]).await;
    for root in ["", "/duly"] {
        let client = server.client.with_header("x-forwarded-prefix", root);
        let client = if root.is_empty() { server.client.clone() } else { client };
        for (asked, leads_to) in
            [("/docs/guide", "/docs/guide/"), ("/docs/guide/tasks/", "/docs/guide/tasks")]
        {
            let answer = client.get(&format!("!{asked}")).await;
            assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT, "{asked}");
            let leads_to = format!("{root}{leads_to}");
            assert_eq!(answer.header("location"), Some(leads_to.as_str()), "{asked}");
        }
    }
    for unknown in
        ["index", "nothing", "tasks.md", "Tasks", "tasks/plan", "..%2f..%2fetc"]
    {
        let answer = server.client.get(&format!("!/docs/guide/{unknown}")).await;
        answer.expect_problem(404, "not_found");
    }
    let answer = server.client.post("!/docs/guide/tasks", Value::Null).await;
    answer.expect_problem(405, "method_not_allowed");
}

#[tokio::test]
async fn pages_of_the_guide_are_packed_and_not_sent_twice() {
    let server = Server::start().await;
    let zipped = server.client.with_header("accept-encoding", "gzip");
    for path in ["!/docs/guide/", "!/docs/guide/errors"] {
        let (plain, zip) = (server.client.get(path).await, zipped.get(path).await);
        assert_eq!(zip.header("content-encoding"), Some("gzip"), "{path}");
        assert!(zip.bytes.len() * 2 < plain.bytes.len(), "{path}");
        let tag = zip.header("etag").unwrap().to_owned();
        assert_ne!(plain.header("etag"), Some(tag.as_str()), "{path}");
        let again = zipped.with_header("if-none-match", &tag).get(path).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{path}");
    }
}

/// Texts in backticks in the first cells of tables.
fn first_cells(source: &str) -> BTreeSet<&str> {
    let rows = source.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.map(|row| row.split(" | ").next().unwrap());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn every_code_of_a_problem_is_on_the_page_of_errors() {
    let program = fs::read_to_string("src/http/problem.rs").unwrap();
    let (program, _) = program.split_once("\n#[cfg(test)]").unwrap_or((&program, ""));
    let literals = Regex::new("\"([a-z]+(?:_[a-z]+)*)\"").unwrap();
    // Values of `error` for OAuth 2 clients, and words of headers.
    let others = [
        "invalid_request",
        "server_error",
        "temporarily_unavailable",
        "account",
        "duly",
        "identity",
        "ratelimit",
        "task_id",
    ];
    let literals = literals.captures_iter(program).map(|it| it.extract::<1>().1[0]);
    let codes: BTreeSet<&str> = literals.filter(|code| !others.contains(code)).collect();
    let page = &sources()["errors"];
    let told: BTreeSet<&str> = first_cells(page)
        .into_iter()
        .filter(|cell| {
            page.contains(&format!("| `{cell}` | 4"))
                || page.contains(&format!("| `{cell}` | 5"))
        })
        .collect();
    assert_eq!(told, codes);
}

#[test]
fn every_setting_is_on_the_page_of_settings() {
    let home = Home::new().set("LISTEN", "127.0.0.1:8000");
    let printed = expect(home.run(&["config"], ""), 0);
    let settings = printed.lines().map(|line| line.split_once('=').unwrap().0);
    let settings: BTreeSet<&str> = settings.chain(["SECRET_KEY"]).collect();
    let told = &sources()["settings"];
    assert_eq!(first_cells(told), settings);
}

#[tokio::test]
async fn every_operation_is_on_the_page_of_endpoints() {
    let server = Server::start().await;
    let document = server.client.get("!/openapi.json").await.body;
    let mut operations = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.strip_prefix("/api/v1").unwrap_or(path);
        let methods = methods.as_object().unwrap().keys();
        operations
            .extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
    }
    let page = &sources()["endpoints"];
    let mut told = BTreeSet::new();
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let cell = row.split(" | ").next().unwrap();
        let parts: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        let Some((_, path)) = parts[parts.len() - 1].split_once(' ') else { continue };
        let methods = parts.iter().map(|part| part.split(' ').next().unwrap());
        told.extend(methods.map(|method| format!("{method} {path}")));
    }
    assert_eq!(told, operations);
}
