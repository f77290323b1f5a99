//! Tests of the trace of a request.

use hyper::StatusCode;
use serde_json::Value;

use crate::harness::Home;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

#[tokio::test]
async fn the_line_of_a_request_names_its_trace_and_the_answer_does_not() {
    let server = Home::new().serve();
    let long = format!("00-{TRACE}-b7ad6b7169203331-01-{}", "x".repeat(4000));
    for (given, named) in [
        (format!("00-{TRACE}-b7ad6b7169203331-01"), Some(TRACE)),
        (format!("00-{TRACE}-0000000000000000-01"), None),
        (format!("00-{}-b7ad6b7169203331-01", TRACE.to_uppercase()), None),
        (long, None),
        ("nonsense".to_owned(), None),
    ] {
        let client = server.client().with_header("traceparent", &given);

        let answer = client.get("!/health").await;

        assert_eq!(answer.status, StatusCode::OK);
        let told = format!("{:?}{:?}", answer.headers, answer.bytes);
        assert!(!told.contains("0af7651916cd43dd"), "{told}");
        let line = server.wait_for_log("request served");
        assert_eq!(line.get("trace_id").and_then(Value::as_str), named, "{given}");
    }
}

#[tokio::test]
async fn two_traces_are_none() {
    let server = Home::new().serve();
    let field = format!("00-{TRACE}-b7ad6b7169203331-01");
    let client = server.client().with_header("traceparent", &field);
    let answer = client.with_header("traceparent", &field).get("!/health").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(server.wait_for_log("request served").get("trace_id"), None);
}
