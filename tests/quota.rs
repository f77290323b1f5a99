//! Tests of the limits of one account, and of the number of accounts.

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::harness::process::{expect, refused};
use crate::harness::{Answer, Client, Home, Server};

const JANE: &str = "jane@example.com";

/// Text of 2,000 characters that needs the largest number of index entries.
fn long(of: u64) -> Value {
    let words = (0..240).map(|number| format!("{:07x}", of * 1000 + number));
    json!({ "title": format!("t{of}"), "description": words.collect::<Vec<_>>().join(" ") })
}

fn exceeded(answer: &Answer, what: &str) {
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{answer:?}");
    assert_eq!(answer.body["code"], "quota_exceeded");
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(detail.contains(what), "{detail}");
}

async fn given(flags: &[&str]) -> (Server, Client) {
    let server = Server::with(flags).await;
    let jane = server.client.registered(JANE).await;
    (server, jane)
}

fn sound(server: &Server) {
    let report = server.store.verify().unwrap();
    assert_eq!(report.findings, [""; 0]);
}

/// Number of tasks that exceeds the rest of a nearly full account of 1 MiB.
const MANY: u64 = 500;

/// Creates the same task until the account is full.
async fn repeat(jane: &Client, task: Value) {
    for _ in 0..MANY {
        if jane.post("/tasks", task.clone()).await.status != StatusCode::CREATED {
            return;
        }
    }
    panic!("never full");
}

/// Creates long tasks until the account is full, and returns their number.
async fn fill(jane: &Client) -> u64 {
    for number in 1..200 {
        let answer = jane.post("/tasks", long(number)).await;
        if answer.status != StatusCode::CREATED {
            exceeded(&answer, "and its maximum is 1048576");
            return number - 1;
        }
    }
    panic!("never full");
}

#[tokio::test]
async fn an_account_has_as_many_tasks_as_it_may_and_no_more() {
    let (server, jane) = given(&["--max-tasks-per-account=2"]).await;
    jane.given_task("a").await;
    jane.given_task("b").await;

    let refused = "this account has 2 tasks, and its maximum is 2";
    exceeded(&jane.post("/tasks", json!({ "title": "c" })).await, refused);
    exceeded(&jane.post("/tasks?dry_run=true", json!({ "title": "c" })).await, refused);
    let recurring = json!({ "due": "2030-01-01", "recurrence": "FREQ=DAILY" });
    jane.patch("/tasks/1", recurring).await.expect(StatusCode::OK);
    exceeded(&jane.post_empty("/tasks/1/complete").await, refused);

    // Another account has a limit of its own.
    server.client.registered("john@example.com").await.given_task("a").await;
    jane.delete("/tasks/2").await.expect(StatusCode::NO_CONTENT);
    jane.post_empty("/tasks/1/complete").await.expect(StatusCode::OK);
    sound(&server);
}

#[tokio::test]
async fn a_batch_over_the_quota_is_refused_whole_or_from_there() {
    let (server, jane) = given(&["--max-tasks-per-account=2"]).await;
    let create = |title: &str| json!({ "op": "create", "task": { "title": title } });
    let mut batch = json!({ "operations": [create("a"), create("b"), create("c")] });

    let answer = jane.post("/tasks/batch", batch.clone()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.body["code"], "batch_failed");
    assert_eq!(answer.body["results"][2]["code"], "quota_exceeded");
    assert_eq!(jane.get("/tasks").await.body, json!([]));

    batch["atomic"] = false.into();
    let results = jane.post("/tasks/batch", batch).await.expect(StatusCode::OK);
    let statuses: Vec<&Value> =
        results["results"].as_array().unwrap().iter().map(|it| &it["status"]).collect();
    assert_eq!(statuses, [201, 201, 403]);

    // Deleting first makes room.
    let swap = json!({ "operations": [{ "op": "delete", "id": 1 }, create("d")] });
    jane.post("/tasks/batch", swap).await.expect(StatusCode::OK);
    sound(&server);
}

#[tokio::test]
async fn an_account_holds_as_many_bytes_as_it_may_and_may_always_shrink() {
    let (server, jane) = given(&["--max-mib-per-account=1"]).await;
    let count = fill(&jane).await;
    assert!(count > 20, "{count}");

    exceeded(&jane.post("/tasks?dry_run=true", long(999)).await, "bytes");
    let longer = json!({ "title": "x".repeat(255), "tags": ["a", "b", "c", "d"] });
    let last = format!("/tasks/{count}");
    repeat(&jane, json!({ "title": "short" })).await;
    exceeded(&jane.patch(&last, longer).await, "bytes");
    jane.patch(&last, json!({ "completed": true })).await.expect(StatusCode::OK);
    jane.patch(&last, json!({ "completed": false })).await.expect(StatusCode::OK);
    jane.logged_in(JANE).await;
    sound(&server);

    jane.patch(&last, json!({ "description": null })).await.expect(StatusCode::OK);
    jane.patch("/tasks/1", json!({ "title": "now there is room" }))
        .await
        .expect(StatusCode::OK);
    jane.delete("/tasks/2").await.expect(StatusCode::NO_CONTENT);
    jane.given_task("and for this").await;
    sound(&server);
}

