//! Random histories, of which some requests are undone. What must be undone is computed from the states that were seen
//! between the requests.
//!
//! ```sh
//! DULY_UNDO_HISTORIES=10000 cargo test --release tasks::undo -- --nocapture
//! ```

mod model;

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use self::model::{Kept, Model, State, Undoing};
use super::given;
use crate::harness::{Client, Server};
use crate::long::{Dice, figure, setting};

/// Histories after which an account makes room for the next.
const HISTORIES_OF_AN_ACCOUNT: u64 = 5;

/// Requests of a history.
const REQUESTS: u64 = 12;

/// Account with two credentials that write.
struct Author {
    clients: [Client; 2],
    credentials: [Value; 2],
    dice: Dice,
    model: Model,
    /// Number of the next text, so that no text is used twice.
    next: u64,
    undone: u64,
    refused: u64,
}

impl Author {
    async fn new(server: &Server, seed: u64) -> Self {
        let jane = server.client.registered(&format!("jane{seed}@example.com")).await;
        let token = json!({ "name": "script", "scopes": ["tasks:write", "tasks:read"] });
        let token = jane.post("/auth/tokens", token).await.expect(StatusCode::CREATED);
        let script = jane.with_token(token["token"].as_str().unwrap());
        let sessions = jane.get("/auth/sessions").await.expect(StatusCode::OK);
        Self {
            clients: [jane, script],
            credentials: [sessions[0]["id"].clone(), token["id"].clone()],
            dice: Dice(seed * 7919 + 1),
            model: Model::default(),
            next: 0,
            undone: 0,
            refused: 0,
        }
    }

    /// Reads all tasks.
    async fn state(&self) -> State {
        let tasks = self.clients[0].get("/tasks?limit=200").await.expect(StatusCode::OK);
        let tasks = tasks.as_array().unwrap();
        assert!(tasks.len() < 200, "more than a page");
        model::state(tasks)
    }

    fn text(&mut self) -> String {
        self.next += 1;
        format!("text {}", self.next)
    }

    /// Returns an existing task, if there is one.
    fn any_task(&mut self) -> Option<u64> {
        let ids: Vec<u64> = self.model.now.keys().copied().collect();
        let count = ids.len() as u64;
        (count > 0).then(|| ids[usize::try_from(self.dice.roll(count)).unwrap()])
    }

    fn fields(&mut self) -> Value {
        let mut fields = json!({});
        while fields.as_object().unwrap().is_empty() {
            if self.dice.roll(3) == 0 {
                fields["title"] = self.text().into();
            }
            if self.dice.roll(3) == 0 {
                fields["description"] = self.text().into();
            }
            if self.dice.roll(3) == 0 {
                let day = 1 + self.dice.roll(28);
                let year = 2030 + self.next % 1000;
                fields["due"] = format!("{year}-02-{day:02}").into();
                self.next += 1;
            }
            if self.dice.roll(4) == 0 {
                let all = ["none", "low", "medium", "high", "urgent"];
                let of = usize::try_from(self.dice.roll(5)).unwrap();
                fields["priority"] = all[of].into();
            }
            if self.dice.roll(4) == 0 {
                fields["tags"] = json!([self.text(), "tag"]);
            }
            if self.dice.roll(5) == 0 {
                fields["completed"] = (self.dice.roll(2) == 0).into();
            }
        }
        fields
    }

    /// Returns a random operation of a batch.
    fn operation(&mut self) -> Value {
        let id = self.any_task();
        match (self.dice.roll(10), id) {
            (0..=1, _) | (_, None) => {
                let mut task = self.fields();
                task["title"] = self.text().into();
                task["completed"] = false.into();
                if let Some(parent) = id.filter(|_| self.dice.roll(3) == 0) {
                    task["parent_id"] = parent.into();
                } else if self.dice.roll(4) == 0 {
                    task["recurrence"] = "FREQ=DAILY".into();
                    task["due"] = "2030-01-01".into();
                }
                json!({ "op": "create", "task": task })
            }
            (2..=5, Some(id)) => {
                json!({ "op": "patch", "id": id, "task": self.fields() })
            }
            (6, Some(id)) => json!({ "op": "complete", "id": id }),
            (7, Some(id)) => json!({ "op": "move", "id": id, "to": "last" }),
            (_, Some(id)) => json!({ "op": "delete", "id": id }),
        }
    }

    /// Sends a request of one or several operations, which may be refused, and observes what it has changed.
    async fn request(&mut self) {
        let by = usize::try_from(self.dice.roll(2)).unwrap();
        let trash = self.model.deleted();
        if !trash.is_empty() && self.dice.roll(8) == 0 {
            let id = trash[usize::try_from(self.dice.roll(trash.len() as u64)).unwrap()];
            let path = format!("/tasks/{id}/restore");
            self.clients[by].post(&path, Value::Null).await.expect(StatusCode::OK);
        } else {
            let count = [1, 1, 2, 4][usize::try_from(self.dice.roll(4)).unwrap()];
            let mut operations: Vec<Value> = Vec::new();
            for _ in 0..count {
                let operation = self.operation();
                // A value that comes and goes within one request leaves no difference.
                let id = &operation["id"];
                if id.is_null() || operations.iter().all(|other| other["id"] != *id) {
                    operations.push(operation);
                }
            }
            let batch = json!({ "operations": operations, "atomic": false });
            self.clients[by].post("/tasks/batch", batch).await.expect(StatusCode::OK);
        }
        self.observe(by).await;
    }

