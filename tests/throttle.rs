//! How often somebody may try.

use hyper::StatusCode;
use serde_json::json;

use crate::harness::{Answer, Client, Server};

const WRONG: &str = "username=jane@example.com&password=wrong-password";
const RIGHT: &str = "username=jane@example.com&password=password123";

/// Tries until told to wait, and returns how often that was, and the answer.
async fn exhausted(client: &Client) -> (u32, Answer) {
    for count in 0..100 {
        let answer = client.form("/auth/login", WRONG).await;
        if answer.status != StatusCode::UNAUTHORIZED {
            return (count, answer);
        }
    }
    panic!("nobody said anything");
}

#[tokio::test]
async fn somebody_who_guesses_is_told_to_wait() {
    let server = Server::with(&["--auth-rate-limit=on"]).await;
    let jane = server.client.registered("jane@example.com").await;

    let (count, answer) = exhausted(&server.client).await;

    assert!((15..30).contains(&count), "after {count}");
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds} s");
    answer.expect_problem(429, "throttled");
    // Even the right password, or guessing would go on; but who is in stays in.
    server.client.form("/auth/login", RIGHT).await.expect_problem(429, "throttled");
    jane.get("/auth/me").await.expect(StatusCode::OK);
    server.client.registered("john@example.com").await;
}

#[tokio::test]
async fn a_forged_address_changes_nothing() {
    let server = Server::with(&["--auth-rate-limit=on"]).await;
    let _told_to_wait = exhausted(&server.client).await;
    for name in ["x-forwarded-for", "forwarded", "x-real-ip", "x-client-ip"] {
        let forger = server.client.with_header(name, "198.51.100.7");
        forger.form("/auth/login", WRONG).await.expect_problem(429, "throttled");
    }
}

#[tokio::test]
async fn clients_behind_a_trusted_proxy_are_counted_apart() {
    let flags = ["--auth-rate-limit=on", "--trusted-proxies=127.0.0.1"];
    let server = Server::with(&flags).await;
    server.client.registered("jane@example.com").await;
    let from = |addresses| server.client.with_header("x-forwarded-for", addresses);

    let _told_to_wait = exhausted(&from("198.51.100.7")).await;

    for same in ["198.51.100.7", "192.0.2.1, 198.51.100.7", "::ffff:198.51.100.7"] {
        let answer = from(same).form("/auth/login", RIGHT).await;
        answer.expect_problem(429, "throttled");
    }
    for other in ["198.51.100.8", "198.51.100.7, 198.51.100.9", "2001:db8::7"] {
        from(other).form("/auth/login", RIGHT).await.expect(StatusCode::OK);
    }
    // One customer of a provider has a whole /64.
    let _told_to_wait = exhausted(&from("2001:db8:1::7")).await;
    let neighbour = from("2001:db8:1::ffff:8").form("/auth/login", RIGHT).await;
    neighbour.expect_problem(429, "throttled");
}

#[tokio::test]
async fn registering_is_counted_too() {
    let server = Server::with(&["--auth-rate-limit=on"]).await;
    let mut refused = None;
    for number in 0..200 {
        let account = json!({ "email": format!("j{number}@example.com"), "password": "password123" });
        let answer = server.client.post("/auth/register", account).await;
        if answer.status != StatusCode::CREATED {
            refused = Some(answer);
            break;
        }
    }
    refused.unwrap().expect_problem(429, "throttled");
}