/// Creates tasks whose uids are as long as can be, and deletes them.
async fn given_tombstones(jane: &Client) {
    let uid = |number: u32| format!("{number:0>255}");
    for of in 0..6 {
        let numbers = of * 300..of * 300 + 300;
        let create = |number| json!({ "op": "create", "task": { "title": "a", "uid": uid(number) } });
        let creations: Vec<Value> = numbers.clone().map(create).collect();
        jane.post("/tasks/batch", json!({ "operations": creations }))
            .await
            .expect(StatusCode::OK);
        let delete = |number| json!({ "op": "delete", "uid": uid(number) });
        let deletions: Vec<Value> = numbers.map(delete).collect();
        jane.post("/tasks/batch", json!({ "operations": deletions }))
            .await
            .expect(StatusCode::OK);
    }
}

#[tokio::test]
async fn the_oldest_changes_and_deletions_go_before_a_write_is_refused() {
    let (server, jane) = given(&["--max-mib-per-account=1"]).await;
    let most = fill(&server.client.registered("new@example.com").await).await;
    given_tombstones(&jane).await;
    let task = jane.post("/tasks", long(1)).await.expect(StatusCode::CREATED);
    let task = format!("/tasks/{}", task["id"]);
    for number in 2..120 {
        let description = &long(number)["description"];
        jane.patch(&task, json!({ "description": description }))
            .await
            .expect(StatusCode::OK);
    }
    assert!(server.usage(JANE).await.bytes > 500_000, "the bytes count");

    assert!(fill(&jane).await >= most - 1, "the history takes what tasks could have");
    jane.patch(&task, json!({ "title": "a" })).await.expect(StatusCode::OK);
    for _ in 0..60 {
        jane.patch(&task, json!({ "completed": true })).await.expect(StatusCode::OK);
        jane.patch(&task, json!({ "completed": false })).await.expect(StatusCode::OK);
    }
    assert!(server.usage(JANE).await.bytes <= (1 << 20) + 1024);
    let history = jane.get(&format!("{task}/history")).await.expect(StatusCode::OK);
    let first = history.as_array().unwrap().last().unwrap();
    assert_eq!(first["op"], "changed", "all changes are kept");
    sound(&server);
}

#[tokio::test]
async fn what_was_done_before_is_answered_again_by_a_full_account() {
    let (server, jane) = given(&["--max-tasks-per-account=1"]).await;
    let keyed = jane.with_header("idempotency-key", "one");
    let made = keyed.post("/tasks", json!({ "title": "a" })).await;
    let made = made.expect(StatusCode::CREATED);

    let again = keyed.post("/tasks", json!({ "title": "a" })).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.expect(StatusCode::CREATED), made);
    // A refusal is not recorded.
    let other = jane.with_header("idempotency-key", "two");
    exceeded(
        &other.post("/tasks", json!({ "title": "b" })).await,
        "has 1 tasks, and its maximum is 1",
    );
    jane.delete("/tasks/1").await.expect(StatusCode::NO_CONTENT);
    other.post("/tasks", json!({ "title": "b" })).await.expect(StatusCode::CREATED);
    sound(&server);
}

#[tokio::test]
async fn an_answer_is_kept_if_the_account_has_room_for_it_as_well() {
    let (server, jane) = given(&["--max-mib-per-account=1"]).await;
    let keyed = |key: String| jane.with_header("idempotency-key", &key);
    // Each record is as long as its task, whose words are all indexed already.
    let task = json!({ "title": "a", "description": "a ".repeat(987) });
    let mut number = 0;
    let refused = loop {
        number += 1;
        let answer = keyed(format!("make-{number}")).post("/tasks", task.clone()).await;
        if answer.status != StatusCode::CREATED || number == MANY {
            break answer;
        }
    };
    exceeded(&refused, "and its maximum is 1048576");
    assert!(server.usage(JANE).await.bytes <= 1 << 20);
    // Without its record there is room for the task.
    jane.post("/tasks", task.clone()).await.expect(StatusCode::CREATED);

    repeat(&jane, json!({ "title": "b" })).await;
    exceeded(&keyed("done".to_owned()).post_empty("/tasks/1/complete").await, "bytes");
    jane.post_empty("/tasks/1/complete").await.expect(StatusCode::OK);
    let shorter = json!({ "description": null });
    let answer = keyed("shorten".to_owned()).patch("/tasks/1", shorter).await;
    answer.expect(StatusCode::OK);
    let gone = keyed("delete".to_owned()).delete("/tasks/2").await;
    gone.expect(StatusCode::NO_CONTENT);
    sound(&server);
}

