//! Tests of log events about failed access.

use std::fs;

use regex::Regex;
use serde_json::Value;

use crate::harness::client::PASSWORD;
use crate::harness::process::expect;
use crate::harness::{Home, Process};

const WRONG: &str = "username=jane@example.com&password=wrong-password";
const UNKNOWN: &str = "username=nobody@example.com&password=wrong-password";

fn home() -> Home {
    let home = Home::new().set("AUTH_RATE_LIMIT", "on");
    expect(home.run(&["user", "add", "jane@example.com"], PASSWORD), 0);
    home
}

/// Ends the server, and returns the event lines as printed.
fn ended(server: &Process) -> Vec<String> {
    server.signal("TERM");
    server.log.iter().filter(|line| line.contains("\"event\":")).collect()
}

fn about(lines: &[String], event: &str) -> Vec<String> {
    let named = format!("\"event\":\"{event}\"");
    lines.iter().filter(|line| line.contains(&named)).cloned().collect()
}

fn lines(server: &Process, event: &str) -> Vec<String> {
    about(&ended(server), event)
}

fn parsed(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

/// Expressions of the filter for fail2ban in the page on monitoring.
fn filters() -> Vec<Regex> {
    let page = fs::read_to_string("src/http/docs/pages/monitoring.md").unwrap();
    let part = page.split("failregex = ").nth(1).unwrap();
    let part = part.split("\ndatepattern").next().unwrap();
    let filter = |line: &str| {
        Regex::new(&line.trim().replace("<SUBNET>", "(?<at>[0-9a-f:./]+)")).unwrap()
    };
    part.lines().map(filter).collect()
}

/// Network that fail2ban blocks for a line.
fn blocked(line: &str) -> Option<String> {
    let at = |filter: Regex| Some(filter.captures(line)?["at"].to_owned());
    filters().into_iter().find_map(at)
}

#[tokio::test]
async fn failed_log_ins_are_told_with_network_and_account_as_fail2ban_reads_them() {
    let home = home();
    let server = home.serve();
    for form in [UNKNOWN, WRONG] {
        server
            .client()
            .form("/auth/login", form)
            .await
            .expect_problem(401, "wrong_credentials");
    }

    let lines = lines(&server, "login_failed");

    assert_eq!(lines.len(), 2, "{lines:?}");
    for (line, account) in lines.iter().zip([Value::Null, 1.into()]) {
        assert_eq!(blocked(line).as_deref(), Some("127.0.0.1"), "{line}");
        assert_eq!(parsed(line)["user.id"], account);
        assert_eq!(parsed(line)["left_out"], 0);
        assert!(!line.contains("example.com") && !line.contains("wrong-pass"), "{line}");
    }
    let other = lines[0].replace("127.0.0.1", "2001:db8::/64");
    assert_eq!(blocked(&other).as_deref(), Some("2001:db8::/64"));
    let harmless = lines[0].replace("login_failed", "gate_full");
    assert_eq!(blocked(&harmless), None);
}

#[tokio::test]
async fn a_flood_of_failures_is_sampled_and_whoever_has_to_wait_is_told() {
    let home = home();
    let server = home.serve();
    for _ in 0..20 {
        let refused = server.client().form("/auth/login", WRONG).await;
        refused.expect_problem(401, "wrong_credentials");
    }
    let refused = server.client().form("/auth/login", WRONG).await;
    refused.expect_problem(429, "throttled");

    let lines = ended(&server);

    assert_eq!(about(&lines, "login_failed").len(), 10);
    let throttled = about(&lines, "throttled");
    let line = throttled.first().unwrap();
    assert_eq!(blocked(line).as_deref(), Some("127.0.0.1"), "{line}");
    // A client that exceeds the limit of its own account is not guessing.
    assert_eq!(blocked(&line.replace("\"login\"", "\"requests\"")), None);
    let throttled = parsed(line);
    assert_eq!(throttled["policy"], "login");
    assert_eq!(throttled["client.network"], "127.0.0.1");
    assert_eq!(throttled["level"], "WARN");
}

#[tokio::test]
async fn a_refresh_token_that_is_used_twice_is_told() {
    let home = home();
    let server = home.serve();
    let client = server.client();
    let (_, first) = client.granted("jane@example.com").await;
    let (_, second) = client.refreshed(&first).await.unwrap();
    client.refreshed(&second).await.unwrap();
    let refused = client.refreshed(&first).await.err().unwrap();
    refused.expect_problem(400, "invalid_grant");

    let lines = lines(&server, "refresh_reused");

    assert_eq!(lines.len(), 1);
    assert_eq!(parsed(&lines[0])["user.id"], 1);
    assert_eq!(parsed(&lines[0])["client.network"], "127.0.0.1");
}

#[tokio::test]
async fn networks_are_left_out_where_the_operator_wants_it() {
    let home = home().set("LOG_NETWORKS", "off");
    let server = home.serve();
    let refused = server.client().form("/auth/login", WRONG).await;
    refused.expect_problem(401, "wrong_credentials");

    let lines = lines(&server, "login_failed");

    assert_eq!(lines.len(), 1);
    assert!(!lines[0].contains("127.0.0.1") && !lines[0].contains("client.network"));
    assert_eq!(parsed(&lines[0])["user.id"], 1);
}
