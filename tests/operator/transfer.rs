//! Tests of `duly export` and `duly import`.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{ChildStdin, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{JANE, JOHN, everything, given_people, given_stopped, home, parse, path_in};
use crate::harness::Home;
use crate::harness::client::PASSWORD;
use crate::harness::process::{expect, refused, text};

/// Imports the export of another installation.
fn import(home: &Home, lines: &str) -> String {
    expect(home.run(&["import"], lines), 0)
}

#[tokio::test]
async fn an_import_of_an_export_is_equal_in_every_field() {
    let (home, _) = given_stopped().await;
    let exported = expect(home.run(&["export"], ""), 0);
    let other = super::home();

    import(&other, &exported);

    assert_eq!(everything(&other), parse(&exported));
    expect(other.run(&["check"], ""), 0);
    let server = other.serve();
    let jane = server.client().logged_in(JANE).await;
    assert_eq!(jane.given_task("next").await, 5, "no id is given out again");
    let tasks = jane.get("/tasks").await;
    assert_eq!(tasks.header("x-total-count"), Some("3"));
}

#[tokio::test]
async fn both_work_in_a_running_server_too() {
    let here = home();
    let server = here.serve();
    given_people(&server).await;
    let there = home();
    let other = there.serve();

    let exported = expect(here.run(&["export"], ""), 0);
    let said = import(&there, &exported);

    assert!(
        said.starts_with("2 users added, 0 already present; 3 tasks added"),
        "{said}"
    );
    let jane = other.client().logged_in(JANE).await;
    assert_eq!(jane.get("/tasks").await.header("x-total-count"), Some("2"));
    assert_eq!(everything(&there), parse(&exported));
}

#[tokio::test]
async fn the_form_of_an_export_is_documented_and_stays() {
    let (home, _) = given_stopped().await;

    let lines = everything(&home);

    let keys = |value: &Value| {
        let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys.join(" ")
    };
    let kinds: Vec<String> = lines.iter().map(keys).collect();
    assert_eq!(kinds, ["export", "user", "task", "task", "user", "task", "end"]);
    let expected =
        json!({ "export": { "version": 5, "next_user_id": 3, "next_task_id": 5 } });
    assert_eq!(lines[0], expected);
    assert_eq!(
        keys(&lines[1]["user"]),
        "created_at disabled display_name email id must_change_password password_hash role time_zone"
    );
    assert_eq!(
        keys(&lines[2]["task"]),
        "completed completed_at created_at description due due_local id list_id owner_id parent_id position priority recurrence repeat_from revision tags title uid updated_at"
    );
    assert_eq!(lines[6], json!({ "end": { "users": 2, "lists": 0, "tasks": 3 } }));
}

#[tokio::test]
async fn one_account_is_exported_alone() {
    let (home, _) = given_stopped().await;

    let lines =
        parse(&expect(home.run(&["export", "--user", "JOHN@example.com"], ""), 0));

    assert_eq!(lines.len(), 4);
    assert_eq!(lines[1]["user"]["email"], JOHN);
    assert_eq!(lines[2]["task"]["title"], "John's");
    assert_eq!(lines[3], json!({ "end": { "users": 1, "lists": 0, "tasks": 1 } }));
    let output = home.run(&["export", "--user", "nobody@example.com"], "");
    assert_eq!(text(&output.stdout), "");
    refused(output, 1);
}

#[tokio::test]
async fn an_exported_file_is_private_and_never_overwrites() {
    let (home, _) = given_stopped().await;

    expect(home.run(&["export", "--to", "all.jsonl"], ""), 0);

    let path = path_in(&home, "all.jsonl");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(parse(&fs::read_to_string(&path).unwrap()), everything(&home));
    let line = refused(home.run(&["export", "--to", "all.jsonl"], ""), 74);
    assert!(line.contains("all.jsonl already exists: choose another name"), "{line}");
    expect(super::home().run(&["import", path.to_str().unwrap()], ""), 0);
}

