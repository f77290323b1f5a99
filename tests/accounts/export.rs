//! Tests of the export of all data of an account.

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::harness::client::PASSWORD;
use crate::harness::{Client, Server};

/// Lines of an export.
async fn exported(client: &Client) -> (String, Vec<Value>) {
    let answer = client.get("/auth/me/export").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (text, lines)
}

fn all(lines: &[Value], kind: &str) -> Vec<Value> {
    lines.iter().filter_map(|line| line.get(kind).cloned()).collect()
}

#[tokio::test]
async fn an_export_has_all_that_is_mine_and_no_secret() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    let john = server.client.registered("john@example.com").await;
    john.given_task("foreign").await;
    for number in 0..120 {
        jane.given_task(&format!("task {number}")).await;
    }
    let (_, token) = jane.given_token(&["tasks:read"]).await;
    let names = json!({ "display_name": "Janet", "time_zone": "Europe/Berlin" });
    jane.patch("/auth/me", names).await.expect(StatusCode::OK);

    let (text, lines) = exported(&jane).await;

    for secret in ["foreign", "john", "argon2", PASSWORD, token.token(), jane.token()] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert_eq!(lines[0]["personal_data"]["version"], 3);
    let user = &lines[1]["user"];
    assert_eq!(user["email"], "jane@example.com");
    assert_eq!(
        (&user["display_name"], &user["time_zone"]),
        (&json!("Janet"), &json!("Europe/Berlin"))
    );
    assert!(user["bytes"].as_u64().unwrap() > 1000, "{user}");
    let count = |kind| all(&lines, kind).len();
    assert_eq!((count("session"), count("token"), count("task")), (1, 1, 120));
    let task = lines.iter().find_map(|line| line["task"].as_object()).unwrap();
    let members: Vec<_> = task.keys().map(String::as_str).collect();
    let of_a_task = [
        "completed",
        "completed_at",
        "created_at",
        "description",
        "due",
        "due_local",
        "id",
        "list_id",
        "parent_id",
        "position",
        "priority",
        "recurrence",
        "repeat_from",
        "revision",
        "tags",
        "title",
        "uid",
        "updated_at",
    ];
    assert_eq!(members, of_a_task);
    let end = json!({ "end": {
        "sessions": 1, "tokens": 1, "invitations": 0, "audit": 0, "answers": 0, "lists": 1, "tasks": 120, "changes": 0, "deleted_tasks": 0,
    } });
    assert_eq!(lines.last().unwrap(), &end);
    assert_eq!(lines.len(), 126);
}

/// Two administrators and an account that one of them has changed.
#[tokio::test]
async fn an_export_has_my_invitations_and_what_was_done_by_me_and_to_me_and_nothing_of_others()
 {
    let server = Server::start().await;
    let root = server.client.registered("root@example.com").await;
    let ruth = server.client.registered("ruth@example.com").await;
    server.promote("root@example.com").await;
    server.promote("ruth@example.com").await;
    let jane = server.client.registered("jane@example.com").await;
    let id = jane.get("/auth/me").await.body["id"].as_u64().unwrap();
    let limits = json!({ "max_tasks": 7 });
    root.patch(&format!("/admin/users/{id}"), limits).await.expect(StatusCode::OK);
    let mut secrets = Vec::new();
    for number in 0..25 {
        let body = json!({ "email": format!("guest{number}@example.com") });
        let made = root.post("/admin/invitations", body).await;
        let made = made.expect(StatusCode::CREATED);
        secrets.push(made["invitation"].as_str().unwrap().to_owned());
    }
    let body = json!({ "email": "friend@example.com" });
    ruth.post("/admin/invitations", body).await.expect(StatusCode::CREATED);

    let (text, lines) = exported(&root).await;
    let made = all(&lines, "invitation");
    assert_eq!(made.len(), 25);
    assert!(made.iter().any(|it| it["email"] == "guest24@example.com"), "{made:?}");
    assert!(secrets.iter().all(|secret| !text.contains(secret.as_str())));
    assert!(!text.contains("friend@") && !text.contains("jane@"));
    let done = all(&lines, "audit");
    let number = |action: &str| done.iter().filter(|it| it["action"] == action).count();
    assert_eq!((number("quota_set"), number("invitation_created")), (1, 25));
    let set = done.iter().find(|it| it["action"] == "quota_set").unwrap();
    assert_eq!((&set["actor"], &set["target_id"]), (&json!("self"), &json!(id)));
    let counted = &lines.last().unwrap()["end"];
    assert_eq!(
        (&counted["invitations"], &counted["audit"]),
        (&json!(25), &json!(done.len()))
    );

    let (text, lines) = exported(&jane).await;
    let done = all(&lines, "audit");
    assert_eq!(done.len(), 1, "{text}");
    assert_eq!(
        (&done[0]["actor"], &done[0]["action"]),
        (&json!("administrator"), &json!("quota_set"))
    );
    assert_eq!(lines[1]["user"]["max_tasks"], 7);
    assert_eq!(all(&lines, "invitation").len(), 0);
    assert!(!text.contains("actor_id"));
}

/// Records that fill more than one page, all but one about another account.
#[tokio::test]
async fn an_export_finds_an_old_audit_record_among_many_of_others() {
    let server = Server::start().await;
    let root = server.client.registered("root@example.com").await;
    server.promote("root@example.com").await;
    let jane = server.client.registered("jane@example.com").await;
    let john = server.client.registered("john@example.com").await;
    let id = |me: Value| me["id"].as_u64().unwrap();
    let (jane_id, john_id) =
        (id(jane.get("/auth/me").await.body), id(john.get("/auth/me").await.body));
    let set = async |user: u64, most: u64| {
        let limits = json!({ "max_tasks": most });
        let path = format!("/admin/users/{user}");
        root.patch(&path, limits).await.expect(StatusCode::OK);
    };
    set(jane_id, 1).await;
    for most in 2..1_003 {
        set(john_id, most).await;
    }
    set(jane_id, 2).await;

    let (_, lines) = exported(&jane).await;

    let done = all(&lines, "audit");
    assert_eq!(done.len(), 2);
    assert!(done.iter().all(|it| it["target_id"] == jane_id));
    let (_, lines) = exported(&root).await;
    assert!(all(&lines, "audit").len() >= 1_003);
}
