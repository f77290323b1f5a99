//! Tests of throttling.

use hyper::StatusCode;
use serde_json::json;

use crate::harness::{Answer, Client, Server};

const WRONG: &str = "username=jane@example.com&password=wrong-password";
const RIGHT: &str = "username=jane@example.com&password=password123";

/// Headers that name the client, accepted only from a trusted proxy.
const FORGED: [&str; 4] = ["x-forwarded-for", "forwarded", "x-real-ip", "x-client-ip"];

/// Sends requests until one is throttled, and returns their number and the response.
async fn exhausted(client: &Client) -> (u32, Answer) {
    for count in 0..100 {
        let answer = client.form("/auth/login", WRONG).await;
        if answer.status != StatusCode::UNAUTHORIZED {
            return (count, answer);
        }
    }
    panic!("nobody said anything");
}

/// Checks the headers of a refusal, and returns the exceeded limit, its quota and its window.
fn refusal(answer: Answer) -> (String, u32, u32) {
    let header = |name: &str| answer.header(name).unwrap().to_owned();
    let wait: u32 = header("retry-after").parse().unwrap();
    assert!(wait >= 1);
    let policy = header("ratelimit-policy");
    let mut parts = policy.split(';');
    let name = parts.next().unwrap();
    assert!(name.starts_with('"') && name.ends_with('"') && name.len() > 2, "{policy}");
    let mut number = |key: &str| -> u32 {
        parts.next().unwrap().strip_prefix(key).unwrap().parse().unwrap()
    };
    let (quota, window) = (number("q="), number("w="));
    assert_eq!(header("ratelimit"), format!("{name};r=0;t={wait}"));
    answer.expect_problem(429, "throttled");
    (name.trim_matches('"').to_owned(), quota, window)
}

#[tokio::test]
async fn somebody_who_guesses_is_told_to_wait() {
    let server = Server::with(&["--auth-rate-limit=on"]).await;
    let jane = server.client.registered("jane@example.com").await;

    let (count, answer) = exhausted(&server.client).await;

    assert!((15..30).contains(&count), "after {count}");
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds} s");
    assert_eq!(refusal(answer), ("login".to_owned(), 20, 120));
    // The right password is refused too, or guessing could go on; an existing session still works.
    server.client.form("/auth/login", RIGHT).await.expect_problem(429, "throttled");
    jane.get("/auth/me").await.expect(StatusCode::OK);
    server.client.registered("john@example.com").await;
}

#[tokio::test]
async fn the_right_password_makes_the_wrong_ones_before_it_forgotten() {
    let server = Server::with(&["--auth-rate-limit=on"]).await;
    server.client.registered("jane@example.com").await;

    for _ in 0..2 {
        for _ in 0..15 {
            let answer = server.client.form("/auth/login", WRONG).await;
            answer.expect_problem(401, "wrong_credentials");
        }
        server.client.form("/auth/login", RIGHT).await.expect(StatusCode::OK);
    }
}

#[tokio::test]
async fn a_forged_address_changes_nothing() {
    let server = Server::with(&["--auth-rate-limit=on"]).await;
    let mut tries = 0;
    for number in 0..200 {
        let address = format!("198.51.100.{number}");
        let address = match FORGED[number % 4] {
            "forwarded" => format!("for={address};proto=https"),
            _ => address,
        };
        let forger = server.client.with_header(FORGED[number % 4], &address);
        let answer = forger.form("/auth/login", WRONG).await;
        tries += u32::from(answer.status == StatusCode::UNAUTHORIZED);
    }

    // As without it, plus one for each six seconds of the run.
    assert!((20..25).contains(&tries), "{tries}");
    for name in FORGED {
        let forger = server.client.with_header(name, "198.51.100.7");
        forger.form("/auth/login", WRONG).await.expect_problem(429, "throttled");
    }
}