/// Regression: a first line moved the ids so far that later tasks could be exported and not imported again.
#[tokio::test]
async fn no_first_line_moves_the_ids_to_where_no_export_is_read() {
    let (here, _) = given_stopped().await;
    let exported = expect(here.run(&["export"], ""), 0);
    let most = u64::pow(2, 53) - 1;
    let far = exported
        .replace("\"next_user_id\":3", &format!("\"next_user_id\":{most}"))
        .replace("\"next_task_id\":5", &format!("\"next_task_id\":{most}"));
    let there = home();
    import(&there, &far);

    let server = there.serve();
    let jane = server.client().logged_in(JANE).await;
    let made = jane.given_task("beyond").await;
    server.client().registered("new@example.com").await;
    let exported = expect(there.run(&["export"], ""), 0);
    let again = home();
    import(&again, &exported);

    assert!(made >= u64::pow(2, 48) && made < most / 2, "{made}");
    assert_eq!(everything(&again), parse(&exported));
    expect(again.run(&["check"], ""), 0);
    // Imports again, into the server that has all data already.
    assert!(import(&there, &exported).starts_with("0 users added, 3 already present"));
    assert_eq!(everything(&there), parse(&exported));
    let too_far = far.replace(&most.to_string(), &(most + 1).to_string());
    let line = refused(home().run(&["import"], &too_far), 65);
    assert!(line.contains("line 1 next_user_id must be from 1"), "{line}");
}

#[tokio::test]
async fn an_export_may_be_read_in_part() {
    let (home, _) = given_large().await;
    let line = "set -o pipefail; $0 export | head -n 1";
    let mut command = home.command(&[]);
    let program = command.get_program().to_owned();
    command = std::process::Command::new("bash");
    command.args(["-c", line]).arg(program).current_dir(home.folder.path());

    let said = expect(command.output().unwrap(), 0);

    assert!(said.starts_with("{\"export\":"), "{said}");
}

#[tokio::test]
async fn an_import_twice_is_an_import_once() {
    let (home, _) = given_stopped().await;
    let before = everything(&home);
    let exported = expect(home.run(&["export"], ""), 0);

    for arguments in [&["import"][..], &["import", "--replace"]] {
        let said = expect(home.run(arguments, &exported), 0);
        assert_eq!(
            said,
            "0 users added, 2 already present; 0 tasks added, 0 replaced, 3 already present, 0 of them different and kept\n"
        );
        assert_eq!(everything(&home), before);
    }
}

/// Export of one account with many tasks, which takes several transactions.
async fn given_large() -> (Home, String) {
    let home = home();
    let server = home.serve();
    let jane = server.client().registered(JANE).await;
    let first = jane.given_task("first").await;
    assert_eq!(server.terminate(), Some(0));
    let exported = expect(home.run(&["export"], ""), 0);
    let mut lines: Vec<String> = exported.lines().map(str::to_owned).collect();
    let task: Value = serde_json::from_str(&lines[2]).unwrap();
    for id in first + 1..=1300 {
        let mut task = task.clone();
        task["task"]["id"] = json!(id);
        task["task"]["title"] = json!(format!("task {id}"));
        task["task"]["uid"] = json!(format!("copy-of-the-first-{id}"));
        lines.insert(lines.len() - 1, task.to_string());
    }
    lines[0] = lines[0].replace("\"next_task_id\":2", "\"next_task_id\":1301");
    *lines.last_mut().unwrap() =
        json!({ "end": { "users": 1, "lists": 0, "tasks": 1300 } }).to_string();
    (home, lines.join("\n"))
}

#[tokio::test]
async fn an_import_that_was_cut_short_is_simply_run_again() {
    let (_, exported) = given_large().await;
    let lines: Vec<&str> = exported.lines().collect();
    for cut in [1, 2, 700, 1302] {
        let home = home();
        let output = home.run(&["import"], &lines[..cut].join("\n"));
        let line = refused(output, 65);
        assert!(line.contains("the file is incomplete"), "{line}");
        expect(home.run(&["check"], ""), 0);

        import(&home, &exported);

        assert_eq!(everything(&home), parse(&exported), "cut at {cut}");
        expect(home.run(&["check"], ""), 0);
    }
}

#[tokio::test]
async fn a_bad_line_takes_its_chunk_along_and_no_other() {
    let (_, exported) = given_large().await;
    let mut lines: Vec<&str> = exported.lines().collect();
    lines[900] = "{\"task\":{\"id\":\"secret\"}}";
    let home = home();

    let output = home.run(&["import"], &lines.join("\n"));

    let said = text(&output.stdout);
    let line = refused(output, 65);
    assert!(line.contains("line 901 id has the wrong type"), "{line}");
    assert!(line.contains("nothing from line 502 on was imported"), "{line}");
    assert!(!line.contains("secret"), "{line}");
    assert!(said.contains("499 tasks added"), "{said}");
    let kept = everything(&home);
    assert_eq!(kept.len(), 1 + 1 + 499 + 1);
    expect(home.run(&["check"], ""), 0);
}

