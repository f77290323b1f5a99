//! Tests of tags that differ by case alone.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::given;
use crate::harness::client::PASSWORD;
use crate::harness::process::expect;
use crate::harness::{Client, Home};

fn tagged(tags: &[&str]) -> Value {
    json!({ "title": "a", "tags": tags })
}

/// Tags of an account, in order.
async fn tags_of(client: &Client) -> Vec<String> {
    let tags = client.get("/tags").await.expect(StatusCode::OK);
    let names = tags.as_array().unwrap().iter().map(|it| it["tag"].as_str().unwrap());
    names.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_task_has_one_of_tags_that_differ_by_case_alone() {
    let (_server, jane) = given().await;
    let made =
        jane.made(tagged(&["home", "Home", "e\u{301}te\u{301}", "\u{c9}T\u{c9}"])).await;
    assert_eq!(made["tags"], json!(["Home", "\u{c9}T\u{c9}"]));
    let change = json!({ "tags": ["HOME", "garden", "Garden", "jose", "jos\u{e9}"] });
    let changed = jane.patch("/tasks/1", change).await.expect(StatusCode::OK);
    assert_eq!(changed["tags"], json!(["Garden", "HOME", "jose", "jos\u{e9}"]));
}

#[tokio::test]
async fn a_task_gets_the_spelling_that_other_tasks_have() {
    let (_server, jane) = given().await;
    jane.made(tagged(&["Home", "NASA"])).await;

    let made = jane.made(tagged(&["home", "nasa", "new"])).await;
    assert_eq!(made["tags"], json!(["Home", "NASA", "new"]));
    let batch = json!({ "operations": [
        { "op": "create", "task": tagged(&["Later"]) },
        { "op": "create", "task": tagged(&["later", "HOME"]) },
        { "op": "patch", "id": 1, "task": { "tags": ["hOmE", "LATER"] } },
    ] });
    jane.post("/tasks/batch", batch).await.expect(StatusCode::OK);

    assert_eq!(tags_of(&jane).await, ["Home", "Later", "NASA", "new"]);
    for text in ["home", "Home", "HOME"] {
        assert_eq!(jane.ids(&format!("tag={text}&sort=created_at")).await, [1, 2, 4]);
    }
    assert_eq!(jane.ids("tag=home&tag=later&sort=created_at").await, [1, 4]);
    assert_eq!(jane.ids("tag=hom").await, Vec::<u64>::new());
}

#[tokio::test]
async fn a_tag_that_no_other_task_has_can_be_spelled_anew() {
    let (_server, jane) = given().await;
    jane.made(tagged(&["Home"])).await;
    let changed = jane.patch("/tasks/1", json!({ "tags": ["home"] })).await;
    assert_eq!(changed.expect(StatusCode::OK)["tags"], json!(["home"]));
    assert_eq!(tags_of(&jane).await, ["home"]);
    jane.made(tagged(&["HOME"])).await;
    let changed = jane.patch("/tasks/1", json!({ "tags": ["Home"] })).await;
    assert_eq!(changed.expect(StatusCode::OK)["tags"], json!(["home"]));
}

#[tokio::test]
async fn a_tag_that_nobody_can_see_is_refused() {
    let (_server, jane) = given().await;
    jane.made(tagged(&["home"])).await;
    for unseen in ["\u{200b}", "\u{2800}", "\u{feff}\u{3164}"] {
        let made = jane.post("/tasks", tagged(&["a", unseen])).await;
        assert_eq!(made.expect_refused(), ["tags"], "{unseen:?}");
        let changed = jane.patch("/tasks/1", json!({ "tags": [unseen] })).await;
        let body = changed.body.clone();
        assert_eq!(changed.expect_refused(), ["tags"], "{unseen:?}");
        let message = "must contain a visible character";
        assert_eq!(body["errors"][0]["message"], message);
    }
}

/// Tags that were stored before the rule existed.
#[tokio::test]
async fn tags_that_are_there_come_back_with_an_import_and_with_the_whole_task() {
    let from = Home::new();
    expect(from.run(&["user", "add", "jane@example.com"], PASSWORD), 0);
    let server = from.serve();
    let jane = server.client().logged_in("jane@example.com").await;
    jane.made(tagged(&["home", "work", "x"])).await;
    assert_eq!(server.terminate(), Some(0));
    let exported = expect(from.run(&["export"], ""), 0);
    let old =
        exported.replace(r#"["home","work","x"]"#, "[\"Home\",\"home\",\"\u{200b}\"]");
    assert_ne!(old, exported);
    let home = Home::new();
    expect(home.run(&["import"], &old), 0);
    expect(home.run(&["import"], &old), 0);
    let server = home.serve();
    let jane = server.client().logged_in("jane@example.com").await;

    let task = jane.get("/tasks/1").await.expect(StatusCode::OK);
    assert_eq!(task["tags"], json!(["Home", "home", "\u{200b}"]));
    let mut whole = task.clone();
    whole["priority"] = json!("high");
    let changed = jane.patch("/tasks/1", whole).await.expect(StatusCode::OK);
    assert_eq!(changed["tags"], task["tags"]);
    assert_eq!(jane.ids("tag=home").await, [1]);
    assert_eq!(jane.made(tagged(&["home"])).await["tags"], json!(["home"]));
    assert_eq!(jane.made(tagged(&["Home"])).await["tags"], json!(["Home"]));
    assert_eq!(jane.ids("tag=Home").await, [3, 1]);
    let repeated = json!({ "due": "2030-02-01", "recurrence": "FREQ=DAILY" });
    jane.patch("/tasks/1", repeated).await.expect(StatusCode::OK);
    jane.post_empty("/tasks/1/complete").await.expect(StatusCode::OK);
    assert_eq!(
        jane.get("/tasks/4").await.body["tags"],
        task["tags"],
        "what was finished"
    );
    assert_eq!(server.terminate(), Some(0));
    assert!(expect(home.run(&["check"], ""), 0).contains(" 0 problems"));
}

/// Regression: each tag that was requested and refused made the next one slower, and a batch blocked all writes for
/// longer than a request may take.
#[tokio::test]
async fn a_batch_of_twins_that_is_refused_costs_no_more_than_others() {
    let (_server, jane) = given().await;
    let letters: Vec<char> = "abcdefghijklmnop".chars().collect();
    let spelled = |number: usize| -> String {
        let letter = |(at, letter): (usize, &char)| {
            if number >> at & 1 == 1 { letter.to_ascii_uppercase() } else { *letter }
        };
        letters.iter().enumerate().map(letter).collect()
    };
    let operation = |number: usize| {
        let tags: Vec<String> = (number * 20..).take(20).map(spelled).collect();
        // Without a due date it cannot recur.
        let task = json!({ "title": "a", "recurrence": "FREQ=DAILY", "tags": tags });
        json!({ "op": "create", "task": task })
    };
    let operations: Vec<Value> = (0..500).map(operation).collect();
    let batch = json!({ "atomic": false, "operations": operations });

    let done = jane.post("/tasks/batch", batch).await.expect(StatusCode::OK);

    let results = done["results"].as_array().unwrap();
    assert!(results.iter().all(|it| it["status"] == 422), "{}", results[0]);
    assert_eq!(tags_of(&jane).await, [""; 0]);
}

#[tokio::test]
async fn single_tags_are_added_and_removed() {
    let (_server, jane) = given().await;
    jane.made(json!({ "title": "a", "tags": ["home", "old"] })).await;
    jane.made(json!({ "title": "b", "tags": ["Work"] })).await;
    let patch = async |patch: Value| jane.patch("/tasks/1", patch).await;
    let tags =
        async |change: Value| patch(change).await.expect(StatusCode::OK)["tags"].clone();

    // The spelling of another task is taken, and what is there stays as it is.
    let added =
        json!({ "tags_add": ["work", "HOME"], "tags_remove": ["OLD", "missing"] });
    assert_eq!(tags(added.clone()).await, json!(["Work", "home"]));
    let rev = patch(added).await.expect(StatusCode::OK)["rev"].clone();
    assert_eq!(rev, 2, "nothing was left to change");
    // A tag of this task alone can be spelled anew.
    let respelled = json!({ "tags_add": ["Home"], "tags_remove": ["home"] });
    assert_eq!(tags(respelled).await, json!(["Home", "Work"]));
    let operations =
        json!([{ "op": "patch", "id": 1, "task": { "tags_remove": ["home", "work"] } }]);
    let batch = jane.post("/tasks/batch", json!({ "operations": operations })).await;
    assert_eq!(batch.expect(StatusCode::OK)["results"][0]["task"]["tags"], json!([]));

    let many: Vec<String> = (0..20).map(|n| format!("t{n}")).collect();
    tags(json!({ "tags": many })).await;
    let more = patch(json!({ "tags_add": ["one more"] })).await;
    assert_eq!(more.expect_refused(), ["tags_add"]);
    let both =
        patch(json!({ "tags": [], "tags_add": ["a"], "tags_remove": ["b"] })).await;
    assert_eq!(both.expect_refused(), ["tags_add", "tags_remove"]);
    let wrong = patch(json!({ "tags_add": [""], "tags_remove": ["a\nb"] })).await;
    assert_eq!(wrong.expect_refused(), ["tags_add.0", "tags_remove.0"]);
    let created = jane.post("/tasks", json!({ "title": "c", "tags_add": ["a"] })).await;
    assert_eq!(created.expect_refused(), ["tags_add"]);
}