#[tokio::test]
async fn an_account_over_a_lowered_limit_may_do_what_adds_nothing() {
    let (server, jane) = given(&[]).await;
    let root = server.client.registered("root@example.com").await;
    server.promote("root@example.com").await;
    jane.post("/tasks", long(1)).await.expect(StatusCode::CREATED);
    jane.given_task("b").await;
    jane.given_task("c").await;
    for limit in [json!({ "max_tasks": 1 }), json!({ "max_tasks": 0, "max_mib": 1 })] {
        root.patch("/admin/users/1", limit).await.expect(StatusCode::OK);
    }
    repeat(&jane, long(2)).await;
    root.patch("/admin/users/1", json!({ "max_tasks": 1 })).await.expect(StatusCode::OK);

    exceeded(&jane.post("/tasks", json!({ "title": "d" })).await, "maximum is 1");
    jane.post_empty("/tasks/1/complete").await.expect(StatusCode::OK);
    jane.post("/tasks/3/move", json!({ "to": "first" })).await.expect(StatusCode::OK);
    jane.patch("/tasks/1", json!({ "description": "short" }))
        .await
        .expect(StatusCode::OK);
    jane.delete("/tasks/2").await.expect(StatusCode::NO_CONTENT);
    jane.logged_in(JANE).await;
    jane.given_token(&["tasks:read"]).await;
    sound(&server);
}

#[tokio::test]
async fn administrators_see_what_accounts_hold_and_set_limits() {
    let server = Server::start().await;
    let root = server.client.registered("root@example.com").await;
    server.promote("root@example.com").await;
    let jane = server.client.registered(JANE).await;
    let john = server.client.registered("john@example.com").await;
    for title in ["a", "b"] {
        jane.given_task(title).await;
    }
    john.post("/tasks", long(1)).await.expect(StatusCode::CREATED);
    let ids = |list: &Answer| -> Vec<u64> {
        let all = list.body.as_array().unwrap().iter();
        all.map(|it| it["id"].as_u64().unwrap()).collect()
    };

    assert_eq!(ids(&root.get("/admin/users").await), [3, 2, 1]);
    let most_tasks = root.get("/admin/users?sort=-tasks").await;
    assert_eq!(ids(&most_tasks), [2, 3, 1]);
    assert_eq!(most_tasks.body[0]["tasks"], 2);
    let largest = root.get("/admin/users?sort=-bytes&limit=2&email=j").await;
    assert_eq!(ids(&largest), [3, 2]);
    assert_eq!(largest.header("x-total-count"), Some("2"));
    assert_eq!(largest.body[0]["bytes"], server.usage("john@example.com").await.bytes);
    let page = root.get("/admin/users?sort=-bytes&limit=1").await;
    let next = "</api/v1/admin/users?skip=1&limit=1&sort=-bytes>; rel=\"next\"";
    assert_eq!(page.header("link"), Some(next));
    assert_eq!(ids(&root.get("/admin/users?sort=-bytes&limit=1&skip=1").await), [2]);
    assert_eq!(root.get("/admin/users?sort=bytes").await.expect_refused(), ["sort"]);

    let path = "/admin/users/2";
    let limits = json!({ "max_tasks": 2, "max_mib": 0 });
    let set = root.patch(path, limits).await.expect(StatusCode::OK);
    assert_eq!((&set["max_tasks"], &set["max_mib"]), (&json!(2), &json!(0)));
    assert_eq!(root.get(path).await.body, set);
    exceeded(&jane.post("/tasks", json!({ "title": "c" })).await, "maximum is 2");
    let default = root.patch(path, json!({ "max_tasks": null })).await;
    assert_eq!(default.expect(StatusCode::OK)["max_tasks"], json!(null));
    jane.given_task("c").await;
    root.patch(path, json!({ "max_mib": 0 })).await.expect(StatusCode::OK);
    let bad = root.patch(path, json!({ "max_tasks": 1_000_000_001 })).await;
    assert_eq!(bad.expect_refused(), ["max_tasks"]);
    let bad = root.patch(path, json!({ "max_mib": -1 })).await;
    assert_eq!(bad.expect_refused(), ["max_mib"]);

    let audit = root.get("/admin/audit").await.expect(StatusCode::OK);
    let audit = audit.as_array().unwrap().iter();
    let sets = audit.filter(|it| it["action"] == "quota_set" && it["target_id"] == 2);
    assert_eq!(sets.count(), 2, "what changes nothing is not noted");
    sound(&server);
}

