//! Tests of the running process: its key, its sockets, its health check, and its end.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::json;

use crate::harness::process::{finish, refused};
use crate::harness::{Home, Process};

/// Returns whether the health check of this home passes.
fn is_healthy(home: &Home, listen: &str) -> bool {
    let output = home.run(&["healthcheck", "--listen", listen], "");
    let code = output.status.code();
    assert!(matches!(code, Some(0 | 1)), "{output:?}");
    assert_eq!(output.stderr.is_empty(), code == Some(0), "{output:?}");
    code == Some(0)
}

/// Waits until the process has ended by itself, and returns its exit code.
fn exit_code(process: &mut Process, at_most: Duration) -> Option<i32> {
    let deadline = Instant::now() + at_most;
    loop {
        if let Some(status) = process.child.try_wait().unwrap() {
            return status.code();
        }
        assert!(Instant::now() < deadline, "still running after {at_most:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn more_connections_than_files_may_be_open_are_refused() {
    let home = Home::new();
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "ulimit -n 200; exec \"$0\" serve", env!("CARGO_BIN_EXE_duly")])
        .current_dir(home.folder.path())
        .env_clear()
        .env("LISTEN", "127.0.0.1:0");

    let line = refused(finish(command, ""), 78);

    assert!(line.starts_with("duly: MAX_CONNECTIONS needs 1088 open files"), "{line}");
    assert_eq!(home.folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn the_health_check_asks_the_port() {
    let home = Home::new();
    let server = home.serve();
    let listening = server.listening.clone();
    assert!(is_healthy(&home, &listening));

    assert_eq!(server.terminate(), Some(0));

    assert!(!is_healthy(&home, &listening));
}

#[test]
fn the_health_check_reaches_a_server_that_listens_everywhere() {
    // A free port; no other process takes it in the moment until the server does.
    let probe = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let listen = format!("0.0.0.0:{}", probe.local_addr().unwrap().port());
    drop(probe);
    let home = Home::new().set("LISTEN", &listen);
    assert!(!is_healthy(&home, &listen));

    let server = home.serve();

    assert_eq!(server.listening, listen);
    assert!(is_healthy(&home, &listen));
}

#[test]
fn the_health_check_is_not_fooled_by_a_server_that_says_nothing() {
    let mute = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let listen = mute.local_addr().unwrap().to_string();
    let started = Instant::now();
    assert!(!is_healthy(&Home::new(), &listen));
    assert!(started.elapsed() < Duration::from_secs(8));
}

#[test]
fn a_stale_socket_is_replaced_and_the_own_one_is_removed() {
    let home = Home::new().set("LISTEN", "unix:duly.sock");
    let path = home.folder.path().join("duly.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists() && !is_healthy(&home, "unix:duly.sock"));

    let server = home.serve();
    assert!(is_healthy(&home, "unix:duly.sock"));

    assert_eq!(server.terminate(), Some(0));
    assert!(!path.exists());
    assert!(!is_healthy(&home, "unix:duly.sock"));
}

#[test]
fn a_socket_in_use_is_left_alone() {
    let home = Home::new().set("LISTEN", "unix:duly.sock");
    let server = home.serve();

    let mut second = home.command(&["serve"]);
    second.env("LOG_LEVEL", "off").env("DATABASE_URL", "redb://./other.redb");
    let second = second.output().unwrap();

    assert_eq!(second.status.code(), Some(74), "{second:?}");
    assert!(is_healthy(&home, "unix:duly.sock"));
    drop(server);
}

/// Regression: a mistyped `LISTEN=unix:duly.redb` removed the data file. On Linux a connection to a plain file is
/// refused with the same error as one to a socket without a listener.
#[test]
fn a_file_that_is_no_socket_is_never_removed() {
    let home = Home::new().set("LISTEN", "unix:duly.redb");
    fs::write(home.data_file(), "precious").unwrap();

    let output = home.command(&["serve"]).env("LOG_LEVEL", "off").output().unwrap();

    assert_eq!(output.status.code(), Some(74), "{output:?}");
    assert_eq!(fs::read_to_string(home.data_file()).unwrap(), "precious");
}

#[tokio::test]
async fn the_key_is_made_private_beside_the_data_file_and_kept() {
    let home = Home::new();
    let server = home.serve();
    let jane = server.client().registered("jane@example.com").await;
    assert_eq!(server.terminate(), Some(0));
    let key = home.folder.path().join("duly.redb.key");
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(key.metadata().unwrap().len() >= 32);

    let server = home.serve();

    let again = server.client().with_token(jane.token());
    again.get("/auth/me").await.expect(StatusCode::OK);
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let home = Home::new();
    assert_eq!(home.serve().terminate(), Some(0));
    let key = home.folder.path().join("duly.redb.key");
    for mode in [0o640, 0o604, 0o660] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let output = home.command(&["serve"]).env("LOG_LEVEL", "off").output().unwrap();
        assert_eq!(output.status.code(), Some(78), "{output:?}");
        let line = String::from_utf8(output.stderr).unwrap();
        assert!(
            line.starts_with("duly: SECRET_KEY_FILE ") && line.contains("duly.redb.key")
        );
        assert!(!line.contains(&fs::read_to_string(&key).unwrap()));
    }
}

/// Sends a text and waits until the server has read it.
fn begin(server: &Process, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    stream
}

/// Reads until the server closes.
fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    // A reset counts as a close.
    drop(stream.read_to_end(&mut text));
    String::from_utf8(text).unwrap()
}

#[test]
fn a_server_that_stops_says_so_and_lets_requests_finish() {
    let home = Home::new().set("SHUTDOWN_SECONDS", "5");
    let mut server = home.serve();
    // It has been served once, so the server does not wait for it.
    let mut idle = begin(&server, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut some = [0; 64];
    assert!(idle.read(&mut some).unwrap() > 0);
    let mut ready = begin(&server, "GET /health/ready HTTP/1.1\r\nHost:");
    let form = "username=jane%40example.com&password=password123";
    let login = format!(
        "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n\r\n",
        form.len()
    );
    // The server asks for the body, so it is in the middle of that request; and it has read the others.
    let mut login = begin(&server, &login);
    assert!(login.read(&mut some).unwrap() > 0);
    assert!(some.starts_with(b"HTTP/1.1 100 "));

    server.signal("TERM");
    server.wait_for_log("stopping");
    ready.write_all(b" a\r\n\r\n").unwrap();
    login.write_all(form.as_bytes()).unwrap();

    let (ready, login) = (rest(ready), rest(login));
    assert!(ready.starts_with("HTTP/1.1 503 "), "{ready}");
    assert!(ready.contains(r#""code":"stopping""#), "{ready}");
    assert!(login.starts_with("HTTP/1.1 401 "), "{login}");
    assert!(!rest(idle).contains("HTTP/1.1"));
    assert_eq!(exit_code(&mut server, Duration::from_secs(2)), Some(0));
    assert!(TcpStream::connect(server.address()).is_err());
}

#[test]
fn a_client_that_hangs_holds_the_end_up_for_a_limited_time() {
    for signal in ["TERM", "INT"] {
        let home = Home::new().set("SHUTDOWN_SECONDS", "1");
        let mut server = home.serve();
        let half = begin(&server, "GET /health HTTP/1.1\r\nHost:");
        let body =
            "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n";
        let promised = begin(&server, body);
        let silent = begin(&server, "");
        assert!(is_healthy(&home, &server.listening));

        server.signal(signal);

        assert_eq!(
            exit_code(&mut server, Duration::from_secs(1 + 2)),
            Some(0),
            "{signal}"
        );
        assert!(is_sound(&home));
        drop((half, promised, silent));
    }
}

fn is_sound(home: &Home) -> bool {
    home.run(&["check"], "").status.success()
}

#[test]
fn nothing_but_the_data_file_and_its_key_is_left_behind() {
    let home = Home::new();
    assert_eq!(home.serve().terminate(), Some(0));

    let mut names: Vec<_> = home.folder.path().read_dir().unwrap().collect();
    names.sort_by_key(|entry| entry.as_ref().unwrap().path());

    let names: Vec<_> =
        names.into_iter().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["duly.redb", "duly.redb.key"]);
    assert!(Path::new(&home.data_file()).is_file());
}

#[tokio::test]
async fn a_limit_on_file_sizes_ends_the_server_as_a_full_disk_would() {
    let home = Home::new();
    let mut server = home.serve();
    let client = server.client().registered("a@example.com").await;
    let (pid, limit) = (server.child.id(), home.data_file().metadata().unwrap().len());
    let limit = Rlimit { current: Some(limit), maximum: Some(limit) };
    prlimit(Pid::from_raw(pid.cast_signed()), Resource::Fsize, limit).unwrap();

    let mut written = 0;
    let refused = loop {
        let task = json!({ "title": "grows", "description": "x".repeat(2000) });
        let answer = client.post("/tasks", task).await;
        if answer.status != StatusCode::CREATED {
            break answer.expect(StatusCode::SERVICE_UNAVAILABLE);
        }
        written += 1;
    };
    assert_eq!(exit_code(&mut server, Duration::from_secs(20)), Some(74), "{refused}");

    let server = home.serve();
    let client = server.client().with_token(client.token());
    let page = client.get("/tasks").await;
    let total: u64 = page.header("x-total-count").unwrap().parse().unwrap();
    let doubt = u64::from(refused["code"] == "outcome_unknown");
    assert!(
        (written..=written + doubt).contains(&total),
        "{total}, {written}, {refused}"
    );
}

#[test]
fn a_key_that_the_disk_does_not_take_is_no_wrong_setting() {
    // A supervisor restarts a server whose disk was full, and not one whose settings are wrong.
    let home = Home::new();
    let duly = home.command(&["serve"]);
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -f 0 && exec \"$0\" serve"]).arg(duly.get_program());
    limited.current_dir(home.folder.path()).env("LISTEN", "127.0.0.1:0");

    let output = finish(limited, "");

    assert_eq!(output.status.code(), Some(74), "{output:?}");
    assert_eq!(home.folder.path().read_dir().unwrap().count(), 0);
}
