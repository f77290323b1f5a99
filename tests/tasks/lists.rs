//! Tests of lists.

use duly::domain::id::{ListId, UserId};
use duly::domain::list::{
    Emptied, ListAction, ListDone, ListPatch, ListWrite, TasksOfList,
};
use duly::domain::task::IfMatch;
use duly::domain::timestamp::Timestamp;
use duly::store::{Store as _, WriteContext};
use hyper::StatusCode;
use serde_json::{Value, json};

use super::given;
use crate::harness::{Answer, Client};

impl Client {
    /// Creates a list, and returns its id.
    async fn given_list(&self, name: &str) -> u64 {
        let list = self.post("/lists", json!({ "name": name })).await;
        list.expect(StatusCode::CREATED)["id"].as_u64().unwrap()
    }

    /// Creates a task in a list, and returns its id.
    async fn task_in(&self, list: u64) -> u64 {
        let task = self.made(json!({ "title": "a", "list_id": list })).await;
        task["id"].as_u64().unwrap()
    }

    /// Creates many tasks in a list.
    async fn many_in(&self, list: u64, count: usize) {
        let create = json!({ "op": "create", "task": { "title": "a", "list_id": list } });
        for _ in 0..count.div_ceil(400) {
            let operations = vec![create.clone(); 400.min(count)];
            let batch = json!({ "operations": operations });
            self.post("/tasks/batch", batch).await.expect(StatusCode::OK);
        }
    }

    /// Returns the list of each of these tasks.
    async fn lists_of<const N: usize>(&self, tasks: [u64; N]) -> [u64; N] {
        let mut lists = [0; N];
        for (list, task) in lists.iter_mut().zip(tasks) {
            let task = self.get(&format!("/tasks/{task}")).await.expect(StatusCode::OK);
            *list = task["list_id"].as_u64().unwrap();
        }
        lists
    }

    /// Returns the id and the counts of each list.
    async fn counted(&self) -> Vec<(u64, u64, u64)> {
        let lists = self.get("/lists").await.expect(StatusCode::OK);
        let number = |list: &Value, name: &str| list[name].as_u64().unwrap();
        let counts = |list: &Value| {
            (number(list, "id"), number(list, "tasks"), number(list, "open"))
        };
        lists.as_array().unwrap().iter().map(counts).collect()
    }
}

#[tokio::test]
async fn every_account_has_a_default_list() {
    let (_server, jane) = given().await;
    jane.given_task("a").await;
    jane.made(json!({ "title": "b", "completed": true })).await;

    let answer = jane.get("/lists").await;
    assert_eq!(answer.header("x-total-count"), Some("1"));
    let account = jane.get("/auth/me").await.expect(StatusCode::OK);
    let default = json!([{
        "id": 1, "name": "Tasks", "colour": null, "icon": null, "position": "a0", "archived": false, "is_default": true,
        "tasks": 2, "open": 1, "created_at": account["created_at"], "updated_at": account["created_at"], "rev": 1,
    }]);
    assert_eq!(answer.expect(StatusCode::OK), default);

    let change = json!({ "name": " Inbox ", "colour": "#3366CC", "icon": "📥" });
    let answer = jane.patch("/lists/1", change).await;
    assert_eq!(answer.header("etag"), Some("\"2\""));
    let changed = answer.expect(StatusCode::OK);
    assert_eq!(
        [&changed["name"], &changed["colour"], &changed["icon"], &changed["tasks"]],
        [&json!("Inbox"), &json!("#3366cc"), &json!("📥"), &json!(2)]
    );
    assert_eq!(jane.get("/lists/1").await.expect(StatusCode::OK), changed);
    // A whole list can be sent back.
    let again = jane.patch("/lists/1", changed.clone()).await.expect(StatusCode::OK);
    assert_eq!(again, changed);
}

#[tokio::test]
async fn the_default_list_is_neither_archived_nor_deleted() {
    let (_server, jane) = given().await;
    let archived = jane.patch("/lists/1", json!({ "archived": true })).await;
    assert_eq!(archived.expect_refused(), ["archived"]);
    for tasks in ["move", "delete"] {
        let deleted = jane.delete(&format!("/lists/1?tasks={tasks}")).await;
        assert_eq!(deleted.expect_refused(), ["id"]);
    }
    assert_eq!(jane.counted().await, [(1, 0, 0)]);
}