#[tokio::test]
async fn clients_behind_a_trusted_proxy_are_counted_apart() {
    let flags = ["--auth-rate-limit=on", "--trusted-proxies=127.0.0.1"];
    let server = Server::with(&flags).await;
    server.client.registered("jane@example.com").await;
    let from = |addresses| server.client.with_header("x-forwarded-for", addresses);

    let _told_to_wait = exhausted(&from("198.51.100.7")).await;

    for same in ["198.51.100.7", "192.0.2.1, 198.51.100.7", "::ffff:198.51.100.7"] {
        let answer = from(same).form("/auth/login", RIGHT).await;
        answer.expect_problem(429, "throttled");
    }
    for other in ["198.51.100.8", "198.51.100.7, 198.51.100.9", "2001:db8::7"] {
        from(other).form("/auth/login", RIGHT).await.expect(StatusCode::OK);
    }
    // One customer of a provider has a whole /64.
    let _told_to_wait = exhausted(&from("2001:db8:1::7")).await;
    let neighbour = from("2001:db8:1::ffff:8").form("/auth/login", RIGHT).await;
    neighbour.expect_problem(429, "throttled");
}

#[tokio::test]
async fn registering_is_counted_too() {
    let server = Server::with(&["--auth-rate-limit=on"]).await;
    let mut accounts = 0;
    let refused = loop {
        let account = json!({ "email": format!("j{accounts}@example.com"), "password": "password123" });
        let answer = server.client.post("/auth/register", account).await;
        if answer.status != StatusCode::CREATED {
            break answer;
        }
        accounts += 1;
    };

    assert!((60..70).contains(&accounts), "{accounts}");
    assert_eq!(refusal(refused), ("registration".to_owned(), 60, 360));
    // Log-ins have a limit of their own.
    let log_in = "username=j0@example.com&password=password123";
    server.client.form("/auth/login", log_in).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn requests_are_not_limited_unless_it_is_said() {
    let server = Server::with(&["--auth-rate-limit=on"]).await;
    let jane = server.client.registered("jane@example.com").await;
    for _ in 0..300 {
        jane.get("/auth/me").await.expect(StatusCode::OK);
    }
}

#[tokio::test]
async fn a_limit_of_requests_is_one_for_each_account() {
    let server = Server::with(&["--rate-limit-per-minute=5"]).await;
    let jane = server.client.registered("jane@example.com").await;
    for path in ["/auth/me", "/tasks", "/tasks?limit=1", "/auth/me"] {
        jane.get(path).await.expect(StatusCode::OK);
    }
    let other_session = server.client.logged_in("jane@example.com").await;
    other_session.given_task("a").await;

    let refused = jane.post("/tasks", json!({ "title": "b" })).await;

    assert_eq!(refusal(refused), ("requests".to_owned(), 5, 60));
    let john = server.client.registered("john@example.com").await;
    john.get("/auth/me").await.expect(StatusCode::OK);
    // Neither another session nor a new one avoids the limit.
    for session in [&other_session, &server.client.logged_in("jane@example.com").await] {
        session.get("/tasks").await.expect_problem(429, "throttled");
    }
    // An invalid credential is refused as such, and an operation without a credential is not counted.
    jane.with_token("x").get("/auth/me").await.expect_problem(401, "invalid_token");
    jane.get("!/health").await.expect(StatusCode::OK);
}

/// Checks that distributed guessing is slowed down, and that the owner's own network and sessions are not.
#[tokio::test]
async fn strangers_cannot_lock_the_owner_out() {
    let flags = ["--auth-rate-limit=on", "--trusted-proxies=127.0.0.1"];
    let server = Server::with(&flags).await;
    let from = |address: &str| server.client.with_header("x-forwarded-for", address);
    let home = from("198.51.100.7");
    home.registered("jane@example.com").await;
    let (jane, refresh) = home.granted("jane@example.com").await;

    let mut refused = None;
    for number in 0..200 {
        let stranger = from(&format!("203.0.113.{number}"));
        let answer = stranger.form("/auth/login", WRONG).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            refused = Some((number, answer));
            break;
        }
    }

    let (number, answer) = refused.unwrap();
    assert!((25..60).contains(&number), "after {number}");
    let policy = answer.header("ratelimit-policy").unwrap();
    assert!(policy.starts_with("\"login-stranger\";q="), "{policy}");
    from("192.0.2.99").form("/auth/login", RIGHT).await.expect_problem(429, "throttled");
    // An unregistered email is throttled alike.
    let unknown = "username=nobody@example.com&password=x";
    let mut statuses = Vec::new();
    for number in 0..60 {
        let stranger = from(&format!("203.0.113.{number}"));
        statuses.push(stranger.form("/auth/login", unknown).await.status);
    }
    assert!(statuses.contains(&StatusCode::TOO_MANY_REQUESTS));
    // This holds after the last session there has ended, too.
    let (gone, _) = home.granted("jane@example.com").await;
    gone.post_empty("/auth/logout").await.expect(StatusCode::NO_CONTENT);
    home.form("/auth/login", RIGHT).await.expect(StatusCode::OK);
    jane.get("/auth/me").await.expect(StatusCode::OK);
    let abroad = from("192.0.2.99").refreshed(&refresh).await;
    abroad.unwrap().0.get("/auth/me").await.expect(StatusCode::OK);
}

