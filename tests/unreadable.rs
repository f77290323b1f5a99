//! Tests of requests that cannot be read as HTTP, or only in part: they are refused like all others.

use hyper::StatusCode;

use crate::front_door::{HEALTH, ask, connect, until_closed};
use crate::harness::raw::{head, raw};
use crate::harness::tls::{Certificate, HTTP_1};
use crate::harness::{Home, Server};

const TASK: &str = "POST /api/v1/tasks HTTP/1.1\r\nHost: a\r\n";

fn unreadable() -> Vec<(&'static str, String, u16, &'static str)> {
    let of = |length: usize| "x".repeat(length);
    let get = "GET /health HTTP/1.1\r\nHost: a\r\n";
    vec![
        ("no request line", "hello world\r\n\r\n".to_owned(), 400, "malformed"),
        ("no version", "GET /health\r\n\r\n".to_owned(), 400, "malformed"),
        (
            "an unknown version",
            "GET /health HTTP/3.7\r\n\r\n".to_owned(),
            400,
            "malformed",
        ),
        ("bytes", "\0\x01 \x02\r\n\r\n".to_owned(), 400, "malformed"),
        ("no path", "GET he alth HTTP/1.1\r\n\r\n".to_owned(), 400, "malformed"),
        ("a line without a colon", format!("{get}x\r\n\r\n"), 400, "malformed"),
        ("a space before a colon", format!("{get}X : y\r\n\r\n"), 400, "malformed"),
        ("a zero byte", format!("{get}X: \0\r\n\r\n"), 400, "malformed"),
        (
            "an old version",
            "GET /health HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
            400,
            "malformed",
        ),
        (
            "a length that is none",
            format!("{TASK}Content-Length: x\r\n\r\n"),
            400,
            "malformed",
        ),
        (
            "a negative length",
            format!("{TASK}Content-Length: -1\r\n\r\n"),
            400,
            "malformed",
        ),
        (
            "two lengths",
            format!("{TASK}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
            400,
            "malformed",
        ),
        (
            "no chunks at the end",
            format!("{TASK}Transfer-Encoding: gzip\r\n\r\n"),
            400,
            "malformed",
        ),
        (
            "a long header",
            format!("{get}X: {}\r\n\r\n", of(100_000)),
            431,
            "header_too_large",
        ),
        (
            "many headers",
            format!("{get}{}\r\n", "X: y\r\n".repeat(200)),
            431,
            "header_too_large",
        ),
        (
            "a long address",
            format!("GET /{} HTTP/1.1\r\n\r\n", of(100_000)),
            431,
            "header_too_large",
        ),
    ]
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_a_problem_that_has_an_id() {
    let server = Server::start().await;
    for (what, request, status, code) in unreadable() {
        let answer = raw(server.client.address(), request).await;
        assert_eq!(answer.header("connection"), Some("close"), "{what}");
        assert!(answer.header("date").is_some(), "{what}");
        let length = answer.bytes.len().to_string();
        assert_eq!(answer.header("content-length"), Some(length.as_str()), "{what}");
        answer.expect_problem(status, code);
    }
}

#[tokio::test]
async fn an_address_that_is_too_long_is_told_so_where_headers_may_be_longer() {
    let server = Server::with(&["--max-header-kib=64"]).await;
    let line = format!("GET /{}", "x".repeat(70_000));
    let answer = raw(server.client.address(), head(&line, &[])).await;
    answer.expect_problem(414, "uri_too_long");
}

#[tokio::test]
async fn an_unreadable_request_after_others_is_refused_in_its_turn() {
    let server = Server::start().await;
    let mut stream = connect(server.client.address()).await;
    for _ in 0..2 {
        assert!(ask(&mut stream, HEALTH).await.starts_with("HTTP/1.1 200 "));
    }
    // A valid request and an invalid one, in one piece.
    let mut said = ask(&mut stream, &format!("{HEALTH}nonsense\r\n\r\n")).await;
    said.push_str(&until_closed(&mut stream).await);
    let (first, second) = said.split_once("HTTP/1.1 400 ").expect(&said);
    assert!(first.starts_with("HTTP/1.1 200 "), "{said}");
    assert!(
        second.contains("\r\nx-request-id: ") && second.contains(r#""code":"malformed""#)
    );
}

#[tokio::test]
async fn an_unreadable_request_is_in_the_log_and_nothing_of_it() {
    let home = Home::new();
    let server = home.serve();
    let answer = raw(server.address(), "GET /secret HTTP/9.9\r\n\r\n").await;
    let line = server.wait_for_log("request served");
    assert_eq!(line["http.status"], 400);
    assert_eq!(line["request.id"].as_str(), answer.header("x-request-id"));
    assert!(!line.to_string().contains("secret"));
}

#[tokio::test]
async fn an_unreadable_request_within_tls_is_refused_alike() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let certificate = Certificate::new();
    let home =
        Home::new().set("TLS_CERT_FILE", "cert.pem").set("TLS_KEY_FILE", "key.pem");
    certificate.write(home.folder.path());
    let server = home.serve();
    let client = certificate.client(&[HTTP_1]);
    let mut stream = client.connect(server.address()).await.unwrap();
    stream.write_all(b"nonsense\r\n\r\n").await.unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 400 "), "{said}");
    assert!(said.contains("\r\nstrict-transport-security: "), "{said}");
    assert!(said.contains(r#""code":"malformed""#), "{said}");
}

#[tokio::test]
async fn a_transfer_coding_that_is_not_known_is_not_implemented_whatever_is_asked() {
    let server = Server::start().await;
    let address = server.client.address();
    for line in [
        "POST /api/v1/auth/login",
        "GET /health",
        "GET /nothing",
        "DELETE /api/v1/tasks/1",
    ] {
        for coding in
            ["gzip, chunked", "deflate,chunked", "x, gzip , Chunked", "identity, chunked"]
        {
            let request = head(line, &[("Transfer-Encoding", coding)]);
            let answer = raw(address, format!("{request}3\r\na=b\r\n0\r\n\r\n")).await;
            answer.expect_problem(501, "unsupported_transfer_coding");
        }
        let request = head(line, &[("Transfer-Encoding", "chunked, chunked")]);
        let answer = raw(address, format!("{request}0\r\n\r\n")).await;
        answer.expect_problem(400, "malformed");
    }
    let fields = [("Transfer-Encoding", "gzip"), ("Transfer-Encoding", "chunked")];
    let answer = raw(address, format!("{}0\r\n\r\n", head("GET /health", &fields))).await;
    answer.expect_problem(501, "unsupported_transfer_coding");
    let request = head("GET /health", &[("Transfer-Encoding", "CHUNKED")]);
    raw(address, format!("{request}0\r\n\r\n")).await.expect(StatusCode::OK);
}

/// Checks the refusal before the body has come; the body is never sent.
#[tokio::test]
async fn a_length_beyond_all_numbers_is_a_body_that_is_too_large() {
    let server = Server::start().await;
    let many = "9".repeat(1000);
    for length in [
        "262145",
        "9223372036854775808",
        "18446744073709551613",
        "18446744073709551614",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999",
        "00099999999999999999999999",
        &many,
    ] {
        let request = head("POST /api/v1/auth/register", &[("Content-Length", length)]);
        let answer = raw(server.client.address(), request).await;
        answer.expect_problem(413, "body_too_large");
    }
}

#[tokio::test]
async fn a_path_that_begins_with_two_slashes_leads_nowhere() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    for path in [
        "!//api/v1/tasks",
        "!///api/v1/tasks",
        "!//health",
        "!//",
        "!//docs",
        "!//example.com/docs",
    ] {
        jane.get(path).await.expect_problem(404, "not_found");
    }
}
