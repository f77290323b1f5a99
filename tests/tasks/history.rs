//! Tests of the history of tasks, of the trash, of undoing and of merging.

use std::time::Duration;

use duly::clock::Clock as _;
use duly::domain::sweep::SweepProgress;
use duly::domain::task::HistoryRetention;
use duly::store::Store as _;
use hyper::StatusCode;
use serde_json::{Value, json};

use super::given;
use crate::harness::{Client, Server};

impl Client {
    /// Returns the operations of a task's history, the last one first.
    async fn history(&self, id: u64) -> Value {
        self.get(&format!("/tasks/{id}/history")).await.expect(StatusCode::OK)
    }

    async fn undone(&self, body: Value) -> Value {
        self.post("/undo", body).await.expect(StatusCode::OK)
    }

    /// Returns the batch of the last change of a task.
    async fn last_batch(&self, id: u64) -> Value {
        self.history(id).await[0]["batch"].clone()
    }

    async fn task(&self, id: u64) -> Value {
        self.get(&format!("/tasks/{id}")).await.expect(StatusCode::OK)
    }
}

/// Returns the operations of a history.
fn ops(history: &Value) -> Vec<&str> {
    let ops = history.as_array().unwrap().iter();
    ops.map(|change| change["op"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_history_of_a_task_names_each_change_and_its_author() {
    let (_server, jane) = given().await;
    let token = json!({ "name": "script", "scopes": ["tasks:write", "tasks:read"] });
    let token = jane.post("/auth/tokens", token).await.expect(StatusCode::CREATED);
    let script = jane.with_token(token["token"].as_str().unwrap());
    jane.made(json!({ "title": "a", "due": "2030-01-01" })).await;
    let patch = json!({ "title": "b", "due": "2030-01-02T09:00:00Z" });
    script.patch("/tasks/1", patch).await.expect(StatusCode::OK);
    jane.patch("/tasks/1", json!({ "title": "b" })).await.expect(StatusCode::OK);
    jane.patch("/tasks/1?dry_run=true", json!({ "title": "c" }))
        .await
        .expect(StatusCode::OK);
    jane.post("/tasks/1/complete", json!({})).await.expect(StatusCode::OK);

    let history = jane.history(1).await;
    assert_eq!(ops(&history), ["changed", "changed", "created"]);
    let completed_at = &jane.task(1).await["completed_at"];
    let fields = json!([
        { "field": "completed", "before": false, "after": true },
        { "field": "completed_at", "before": null, "after": completed_at },
    ]);
    assert_eq!(history[0]["fields"], fields);
    let fields = json!([
        { "field": "title", "before": "a", "after": "b" },
        { "field": "due", "before": "2030-01-01", "after": "2030-01-02T09:00:00+00:00[UTC]" },
        { "field": "due_local", "before": null, "after": "09:00" },
    ]);
    assert_eq!(history[1]["fields"], fields);
    let by = json!({ "kind": "token", "id": token["id"], "name": "script" });
    assert_eq!(history[1]["by"], by);
    assert_eq!(history[2]["by"], history[0]["by"]);
    assert_eq!(history[0]["by"]["kind"], "session");
    jane.get("/tasks/2/history").await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn a_deleted_tree_is_restored_with_ids_parents_and_history() {
    let (_server, jane) = given().await;
    jane.made(json!({ "title": "top", "tags": ["x"] })).await;
    jane.made(json!({ "title": "below", "parent_id": 1, "uid": "a-task-with-a-uid" }))
        .await;
    jane.made(json!({ "title": "deepest", "parent_id": 2 })).await;
    jane.made(json!({ "title": "gone before", "parent_id": 2 })).await;
    jane.patch("/tasks/3", json!({ "priority": "high" })).await.expect(StatusCode::OK);
    let before = [jane.task(1).await, jane.task(2).await, jane.task(3).await];
    jane.delete("/tasks/4").await.expect(StatusCode::NO_CONTENT);
    jane.delete("/tasks/1").await.expect(StatusCode::NO_CONTENT);

    let trash = jane.get("/trash").await;
    assert_eq!(trash.header("x-total-count"), Some("4"));
    let trash = trash.expect(StatusCode::OK);
    assert_eq!(trash[3]["task"]["id"], 4);
    assert_eq!(trash[0]["batch"], trash[2]["batch"]);
    assert_eq!(ops(&jane.history(3).await), ["deleted", "changed", "created"]);

    let tried = jane.post("/tasks/1/restore?dry_run=true", Value::Null).await;
    tried.expect(StatusCode::OK);
    jane.get("/tasks/1").await.expect_problem(404, "not_found");
    let restored = jane.post("/tasks/1/restore", Value::Null).await;
    assert_eq!(restored.header("etag"), Some("\"2\""));
    restored.expect(StatusCode::OK);
    for (id, before) in (1..).zip(before) {
        let mut now = jane.task(id).await;
        for member in ["rev", "updated_at"] {
            now[member] = before[member].clone();
        }
        assert_eq!(now, before);
    }
    let of_three = jane.history(3).await;
    assert_eq!(ops(&of_three), ["restored", "deleted", "changed", "created"]);
    assert_eq!(jane.get("/trash").await.header("x-total-count"), Some("1"));
    jane.get("/tasks/4").await.expect_problem(404, "not_found");
    // Restoring once more changes nothing.
    let again = jane.post("/tasks/1/restore", Value::Null).await;
    assert_eq!(again.header("etag"), Some("\"2\""));
    jane.post("/tasks/4/restore", Value::Null).await.expect(StatusCode::OK);
    assert_eq!(jane.task(4).await["parent_id"], 2);
}

#[tokio::test]
async fn a_task_is_restored_deleted_and_restored_by_one_request() {
    let (server, jane) = given().await;
    for title in ["a", "b", "c"] {
        let id = jane.given_task(title).await;
        jane.delete(&format!("/tasks/{id}")).await.expect(StatusCode::NO_CONTENT);
    }
    let op = |op| json!({ "op": op, "id": 1 });
    let batch = json!({ "operations": [op("restore"), op("delete"), op("restore")] });
    jane.post("/tasks/batch", batch).await.expect(StatusCode::OK);
    assert_eq!(jane.ids("").await, [1]);
    assert_eq!(server.store.verify().unwrap().findings, [""; 0]);
    let batch = json!({ "operations": [op("delete"), op("restore"), op("delete")] });
    jane.post(
        "/tasks/batch",
        json!({ "atomic": false, "operations": batch["operations"] }),
    )
    .await
    .expect(StatusCode::OK);
    assert_eq!(server.store.verify().unwrap().findings, [""; 0]);
}

#[tokio::test]
async fn a_restored_task_whose_parent_is_gone_is_a_top_level_task() {
    let (_server, jane) = given().await;
    jane.given_task("parent").await;
    jane.made(json!({ "title": "child", "parent_id": 1 })).await;
    jane.delete("/tasks/2").await.expect(StatusCode::NO_CONTENT);
    jane.delete("/tasks/1").await.expect(StatusCode::NO_CONTENT);
    let child = jane.post("/tasks/2/restore", Value::Null).await.expect(StatusCode::OK);
    assert_eq!(child["parent_id"], Value::Null);
    jane.post("/tasks/9/restore", Value::Null).await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn the_trash_is_emptied_for_good() {
    let (_server, jane) = given().await;
    for title in ["a", "b", "c"] {
        jane.given_task(title).await;
    }
    for id in 1..=3 {
        jane.delete(&format!("/tasks/{id}")).await.expect(StatusCode::NO_CONTENT);
    }
    let page = jane.get("/trash?limit=2").await;
    let link = page.header("link").unwrap().to_owned();
    let next = link.split_once("/api/v1").unwrap().1.split_once('>').unwrap().0;
    assert_eq!(page.expect(StatusCode::OK)[1]["task"]["id"], 2);
    let rest = jane.get(next).await;
    assert_eq!(rest.header("link"), None);
    assert_eq!(rest.expect(StatusCode::OK)[0]["task"]["id"], 1);

    jane.delete("/trash/2").await.expect(StatusCode::NO_CONTENT);
    jane.delete("/trash/2").await.expect_problem(404, "not_found");
    jane.post("/tasks/2/restore", Value::Null).await.expect_problem(404, "not_found");
    let emptied = jane.delete("/trash").await;
    assert_eq!(emptied.header("x-deleted-count"), Some("2"));
    assert_eq!(jane.get("/trash").await.expect(StatusCode::OK), json!([]));
    jane.post("/tasks/1/restore", Value::Null).await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn the_history_and_the_trash_of_another_account_do_not_exist() {
    let (server, jane) = given().await;
    jane.given_task("a").await;
    jane.patch("/tasks/1", json!({ "title": "b" })).await.expect(StatusCode::OK);
    jane.given_task("c").await;
    jane.delete("/tasks/2").await.expect(StatusCode::NO_CONTENT);
    let change = jane.history(1).await[0]["change"].clone();
    let john = server.client.registered("john@example.com").await;
    john.get("/tasks/1/history").await.expect_problem(404, "not_found");
    john.get("/tasks/2/history").await.expect_problem(404, "not_found");
    assert_eq!(john.get("/trash").await.expect(StatusCode::OK), json!([]));
    john.post("/tasks/2/restore", Value::Null).await.expect_problem(404, "not_found");
    john.delete("/trash/2").await.expect_problem(404, "not_found");
    for body in [json!({ "change": change }), json!({ "batch": change })] {
        john.post("/undo", body).await.expect_problem(404, "not_found");
    }
}

#[tokio::test]
async fn a_batch_is_undone_and_the_undoing_is_undone() {
    let (_server, jane) = given().await;
    jane.made(json!({ "title": "a", "tags": ["x"], "due": "2030-01-01" })).await;
    jane.given_task("b").await;
    jane.made(json!({ "title": "c", "parent_id": 2 })).await;
    let before = [jane.task(1).await, jane.task(2).await, jane.task(3).await];
    let batch = json!({ "operations": [
        { "op": "patch", "id": 1, "task": { "title": "A", "tags": [], "due": null } },
        { "op": "delete", "id": 2 },
        { "op": "create", "task": { "title": "new" } },
        { "op": "create", "task": { "title": "below", "parent_id": 1 } },
    ]});
    jane.post("/tasks/batch", batch).await.expect(StatusCode::OK);
    let after = [jane.task(1).await, jane.task(4).await, jane.task(5).await];
    let number = jane.last_batch(1).await;

    let tried = jane.post("/undo?dry_run=true", json!({ "batch": number })).await;
    let tried = tried.expect(StatusCode::OK);
    assert_eq!([&tried["changed"], &tried["restored"]], [&json!(1), &json!(2)]);
    assert_eq!([&tried["deleted"], &tried["batch"]], [&json!(2), &Value::Null]);
    let undone = jane.undone(json!({ "batch": number })).await;
    assert_eq!(undone["kept_total"], 0);
    let same = |mut now: Value, before: &Value| {
        for member in ["rev", "updated_at"] {
            now[member] = before[member].clone();
        }
        assert_eq!(now, *before);
    };
    for (id, before) in (1..).zip(&before) {
        same(jane.task(id).await, before);
    }
    assert_eq!(jane.ids("").await, [3, 2, 1]);

    jane.undone(json!({ "batch": undone["batch"] })).await;
    for (id, after) in [1, 4, 5].into_iter().zip(&after) {
        same(jane.task(id).await, after);
    }
    assert_eq!(jane.ids("").await, [5, 4, 1]);
}

#[tokio::test]
async fn fields_that_were_edited_since_are_named_and_kept() {
    let (_server, jane) = given().await;
    jane.made(json!({ "title": "a", "description": "x" })).await;
    let patch = json!({ "title": "b", "description": "y" });
    jane.patch("/tasks/1", patch).await.expect(StatusCode::OK);
    let change = jane.history(1).await[0]["change"].clone();
    jane.patch("/tasks/1", json!({ "title": "c" })).await.expect(StatusCode::OK);

    let refused = jane.post("/undo", json!({ "change": change })).await;
    let problem = refused.expect(StatusCode::CONFLICT);
    assert_eq!(problem["code"], "edited_since");
    assert_eq!(problem["kept"], json!([{ "id": 1, "fields": ["title"] }]));
    assert_eq!(jane.task(1).await["description"], "y");
    let undone = jane.undone(json!({ "change": change, "skip": true })).await;
    assert_eq!(undone["kept"], problem["kept"]);
    let task = jane.task(1).await;
    assert_eq!([&task["title"], &task["description"]], [&json!("c"), &json!("x")]);

    // A change that others have taken back still stands.
    let last = jane.history(1).await;
    let titled = last[1]["change"].clone();
    jane.undone(json!({ "change": titled })).await;
    jane.undone(json!({ "change": change })).await;
    assert_eq!(jane.task(1).await["title"], "a");
}

#[tokio::test]
async fn a_script_is_undone_by_its_credential() {
    let (server, jane) = given().await;
    let token = json!({ "name": "script", "scopes": ["tasks:write", "tasks:read"] });
    let token = jane.post("/auth/tokens", token).await.expect(StatusCode::CREATED);
    let script = jane.with_token(token["token"].as_str().unwrap());
    for title in ["a", "b", "c"] {
        jane.given_task(title).await;
    }
    let since = jane.task(1).await["created_at"].clone();
    script.patch("/tasks/1", json!({ "title": "wrecked" })).await.expect(StatusCode::OK);
    script.patch("/tasks/1", json!({ "title": "again" })).await.expect(StatusCode::OK);
    script.delete("/tasks/2").await.expect(StatusCode::NO_CONTENT);
    script.patch("/tasks/3", json!({ "priority": "low" })).await.expect(StatusCode::OK);
    script.delete("/tasks/3").await.expect(StatusCode::NO_CONTENT);
    script.given_task("spam").await;
    jane.patch("/tasks/1", json!({ "priority": "high" })).await.expect(StatusCode::OK);
    jane.delete(&format!("/auth/tokens/{}", token["id"].as_str().unwrap()))
        .await
        .expect(StatusCode::NO_CONTENT);

    let undo = json!({ "since": since, "credential": token["id"] });
    let undone = jane.undone(undo).await;
    assert_eq!([&undone["changed"], &undone["restored"]], [&json!(1), &json!(2)]);
    assert_eq!(undone["deleted"], 1);
    assert_eq!(jane.ids("").await, [3, 2, 1]);
    let task = jane.task(1).await;
    assert_eq!([&task["title"], &task["priority"]], [&json!("a"), &json!("high")]);
    assert_eq!(jane.task(3).await["priority"], "none");
    assert_eq!(server.store.verify().unwrap().findings, [] as [String; 0]);
}

#[tokio::test]
async fn the_completion_of_a_recurring_task_is_undone_as_a_whole() {
    let (_server, jane) = given().await;
    let task =
        json!({ "title": "water", "due": "2030-01-01", "recurrence": "FREQ=DAILY" });
    jane.made(task).await;
    jane.made(json!({ "title": "step", "parent_id": 1, "completed": true })).await;
    let done = jane.post("/tasks/1/complete", json!({})).await.expect(StatusCode::OK);
    assert_eq!(done["due"], "2030-01-02");
    assert_eq!(jane.ids("").await.len(), 4);
    let number = jane.last_batch(1).await;
    jane.undone(json!({ "batch": number })).await;
    assert_eq!(jane.ids("").await, [2, 1]);
    assert_eq!(jane.task(1).await["due"], "2030-01-01");
    assert_eq!(jane.task(2).await["completed"], true);
}

#[tokio::test]
async fn a_patch_with_its_base_merges_with_changes_of_other_fields() {
    let (_server, jane) = given().await;
    jane.made(json!({ "title": "a", "description": "x", "tags": ["t"] })).await;
    let theirs = json!({ "description": "theirs", "tags": ["t", "u"] });
    jane.patch("/tasks/1", theirs).await.expect(StatusCode::OK);

    let mine =
        json!({ "base": 1, "title": "mine", "description": "x", "tags_add": ["v"] });
    let merged = jane.patch("/tasks/1", mine).await.expect(StatusCode::OK);
    assert_eq!(merged["title"], "mine");
    assert_eq!(merged["description"], "theirs", "the client had not changed it");
    assert_eq!(merged["tags"], json!(["t", "u", "v"]));

    let mine = json!({ "base": 1, "title": "x", "description": "y", "priority": "low" });
    let answer = jane.patch("/tasks/1", mine).await;
    assert_eq!(answer.header("etag"), Some("\"3\""));
    let problem = answer.expect(StatusCode::CONFLICT);
    assert_eq!(problem["code"], "edit_conflict");
    assert_eq!(problem["task"], merged);
    let conflicts = json!([
        { "field": "title", "yours": "x", "theirs": "mine", "base": "a" },
        { "field": "description", "yours": "y", "theirs": "theirs", "base": "x" },
    ]);
    assert_eq!(problem["conflicts"], conflicts);
    // Both have made the same change.
    let same = json!({ "base": 1, "title": "mine", "priority": "low" });
    jane.patch("/tasks/1", same).await.expect(StatusCode::OK);
    let unknown = jane.patch("/tasks/1", json!({ "base": 9, "title": "x" })).await;
    unknown.expect_problem(409, "base_unknown");
    let batch = json!({ "operations": [
        { "op": "patch", "id": 1, "task": { "base": 2, "title": "y" } },
    ]});
    let failed = jane.post("/tasks/batch", batch).await.expect(StatusCode::CONFLICT);
    assert_eq!(failed["results"][0]["conflicts"][0]["theirs"], "mine");
}

#[tokio::test]
async fn a_request_to_undo_names_one_kind_of_changes() {
    let (_server, jane) = given().await;
    for body in [
        json!({}),
        json!({ "change": 1, "batch": 1 }),
        json!({ "skip": true }),
        json!({ "batch": 1, "credential": "0011223344556677" }),
    ] {
        let refused = jane.post("/undo", body).await;
        assert_eq!(refused.expect_refused(), ["change"]);
    }
    let refused = jane.post("/undo", json!({ "since": "now", "credential": "x" })).await;
    assert_eq!(refused.expect_refused(), ["credential", "since"]);
    jane.post("/undo", json!({ "change": 99 })).await.expect_problem(404, "not_found");
    jane.get("/trash?before=0").await.expect_refused();
}

#[tokio::test]
async fn old_changes_and_deleted_tasks_are_forgotten_and_no_others() {
    let (server, jane) = given().await;
    let day = Duration::from_secs(24 * 3600);
    jane.given_task("a").await;
    jane.patch("/tasks/1", json!({ "title": "b" })).await.expect(StatusCode::OK);
    let old = jane.history(1).await[0]["change"].clone();
    jane.given_task("deleted").await;
    jane.delete("/tasks/2").await.expect(StatusCode::NO_CONTENT);
    server.wait(20 * day);
    let jane = server.client.logged_in("jane@example.com").await;
    jane.patch("/tasks/1", json!({ "title": "c" })).await.expect(StatusCode::OK);
    jane.given_task("deleted later").await;
    jane.delete("/tasks/3").await.expect(StatusCode::NO_CONTENT);
    let sweep = async || {
        let retention = HistoryRetention { changes: 30 * day, trash: 30 * day };
        let now = server.clock.now();
        server.store.history_sweep(None, now, retention).await.unwrap()
    };
    assert_eq!(sweep().await, SweepProgress::default());
    server.wait(11 * day);

    assert_eq!(sweep().await, SweepProgress { removed: 2, next: None });

    let jane = server.client.logged_in("jane@example.com").await;
    let history = jane.history(1).await;
    assert_eq!(ops(&history), ["changed"]);
    assert_eq!(history[0]["fields"][0]["before"], "b");
    jane.post("/undo", json!({ "change": old })).await.expect_problem(404, "not_found");
    jane.post("/tasks/2/restore", Value::Null).await.expect_problem(404, "not_found");
    jane.post("/tasks/3/restore", Value::Null).await.expect(StatusCode::OK);
    assert_eq!(server.store.verify().unwrap().findings, [""; 0]);
}

#[tokio::test]
async fn a_created_task_that_the_same_script_has_deleted_stays_deleted() {
    let (_server, jane) = given().await;
    let token = json!({ "name": "script", "scopes": ["tasks:write", "tasks:read"] });
    let token = jane.post("/auth/tokens", token).await.expect(StatusCode::CREATED);
    let script = jane.with_token(token["token"].as_str().unwrap());
    let parent = script.given_task("parent").await;
    let since = script.task(parent).await["created_at"].clone();
    jane.made(json!({ "title": "child", "parent_id": parent })).await;
    // Each task alone, as a script that deletes what it lists.
    script.given_task("came and went").await;
    for id in [3, 2, 1] {
        script.delete(&format!("/tasks/{id}")).await.expect(StatusCode::NO_CONTENT);
    }
    let undo = json!({ "since": since, "credential": token["id"], "skip": true });
    let undone = jane.undone(undo).await;
    assert_eq!([&undone["restored"], &undone["kept_total"]], [&json!(1), &json!(0)]);
    // The parent was made by the script too.
    assert_eq!(jane.ids("").await, [2]);
    assert_eq!(jane.task(2).await["parent_id"], Value::Null);
}

#[tokio::test]
async fn deleted_tasks_come_back_below_their_parents_in_whatever_order_they_went() {
    let (_server, jane) = given().await;
    jane.given_task("parent").await;
    jane.made(json!({ "title": "child", "parent_id": 1 })).await;
    jane.made(json!({ "title": "grandchild", "parent_id": 2 })).await;
    let operations: Vec<Value> =
        [3, 2, 1].into_iter().map(|id| json!({ "op": "delete", "id": id })).collect();
    let batch = json!({ "operations": operations });
    jane.post("/tasks/batch", batch).await.expect(StatusCode::OK);
    let batch = jane.last_batch(1).await;
    assert_eq!(jane.undone(json!({ "batch": batch })).await["restored"], 3);
    assert_eq!(jane.task(2).await["parent_id"], 1);
    assert_eq!(jane.task(3).await["parent_id"], 2);
    // The history of a restored task has its deletion.
    assert_eq!(ops(&jane.history(3).await), ["restored", "deleted", "created"]);
}

#[tokio::test]
async fn a_full_history_makes_room_and_refuses_no_write() {
    let server = Server::with(&[
        "--max-history-mib-per-account",
        "1",
        "--max-mib-per-account",
        "2",
    ])
    .await;
    let jane = server.client.registered("jane@example.com").await;
    jane.given_task("a").await;
    let text = "x".repeat(2000);
    for round in 0..700 {
        let patch = json!({ "description": format!("{round}{}", &text[..1990]) });
        jane.patch("/tasks/1", patch).await.expect(StatusCode::OK);
    }
    let history = jane.history(1).await;
    let count = history.as_array().unwrap().len();
    assert!((190..=200).contains(&count), "{count}");
    assert_eq!(server.store.verify().unwrap().findings, [] as [String; 0]);
}
