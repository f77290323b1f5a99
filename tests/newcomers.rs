//! Tests of the first minutes with the real binary: the commands of the README, and the messages of the server.

use std::fs;

use hyper::StatusCode;
use serde_json::json;

use crate::harness::{Home, Process};

/// Home without settings except for the port.
fn given() -> Home {
    Home::new().set("AUTH_RATE_LIMIT", "")
}

/// Steps through the README, request by request.
async fn walk(server: &Process) {
    let client = server.client();
    let jane = json!({ "email": "jane@example.com", "password": "password123" });
    client.post("/auth/register", jane).await.expect(StatusCode::CREATED);
    let login = "username=jane@example.com&password=password123";
    let tokens = client.form("/auth/login", login).await.expect(StatusCode::OK);
    let jane = client.with_token(tokens["access_token"].as_str().unwrap());
    let task = json!({ "title": "Ship portfolio", "description": "Polish the README" });
    let made = jane.post("/tasks", task).await.expect(StatusCode::CREATED);
    assert_eq!(made["id"], 1);
    let listed = jane.get("/tasks").await.expect(StatusCode::OK);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let done = json!({ "completed": true });
    let done = jane.patch("/tasks/1", done).await.expect(StatusCode::OK);
    assert_eq!(done["completed"], true);
    assert_eq!(jane.delete("/tasks/1").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn the_walk_works_in_an_empty_folder() {
    walk(&given().serve()).await;
}

#[tokio::test]
async fn the_walk_works_with_the_example_of_settings_as_it_is() {
    let home = given();
    let settings = include_str!("../.env.example");
    fs::write(home.folder.path().join(".env"), settings).unwrap();

    walk(&home.serve()).await;
}

/// All log lines of the server from its start to its end.
fn log_of(home: &Home) -> Vec<String> {
    let server = home.serve();
    server.signal("TERM");
    server.log.iter().collect()
}

#[test]
fn a_server_that_strangers_can_reach_says_that_they_can_register() {
    let says_so = |listen: &str, registration: &str, proxies: &str| {
        let home = Home::new()
            .set("LISTEN", listen)
            .set("REGISTRATION", registration)
            .set("TRUSTED_PROXIES", proxies);
        let log = log_of(&home);
        let lines = log.iter().filter(|line| line.contains("REGISTRATION=invite"));
        lines.inspect(|line| assert!(line.contains("\"WARN\""), "{line}")).count()
    };

    assert_eq!(says_so("0.0.0.0:0", "open", ""), 1);
    // A proxy lets other clients in.
    assert_eq!(says_so("127.0.0.1:0", "open", "127.0.0.1"), 1);
    assert_eq!(says_so("127.0.0.1:0", "open", ""), 0);
    assert_eq!(says_so("0.0.0.0:0", "invite", ""), 0);
    assert_eq!(says_so("0.0.0.0:0", "closed", "127.0.0.1"), 0);
}

/// Checks that the settings that the pages recommend for the internet refuse open registration.
#[test]
fn the_recipes_for_the_internet_let_nobody_register_uninvited() {
    let unit = include_str!("../src/http/docs/pages/install.md");
    assert!(unit.contains("Environment=REGISTRATION=invite PASSWORD_MIN_STRENGTH=2\n"));
    let compose = include_str!("../compose.yaml");
    for line in [
        "REGISTRATION: ${REGISTRATION:-invite}",
        "PASSWORD_MIN_STRENGTH: ${PASSWORD_MIN_STRENGTH:-2}",
    ] {
        assert!(compose.contains(line), "{line}");
    }
    // Each recipe says how the first account is created.
    assert!(compose.contains("duly user add --admin"));
    assert!(unit.matches("duly user add --admin").count() >= 2);
    let example = include_str!("../.env.example").lines();
    for line in example.filter(|line| !line.is_empty()) {
        assert!(line.starts_with('#'), "{line}");
    }
}
