//! Tests of names of accounts and of their items, which must be visible.

use hyper::StatusCode;
use serde_json::json;

use crate::harness::client::PASSWORD;
use crate::harness::process::expect;
use crate::harness::{Home, Server};

const UNSEEN: [&str; 5] =
    ["   ", "\u{200b}", " \u{2800}\u{3164} ", "\u{feff}\u{200d}", "\u{e0041}"];

#[tokio::test]
async fn a_name_that_nobody_can_see_is_refused() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    for unseen in UNSEEN.into_iter().chain(["\t", "a\u{1}", "\u{7f}"]) {
        let name = json!({ "display_name": unseen });
        let refused = jane.patch("/auth/me", name).await.expect_refused();
        assert_eq!(refused, ["display_name"], "{unseen:?}");
        let token = json!({ "name": unseen, "scopes": ["tasks:read"] });
        let refused = jane.post("/auth/tokens", token).await.expect_refused();
        assert_eq!(refused, ["name"], "{unseen:?}");
    }
    let answer = jane.patch("/auth/me", json!({ "display_name": "\u{200b}" })).await;
    let message = "must contain a visible character";
    assert_eq!(answer.body["errors"][0]["message"], message);
    for seen in ["\u{200b}J", "\u{1f3e0}\u{fe0f}", "\u{301}"] {
        let name = json!({ "display_name": seen });
        let body = jane.patch("/auth/me", name).await.expect(StatusCode::OK);
        assert_eq!(body["display_name"], seen);
        let token = json!({ "name": seen, "scopes": ["tasks:read"] });
        jane.post("/auth/tokens", token).await.expect(StatusCode::CREATED);
    }
}

#[tokio::test]
async fn a_device_that_says_nothing_that_can_be_seen_has_no_name() {
    let server = Server::start().await;
    server.client.registered("jane@example.com").await;
    for (agent, client) in
        [("\u{200b}\u{feff}", json!(null)), ("\u{200b}curl", json!("\u{200b}curl"))]
    {
        let device = server.client.with_header("user-agent", agent);
        let device = device.logged_in("jane@example.com").await;
        let sessions = device.get("/auth/sessions").await.expect(StatusCode::OK);
        let mine = sessions.as_array().unwrap().iter().find(|it| it["current"] == true);
        assert_eq!(mine.unwrap()["client"], client);
    }
}

/// A name from before the rule is shown and imported.
#[tokio::test]
async fn a_name_that_is_there_is_shown_and_comes_back_with_an_import() {
    let from = Home::new();
    expect(from.run(&["user", "add", "jane@example.com"], PASSWORD), 0);
    let exported = expect(from.run(&["export"], ""), 0);
    let old = exported.replace("\"display_name\":null", "\"display_name\":\"\u{200b}\"");
    assert_ne!(old, exported);
    let home = Home::new();
    expect(home.run(&["import"], &old), 0);
    let server = home.serve();
    let jane = server.client().logged_in("jane@example.com").await;
    let me = jane.get("/auth/me").await.expect(StatusCode::OK);
    assert_eq!(me["display_name"], "\u{200b}");
    let zone = json!({ "time_zone": "Europe/Berlin" });
    let me = jane.patch("/auth/me", zone).await.expect(StatusCode::OK);
    assert_eq!(me["display_name"], "\u{200b}");
    assert!(expect(home.run(&["export"], ""), 0).contains("\u{200b}"));
}
