//! Tests of one account's credential against the items of all other accounts: no foreign byte is returned, no foreign
//! item changes, and every response is the one for an item that does not exist.
//!
//! `DULY_PEOPLE` and `DULY_PROBES` set the numbers of accounts and requests:
//! `DULY_PEOPLE=500 DULY_PROBES=20000 cargo test --release probes -- --nocapture`.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{Client, Server};
use crate::long::{Dice, figure, setting};

/// Account with a mark in every text of its items.
struct Person {
    client: Client,
    mark: String,
    user: u64,
    task: u64,
    session: String,
    token: String,
}

async fn given_person(anybody: Client, number: u64) -> Person {
    let mark = format!("mark{number:05}x");
    let email = format!("{mark}@example.com");
    let client = anybody.with_header("user-agent", &mark).registered(&email).await;
    let name = json!({ "display_name": mark });
    let me = client.patch("/auth/me", name).await.expect(StatusCode::OK);
    let task = json!({ "title": mark, "description": mark });
    let task = client.post("/tasks", task).await.expect(StatusCode::CREATED);
    let token = json!({ "name": mark, "scopes": ["account"] });
    let token = client.post("/auth/tokens", token).await.expect(StatusCode::CREATED);
    let sessions = client.get("/auth/sessions").await.body;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Person {
        user: me["id"].as_u64().unwrap(),
        task: task["id"].as_u64().unwrap(),
        session: text(&sessions[0]["id"]),
        token: text(&token["id"]),
        client,
        mark,
    }
}

/// Request of the attacker; `None` as a name stands for an unused one.
struct Probe {
    method: Method,
    path: String,
    body: Option<Value>,
}

fn probe(kind: usize, victim: Option<&Person>) -> Probe {
    let (user, task) = victim.map_or((900_000, 900_000), |it| (it.user, it.task));
    let session = victim.map_or_else(|| "0".repeat(32), |it| it.session.clone());
    let token = victim.map_or_else(|| "0".repeat(16), |it| it.token.clone());
    let get = |path: String| Probe { method: Method::GET, path, body: None };
    let delete = |path: String| Probe { method: Method::DELETE, path, body: None };
    let patch = |path: String, body: Value| Probe {
        method: Method::PATCH,
        path,
        body: Some(body),
    };
    let post = |path: &str, body: Value| Probe {
        method: Method::POST,
        path: path.to_owned(),
        body: Some(body),
    };
    match kind {
        0 => get(format!("/tasks/{task}")),
        1 => patch(format!("/tasks/{task}"), json!({ "title": "stolen" })),
        2 => patch(format!("/tasks/{task}"), json!({ "owner_id": user })),
        3 => delete(format!("/tasks/{task}")),
        4 => delete(format!("/auth/sessions/{session}")),
        5 => delete(format!("/auth/tokens/{token}")),
        6 => get(format!("/admin/users/{user}")),
        7 => patch(format!("/admin/users/{user}"), json!({ "disabled": true })),
        8 => delete(format!("/admin/users/{user}")),
        9 => delete(format!("/admin/users/{user}/sessions")),
        // In bodies, and in ignored query parameters.
        10 => post("/tasks", json!({ "title": "a", "owner_id": user })),
        11 => post("/tasks", json!({ "title": "a", "id": task })),
        12 => patch("/auth/me".to_owned(), json!({ "id": user })),
        13 => post(
            "/auth/tokens",
            json!({ "name": "a", "scopes": ["account"], "user": user }),
        ),
        14 => get(format!("/tasks?owner_id={user}&user={user}&limit=1&skip=99")),
        15 => get(format!("/auth/sessions?user={user}")),
        16 => get(format!("/auth/tokens?id={token}&user_id={user}")),
        17 => get(format!("/auth/me?id={user}")),
        18 => get(format!("/auth/me/export?user={user}")),
        19 => get(format!("/tasks/{task}?owner_id={user}")),
        20 => delete(format!("/tasks/{task}?owner_id={user}")),
        _ => {
            get(format!("/admin/users?email={}", victim.map_or("nobody", |it| &it.mark)))
        }
    }
}

const KINDS: usize = 22;

async fn ask(thief: &Client, probe: Probe) -> crate::harness::Answer {
    let body = probe.body.map(|body| body.to_string()).unwrap_or_default();
    let content_type = (!body.is_empty()).then_some("application/json");
    thief.send(probe.method, &probe.path, content_type, body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_at_anything_of_anybody_else() {
    let people = setting("DULY_PEOPLE", 24);
    let probes = setting("DULY_PROBES", 1100);
    let server = Server::start().await;
    let mut made = JoinSet::new();
    let mut crowd: Vec<Person> = Vec::new();
    for number in 0..people {
        made.spawn(given_person(server.client.clone(), number));
        if made.len() >= 16 {
            crowd.push(made.join_next().await.unwrap().unwrap());
        }
    }
    crowd.extend(made.join_all().await);
    let mut dice = Dice(7);
    let crowd_size = u64::try_from(crowd.len()).unwrap();
    let mut pick = |sides: u64| usize::try_from(dice.roll(sides)).unwrap();
    let mut tried = 0;
    for number in 0..probes {
        let kind = usize::try_from(number).unwrap() % KINDS;
        let thief = pick(crowd_size);
        let victim = (thief + 1 + pick(crowd_size - 1)) % crowd.len();
        let (thief, victim) = (&crowd[thief], &crowd[victim]);

        let theirs = ask(&thief.client, probe(kind, Some(victim))).await;
        let missing = ask(&thief.client, probe(kind, None)).await;

        let text = String::from_utf8_lossy(&theirs.bytes).into_owned();
        assert!(!text.contains(&victim.mark), "kind {kind}: {text}");
        assert!(
            !theirs
                .headers
                .values()
                .any(|it| it.to_str().unwrap().contains(&victim.mark))
        );
        assert_eq!(theirs.status, missing.status, "kind {kind}");
        // The timestamp, and the attacker's own items, may differ.
        if theirs.status != StatusCode::OK && theirs.status != StatusCode::CREATED {
            assert_eq!(theirs.comparable_headers(), missing.comparable_headers());
            assert_eq!(theirs.comparable(), missing.comparable(), "kind {kind}");
        }
        tried += 1;
    }
    let mut intact = 0;
    for person in &crowd {
        let task = person.client.get(&format!("/tasks/{}", person.task)).await;
        assert_eq!(task.header("etag"), Some("\"1\""));
        let task = task.expect(StatusCode::OK);
        assert_eq!(
            (&task["title"], &task["description"]),
            (&json!(person.mark), &json!(person.mark))
        );
        let me = person.client.get("/auth/me").await.expect(StatusCode::OK);
        assert_eq!(me["display_name"], person.mark);
        for (path, id) in
            [("/auth/sessions", &person.session), ("/auth/tokens", &person.token)]
        {
            let listed = person.client.get(path).await.expect(StatusCode::OK);
            assert_eq!(listed.as_array().unwrap().len(), 1, "{path}");
            assert_eq!(listed[0]["id"], **id);
        }
        intact += 1;
    }
    figure(&format!("{tried} probes of {} people, {intact} as they were", crowd.len()));
}
