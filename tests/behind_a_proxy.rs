//! Tests of the headers of a proxy, and of when the server trusts them.

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Home, Server};

const TRUSTED: &str = "--trusted-proxies=127.0.0.1";
const PREFIX: &str = "x-forwarded-prefix";

#[tokio::test]
async fn links_lead_to_where_the_proxy_shows_the_server() {
    let server = Server::with(&[TRUSTED]).await;
    let jane = server.client.registered("jane@example.com").await;
    for (given, root) in
        [("/duly", "/duly"), ("/duly/", "/duly"), ("/a/b", "/a/b"), ("/", "")]
    {
        let jane = jane.with_header(PREFIX, given);
        let made = jane.post("/tasks", json!({ "title": "a" })).await;
        let id = made.body["id"].as_u64().unwrap();
        let location = format!("{root}/api/v1/tasks/{id}");
        assert_eq!(made.header("location"), Some(location.as_str()));
        made.expect(StatusCode::CREATED);
        jane.post("/tasks", json!({ "title": "b" })).await.expect(StatusCode::CREATED);

        for list in ["/tasks?limit=1", "/tasks?cursor=&limit=1"] {
            let answer = jane.get(list).await;
            let link = answer.header("link").unwrap().to_owned();
            assert!(link.starts_with(&format!("<{root}/api/v1/tasks?")), "{link}");
            // The link works without the prefix that the proxy strips.
            let next = link[1..].split('>').next().unwrap().strip_prefix(root).unwrap();
            jane.get(&format!("!{next}")).await.expect(StatusCode::OK);
        }
    }
}

#[tokio::test]
async fn pages_and_documents_lead_to_where_the_proxy_shows_the_server() {
    let server = Server::with(&[TRUSTED]).await;
    let anybody = &server.client;
    let own = anybody.get("!/openapi.json").await;
    // `/duly` comes twice, since the last page is cached.
    for root in ["/duly", "/duly", "/a/b"] {
        let client = anybody.with_header(PREFIX, root);
        let door = client.get("!/").await;
        assert_eq!(door.header("location"), Some(format!("{root}/docs").as_str()));
        assert_eq!(door.status, StatusCode::TEMPORARY_REDIRECT);

        for page in ["/docs", "/redoc"] {
            let html = client.get(&format!("!{page}")).await;
            let html = str::from_utf8(&html.bytes).unwrap().to_owned();
            let addresses =
                ["src=\"", "href=\""].into_iter().flat_map(|it| html.split(it).skip(1));
            let addresses = addresses.map(|rest| rest.split('"').next().unwrap());
            let files: Vec<&str> = addresses.filter(|it| !it.starts_with('#')).collect();
            assert!(files.len() >= 2, "{html}");
            for file in files {
                let path = file.strip_prefix(root).expect(file);
                assert!(path.starts_with('/'), "{file}");
                let file = client.get(&format!("!{path}")).await;
                assert_eq!(file.status, StatusCode::OK);
                if path.contains("start.js") {
                    let text = str::from_utf8(&file.bytes).unwrap();
                    assert!(text.contains(&format!("'{root}/openapi.json'")), "{text}");
                }
            }
        }

        let moved = client.get("!/openapi.json").await;
        assert_ne!(moved.header("etag"), own.header("etag"));
        let mut expected = own.body.clone();
        expected["servers"][0]["url"] = root.into();
        let text = expected["info"]["description"].as_str().unwrap();
        let text = text.replace("](/docs/guide/", &format!("]({root}/docs/guide/"));
        expected["info"]["description"] = text.into();
        let flow =
            &mut expected["components"]["securitySchemes"]["oauth2"]["flows"]["password"];
        flow["tokenUrl"] = format!("{root}/api/v1/auth/login").into();
        flow["refreshUrl"] = format!("{root}/api/v1/auth/refresh").into();
        assert_eq!(moved.expect(StatusCode::OK), expected);
        let yaml = client.get("!/openapi.yaml").await;
        let yaml: Value = serde_yaml::from_slice(&yaml.bytes).unwrap();
        assert_eq!(yaml, expected);
    }
    assert_eq!(anybody.get("!/openapi.json").await.bytes, own.bytes);
}

#[tokio::test]
async fn a_prefix_of_a_stranger_or_one_that_is_no_path_changes_nothing() {
    let (trusting, wary) = (Server::with(&[TRUSTED]).await, Server::start().await);
    let door = async |server: &Server, prefix: &str| {
        let answer = server.client.with_header(PREFIX, prefix).get("!/").await;
        assert_eq!(answer.header("location"), Some("/docs"), "{prefix}");
        assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT);
    };
    door(&wary, "/duly").await;
    let long = format!("/{}", "a".repeat(200));
    for bad in [
        "",
        "duly",
        "//evil.example",
        "/a//b",
        "/..",
        "/a/../b",
        "/a/./b",
        "/a%2fb",
        "/a?b",
        "/a b",
        "/a\\b",
        "/<script>",
        "/a\"b",
        "/a'b",
        "/a,/b",
        "https://evil.example",
        &long,
    ] {
        door(&trusting, bad).await;
    }
    let twice = trusting
        .client
        .with_header(PREFIX, "/a")
        .with_header(PREFIX, "/b")
        .get("!/")
        .await;
    assert_eq!(twice.header("location"), Some("/docs"));
    assert_eq!(twice.status, StatusCode::TEMPORARY_REDIRECT);
}

/// Log lines of an event, up to the end of the server.
fn lines(server: &crate::harness::Process, event: &str) -> Vec<Value> {
    server.signal("TERM");
    let lines =
        server.log.iter().map(|line| serde_json::from_str::<Value>(&line).unwrap());
    lines.filter(|line| line["event"] == event).collect()
}

#[tokio::test]
async fn headers_of_a_proxy_that_is_not_trusted_are_told_once_without_their_values() {
    for header in
        ["x-forwarded-for", "forwarded", "x-forwarded-proto", "x-forwarded-host", PREFIX]
    {
        let home = Home::new().set("TRUSTED_PROXIES", "192.0.2.1");
        let server = home.serve();
        server.client().get("/health").await.expect(StatusCode::OK);
        let client = server.client().with_header(header, "203.0.113.7");
        for _ in 0..3 {
            client.get("/health").await.expect(StatusCode::OK);
        }

        let lines = lines(&server, "proxy_not_trusted");

        let [line] = &lines[..] else { panic!("{header}: {lines:?}") };
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["header"], header);
        assert_eq!(line["client.network"], "127.0.0.1");
        assert!(line["message"].as_str().unwrap().contains("TRUSTED_PROXIES"), "{line}");
        assert!(!line.to_string().contains("203.0.113.7"), "{line}");
    }
}

#[tokio::test]
async fn headers_of_a_trusted_proxy_are_no_event_but_a_prefix_that_is_no_path_is() {
    let home = Home::new().set("TRUSTED_PROXIES", "127.0.0.1").set("LOG_NETWORKS", "off");
    let server = home.serve();
    let client = server.client().with_header("x-forwarded-for", "203.0.113.7");
    client.get("/health").await.expect(StatusCode::OK);
    for _ in 0..2 {
        client
            .with_header(PREFIX, "nonsense")
            .get("/health")
            .await
            .expect(StatusCode::OK);
    }

    server.signal("TERM");
    let events: Vec<String> =
        server.log.iter().filter(|line| line.contains("\"event\":")).collect();

    let [line] = &events[..] else { panic!("{events:?}") };
    assert!(line.contains("prefix_refused") && !line.contains("nonsense"), "{line}");
}