#[tokio::test]
async fn a_list_is_made_changed_and_deleted_and_its_id_never_comes_back() {
    let (_server, jane) = given().await;
    let new = json!({ "name": "Home", "colour": "#112233", "icon": "x" });
    let answer = jane.post("/lists", new).await;
    assert_eq!(answer.header("location"), Some("/api/v1/lists/2"));
    assert_eq!(answer.header("etag"), Some("\"1\""));
    assert_eq!(answer.expect(StatusCode::CREATED)["position"], "a1");
    assert_eq!(jane.given_list("Work").await, 3);

    let change =
        json!({ "colour": null, "icon": null, "archived": true, "position": "Zz" });
    let changed = jane.patch("/lists/3", change).await.expect(StatusCode::OK);
    assert_eq!([&changed["archived"], &changed["rev"]], [&json!(true), &json!(2)]);
    assert_eq!(jane.counted().await, [(3, 0, 0), (1, 0, 0), (2, 0, 0)]);

    let gone = jane.delete("/lists/3?tasks=move").await.expect(StatusCode::OK);
    assert_eq!(gone, json!({ "moved": 0, "deleted": 0 }));
    jane.get("/lists/3").await.expect_problem(404, "not_found");
    assert_eq!(jane.given_list("Later").await, 4);
}

#[tokio::test]
async fn a_list_that_is_not_valid_is_refused_by_its_fields() {
    let (_server, jane) = given().await;
    let long = "x".repeat(101);
    for (list, fields) in [
        (json!({}), vec!["name"]),
        (json!({ "name": "" }), vec!["name"]),
        (
            json!({ "name": long, "colour": "red", "icon": "" }),
            vec!["colour", "icon", "name"],
        ),
        (json!({ "name": "a\nb", "position": "!" }), vec!["name", "position"]),
        (json!({ "name": "a", "icon": "x".repeat(33) }), vec!["icon"]),
        (json!({ "name": "a", "tasks": 1 }), vec!["tasks"]),
    ] {
        let mut refused = jane.post("/lists", list).await.expect_refused();
        refused.sort_unstable();
        assert_eq!(refused, fields);
    }
    jane.given_list("Home").await;
    for change in [json!({ "name": null }), json!({ "id": 3 }), json!({ "rev_": 1 })] {
        assert_eq!(jane.patch("/lists/2", change).await.expect_refused().len(), 1);
    }
    for path in ["/lists/2", "/lists/2?tasks=keep"] {
        assert_eq!(jane.delete(path).await.expect_refused(), ["tasks"]);
    }
}

#[tokio::test]
async fn there_are_at_most_200_lists() {
    let (_server, jane) = given().await;
    for _ in 1..200 {
        jane.given_list("a").await;
    }
    jane.post("/lists", json!({ "name": "b" })).await.expect_problem(409, "too_many");
    jane.delete("/lists/2?tasks=move").await.expect(StatusCode::OK);
    assert_eq!(jane.given_list("b").await, 201);
}

#[tokio::test]
async fn a_list_of_another_account_is_unknown() {
    let (server, jane) = given().await;
    jane.given_list("Home").await;
    let john = server.client.registered("john@example.com").await;
    john.get("/lists/2").await.expect_problem(404, "not_found");
    john.patch("/lists/2", json!({ "name": "b" })).await.expect_problem(404, "not_found");
    john.delete("/lists/2?tasks=delete").await.expect_problem(404, "not_found");
    let task = john.post("/tasks", json!({ "title": "a", "list_id": 2 })).await;
    assert_eq!(task.expect_refused(), ["list_id"]);
    assert_eq!(john.given_list("Work").await, 2);
}

#[tokio::test]
async fn a_task_is_in_the_list_that_it_is_given() {
    let (_server, jane) = given().await;
    let (home, work) = (jane.given_list("Home").await, jane.given_list("Work").await);
    let plain = jane.given_task("a").await;
    let (first, second) = (jane.task_in(home).await, jane.task_in(work).await);
    assert_eq!(jane.lists_of([plain, first, second]).await, [1, home, work]);
    assert_eq!(jane.ids("").await, [second, first, plain]);
    assert_eq!(jane.ids(&format!("list={home}")).await, [first]);
    assert_eq!(jane.ids(&format!("list={home}&list=1")).await, [first, plain]);
    assert_eq!(jane.ids("list=99").await, [0; 0]);
    assert_eq!(jane.get("/tasks?list=x").await.expect_refused(), ["list"]);

    for change in [json!({ "list_id": 99 }), json!({ "list_id": null })] {
        let refused = jane.patch(&format!("/tasks/{plain}"), change).await;
        assert_eq!(refused.expect_refused(), ["list_id"]);
    }
    let change = json!({ "list_id": work });
    let moved =
        jane.patch(&format!("/tasks/{first}"), change).await.expect(StatusCode::OK);
    assert_eq!([&moved["list_id"], &moved["rev"]], [&json!(work), &json!(2)]);
    jane.post_empty(&format!("/tasks/{first}/complete")).await.expect(StatusCode::OK);
    assert_eq!(jane.counted().await, [(1, 1, 1), (home, 0, 0), (work, 2, 1)]);
    jane.delete(&format!("/tasks/{second}")).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(jane.counted().await, [(1, 1, 1), (home, 0, 0), (work, 1, 0)]);
}

