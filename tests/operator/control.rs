//! Tests of commands that reach a running server through its control socket.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;

use serde_json::Value;

use super::{JANE, JOHN, everything, given_people, home, is_logged_in, names, path_in};
use crate::harness::Home;
use crate::harness::client::PASSWORD;
use crate::harness::process::{expect, finish, refused, text};

fn socket(home: &Home) -> std::path::PathBuf {
    path_in(home, "duly.redb.sock")
}

#[tokio::test]
async fn accounts_are_managed_while_the_server_runs() {
    let home = home();
    let server = home.serve();

    let said = expect(home.run(&["user", "add", JANE], PASSWORD), 0);
    assert_eq!(said, "added user 1, Jane@example.com\n");
    let jane = server.client().logged_in(JANE).await;
    let taken = refused(home.run(&["user", "add", "jane@EXAMPLE.com"], PASSWORD), 1);
    assert!(taken.contains("registered"), "{taken}");
    refused(home.run(&["user", "add", "no address"], PASSWORD), 64);
    refused(home.run(&["user", "add", JOHN], "short"), 64);
    let listed = expect(home.run(&["user", "list"], ""), 0);
    assert!(listed.starts_with("1\tuser\t20") && listed.ends_with(JANE_LINE), "{listed}");

    expect(home.run(&["user", "set-password", JANE], PASSWORD), 0);
    assert!(!is_logged_in(&server, &jane).await, "sessions end at once");
    let jane = server.client().logged_in(JANE).await;

    expect(home.run(&["user", "delete", JANE], ""), 0);
    assert!(!is_logged_in(&server, &jane).await, "sessions end at once");
    refused(home.run(&["user", "delete", JANE], ""), 1);
}

/// Line of Jane, who has a session and no tasks.
const JANE_LINE: &str = "\tJane@example.com\t0\t144\n";

#[tokio::test]
async fn a_running_server_is_checked_and_exported() {
    let home = home();
    let server = home.serve();
    given_people(&server).await;

    let checked = expect(home.run(&["check"], ""), 0);
    let running = everything(&home);

    let sound = "2 users, 2 sessions, 0 tokens, 3 tasks, 0 rows to purge: 0 problems\n";
    assert_eq!(checked, sound);
    assert_eq!(server.terminate(), Some(0));
    assert_eq!(everything(&home), running);
    assert_eq!(expect(home.run(&["check"], ""), 0), sound);
}

#[test]
fn the_socket_is_for_its_owner_alone_and_goes_with_the_server() {
    let home = home();
    let server = home.serve();
    let mode = fs::metadata(socket(&home)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    assert_eq!(server.terminate(), Some(0));

    assert!(!socket(&home).exists());
}

/// Needs root, as in CI, to act as another user; tests nothing without it.
#[test]
fn somebody_else_gets_no_answer_even_if_the_socket_is_open_to_all() {
    let home = home();
    let server = home.serve();
    expect(home.run(&["user", "add", JANE], PASSWORD), 0);
    for path in [home.folder.path(), &socket(&home)] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    }
    // Copy of the binary that every user may run, wherever the build is.
    let program = path_in(&home, "duly");
    fs::copy(env!("CARGO_BIN_EXE_duly"), &program).unwrap();
    let mut command = std::process::Command::new(program);
    command.args(["user", "list"]).current_dir(home.folder.path()).env_clear();
    command.uid(65_534).gid(65_534);
    if command.output().is_err() {
        return;
    }

    let output = finish(command, "");

    assert_eq!(text(&output.stdout), "", "not a line");
    let line = refused(output, 74);
    assert!(line.contains("only from its own user and from root"), "{line}");
    server.wait_for_log("rejected a control connection from another user");
    expect(home.run(&["user", "list"], ""), 0);
}

/// Needs root, as in CI; tests nothing without it.
#[test]
fn what_root_makes_for_the_server_is_the_servers() {
    let home = home().set("BACKUP_DIR", "backups");
    if chown(home.folder.path(), Some(65_534), Some(65_534)).is_err() {
        return;
    }

    expect(home.run(&["user", "add", JANE], PASSWORD), 0);
    expect(home.run(&["backup"], ""), 0);

    let backups = path_in(&home, "backups");
    let name = &names(&backups)[0];
    for path in [home.data_file(), backups.clone(), backups.join(name)] {
        assert_eq!(fs::metadata(&path).unwrap().uid(), 65_534, "{path:?}");
    }
    // A path that root has chosen belongs to root.
    expect(home.run(&["backup", "--to", "b.redb"], ""), 0);
    assert_eq!(fs::metadata(path_in(&home, "b.redb")).unwrap().uid(), 0);
}