/// Account with nested tasks: 1 is below 2, and 2 below 3, which has a value in every field.
async fn given_nested() -> (Home, String) {
    let home = home();
    let server = home.serve();
    let jane = server.client().registered(JANE).await;
    let planned = json!({
        "title": "three",
        "due": "2030-01-01T09:00:00[Europe/Berlin]",
        "priority": "high",
        "tags": ["home", "caf\u{e9}"],
        "recurrence": "FREQ=WEEKLY;BYDAY=MO",
    });
    jane.given_task("one").await;
    jane.given_task("two").await;
    jane.post("/tasks", planned).await.expect(StatusCode::CREATED);
    for (child, parent) in [(2, 3), (1, 2)] {
        let below = json!({ "parent_id": parent });
        jane.patch(&format!("/tasks/{child}"), below).await.expect(StatusCode::OK);
    }
    jane.patch("/tasks/1", json!({ "completed": true })).await.expect(StatusCode::OK);
    assert_eq!(server.terminate(), Some(0));
    let exported = expect(home.run(&["export"], ""), 0);
    (home, exported)
}

/// Parent of each task of the only account.
fn parents(home: &Home) -> Vec<Option<u64>> {
    let lines = everything(home);
    let tasks = lines.iter().filter_map(|line| line.get("task"));
    tasks.map(|task| task["parent_id"].as_u64()).collect()
}

#[tokio::test]
async fn tasks_in_tasks_survive_whichever_comes_first() {
    let (here, exported) = given_nested().await;
    let there = home();

    import(&there, &exported);

    assert_eq!(parents(&there), [Some(2), Some(3), None]);
    assert_eq!(everything(&there), parse(&exported));
    expect(there.run(&["check"], ""), 0);
    for home in [here, there] {
        for arguments in [&["import"][..], &["import", "--replace"]] {
            let said = expect(home.run(arguments, &exported), 0);
            assert!(
                said.ends_with("3 already present, 0 of them different and kept\n"),
                "{said}"
            );
            assert_eq!(everything(&home), parse(&exported));
        }
        expect(home.run(&["check"], ""), 0);
    }
}

#[tokio::test]
async fn a_part_of_a_task_that_does_not_come_becomes_a_task_of_its_own() {
    let (_, exported) = given_nested().await;
    let edited = exported.replace("\"parent_id\":3", "\"parent_id\":99");
    let there = home();

    import(&there, &edited);

    assert_eq!(parents(&there), [Some(2), None, None]);
    expect(there.run(&["check"], ""), 0);
    let before = everything(&there);
    for arguments in [&["import"][..], &["import", "--replace"]] {
        let said = expect(there.run(arguments, &edited), 0);
        assert!(said.contains("0 tasks added, 0 replaced"), "{said}");
        assert_eq!(everything(&there), before);
    }
}

#[tokio::test]
async fn a_circle_of_tasks_in_an_edited_file_does_not_become_one() {
    let (home, exported) = given_nested().await;
    let own = exported.replace("\"parent_id\":3", "\"parent_id\":2");
    let circle = exported.replacen("\"parent_id\":null", "\"parent_id\":1", 1);
    let there = super::home();

    import(&there, &own);
    assert_eq!(parents(&there), [Some(2), None, None]);
    expect(there.run(&["check"], ""), 0);

    let there = super::home();
    import(&there, &circle);
    let made = parents(&there);
    assert_eq!(made.iter().flatten().count(), 2, "all but one: {made:?}");
    expect(there.run(&["check"], ""), 0);
    // The same holds for an account that has the tasks already.
    for arguments in [&["import"][..], &["import", "--replace"]] {
        expect(home.run(arguments, &circle), 0);
        assert_eq!(parents(&home), [Some(2), Some(3), None]);
        expect(home.run(&["check"], ""), 0);
    }
}

#[tokio::test]
async fn tasks_that_have_changed_places_are_put_back_by_a_replacing_import() {
    let (home, exported) = given_nested().await;
    let server = home.serve();
    let jane = server.client().logged_in(JANE).await;
    for (child, parent) in [(1, json!(null)), (2, json!(1)), (3, json!(2))] {
        let below = json!({ "parent_id": parent });
        jane.patch(&format!("/tasks/{child}"), below).await.expect(StatusCode::OK);
    }
    assert_eq!(server.terminate(), Some(0));
    assert_eq!(parents(&home), [None, Some(1), Some(2)]);

    import(&home, &exported);
    assert_eq!(parents(&home), [None, Some(1), Some(2)], "kept");

    expect(home.run(&["import", "--replace"], &exported), 0);
    assert_eq!(parents(&home), [Some(2), Some(3), None]);
    expect(home.run(&["check"], ""), 0);
}