#[tokio::test]
async fn subtasks_follow_their_parent_to_another_list() {
    let (_server, jane) = given().await;
    let (home, work) = (jane.given_list("Home").await, jane.given_list("Work").await);
    let top = jane.task_in(home).await;
    let below = |parent: u64| json!({ "title": "b", "parent_id": parent });
    let child = jane.made(below(top)).await["id"].as_u64().unwrap();
    let grandchild = jane.made(below(child)).await["id"].as_u64().unwrap();
    let tasks = [top, child, grandchild];
    assert_eq!(jane.lists_of(tasks).await, [home; 3]);

    // A subtask has no list of its own.
    let path = format!("/tasks/{child}");
    let alone = jane.patch(&path, json!({ "list_id": work })).await;
    assert_eq!(alone.expect_refused(), ["list_id"]);
    let new = json!({ "title": "c", "parent_id": top, "list_id": 1 });
    assert_eq!(jane.post("/tasks", new).await.expect_refused(), ["list_id"]);

    let change = json!({ "list_id": work });
    jane.patch(&format!("/tasks/{top}"), change).await.expect(StatusCode::OK);
    assert_eq!(jane.lists_of(tasks).await, [work; 3]);
    assert_eq!(jane.counted().await, [(1, 0, 0), (home, 0, 0), (work, 3, 3)]);

    // Without a parent, it stays in the list.
    jane.patch(&path, json!({ "parent_id": null })).await.expect(StatusCode::OK);
    jane.patch(&path, json!({ "list_id": home })).await.expect(StatusCode::OK);
    assert_eq!(jane.lists_of(tasks).await, [work, home, home]);

    // The whole task may be sent back with another parent.
    let mut whole = jane.get(&path).await.expect(StatusCode::OK);
    whole["parent_id"] = json!(top);
    jane.patch(&path, whole).await.expect(StatusCode::OK);
    assert_eq!(jane.lists_of(tasks).await, [work; 3]);
}

#[tokio::test]
async fn a_move_below_a_task_in_another_list_changes_the_list() {
    let (_server, jane) = given().await;
    let home = jane.given_list("Home").await;
    let (top, other) = (jane.task_in(home).await, jane.given_task("a").await);
    let path = format!("/tasks/{other}/move");
    let to = json!({ "to": "first", "parent_id": top });
    let moved = jane.post(&path, to).await.expect(StatusCode::OK);
    assert_eq!(moved["list_id"], home);
    let back = json!({ "to": "first", "parent_id": null });
    assert_eq!(jane.post(&path, back).await.expect(StatusCode::OK)["list_id"], home);
}

#[tokio::test]
async fn copies_of_recurring_tasks_stay_in_the_list() {
    let (_server, jane) = given().await;
    let (home, work) = (jane.given_list("Home").await, jane.given_list("Work").await);
    let task = json!({ "title": "a", "due": "2030-01-01", "recurrence": "FREQ=DAILY", "list_id": home });
    let id = jane.made(task).await["id"].as_u64().unwrap();
    let child = json!({ "title": "b", "parent_id": id, "completed": true });
    let child = jane.made(child).await["id"].as_u64().unwrap();
    let done =
        jane.post_empty(&format!("/tasks/{id}/complete")).await.expect(StatusCode::OK);
    let copy = done["finished_id"].as_u64().unwrap();
    assert_eq!(jane.lists_of([id, child, copy, copy + 1]).await, [home; 4]);

    // It may move and be completed at once.
    let both = json!({ "completed": true, "list_id": work });
    let done = jane.patch(&format!("/tasks/{id}"), both).await.expect(StatusCode::OK);
    let second = done["finished_id"].as_u64().unwrap();
    assert_eq!(jane.lists_of([id, child, second, copy]).await, [work, work, work, home]);
}