/// Regression: on a network where the owner is known, a wrong password got 401 where an unregistered email got 429.
#[tokio::test]
async fn log_in_does_not_tell_who_is_registered_where_its_owner_is_known() {
    let flags = ["--auth-rate-limit=on", "--trusted-proxies=127.0.0.1"];
    let server = Server::with(&flags).await;
    let from = |address: &str| server.client.with_header("x-forwarded-for", address);
    let home = from("198.51.100.7");
    home.registered("jane@example.com").await;
    home.logged_in("jane@example.com").await;
    let tried = |form: &'static str| {
        let (home, from) = (home.clone(), &from);
        async move {
            let mut seen = Vec::new();
            // Guesses from known networks count for all strangers, whether the account is known there or not.
            for number in 0..60 {
                let at = match number % 4 {
                    0 => home.clone(),
                    _ => from(&format!("203.0.113.{number}")),
                };
                seen.push(at.form("/auth/login", form).await.status.as_u16());
            }
            seen
        }
    };

    let known = tried(WRONG).await;
    let unknown = tried("username=nobody@example.com&password=wrong-password").await;

    let refused = |seen: &[u16]| seen.iter().position(|it| *it == 429).unwrap();
    // 30, plus one for each six seconds of the run.
    assert!((30..40).contains(&refused(&known)), "{known:?}");
    assert!((30..40).contains(&refused(&unknown)), "{unknown:?}");
    let at_home = known.iter().skip(32).step_by(4).filter(|it| **it == 429);
    assert!(at_home.count() > 0, "{known:?}");
    home.form("/auth/login", RIGHT).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_password_that_is_asked_again_cannot_be_guessed() {
    let server = Server::with(&["--auth-rate-limit=on"]).await;
    let jane = server.client.registered("jane@example.com").await;
    let john = server.client.registered("john@example.com").await;
    let guess = json!({ "current_password": "guess", "new_password": "password124" });
    let mut tried = 0;
    loop {
        let answer = jane.post("/auth/password", guess.clone()).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        answer.expect_refused();
        tried += 1;
        assert!(tried < 20);
    }
    // The limit holds for every operation that asks for the password.
    let body = json!({ "email": "new@example.com", "password": "password123" });
    jane.patch("/auth/me", body).await.expect_problem(429, "throttled");
    // The limit of a stolen session does not keep the owner from ending it in another session.
    let home = server.client.logged_in("jane@example.com").await;
    let other =
        json!({ "current_password": "password123", "new_password": "password125" });
    home.post("/auth/password", other).await.expect(StatusCode::OK);
    jane.get("/auth/me").await.expect_problem(401, "invalid_token");
    home.get("/auth/me").await.expect(StatusCode::OK);
    let change =
        json!({ "current_password": "password123", "new_password": "password124" });
    john.post("/auth/password", change).await.expect(StatusCode::OK);
}