/// Regression: a second import left a task without its parent unchanged.
#[tokio::test]
async fn a_task_whose_parent_was_cut_off_gets_it_when_the_import_is_run_again() {
    let (_, exported) = given_large().await;
    let nested: Vec<String> = exported
        .lines()
        .map(|line| {
            if line.contains("\"id\":3,") || line.contains("\"id\":600,") {
                line.replace("\"parent_id\":null", "\"parent_id\":1250")
            } else {
                line.to_owned()
            }
        })
        .collect();
    let exported = nested.join("\n");
    for arguments in [&["import"][..], &["import", "--replace"]] {
        let home = home();
        refused(home.run(&["import"], &nested[..700].join("\n")), 65);
        assert_eq!(parents(&home).iter().flatten().count(), 0, "not yet");

        expect(home.run(arguments, &exported), 0);

        assert_eq!(parents(&home).iter().flatten().count(), 2);
        assert_eq!(everything(&home), parse(&exported));
        expect(home.run(&["check"], ""), 0);
    }
}

/// Begins an import that has one line and waits for more, until the returned input is dropped. Its output is `told`.
fn stalled(
    home: &Home,
    line: &str,
    told: mpsc::Sender<std::io::Result<Output>>,
) -> ChildStdin {
    let mut import = home.command(&["import"]);
    import.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut import = import.spawn().unwrap();
    let mut lines = import.stdin.take().unwrap();
    lines.write_all(format!("{line}\n").as_bytes()).unwrap();
    std::thread::spawn(move || told.send(import.wait_with_output()));
    lines
}

/// Regression: the error was reported only after the end of a file that may never end.
#[test]
fn a_bad_line_is_told_while_more_may_come() {
    for running in [false, true] {
        let home = home();
        let server = running.then(|| home.serve());
        let (told, output) = mpsc::channel();

        let lines = stalled(&home, "no line of an export", told);

        let output = output.recv_timeout(Duration::from_secs(30)).expect("an answer");

        let line = refused(output.unwrap(), 65);
        assert!(line.contains("line 1 is not a valid line of an export"), "{line}");
        drop((lines, server));
    }
}

#[test]
fn a_second_import_is_told_at_its_first_line() {
    let home = home();
    expect(home.run(&["user", "add", JANE], PASSWORD), 0);
    let header = expect(home.run(&["export"], ""), 0).lines().next().unwrap().to_owned();
    let _server = home.serve();
    let (told, output) = mpsc::channel();
    let begun = [(); 2].map(|()| stalled(&home, &header, told.clone()));

    let second = output.recv_timeout(Duration::from_secs(30)).expect("an answer");

    let line = refused(second.unwrap(), 1);
    assert!(line.contains("another import is running"), "{line}");
    drop(begun);
    let first = output.recv_timeout(Duration::from_secs(30)).expect("an answer");
    let line = refused(first.unwrap(), 65);
    assert!(line.contains("its last line is missing"), "{line}");
}

#[test]
fn a_file_that_cannot_be_read_is_no_export_that_was_cut_off() {
    let home = home();
    let _server = home.serve();

    let line = refused(home.run(&["import", "."], ""), 74);

    assert!(line.contains("directory"), "{line}");
}

