//! Tests of the metrics of the real binary: their place, their format and their counts.

mod counts;
mod parse;
mod trace;

use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use hyper::{Method, StatusCode};

use self::parse::Scrape;
use crate::harness::process::refused;
use crate::harness::{Home, Process};

/// Longest time until a response: a connection that sends nothing has 10 seconds.
const PATIENCE: Duration = Duration::from_secs(30);

const OPEN_METRICS: &str = "Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n";

/// Home whose server exposes its metrics on a socket.
fn given() -> Home {
    let home = Home::new();
    let socket = home.folder.path().join("metrics.sock");
    home.set("METRICS_LISTEN", &format!("unix:{}", socket.display()))
}

fn socket(home: &Home) -> UnixStream {
    let stream = UnixStream::connect(home.folder.path().join("metrics.sock")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends a request line with fields, and reads head and body of the response.
fn ask(
    mut stream: impl std::io::Read + std::io::Write,
    line: &str,
    fields: &str,
) -> (String, String) {
    write!(stream, "{line} HTTP/1.1\r\nHost: metrics\r\n{fields}\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect(&answer);
    (head.to_owned(), body.to_owned())
}

fn scrape(home: &Home) -> Scrape {
    let (head, body) = ask(socket(home), "GET /metrics", "");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    Scrape::read(&body, false)
}

#[tokio::test]
async fn metrics_are_shown_only_where_the_operator_wants_them() {
    let home = Home::new();
    let server = home.serve();
    let answer = server.client().get("!/metrics").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    server.signal("TERM");
    assert!(server.log.iter().all(|line| !line.contains("serving metrics at")));

    let server = home.set("METRICS_LISTEN", "127.0.0.1:0").serve();
    let address = server.wait_for_log("serving metrics at /metrics")["address"].clone();
    let address: SocketAddr = address.as_str().unwrap().parse().unwrap();
    assert_ne!(address, server.address());
    let answer = server.client().get("!/metrics").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let connect = || TcpStream::connect(address).unwrap();
    let status = |line: &str| {
        let (head, body) = ask(connect(), line, "");
        (head.split(' ').nth(1).unwrap().to_owned(), body)
    };
    assert_eq!(status("GET /health").0, "404");
    assert_eq!(status("POST /metrics").0, "405");
    assert_eq!(status("HEAD /metrics"), ("200".to_owned(), String::new()));
    let (code, body) = status("GET /metrics");
    assert_eq!(code, "200");
    Scrape::read(&body, false);
}

#[test]
fn a_socket_of_metrics_is_there_as_long_as_the_server_runs() {
    let home = given();
    let server = home.serve();
    scrape(&home);

    assert_eq!(server.terminate(), Some(0));

    assert!(!home.folder.path().join("metrics.sock").exists());
}

#[test]
fn the_text_is_that_of_openmetrics_for_those_who_ask_for_it() {
    let home = given();
    let _server = home.serve();
    for (fields, media_type, is_open_metrics) in [
        ("", "text/plain; version=0.0.4; charset=utf-8", false),
        ("Accept: */*\r\n", "text/plain; version=0.0.4; charset=utf-8", false),
        (
            OPEN_METRICS,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            true,
        ),
    ] {
        let (head, body) = ask(socket(&home), "GET /metrics", fields);
        assert!(head.contains(&format!("content-type: {media_type}\r\n")), "{head}");
        let scrape = Scrape::read(&body, is_open_metrics);
        assert!(scrape.has("duly_http_requests_total"));
        let version = env!("CARGO_PKG_VERSION");
        let build = body.lines().find(|line| line.starts_with("duly_build_info{"));
        assert!(build.unwrap().contains(&format!("version=\"{version}\"")), "{build:?}");
    }
}

#[test]
fn the_address_of_metrics_is_another_than_those_of_the_server() {
    let refused = |home: Home| {
        let why = refused(home.run(&["serve"], ""), 78);
        assert!(why.starts_with("duly: METRICS_LISTEN must "), "{why}");
    };
    for (listen, metrics) in [
        ("127.0.0.1:8000", "127.0.0.1:8000"),
        ("127.0.0.1:8000", "0.0.0.0:8000"),
        ("[::]:8000", "[::1]:8000"),
        ("unix:/tmp/duly", "unix:/tmp/duly"),
        ("127.0.0.1:0", "9000"),
        ("127.0.0.1:0", "localhost:9000"),
    ] {
        refused(Home::new().set("LISTEN", listen).set("METRICS_LISTEN", metrics));
    }
    let control = Home::new().set("CONTROL_SOCKET", "/tmp/duly.sock");
    refused(control.set("METRICS_LISTEN", "unix:/tmp/duly.sock"));
}

#[test]
fn an_address_that_is_taken_is_told_before_a_data_file_is_made() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let home = Home::new().set("METRICS_LISTEN", &address);

    let why = refused(home.run(&["serve"], ""), 74);

    let start = format!("duly: cannot listen for metrics on {address}: ");
    assert!(why.starts_with(&start), "{why}");
    assert!(!home.data_file().exists());
}

#[test]
fn metrics_that_other_machines_may_read_are_warned_of_once() {
    let warnings = |listen: &str| {
        let server = Home::new().set("METRICS_LISTEN", listen).serve();
        server.signal("TERM");
        let lines = server.log.iter().filter(|line| line.contains("set METRICS_LISTEN"));
        lines.inspect(|line| assert!(line.contains("\"WARN\""), "{line}")).count()
    };
    assert_eq!(warnings("0.0.0.0:0"), 1);
    assert_eq!(warnings("127.0.0.1:0"), 0);
    assert_eq!(warnings("[::1]:0"), 0);
}

#[test]
fn connections_that_say_nothing_do_not_keep_others_from_the_metrics_for_long() {
    let home = given();
    let _server = home.serve();
    let _silent: Vec<_> = (0..8).map(|_| socket(&home)).collect();

    scrape(&home);
}

/// Requests paths that cannot be listed in advance.
async fn wander(server: &Process) {
    let client = server.client();
    for number in 0..1000 {
        let path = match number % 4 {
            0 => format!("!/wander/{number}"),
            1 => format!("/tasks/{number}/x{number}"),
            2 => format!("/tasks/{number}?x{number}=1"),
            _ => format!("!/%7Bid%7D/{number}\u{e9}"),
        };
        let method = match number % 10 {
            0 => Method::from_bytes(format!("M{number}").as_bytes()).unwrap(),
            1 => Method::OPTIONS,
            _ => Method::GET,
        };
        let path = path.replace('\u{e9}', "%C3%A9");
        let _answer = client.send(method, &path, None, "").await;
    }
}

#[tokio::test]
async fn a_thousand_different_paths_make_no_new_series() {
    let home = given().set("LOG_LEVEL", "info,duly::http=warn");
    let server = home.serve();
    let before = scrape(&home);

    wander(&server).await;

    let after = scrape(&home);
    assert_eq!(before.series(), after.series());
    let sum = |scrape: &Scrape| -> f64 {
        let all = scrape.series().into_iter();
        let all = all.filter(|it| it.starts_with("duly_http_requests_total{"));
        all.map(|series| scrape.value(series)).sum()
    };
    let difference = sum(&after) - sum(&before);
    assert!((999.9..1000.1).contains(&difference), "{difference}");
}
