//! Tests of administration and its audit records.

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::harness::client::PASSWORD;
use crate::harness::process::{Home, expect, refused};
use crate::harness::{Client, Server};

async fn given_root(server: &Server) -> Client {
    let root = server.client.registered("root@example.com").await;
    server.promote("root@example.com").await;
    root
}

/// Audit records, newest first.
async fn audited(root: &Client) -> Vec<(Value, String, Value)> {
    let records = root.get("/admin/audit").await.expect(StatusCode::OK);
    let records = records.as_array().unwrap().iter();
    records
        .map(|it| {
            let action = it["action"].as_str().unwrap().to_owned();
            (it["actor_id"].clone(), action, it["target_id"].clone())
        })
        .collect()
}

#[tokio::test]
async fn accounts_are_listed_page_by_page_and_found_by_email() {
    let server = Server::start().await;
    let root = given_root(&server).await;
    for name in ["jane", "john", "jim"] {
        server.client.registered(&format!("{name}+tag@Example.com")).await;
    }
    let emails = |body: &Value| -> Vec<String> {
        let all = body.as_array().unwrap().iter();
        all.map(|it| it["email"].as_str().unwrap().to_owned()).collect()
    };

    let all = root.get("/admin/users").await;
    assert_eq!(all.header("x-total-count"), Some("4"));
    assert_eq!(all.header("link"), None);
    assert_eq!(emails(&all.body)[0], "jim+tag@Example.com");
    assert_eq!(all.body[3]["role"], "admin");

    let page = root.get("/admin/users?email=%2BTAG@ex&limit=2").await;
    assert_eq!(page.header("x-total-count"), Some("3"));
    assert_eq!(emails(&page.body).len(), 2);
    let link = page.header("link").unwrap();
    let next = link.strip_prefix('<').unwrap().split_once('>').unwrap().0.to_owned();
    let next = root.get(&format!("!{next}")).await;
    assert_eq!(emails(&next.body), ["jane+tag@Example.com"]);
    assert_eq!(root.get("/admin/users?email=nobody").await.body, json!([]));
    let bad = root.get("/admin/users?skip=-1&limit=0").await;
    assert_eq!(bad.expect_refused(), ["limit", "skip"]);
}