#[tokio::test]
async fn an_id_that_is_somebody_elses_stops_the_import() {
    let (home, _) = given_stopped().await;
    let exported = expect(home.run(&["export", "--user", JANE], ""), 0);
    let other = super::home();
    let server = other.serve();
    let stranger = server.client().registered("stranger@example.com").await;
    let theirs = stranger.given_task("the stranger's").await;

    let output = other.run(&["import"], &exported);

    let line = refused(output, 65);
    let task = format!("{{\"task\":{{\"id\":{theirs},");
    let number = exported.lines().position(|line| line.starts_with(&task)).unwrap() + 1;
    let clash = format!("line {number} id belongs to a task of another account here");
    assert!(line.contains(&clash), "{line}");
    let tasks = stranger.get("/tasks").await.expect(StatusCode::OK);
    assert_eq!(tasks[0]["title"], "the stranger's");
    assert_eq!(tasks.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_account_that_is_there_keeps_its_password_and_gets_a_new_id_if_it_must() {
    let (home, _) = given_stopped().await;
    let exported = expect(home.run(&["export", "--user", JOHN], ""), 0);
    let other = super::home();
    expect(other.run(&["user", "add", "a@example.com"], PASSWORD), 0);
    expect(other.run(&["user", "add", "b@example.com"], PASSWORD), 0);
    expect(other.run(&["user", "add", JOHN], "another password"), 0);

    let said = import(&other, &exported);

    assert!(said.starts_with("0 users added, 1 already present; 1 task added"), "{said}");
    let server = other.serve();
    let form = "username=john@example.com&password=another+password";
    let answer = server.client().form("/auth/login", form).await;
    let body = answer.expect(StatusCode::OK);
    let john = server.client().with_token(body["access_token"].as_str().unwrap());
    let me = john.get("/auth/me").await.expect(StatusCode::OK);
    assert_eq!(me["id"], 3);
    assert_eq!(john.get("/tasks").await.header("x-total-count"), Some("1"));
}

#[tokio::test]
async fn what_differs_is_kept_unless_it_is_to_be_replaced() {
    let (home, people) = given_stopped().await;
    let exported = expect(home.run(&["export"], ""), 0);
    let server = home.serve();
    let jane = server.client().with_token(people.jane.token());
    let path = "/tasks/1";
    jane.patch(path, json!({ "title": "changed" })).await.expect(StatusCode::OK);

    let said = import(&home, &exported);
    assert!(
        said.ends_with("3 already present, 1 of them different and kept\n"),
        "{said}"
    );
    assert_eq!(jane.get(path).await.body["title"], "changed");

    let said = expect(home.run(&["import", "--replace"], &exported), 0);
    assert!(said.contains("1 replaced"), "{said}");
    assert_eq!(jane.get(path).await.body["title"], "Buy milk \u{1F95B}");
}

#[tokio::test]
async fn what_is_no_export_is_refused_with_its_line_and_without_its_text() {
    let (_, exported) = given_large().await;
    let start = exported.lines().next().unwrap();
    let newer = start.replace("\"version\":5", "\"version\":6");
    let user = r#"{"user":{"id":1,"email":"secret","role":"user","created_at":"2030-01-01T00:00:00Z","password_hash":"$argon2id$v=19$m=19456,t=2,p=1$qDeoIcJwyFrR7RWRw0uNUw$+ZVx6hEjLiSHF9K2Dk189iiuYDS/rJX39SEqzE83fSE"}}"#;
    let long = format!("{start}\n{}", "s".repeat(100_000));
    let cases: &[(&str, &str)] = &[
        ("", "it is empty"),
        ("secret", "line 1 is not a valid line of an export"),
        ("{\"end\":{\"users\":0,\"tasks\":0}}", "line 1 is not"),
        (&newer, "line 1 has version 6 of the export format"),
        (&format!("{start}\n{user}"), "line 2 email"),
        (&format!("{start}\n{start}"), "line 2 is not a valid line"),
        (&long, "line 2 is longer than"),
        (
            &format!(
                "{start}\n{}",
                user.replace("secret", "a@example.com").replace("m=19456", "m=1945600")
            ),
            "line 2 password_hash",
        ),
        (
            &format!(
                "{start}\n{}",
                user.replace("secret", "a@example.com").replace("\"id\":1", "\"id\":2")
            ),
            "line 2 id must be below",
        ),
        (
            &format!("{start}\n{{\"end\":{{\"users\":1,\"tasks\":0}}}}"),
            "the file is incomplete",
        ),
        (
            &exported
                .lines()
                .enumerate()
                .filter(|(at, _)| *at != 1)
                .map(|(_, line)| line)
                .collect::<Vec<_>>()
                .join("\n"),
            "line 2 owner_id must name the account that precedes the line",
        ),
    ];
    for (lines, expected) in cases {
        for running in [false, true] {
            let home = home();
            let server = running.then(|| home.serve());
            let line = refused(home.run(&["import"], lines), 65);
            assert!(line.contains(expected), "{expected}: {line}");
            assert!(!line.contains("secret"), "{line}");
            let users = expect(home.run(&["user", "list"], ""), 0);
            assert_eq!(users, "");
            drop(server);
        }
    }
}
