//! kill -9 in the middle of 64 writers: whatever was acknowledged is there afterwards.
//!
//! `cargo test` kills a few times on a small file. The long form:
//!
//! ```text
//! DULY_CRASH_CYCLES=50 DULY_CRASH_FILL_MB=100 cargo test --release crash -- --nocapture
//! ```
//!
//! | variable | default | |
//! |---|---|---|
//! | `DULY_CRASH_CYCLES` | 3 | how often the server is killed |
//! | `DULY_CRASH_FILL_MB` | 0 | size of the data file before the first time, in MB |
//!
//! It prints how long the server took to serve again after each kill. What a process that is killed cannot
//! show is whether writes had reached the disk itself, since the kernel keeps what it was given.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use duly::domain::task::{Description, NewTask, Title};
use duly::domain::timestamp::Timestamp;
use duly::store::Store as _;
use duly::store::redb::{self, RedbStore};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::client::PASSWORD;
use crate::harness::{Answer, Client, Home};

const WRITERS: u64 = 64;
const USERS: usize = 4;

/// Tasks that one writer keeps. With more it deletes, with fewer it makes new ones.
const TASKS_PER_WRITER: usize = 12;

/// Longest time that enough writes may take to be acknowledged.
const PATIENCE: Duration = Duration::from_secs(60);

/// A number from the environment.
pub(crate) fn setting(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |value| value.parse().expect(variable))
}

/// Prints a figure for whoever runs the long form.
#[expect(clippy::print_stderr, reason = "shown with --nocapture only")]
pub(crate) fn figure(line: &str) {
    eprintln!("{line}");
}