#[tokio::test]
async fn a_server_has_as_many_accounts_as_it_may() {
    let (server, jane) = given(&["--max-accounts=2"]).await;
    server.promote(JANE).await;
    let invitation = jane.post("/admin/invitations", json!({})).await;
    let invitation = invitation.expect(StatusCode::CREATED)["invitation"].clone();
    server.client.registered("john@example.com").await;

    let account = json!({ "email": "zoe@example.com", "password": "password123" });
    let mut invited = account.clone();
    invited["invitation"] = invitation;
    for answer in [
        server.client.post("/auth/register", account.clone()).await,
        server.client.post("/auth/register", invited.clone()).await,
        jane.post("/admin/users", account).await,
    ] {
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{answer:?}");
        assert_eq!(answer.body["code"], "registration_full");
    }

    let john = server.account("john@example.com").await.user.id;
    let gone = jane.delete(&format!("/admin/users/{john}")).await;
    gone.expect(StatusCode::NO_CONTENT);
    // The invitation is still valid.
    server.client.post("/auth/register", invited).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn the_operator_gives_an_account_limits_of_its_own_and_is_held_to_none() {
    let home = Home::new().set("MAX_TASKS_PER_ACCOUNT", "1").set("MAX_ACCOUNTS", "1");
    let server = home.serve();
    let jane = server.client().registered(JANE).await;
    jane.given_task("a").await;
    exceeded(&jane.post("/tasks", json!({ "title": "b" })).await, "maximum is 1");

    let said = expect(home.run(&["user", "quota", JANE, "--tasks", "2"], ""), 0);
    assert!(said.starts_with("tasks\t1\tat most 2, for this account\nbytes\t"), "{said}");
    assert!(said.ends_with("at most 256 MiB\n"), "{said}");
    jane.given_task("b").await;
    exceeded(&jane.post("/tasks", json!({ "title": "c" })).await, "maximum is 2");
    for limit in ["much", "1000000001", "-1"] {
        let limit = format!("--mib={limit}");
        refused(home.run(&["user", "quota", JANE, &limit], ""), 64);
    }
    refused(home.run(&["user", "quota", "nobody@example.com"], ""), 1);
    expect(home.run(&["user", "add", "john@example.com"], "password123\n"), 0);
    let export = expect(home.run(&["export"], ""), 0);
    assert_eq!(server.terminate(), Some(0));

    // The command works without a server as well.
    let said = expect(home.run(&["user", "quota", JANE, "--tasks", "0"], ""), 0);
    assert!(said.starts_with("tasks\t2\tno limit\n"), "{said}");
    let said = expect(home.run(&["user", "quota", JANE, "--tasks", "default"], ""), 0);
    assert!(said.starts_with("tasks\t2\tat most 1\n"), "{said}");
    let said = expect(home.run(&["user", "list", "--largest", "tasks"], ""), 0);
    let first = said.lines().next().unwrap();
    assert!(first.contains("jane@example.com\t2\t"), "{said}");
    let audit = expect(home.run(&["audit"], ""), 0);
    assert!(audit.contains("operator\tquota_set\tuser 1"), "{audit}");

    // An import accepts data beyond the limits of an account.
    let other = Home::new().set("MAX_TASKS_PER_ACCOUNT", "1").set("MAX_ACCOUNTS", "1");
    let said = expect(other.run(&["import"], &export), 0);
    assert!(said.contains("imports ignore MAX_ACCOUNTS, MAX_TASKS"), "{said}");
    let said = expect(other.run(&["check"], ""), 0);
    assert!(said.starts_with("2 users") && said.contains(" 2 tasks"), "{said}");
    assert!(said.contains(" 0 problems"), "{said}");
}

#[tokio::test]
async fn a_task_is_found_by_its_first_512_words() {
    let (server, jane) = given(&[]).await;
    let han = |from: u32, to: u32| (from..to).filter_map(|n| char::from_u32(0x4E00 + n));
    let title: String = han(0, 12).collect();
    let description: String = han(6, 1900).collect();
    let id =
        jane.post("/tasks", json!({ "title": title, "description": description })).await;
    assert_eq!(id.expect(StatusCode::CREATED)["id"], 1);

    // Each character is a word with the next one; the twelve of the title are the first.
    for (word, found) in [(0, 1), (11, 1), (510, 1), (511, 0), (1899, 0)] {
        let word: String = han(word, word + 1).collect();
        let list = jane.get(&format!("/tasks?q={word}")).await;
        assert_eq!(
            list.header("x-total-count"),
            Some(if found == 1 { "1" } else { "0" })
        );
    }
    sound(&server);
    jane.delete("/tasks/1").await.expect(StatusCode::NO_CONTENT);
    sound(&server);
}