#[tokio::test]
async fn a_batch_may_name_lists() {
    let (_server, jane) = given().await;
    let home = jane.given_list("Home").await;
    let id = jane.given_task("a").await;
    let batch = json!({ "atomic": false, "operations": [
        { "op": "create", "task": { "title": "b", "list_id": home } },
        { "op": "patch", "id": id, "task": { "list_id": home } },
        { "op": "patch", "id": id, "task": { "list_id": 77 } },
    ] });
    let done = jane.post("/tasks/batch", batch).await.expect(StatusCode::OK);
    let results = done["results"].as_array().unwrap();
    assert_eq!(results[0]["task"]["list_id"], home);
    assert_eq!(results[1]["task"]["list_id"], home);
    assert_eq!(results[2]["errors"][0]["field"], "task.list_id");
}

#[tokio::test]
async fn a_deleted_list_leaves_its_tasks_to_the_default_list() {
    let (_server, jane) = given().await;
    let home = jane.given_list("Home").await;
    let top = jane.task_in(home).await;
    jane.made(json!({ "title": "b", "parent_id": top, "completed": true })).await;
    let path = format!("/lists/{home}?tasks=move");
    let tried = jane.delete(&format!("{path}&dry_run=true")).await;
    let moved = json!({ "moved": 2, "deleted": 0 });
    assert_eq!(tried.expect(StatusCode::OK), moved);
    assert_eq!(jane.counted().await, [(1, 0, 0), (home, 2, 1)]);
    assert_eq!(jane.delete(&path).await.expect(StatusCode::OK), moved);
    assert_eq!(jane.counted().await, [(1, 2, 1)]);
    assert_eq!(jane.ids("list=1").await.len(), 2);
}

#[tokio::test]
async fn a_deleted_list_may_take_its_tasks_with_it() {
    let (_server, jane) = given().await;
    let home = jane.given_list("Home").await;
    let (kept, top) = (jane.given_task("a").await, jane.task_in(home).await);
    jane.made(json!({ "title": "b", "parent_id": top })).await;
    let gone = jane.delete(&format!("/lists/{home}?tasks=delete")).await;
    assert_eq!(gone.expect(StatusCode::OK), json!({ "moved": 0, "deleted": 2 }));
    assert_eq!(jane.ids("").await, [kept]);
}