/// Adds tasks of about 2 KB to the first account until the data has this many bytes.
pub(crate) async fn fill(store: &RedbStore, bytes: u64) {
    const TOGETHER: u64 = 128;
    let owner = store.user_list(None, 1).await.unwrap()[0].id;
    for round in 0..bytes / 2048 / TOGETHER {
        let rows = (0..TOGETHER).map(|row| {
            store.task_create(
                owner,
                NewTask {
                    title: Title::new(format!("filling {round} {row}")).unwrap(),
                    description: Some(Description::new("x".repeat(1950)).unwrap()),
                    completed: row % 2 == 0,
                    created_at: Timestamp::EPOCH,
                },
            )
        });
        // All at once, so that they share a commit.
        let mut rows: Vec<_> = rows.collect();
        std::future::poll_fn(|cx| {
            rows.retain_mut(|row| match row.as_mut().poll(cx) {
                Poll::Ready(made) => {
                    assert!(made.unwrap().is_some());
                    false
                }
                Poll::Pending => true,
            });
            if rows.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// What is known of a task.
#[derive(Clone, Debug)]
struct Fate {
    user: usize,
    /// The last title that was acknowledged.
    title: String,
    /// A title that was sent after it, and not answered.
    sent: Option<String>,
    life: Life,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Alive,
    /// A deletion was sent and not answered.
    InDoubt,
    Gone,
}

/// Everything that the server has acknowledged, and what it was asked and has not answered.
#[derive(Debug, Default)]
struct Oracle {
    tasks: Mutex<BTreeMap<u64, Fate>>,
    /// Creations that were not answered: user and title.
    creating: Mutex<Vec<(usize, String)>>,
    /// The newest acknowledged state of each user's one task that all writers fight for: revision and title.
    shared: Mutex<Vec<(u64, String)>>,
    acknowledged: AtomicU64,
}

/// Numbers that look random, the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// One of the clients. Never has more than one request under way.
struct Writer {
    number: u64,
    cycle: u64,
    user: usize,
    client: Client,
    shared: u64,
    oracle: Arc<Oracle>,
}

impl Writer {
    /// Writes until the server is gone.
    async fn run(self) {
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

    /// An answer with this status, or `None` if the server was killed.
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

fn revision(answer: &Answer) -> u64 {
    answer.header("etag").unwrap().trim_matches('"').parse().unwrap()
}

/// The people whose tasks are written, and what is known about these.
struct Crowd {
    tokens: Vec<String>,
    shared: Vec<u64>,
    oracle: Arc<Oracle>,
}

impl Crowd {
    async fn gather(client: &Client) -> Self {
        let (mut tokens, mut shared) = (Vec::new(), Vec::new());
        for user in 0..USERS {
            let client = client.registered(&format!("writer{user}@example.com")).await;
            shared.push(client.given_task("shared").await);
            tokens.push(client.token().to_owned());
        }
        let oracle = Oracle {
            shared: Mutex::new(vec![(1, "shared".to_owned()); USERS]),
            ..Oracle::default()
        };
        Self { tokens, shared, oracle: Arc::new(oracle) }
    }

    /// Lets all writers loose, and returns when this many writes have been acknowledged.
    async fn write(
        &self,
        client: &Client,
        cycle: u64,
        writes: u64,
    ) -> tokio::task::JoinSet<()> {
        let goal = self.oracle.acknowledged.load(Ordering::Relaxed) + writes;
        let mut writers = tokio::task::JoinSet::new();
        for (number, user) in (0..WRITERS).zip((0..USERS).cycle()) {
            let writer = Writer {
                number,
                cycle,
                user,
                client: client.with_token(&self.tokens[user]),
                shared: self.shared[user],
                oracle: Arc::clone(&self.oracle),
            };
            writers.spawn(writer.run());
        }
        let deadline = Instant::now() + PATIENCE;
        while self.oracle.acknowledged.load(Ordering::Relaxed) < goal {
            assert!(Instant::now() < deadline, "too few writes in {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        writers
    }

    /// Compares what the server has with what it must have, and goes on from there.
    async fn verify(&self, client: &Client) {
        let mut known = self.oracle.tasks.lock().unwrap().clone();
        let creating = std::mem::take(&mut *self.oracle.creating.lock().unwrap());
        let mut found = BTreeMap::new();
        for user in 0..USERS {
            let client = client.with_token(&self.tokens[user]);
            for (id, title) in all_tasks(&client).await {
                found.insert(id, (user, title));
            }
            let shared = client.get(&format!("/tasks/{}", self.shared[user])).await;
            let newest = &mut self.oracle.shared.lock().unwrap()[user];
            let now = (revision(&shared), shared.expect(StatusCode::OK)["title"].clone());
            assert!(now.0 >= newest.0, "went back from {newest:?} to {now:?}");
            assert!(
                now.0 > newest.0 || now.1 == newest.1.as_str(),
                "{newest:?}, {now:?}"
            );
            *newest = (now.0, now.1.as_str().unwrap().to_owned());
            found.remove(&self.shared[user]);
        }
        for (id, fate) in &known {
            match (fate.life, found.get(id)) {
                (Life::Alive | Life::InDoubt, Some((user, title))) => {
                    let allowed =
                        *title == fate.title || Some(title) == fate.sent.as_ref();
                    assert!(
                        *user == fate.user && allowed,
                        "{id}: {title:?}, not {fate:?}"
                    );
                }
                (Life::InDoubt | Life::Gone, None) => {}
                (life, now) => panic!("{id} is {now:?}, and must be {life:?}: {fate:?}"),
            }
        }
        for (id, (user, title)) in &found {
            let expected =
                known.contains_key(id) || creating.contains(&(*user, title.clone()));
            assert!(expected, "{id} {title:?} comes from nowhere");
        }
        // In the next cycle everything that is there must stay. New writers do not touch it.
        known.clear();
        for (id, (user, title)) in found {
            known.insert(id, Fate { user, title, sent: None, life: Life::Alive });
        }
        *self.oracle.tasks.lock().unwrap() = known;
    }
}

/// Every task, by id, once the number of them has been found right.
async fn all_tasks(client: &Client) -> BTreeMap<u64, String> {
    let mut tasks = BTreeMap::new();
    loop {
        let page = client.get(&format!("/tasks?limit=200&skip={}", tasks.len())).await;
        let total: usize = page.header("x-total-count").unwrap().parse().unwrap();
        let more = page.header("link").is_some();
        for task in page.expect(StatusCode::OK).as_array().unwrap() {
            let title = task["title"].as_str().unwrap().to_owned();
            assert!(
                tasks.insert(task["id"].as_u64().unwrap(), title).is_none(),
                "{task}"
            );
        }
        if !more {
            assert_eq!(tasks.len(), total);
            return tasks;
        }
    }
}

/// A file with an account and as much more as was asked for.
async fn prepare(home: &Home) {
    let added = home.run(&["user", "add", "bulk@example.com"], PASSWORD);
    assert!(added.status.success(), "{added:?}");
    let megabytes = setting("DULY_CRASH_FILL_MB", 0);
    let store = RedbStore::open(&home.data_file(), &redb::Options::default()).unwrap();
    fill(&store, megabytes * 1_000_000).await;
}

/// Whether a copy of the file, as it lies there after the crash, passes the check.
fn check_copy(home: &Home) {
    let copy = Home::new();
    fs::copy(home.data_file(), copy.data_file()).unwrap();
    let output = copy.run(&["check"], "");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_acknowledged_survives_kill_9() {
    let cycles = setting("DULY_CRASH_CYCLES", 3);
    let home = Home::new()
        .set("LOG_LEVEL", "warn,duly::cli=info")
        .set("ACCESS_TOKEN_EXPIRE_MINUTES", "1440");
    prepare(&home).await;
    let mut server = home.serve();
    let crowd = Crowd::gather(&server.client()).await;

    let mut slowest = Duration::ZERO;
    for cycle in 0..cycles {
        // Some early, some late, none at a boundary of anything.
        let mut writers =
            crowd.write(&server.client(), cycle, 200 + cycle * 389 % 1500).await;
        server.kill();
        while let Some(writer) = writers.join_next().await {
            writer.unwrap();
        }
        check_copy(&home);

        let started = Instant::now();
        server = home.serve();
        server.client().get("!/health/ready").await.expect(StatusCode::OK);
        let took = started.elapsed();
        slowest = slowest.max(took);
        figure(&format!(
            "cycle {cycle}: {} acknowledged so far, {} MB, serving again after {took:?}",
            crowd.oracle.acknowledged.load(Ordering::Relaxed),
            home.data_file().metadata().unwrap().len() / 1_000_000,
        ));
        crowd.verify(&server.client()).await;
    }
    figure(&format!("{cycles} kills: serving again after {slowest:?} at worst"));
    assert_eq!(server.terminate(), Some(0));
    let output = home.run(&["check"], "");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}
