//! Tests of lists in exports, imports and restores.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{JANE, everything, home, parse};
use crate::harness::process::{expect, refused};
use crate::harness::{Client, Home};

async fn made(jane: &Client, path: &str, body: Value) -> u64 {
    let made = jane.post(path, body).await.expect(StatusCode::CREATED);
    made["id"].as_u64().unwrap()
}

async fn list_of(jane: &Client, task: u64) -> u64 {
    let task = jane.get(&format!("/tasks/{task}")).await.expect(StatusCode::OK);
    task["list_id"].as_u64().unwrap()
}

/// Stopped installation in which Jane has renamed her default list, and has list 3 with tasks 1 and 2, of which 2 is
/// below 1.
async fn given_lists() -> Home {
    let home = home();
    let server = home.serve();
    let jane = server.client().registered(JANE).await;
    jane.patch("/lists/1", json!({ "name": "Inbox" })).await.expect(StatusCode::OK);
    made(&jane, "/lists", json!({ "name": "Gone" })).await;
    let look = json!({ "name": "Home", "colour": "#3366cc", "icon": "x" });
    assert_eq!(made(&jane, "/lists", look).await, 3);
    jane.delete("/lists/2?tasks=move").await.expect(StatusCode::OK);
    jane.patch("/lists/3", json!({ "archived": true })).await.expect(StatusCode::OK);
    let top = made(&jane, "/tasks", json!({ "title": "a", "list_id": 3 })).await;
    made(&jane, "/tasks", json!({ "title": "b", "parent_id": top })).await;
    assert_eq!(server.terminate(), Some(0));
    home
}

#[tokio::test]
async fn lists_are_exported_and_imported() {
    let here = given_lists().await;
    let exported = expect(here.run(&["export"], ""), 0);
    let there = home();

    let said = expect(there.run(&["import"], &exported), 0);

    assert!(said.contains("; 2 lists added, 0 replaced, 0 already present"), "{said}");
    let lines = parse(&exported);
    let kinds = |line: &Value| line.as_object().unwrap().keys().next().unwrap().clone();
    let kinds: Vec<String> = lines.iter().map(kinds).collect();
    assert_eq!(kinds, ["export", "user", "list", "list", "task", "task", "end"]);
    assert_eq!(everything(&there), lines);
    let said = expect(there.run(&["import"], &exported), 0);
    assert!(said.contains("; 0 lists added, 0 replaced, 2 already present"), "{said}");
    assert_eq!(everything(&there), lines);
    expect(there.run(&["check"], ""), 0);
    let server = there.serve();
    let jane = server.client().logged_in(JANE).await;
    assert_eq!(made(&jane, "/lists", json!({ "name": "next" })).await, 4);
}

#[tokio::test]
async fn an_imported_list_whose_id_is_taken_gets_another_one() {
    let exported = expect(given_lists().await.run(&["export"], ""), 0);
    let there = home();
    let server = there.serve();
    let jane = server.client().registered(JANE).await;
    for name in ["a", "b"] {
        made(&jane, "/lists", json!({ "name": name })).await;
    }

    for _ in 0..2 {
        expect(there.run(&["import"], &exported), 0);
    }

    let lists = jane.get("/lists").await.expect(StatusCode::OK);
    let name = |list: &Value| (list["id"].as_u64().unwrap(), list["name"].to_string());
    let mut names: Vec<_> = lists.as_array().unwrap().iter().map(name).collect();
    names.sort();
    let expected = [(1, "Inbox"), (2, "a"), (3, "b"), (4, "Home")];
    assert_eq!(names, expected.map(|(id, name)| (id, format!("\"{name}\""))));
    assert_eq!([list_of(&jane, 1).await, list_of(&jane, 2).await], [4, 4]);
    expect(there.run(&["check"], ""), 0);
}

#[tokio::test]
async fn a_deleted_list_comes_back_with_its_account() {
    let home = given_lists().await;
    expect(home.run(&["backup", "--to", "b.redb"], ""), 0);
    let before = everything(&home);
    let server = home.serve();
    let jane = server.client().logged_in(JANE).await;
    jane.delete("/lists/3?tasks=delete").await.expect(StatusCode::OK);
    let change = json!({ "name": "changed" });
    jane.patch("/lists/1", change).await.expect(StatusCode::OK);

    expect(home.run(&["restore", "--user", JANE, "b.redb"], ""), 0);

    assert_eq!([list_of(&jane, 1).await, list_of(&jane, 2).await], [3, 3]);
    let list = jane.get("/lists/3").await.expect(StatusCode::OK);
    let read = ["name", "tasks", "archived"].map(|member| list[member].clone());
    assert_eq!(read, [json!("Home"), json!(2), json!(true)]);
    assert_eq!(server.terminate(), Some(0));
    expect(home.run(&["check"], ""), 0);
    assert_eq!(everything(&home).len(), before.len());
}

#[tokio::test]
async fn replace_changes_lists_and_moves_tasks_with_their_subtasks() {
    let home = given_lists().await;
    let exported = expect(home.run(&["export"], ""), 0);
    let server = home.serve();
    let jane = server.client().logged_in(JANE).await;
    jane.patch("/lists/3", json!({ "name": "b" })).await.expect(StatusCode::OK);
    jane.patch("/tasks/1", json!({ "list_id": 1 })).await.expect(StatusCode::OK);

    let said = expect(home.run(&["import"], &exported), 0);
    assert!(
        said.ends_with("2 already present, 1 of them different and kept\n"),
        "{said}"
    );
    assert_eq!([list_of(&jane, 1).await, list_of(&jane, 2).await], [1, 1]);
    let said = expect(home.run(&["import", "--replace"], &exported), 0);

    assert!(said.contains("; 0 lists added, 1 replaced, 1 already present"), "{said}");
    assert_eq!([list_of(&jane, 1).await, list_of(&jane, 2).await], [3, 3]);
    let list = jane.get("/lists/3").await.expect(StatusCode::OK);
    assert_eq!(list["name"], "Home");
    expect(home.run(&["check"], ""), 0);
}

#[tokio::test]
async fn tasks_of_unknown_lists_and_too_many_lists_are_refused() {
    let exported = expect(given_lists().await.run(&["export"], ""), 0);
    let lost = exported.replace("\"list_id\":3", "\"list_id\":2");
    let list = exported.lines().find(|line| line.contains("\"Home\"")).unwrap();
    let of = |id: usize| list.replace("\"id\":3,", &format!("\"id\":{id},"));
    let many = |last: usize| {
        let lists: Vec<String> = (2..=last).map(of).collect();
        exported
            .replace(list, &lists.join("\n"))
            .replace("\"lists\":2", &format!("\"lists\":{last}"))
    };
    // Lists with the same name and the same time of creation are different ones.
    let most = home();
    for _ in 0..2 {
        expect(most.run(&["import"], &many(200)), 0);
    }
    assert_eq!(everything(&most).len(), 205);
    for (lines, expected) in [
        (lost, "line 5 list_id must be 1, or the id of a list that precedes the line"),
        (many(201), "line 203 would give the account more than 200 lists"),
    ] {
        let home = home();
        let line = refused(home.run(&["import"], &lines), 65);
        assert!(line.contains(expected), "{line}");
    }
}
