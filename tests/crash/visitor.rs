//! Clients that log in and register until the server is gone.

use std::sync::Arc;
use std::sync::Mutex;

use duly::domain::session::Session;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::client::PASSWORD;
use crate::harness::{Answer, Client, Home};

/// Number of log-ins for each registration.
const LOGINS_PER_REGISTRATION: u64 = 4;

/// Visitor with an account that only it logs in to, one log-in at a time, so that their order is known.
#[derive(Debug)]
pub(super) struct Visitor {
    email: String,
    /// Log-ins that may have a session, the oldest first: a token if it was acknowledged. None has been used yet.
    logins: Mutex<Vec<Option<String>>>,
    /// Tokens of sessions whose end was acknowledged.
    ended: Mutex<Vec<String>>,
    /// Accounts whose registration was acknowledged.
    registered: Mutex<Vec<String>>,
}

impl Visitor {
    pub(super) async fn register(client: &Client, number: usize) -> Arc<Self> {
        let email = format!("visitor{number}@example.com");
        client.registered(&email).await;
        let (logins, ended, registered) =
            (Mutex::default(), Mutex::default(), Mutex::default());
        Arc::new(Self { email, logins, ended, registered })
    }

    /// Logs in and registers until the server is gone.
    pub(super) async fn run(self: Arc<Self>, client: Client, cycle: u64) {
        for turn in 0.. {
            let went_on = if turn % LOGINS_PER_REGISTRATION == cycle % 2 {
                self.sign_up(&client, format!("{cycle}-{turn}-{}", self.email)).await
            } else {
                self.log_in(&client).await
            };
            if went_on.is_none() {
                return;
            }
        }
    }

    async fn log_in(&self, client: &Client) -> Option<()> {
        self.logins.lock().unwrap().push(None);
        let answer = try_login(client, &self.email).await?;
        let token = token(&answer.expect(StatusCode::OK));
        *self.logins.lock().unwrap().last_mut().unwrap() = Some(token);
        Some(())
    }

    async fn sign_up(&self, client: &Client, email: String) -> Option<()> {
        let body = json!({ "email": email, "password": PASSWORD }).to_string();
        let json = Some("application/json");
        let answer = client.try_send(Method::POST, "/auth/register", json, body).await;
        answer.ok()?.expect(StatusCode::CREATED);
        self.registered.lock().unwrap().push(email);
        Some(())
    }

    /// Checks that the newest sessions exist and the surplus ones do not, that ended sessions are refused, and that
    /// every new account can log in. Returns the numbers of acknowledged log-ins and registrations that it found
    /// working. Ends all sessions, since the checked ones are no longer the least recently used.
    pub(super) async fn verify(&self, client: &Client) -> (usize, usize) {
        let ended = std::mem::take(&mut *self.ended.lock().unwrap());
        for token in ended {
            let answer = client.with_token(&token).get("/auth/me").await;
            answer.expect_problem(401, "invalid_token");
        }
        let logins = std::mem::take(&mut *self.logins.lock().unwrap());
        let (mut working, mut ended) = (0, Vec::new());
        // Number of later sessions: the certain ones, and the possible ones.
        let (mut surely, mut perhaps) = (0, 0);
        for login in logins.iter().rev() {
            perhaps += 1;
            let Some(token) = login else { continue };
            let answer = client.with_token(token).get("/auth/me").await;
            let (works, newer) = (answer.status == StatusCode::OK, surely);
            assert!(
                works || perhaps > Session::MAX_PER_USER,
                "{newer} newer: it is gone"
            );
            assert!(
                !works || newer < Session::MAX_PER_USER,
                "{newer} newer: still there"
            );
            working += usize::from(works);
            surely += 1;
            ended.push(token.clone());
        }
        let last = client.logged_in(&self.email).await;
        last.post_empty("/auth/logout-all").await.expect(StatusCode::OK);
        *self.ended.lock().unwrap() = ended;

        let registered = std::mem::take(&mut *self.registered.lock().unwrap());
        for email in &registered {
            client.logged_in(email).await;
        }
        (working, registered.len())
    }
}

async fn try_login(client: &Client, email: &str) -> Option<Answer> {
    let form = Some("application/x-www-form-urlencoded");
    let body = format!("username={email}&password={PASSWORD}");
    client.try_send(Method::POST, "/auth/login", form, body).await.ok()
}

fn token(body: &Value) -> String {
    body["access_token"].as_str().unwrap().to_owned()
}

/// Returns the number of accounts.
pub(super) fn accounts(home: &Home) -> usize {
    let output = home.run(&["user", "list"], "");
    assert!(output.status.success(), "{output:?}");
    output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count()
}