    /// Adds the last request to the model, with its number.
    async fn observe(&mut self, by: usize) {
        let after = self.state().await;
        let Some(changed) = self.model.changed(&after) else { return };
        let last = if after.contains_key(&changed) {
            let history = self.clients[0].get(&format!("/tasks/{changed}/history")).await;
            history.expect(StatusCode::OK)[0].clone()
        } else {
            let trash = self.clients[0].get("/trash?limit=200").await;
            let trash = trash.expect(StatusCode::OK);
            let found = trash.as_array().unwrap().iter();
            let mut found = found.filter(|it| it["task"]["id"] == changed);
            let found = found.next_back().unwrap().clone();
            json!({ "batch": found["batch"], "at": found["deleted_at"] })
        };
        let at = last["at"].as_str().unwrap().to_owned();
        self.model.add(after, last["batch"].clone(), by, at);
    }

    /// Undoes random requests, and this again.
    async fn undo(&mut self) {
        if self.model.requests.is_empty() {
            return;
        }
        let count = self.model.requests.len() as u64;
        let of = usize::try_from(self.dice.roll(count)).unwrap();
        let one = self.model.requests[of].clone();
        let is_since = self.dice.roll(3) == 0;
        let body = if is_since {
            json!({ "since": one.at, "credential": self.credentials[one.by] })
        } else {
            json!({ "batch": one.batch })
        };
        let is_meant = |number: usize| {
            let it = &self.model.requests[number];
            if is_since { it.by == one.by && it.at >= one.at } else { number == of }
        };
        let expected = self.model.undoing(&is_meant);
        let before = self.model.now.clone();
        let by = usize::try_from(self.dice.roll(2)).unwrap();
        let Some(batch) = self.try_undo(by, body, expected).await else { return };
        let body = json!({ "batch": batch });
        let redone = self.clients[by].post("/undo", body.clone()).await;
        let redone = redone.expect(StatusCode::OK);
        assert_eq!(self.state().await, before, "undoing twice: {redone}");
        self.observe(by).await;
        if self.dice.roll(2) == 0 {
            let body = json!({ "batch": redone["batch"] });
            self.clients[by].post("/undo", body).await.expect(StatusCode::OK);
            self.observe(by).await;
        }
    }

    fn compare_kept(&self, body: &Value, told: &Value, expected: &Kept) {
        let told = model::kept(told);
        let ids = told.keys().chain(expected.keys());
        let wrong = ids.copied().find(|id| told.get(id) != expected.get(id));
        if let Some(id) = wrong {
            let (told, expected) = (told.get(&id), expected.get(&id));
            let steps = self.model.told(id);
            panic!("{body}: {id}: {told:?} instead of {expected:?}, after {steps}");
        }
    }

    /// Undoes something, and returns the number of the new batch if this has changed tasks.
    async fn try_undo(
        &mut self,
        by: usize,
        mut body: Value,
        expected: Undoing,
    ) -> Option<Value> {
        let client = self.clients[by].clone();
        let told = client.post("/undo", body.clone()).await;
        if told.status == StatusCode::NOT_FOUND {
            assert_eq!(
                expected,
                Undoing { state: self.model.now.clone(), ..expected.clone() }
            );
            assert!(expected.kept.is_empty(), "{body}: {expected:?}");
            return None;
        }
        let answer = if expected.kept.is_empty() {
            told.expect(StatusCode::OK)
        } else {
            self.refused += 1;
            let problem = told.expect(StatusCode::CONFLICT);
            self.compare_kept(&body, &problem["kept"], &expected.kept);
            assert_eq!(self.state().await, self.model.now, "{body} has changed tasks");
            body["skip"] = true.into();
            let answer = client.post("/undo", body.clone()).await;
            answer.expect(StatusCode::OK)
        };
        self.compare_kept(&body, &answer["kept"], &expected.kept);
        let after = self.state().await;
        assert_eq!(after, expected.state, "{body}");
        self.undone += 1;
        let batch = answer["batch"].clone();
        assert_eq!(batch.is_null(), after == self.model.now, "{body}");
        self.observe(by).await;
        (!batch.is_null()).then_some(batch)
    }
}

async fn histories(server: Arc<Server>, seeds: Vec<u64>) -> (u64, u64) {
    let (mut undone, mut refused) = (0, 0);
    for some in seeds.chunks(usize::try_from(HISTORIES_OF_AN_ACCOUNT).unwrap()) {
        let mut author = Author::new(&server, some[0]).await;
        for _ in some {
            for _ in 0..REQUESTS {
                server.wait(Duration::from_millis(1));
                author.request().await;
            }
            server.wait(Duration::from_millis(1));
            author.undo().await;
        }
        undone += author.undone;
        refused += author.refused;
    }
    (undone, refused)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn undoing_restores_exactly_the_fields_that_nobody_has_changed_since() {
    const WORKERS: u64 = 4;
    let (server, _) = given().await;
    let server = Arc::new(server);
    let total = setting("DULY_UNDO_HISTORIES", 60);
    let mut workers = JoinSet::new();
    for worker in 0..WORKERS {
        let seeds =
            (0..total).filter(|seed| seed / HISTORIES_OF_AN_ACCOUNT % WORKERS == worker);
        workers.spawn(histories(Arc::clone(&server), seeds.collect()));
    }
    let counts = workers.join_all().await;
    let undone: u64 = counts.iter().map(|it| it.0).sum();
    let refused: u64 = counts.iter().map(|it| it.1).sum();
    figure(&format!("{total} histories, {undone} undone, {refused} with edited tasks"));
    assert!(undone > total / 2, "{undone}");
    assert_eq!(server.store.verify().unwrap().findings, [""; 0]);
}