/// Needs root and Python, as in CI; tests nothing without them.
#[test]
fn nobody_but_the_server_is_told_a_password() {
    let home = home().set("CONTROL_SOCKET", "fake.sock");
    fs::set_permissions(home.folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    // Another user who may create files here, as in /tmp.
    if chown(home.folder.path(), Some(65_534), None).is_err() {
        return;
    }
    let mut fake = std::process::Command::new("python3");
    let script = "import os,socket; os.setuid(65534); s=socket.socket(socket.AF_UNIX); \
                  s.bind('fake.sock'); s.listen(); print('up', flush=True); c,_=s.accept(); \
                  print(c.recv(1000), flush=True)";
    fake.args(["-c", script]).current_dir(home.folder.path());
    let Ok(mut fake) = fake.stdout(std::process::Stdio::piped()).spawn() else { return };
    let mut said = BufReader::new(fake.stdout.take().unwrap()).lines();
    assert_eq!(said.next().unwrap().unwrap(), "up");

    let line = refused(home.run(&["user", "add", JANE], PASSWORD), 74);

    assert!(line.contains("listens there runs as user 65534"), "{line}");
    assert_eq!(said.next().unwrap().unwrap(), "b''", "not a byte");
    fake.wait().unwrap();
}

#[test]
fn a_socket_that_a_crash_left_behind_is_in_nobodys_way() {
    let home = home();
    home.serve().kill();
    assert!(socket(&home).exists());

    expect(home.run(&["user", "add", JANE], PASSWORD), 0);

    let server = home.serve();
    expect(home.run(&["user", "add", JOHN], PASSWORD), 0);
    assert_eq!(server.terminate(), Some(0));
    let users = expect(home.run(&["user", "list"], ""), 0);
    assert_eq!(users.lines().count(), 2, "{users}");
}

#[test]
fn a_dead_socket_is_told_from_a_stopped_server() {
    let home = home();
    let server = home.serve();
    fs::remove_file(socket(&home)).unwrap();

    for arguments in [
        &["user", "list"][..],
        &["user", "add", JANE],
        &["backup", "--to", "b.redb"],
        &["export"],
        &["check"],
        &["upgrade", "--check"],
    ] {
        let line = refused(home.run(arguments, PASSWORD), 73);
        assert!(line.contains("in use") && line.contains("duly.redb.sock"), "{line}");
        assert!(
            line.contains("set CONTROL_SOCKET") && line.contains("restart"),
            "{line}"
        );
    }

    assert!(!path_in(&home, "b.redb").exists());
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn the_socket_may_be_elsewhere() {
    let home = home().set("CONTROL_SOCKET", "other.sock");
    let server = home.serve();
    assert!(path_in(&home, "other.sock").exists() && !socket(&home).exists());
    expect(home.run(&["user", "add", JANE], PASSWORD), 0);
    assert_eq!(server.terminate(), Some(0));
}

/// Replies of the server to some bytes, line by line.
fn answers(home: &Home, sent: &[u8]) -> Vec<Value> {
    let mut stream = UnixStream::connect(socket(home)).unwrap();
    // The server may refuse before it has read everything.
    drop(stream.write_all(sent));
    drop(stream.shutdown(Shutdown::Write));
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    lines.map(|line| serde_json::from_str(&line).unwrap()).collect()
}

#[test]
fn steps_are_told_to_clients_that_ask_for_them_and_to_no_others() {
    let home = home();
    expect(home.run(&["user", "add", JANE], PASSWORD), 0);
    let server = home.serve();
    let steps = |request: &[u8]| {
        let answers = answers(&home, request);
        assert_eq!(answers.last().unwrap(), "done");
        answers.iter().filter(|answer| answer.get("step").is_some()).count()
    };

    assert_eq!(steps(b"{\"version\":1,\"command\":\"check\"}\n"), 0);
    assert!(steps(b"{\"version\":1,\"command\":\"check\",\"steps\":true}\n") > 0);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn nonsense_on_the_socket_is_refused_and_forgotten() {
    let home = home();
    let server = home.serve();
    let refusal = |sent: &[u8]| {
        let answers = answers(&home, sent);
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers[0]["failed"]["code"].as_u64().unwrap()
    };

    assert_eq!(refusal(b"GET / HTTP/1.1\r\n\r\n"), 76);
    assert_eq!(refusal(b"{\"version\":3,\"command\":\"check\"}\n"), 76);
    assert_eq!(refusal(b"{\"version\":1,\"command\":\"halt\"}\n"), 76);
    assert_eq!(refusal(b"{\"version\":1,\"command\":\"backup\"}\n"), 76, "no file");
    assert_eq!(refusal(b""), 76);
    let import = b"{\"version\":1,\"command\":{\"import\":{\"replace\":false}}}\n";
    let sent = [&import[..], &vec![b'x'; 1 << 20]].concat();
    assert_eq!(answers(&home, &sent).len(), 1, "why not, and no counts of nothing");
    drop(answers(&home, &vec![b'x'; 1 << 20]));

    let alive = answers(&home, b"{\"version\":1,\"command\":\"check\"}\n");
    assert_eq!(alive.last().unwrap(), "done");
    assert_eq!(server.terminate(), Some(0));
}