/// Takes one part of the tasks out of a list, like a request that is interrupted.
async fn emptied_in_part(server: &crate::harness::Server, tasks: TasksOfList) -> u64 {
    let action = ListAction::Delete(ListId::new(2), tasks, IfMatch::Any);
    let now = Timestamp::from_millis(1_900_000_000_000).unwrap();
    let write = ListWrite { action, dry_run: false, now, access: None, unit: None };
    let owner = UserId::new(1);
    let written = server.store.list_write(owner, write, WriteContext::system()).await;
    match written.unwrap().unwrap().unwrap() {
        ListDone::Emptied(Emptied { tasks, is_deleted: false, .. }) => tasks,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_long_list_is_emptied_in_parts_and_an_interrupted_request_goes_on() {
    for (tasks, name) in [(TasksOfList::Move, "moved"), (TasksOfList::Delete, "deleted")]
    {
        let (server, jane) = given().await;
        let home = jane.given_list("Home").await;
        jane.many_in(home, 1_200).await;
        assert_eq!(jane.counted().await, [(1, 0, 0), (home, 1_200, 1_200)]);

        let first = emptied_in_part(&server, tasks).await;
        assert!(first > 0 && first < 1_200, "{first}");
        let left = 1_200 - first;
        assert_eq!(jane.counted().await[1], (home, left, left));

        let how = if tasks == TasksOfList::Move { "move" } else { "delete" };
        let path = format!("/lists/{home}?tasks={how}");
        let keyed = jane.with_header("idempotency-key", "once");
        let gone = keyed.delete(&path).await.expect(StatusCode::OK);
        assert_eq!(gone[name], left);
        let again = keyed.delete(&path).await;
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!(again.expect(StatusCode::OK), gone);
        let kept = if tasks == TasksOfList::Move { 1_200 } else { 0 };
        assert_eq!(jane.counted().await, [(1, kept, kept)]);
        assert_eq!(server.store.verify().unwrap().findings, [""; 0]);
    }
}

#[tokio::test]
async fn trees_of_a_list_are_taken_out_whole() {
    for tasks in ["move", "delete"] {
        let (server, jane) = given().await;
        let home = jane.given_list("Home").await;
        let mut above = jane.task_in(home).await;
        for level in 0..700 {
            let task = json!({ "title": "b", "parent_id": above });
            let made = jane.made(task).await["id"].as_u64().unwrap();
            if level % 120 == 0 {
                above = made;
            }
        }
        let gone = jane.delete(&format!("/lists/{home}?tasks={tasks}")).await;
        let gone = gone.expect(StatusCode::OK);
        let count = gone["moved"].as_u64().unwrap() + gone["deleted"].as_u64().unwrap();
        assert_eq!(count, 701);
        assert_eq!(server.store.verify().unwrap().findings, [""; 0]);
    }
}

#[tokio::test]
async fn long_lists_are_filtered_by_list_in_every_order() {
    let (_server, jane) = given().await;
    let (home, work) = (jane.given_list("Home").await, jane.given_list("Work").await);
    for number in 0..60 {
        for list in [home, work, 1] {
            let task = json!({ "title": format!("{}", number % 7), "list_id": list, "completed": number % 3 == 0 });
            jane.made(task).await;
        }
    }
    for (query, total) in [
        (format!("list={home}"), "60"),
        (format!("list={home}&completed=true"), "20"),
        (format!("list=1&list={work}"), "120"),
        (format!("list=1&list={work}&completed=false"), "80"),
        ("list=1&q=3".to_owned(), "9"),
        (format!("list={home}&list={work}&q=3"), "18"),
    ] {
        for sort in ["-created_at", "position", "title", "-updated_at", "priority"] {
            let path = format!("/tasks?{query}&sort={sort}&limit=200");
            let answer = jane.get(&path).await;
            assert_eq!(answer.header("x-total-count"), Some(total), "{path}");
            assert_eq!(super::ids(&answer).len().to_string(), total, "{path}");
        }
    }
    // The link has the filter.
    let page = jane.get(&format!("/tasks?list={home}&list=1&limit=2&cursor=")).await;
    let link = page.header("link").unwrap();
    assert!(link.contains(&format!("&list={home}&list=1")), "{link}");
}

#[tokio::test]
async fn a_change_of_a_list_may_require_its_revision() {
    let (_server, jane) = given().await;
    let home = jane.given_list("Home").await;
    let path = format!("/lists/{home}");
    let known = jane.with_header("if-none-match", "\"1\"");
    assert_eq!(known.get(&path).await.status, StatusCode::NOT_MODIFIED);
    jane.patch(&path, json!({ "name": "Household" })).await.expect(StatusCode::OK);
    let late = jane.with_header("if-match", "\"1\"");
    let answers = [
        late.get(&path).await,
        late.patch(&path, json!({ "name": "b" })).await,
        late.delete(&format!("{path}?tasks=move")).await,
    ];
    for answer in answers {
        assert_eq!(answer.header("etag"), Some("\"2\""));
        let problem = answer.expect_problem(412, "changed_since");
        assert_eq!(problem["list"]["name"], "Household");
    }
    let now = jane.with_header("if-match", "\"2\"");
    now.delete(&format!("{path}?tasks=move")).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_dry_run_or_a_repeated_request_makes_no_list() {
    let (_server, jane) = given().await;
    let new = json!({ "name": "Home" });
    let tried = jane.post("/lists?dry_run=true", new.clone()).await;
    assert_eq!(tried.expect(StatusCode::OK)["id"], 2);
    let keyed = jane.with_header("idempotency-key", "once");
    let made = keyed.post("/lists", new.clone()).await.expect(StatusCode::CREATED);
    let again = keyed.post("/lists", new).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.expect(StatusCode::CREATED), made);
    let change = json!({ "name": "b" });
    let tried = jane.patch("/lists/2?dry_run=true", change).await;
    assert_eq!(tried.expect(StatusCode::OK)["name"], "b");
    assert_eq!(jane.get("/lists/2").await.expect(StatusCode::OK), made);
}

fn changes(page: &Value) -> Vec<String> {
    let text = |change: &Value| {
        let (op, kind) =
            (change["op"].as_str().unwrap(), change["kind"].as_str().unwrap());
        let id = if op == "put" { &change[kind]["id"] } else { &change["id"] };
        format!("{op} {kind} {id}")
    };
    page["changes"].as_array().unwrap().iter().map(text).collect()
}

async fn read(jane: &Client, query: &str) -> (Vec<String>, String) {
    let answer: Answer = jane.get(&format!("/tasks/changes?{query}")).await;
    let page = answer.expect(StatusCode::OK);
    (changes(&page), page["cursor"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_client_that_begins_is_told_all_lists_first() {
    let (_server, jane) = given().await;
    let home = jane.given_list("Home").await;
    jane.task_in(home).await;
    jane.patch("/lists/2", json!({ "name": "b" })).await.expect(StatusCode::OK);
    let (all, cursor) = read(&jane, "").await;
    assert_eq!(all, ["put list 1", "put list 2", "put account 1", "put task 1"]);
    assert_eq!(read(&jane, &format!("since={cursor}")).await.0, [""; 0]);
    // Page by page, they come once, unless they change meanwhile.
    let (first, cursor) = read(&jane, "limit=1").await;
    assert_eq!(first, ["put list 1"]);
    let (next, cursor) = read(&jane, &format!("limit=2&since={cursor}")).await;
    assert_eq!(next, ["put list 2", "put account 1"]);
    jane.patch("/lists/1", json!({ "name": "c" })).await.expect(StatusCode::OK);
    let (rest, _) = read(&jane, &format!("since={cursor}")).await;
    assert_eq!(rest, ["put task 1", "put list 1"]);
    assert_eq!(read(&jane, "kinds=list").await.0, ["put list 1", "put list 2"]);
}

#[tokio::test]
async fn changes_of_lists_are_among_the_changes() {
    let (_server, jane) = given().await;
    let (_, start) = read(&jane, "").await;
    let home = jane.given_list("Home").await;
    let task = jane.task_in(home).await;
    jane.patch("/lists/1", json!({ "name": "Inbox" })).await.expect(StatusCode::OK);
    let path = format!("/tasks/changes?since={start}");
    let page = jane.get(&path).await.expect(StatusCode::OK);
    assert_eq!(changes(&page), ["put list 2", "put task 1", "put list 1"]);
    let list = page["changes"][0]["list"].as_object().unwrap();
    assert!(!list.contains_key("tasks") && !list.contains_key("open"), "{list:?}");

    // A change of its tasks is no change of a list.
    let cursor = page["cursor"].as_str().unwrap();
    jane.patch(&format!("/tasks/{task}"), json!({ "list_id": 1 }))
        .await
        .expect(StatusCode::OK);
    let (changes, cursor) = read(&jane, &format!("since={cursor}")).await;
    assert_eq!(changes, ["put task 1"]);
    jane.delete("/lists/2?tasks=move").await.expect(StatusCode::OK);
    let query = format!("since={cursor}&kinds=list");
    assert_eq!(read(&jane, &query).await.0, ["delete list 2"]);
    let account = format!("since={cursor}&kinds=account&kinds=task");
    assert_eq!(read(&jane, &account).await.0, [""; 0]);
}

#[tokio::test]
async fn lists_take_space_of_the_quota() {
    let server = crate::harness::Server::with(&["--max-mib-per-account=1"]).await;
    let jane = server.client.registered("jane@example.com").await;
    let position = |number: usize| format!("a0{}{number:03}1", "z".repeat(7_900));
    let mut last = 0;
    for number in 0..199 {
        let list = json!({ "name": "a", "position": position(number) });
        let answer = jane.post("/lists", list).await;
        if answer.status != StatusCode::CREATED {
            answer.expect_problem(403, "quota_exceeded");
            last = number;
            break;
        }
    }
    assert!((120..140).contains(&last), "{last}");
    let shorter = json!({ "position": "a1" });
    jane.patch("/lists/2", shorter).await.expect(StatusCode::OK);
    jane.given_list("b").await;
}

#[tokio::test]
async fn a_patch_without_effect_keeps_the_revision() {
    let (server, jane) = given().await;
    jane.given_list("Home").await;
    let write = |patch: ListPatch| ListWrite {
        action: ListAction::Patch(ListId::new(2), patch, IfMatch::Any),
        dry_run: false,
        now: Timestamp::EPOCH,
        access: None,
        unit: None,
    };
    let store = &server.store;
    let same = write(ListPatch::default());
    let context = WriteContext::system();
    let done = store.list_write(UserId::new(1), same, context).await.unwrap();
    let Some(Ok(ListDone::Put(state))) = done else { panic!("{done:?}") };
    assert_eq!(state.list.revision, 1);
}
