//! Clients that create, edit and delete tasks until the server is gone.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::oracle::{Fate, Life, Oracle, revision};
use crate::harness::{Answer, Client};
use crate::long::Dice;

/// Target number of tasks of one writer. Above it the writer deletes, below it the writer creates.
const TASKS_PER_WRITER: usize = 12;

/// Writer that has at most one open request.
pub(super) struct Writer {
    pub(super) number: u64,
    pub(super) cycle: u64,
    pub(super) user: usize,
    pub(super) client: Client,
    pub(super) shared: u64,
    pub(super) oracle: Arc<Oracle>,
}

impl Writer {
    /// Writes until the server is gone.
    pub(super) async fn run(self) {
        let mut dice = Dice(0x9E37_79B9_7F4A_7C15 ^ (self.cycle << 32) ^ self.number);
        let mut own = Vec::new();
        for turn in 0.. {
            let title =
                format!("cycle {} writer {} turn {turn}", self.cycle, self.number);
            let went_on = match dice.roll(10) {
                0 => self.patch_shared(title).await,
                _ if own.is_empty() => self.create(title, &mut own).await,
                1..=3 if own.len() < TASKS_PER_WRITER => {
                    self.create(title, &mut own).await
                }
                4..=7 => {
                    let place = dice.roll(own.len() as u64);
                    self.patch(own[usize::try_from(place).unwrap()], title).await
                }
                _ => {
                    let place = dice.roll(own.len() as u64);
                    self.delete(own.swap_remove(usize::try_from(place).unwrap())).await
                }
            };
            if went_on.is_none() {
                return;
            }
            self.oracle.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns a response with this status, or `None` if the server was killed.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Value,
        wanted: StatusCode,
    ) -> Option<Answer> {
        let (content_type, body) = match &body {
            Value::Null => (None, String::new()),
            body => (Some("application/json"), body.to_string()),
        };
        let answer = self.client.try_send(method, path, content_type, body).await.ok()?;
        assert_eq!(answer.status, wanted, "{}", answer.body);
        Some(answer)
    }

    async fn create(&self, title: String, own: &mut Vec<u64>) -> Option<()> {
        let entry = (self.user, title.clone());
        self.oracle.creating.lock().unwrap().push(entry.clone());
        let body = json!({ "title": title });
        let answer = self.ask(Method::POST, "/tasks", body, StatusCode::CREATED).await?;
        let id = answer.body["id"].as_u64().unwrap();
        self.oracle.creating.lock().unwrap().retain(|creating| *creating != entry);
        let fate = Fate { user: self.user, title, sent: None, life: Life::Alive };
        assert!(
            self.oracle.tasks.lock().unwrap().insert(id, fate).is_none(),
            "{id} again"
        );
        own.push(id);
        Some(())
    }

    async fn patch(&self, id: u64, title: String) -> Option<()> {
        let change = |change: &dyn Fn(&mut Fate)| {
            change(self.oracle.tasks.lock().unwrap().get_mut(&id).unwrap());
        };
        change(&|fate| fate.sent = Some(title.clone()));
        let (path, body) = (format!("/tasks/{id}"), json!({ "title": title }));
        drop(self.ask(Method::PATCH, &path, body, StatusCode::OK).await?);
        change(&|fate| {
            fate.title.clone_from(&title);
            fate.sent = None;
        });
        Some(())
    }

    async fn delete(&self, id: u64) -> Option<()> {
        let live =
            |life| self.oracle.tasks.lock().unwrap().get_mut(&id).unwrap().life = life;
        live(Life::InDoubt);
        let path = format!("/tasks/{id}");
        drop(self.ask(Method::DELETE, &path, Value::Null, StatusCode::NO_CONTENT).await?);
        live(Life::Gone);
        Some(())
    }

    async fn patch_shared(&self, title: String) -> Option<()> {
        let (path, body) = (format!("/tasks/{}", self.shared), json!({ "title": title }));
        let answer = self.ask(Method::PATCH, &path, body, StatusCode::OK).await?;
        let revision = revision(&answer);
        let newest = &mut self.oracle.shared.lock().unwrap()[self.user];
        if newest.0 < revision {
            *newest = (revision, title);
        }
        Some(())
    }
}