#[tokio::test]
async fn everything_an_administrator_does_is_noted() {
    let server = Server::start().await;
    let root = given_root(&server).await;
    let account = json!({ "email": "jane@example.com", "password": PASSWORD });
    let made = root.post("/admin/users", account).await;
    assert_eq!(made.header("location"), Some("/api/v1/admin/users/2"));
    assert_eq!(made.expect(StatusCode::CREATED)["must_change_password"], true);
    for patch in [
        json!({ "role": "admin", "must_change_password": false }),
        json!({ "role": "user", "disabled": true }),
        json!({ "disabled": false }),
        json!({ "disabled": false }),
    ] {
        root.patch("/admin/users/2", patch).await.expect(StatusCode::OK);
    }
    root.delete("/admin/users/2/sessions").await.expect(StatusCode::OK);
    root.delete("/admin/users/2").await.expect(StatusCode::NO_CONTENT);
    let invited = root.post("/admin/invitations", json!({})).await.body;
    let path = format!("/admin/invitations/{}", invited["id"].as_str().unwrap());
    root.delete(&path).await.expect(StatusCode::NO_CONTENT);
    // Failed operations and reads leave no audit record.
    root.delete("/admin/users/2").await.expect_problem(404, "not_found");
    root.get("/admin/users").await.expect(StatusCode::OK);

    let found = audited(&root).await;

    let by = |action: &str, target: Value| (json!(1), action.to_owned(), target);
    let mut wanted = vec![
        by("user_created", json!(2)),
        by("admin_made", json!(2)),
        by("password_change_waived", json!(2)),
        by("admin_unmade", json!(2)),
        by("user_disabled", json!(2)),
        by("user_enabled", json!(2)),
        by("access_ended", json!(2)),
        by("user_deleted", json!(2)),
        by("invitation_created", json!(null)),
        by("invitation_deleted", json!(null)),
    ];
    wanted.reverse();
    assert_eq!(found, wanted);
    let page = root.get("/admin/audit?skip=1&limit=2").await;
    assert_eq!(page.header("x-total-count"), Some("10"));
    assert_eq!(page.body[0]["id"], 9);
    assert_eq!(server.store.verify().unwrap().findings, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_always_an_administrator_left() {
    let server = Server::start().await;
    let root = given_root(&server).await;
    for patch in [json!({ "role": "user" }), json!({ "disabled": true })] {
        root.patch("/admin/users/1", patch).await.expect_problem(409, "last_admin");
    }
    root.delete("/admin/users/1").await.expect_problem(409, "last_admin");
    let proof = json!({ "password": PASSWORD }).to_string();
    let json_type = Some("application/json");
    let leave = root.send(hyper::Method::DELETE, "/auth/me", json_type, proof).await;
    leave.expect_problem(409, "last_admin");

    // If two administrators remove each other, one remains.
    let other = server.client.registered("other@example.com").await;
    server.promote("other@example.com").await;
    for _ in 0..20 {
        let demote = |who: &Client, whom: u64| {
            let (who, path) = (who.clone(), format!("/admin/users/{whom}"));
            tokio::spawn(async move { who.patch(&path, json!({ "role": "user" })).await })
        };
        let (one, two) = (demote(&root, 2), demote(&other, 1));
        let statuses = [one.await.unwrap().status, two.await.unwrap().status];
        assert!(statuses.contains(&StatusCode::OK), "{statuses:?}");
        assert_ne!(statuses, [StatusCode::OK; 2]);
        server.promote("root@example.com").await;
        server.promote("other@example.com").await;
    }
}

#[tokio::test]
async fn what_is_no_account_is_refused_by_name() {
    let server = Server::start().await;
    let root = given_root(&server).await;
    let bad = json!({ "email": "x", "password": "short", "role": "king", "id": 1 });
    let answer = root.post("/admin/users", bad).await;
    assert_eq!(answer.expect_refused(), ["email", "id", "password", "role"]);
    let bad = json!({ "role": null, "disabled": 1, "password": "x" });
    let answer = root.patch("/admin/users/1", bad).await;
    assert_eq!(answer.expect_refused(), ["disabled", "password", "role"]);
    root.get("/admin/users/99").await.expect_problem(404, "not_found");
    assert_eq!(root.get("/admin/users/abc").await.expect_refused(), ["id"]);
}

#[tokio::test]
async fn the_operator_makes_administrators_and_reads_what_was_done() {
    let home = Home::new().set("LISTEN", "127.0.0.1:0");
    for running in [false, true] {
        let server = running.then(|| home.serve());
        let name = if running { "b" } else { "a" };
        let email = format!("{name}@example.com");
        expect(home.run(&["user", "add", "--admin", &email], PASSWORD), 0);
        let line =
            refused(home.run(&["user", "role", "nobody@example.com", "user"], ""), 1);
        assert!(line.contains("no such user"), "{line}");
        if !running {
            for command in
                [&["user", "role", &email, "user"][..], &["user", "delete", &email]]
            {
                let line = refused(home.run(command, ""), 1);
                assert!(line.contains("last administrator"), "{line}");
            }
        } else {
            expect(home.run(&["user", "role", &email, "user"], ""), 0);
        }
        drop(server);
    }
    let audited = expect(home.run(&["audit"], ""), 0);
    let actions: Vec<Vec<&str>> =
        audited.lines().map(|line| line.split('\t').skip(2).collect()).collect();
    assert_eq!(
        actions,
        [
            ["operator", "admin_unmade", "user 2"],
            ["operator", "admin_made", "user 2"],
            ["operator", "user_created", "user 2"],
            ["operator", "admin_made", "user 1"],
            ["operator", "user_created", "user 1"],
        ]
    );
    let output = home.run(&["user", "role", "a@example.com", "king"], "");
    assert_eq!(output.status.code(), Some(64));
    // Imported accounts are recorded too, above all administrators.
    let exported = expect(home.run(&["export"], ""), 0);
    let other = Home::new();
    expect(other.run(&["import", "--allow-admins"], &exported), 0);
    let audited = expect(other.run(&["audit"], ""), 0);
    let actions: Vec<&str> =
        audited.lines().map(|line| line.split('\t').nth(3).unwrap()).collect();
    assert_eq!(actions, ["user_created", "admin_made", "user_created"]);
    let listed = expect(home.run(&["user", "list"], ""), 0);
    assert!(listed.starts_with("1\tadmin\t"), "{listed}");
}

#[tokio::test]
async fn an_account_that_was_read_and_edited_can_be_sent_back_whole() {
    let server = Server::start().await;
    let root = given_root(&server).await;
    let jane = server.client.registered("jane@example.com").await;
    jane.given_task("a").await;
    for name in [None, Some("Jane")] {
        if let Some(name) = name {
            let named = jane.patch("/auth/me", json!({ "display_name": name })).await;
            named.expect(StatusCode::OK);
        }
        let mut account = root.get("/admin/users/2").await.expect(StatusCode::OK);
        let same = root.patch("/admin/users/2", account.clone()).await;
        assert_eq!(same.expect(StatusCode::OK), account);
        account["max_tasks"] = json!(7);
        // The server ignores these values and counts by itself.
        account["tasks"] = json!("many");
        account["bytes"] = json!(null);
        let edited = root.patch("/admin/users/2", account).await.expect(StatusCode::OK);
        assert_eq!((&edited["max_tasks"], &edited["tasks"]), (&json!(7), &json!(1)));
    }
    let other = json!({
        "id": 1, "email": "root@example.com", "created_at": "2031-01-01T00:00:00Z",
        "display_name": null, "disabled": true,
    });
    let refused = root.patch("/admin/users/2", other).await;
    let names = ["created_at", "display_name", "email", "id"];
    assert_eq!(refused.expect_refused(), names);
    assert_eq!(root.get("/admin/users/2").await.body["disabled"], false);
}
