//! Tests of errors at startup: each names the problem and its remedy, and leaves no files behind.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::fs::{CWD, Mode, mkfifoat};

use crate::harness::Home;
use crate::harness::client::PASSWORD;
use crate::harness::process::{expect, finish, refused, text};

/// Uid of a user who is neither root nor the owner of any file here.
const STRANGER: u32 = 65_534;

/// Names in the folder of a home, sorted.
fn names(home: &Home) -> Vec<String> {
    let mut names: Vec<String> = home
        .folder
        .path()
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Checks that a start is refused and leaves no files behind; returns the message.
#[track_caller]
fn refused_start(home: &Home, code: i32) -> String {
    let before = names(home);
    let mut serve = home.command(&["serve"]);
    serve.env("LOG_LEVEL", "off");
    let line = refused(finish(serve, ""), code);
    assert_eq!(names(home), before, "{line}");
    line
}

#[test]
fn a_folder_in_place_of_the_data_file_is_a_wrong_setting() {
    let home = Home::new();
    fs::create_dir(home.data_file()).unwrap();

    let line = refused_start(&home, 78);
    assert!(line.contains("duly.redb is a folder: name a file in it"), "{line}");
    for arguments in [&["check"][..], &["user", "add", "a@example.com"], &["upgrade"]] {
        let line = refused(home.run(arguments, PASSWORD), 78);
        assert!(line.contains("duly.redb is a folder"), "{line}");
    }
}

#[test]
fn a_pipe_in_place_of_the_data_file_is_not_waited_for() {
    let home = Home::new();
    mkfifoat(CWD, home.data_file(), Mode::RUSR | Mode::WUSR).unwrap();

    let line = refused_start(&home, 78);

    assert!(line.contains("duly.redb is not a regular file"), "{line}");
}

#[test]
fn a_database_of_the_service_before_is_told_apart_with_the_way_for_its_data() {
    let home = Home::new().set("DATABASE_URL", "redb://./tasks.db");
    let database = [&b"SQLite format 3\0"[..], &[0; 5000]].concat();
    fs::write(home.folder.path().join("tasks.db"), &database).unwrap();

    let line = refused_start(&home, 78);

    assert!(line.contains("tasks.db is an SQLite database"), "{line}");
    assert!(line.contains("POST each of them to /api/v1/tasks"), "{line}");
    assert!(fs::read(home.folder.path().join("tasks.db")).unwrap() == database);
    for url in [
        "sqlite:///./tasks.db",
        "postgresql://jane:hunter2@db/duly",
        "postgresql+psycopg://jane:hunter2@db:5432/tasks",
    ] {
        let home = Home::new().set("DATABASE_URL", url);
        let line = refused_start(&home, 78);
        assert!(line.starts_with("duly: DATABASE_URL names a database that"), "{line}");
        assert!(line.contains("redb://./duly.redb") && line.contains("POST"), "{line}");
        assert!(!line.contains("hunter2"), "{line}");
    }
    let line = refused_start(&Home::new().set("DATABASE_URL", "tasks.db"), 78);
    assert!(line.contains("must begin with redb://"), "{line}");
}

#[test]
fn a_start_that_fails_leaves_no_key_and_no_data_file() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let line = refused_start(&Home::new().set("LISTEN", &listen), 74);
    assert!(line.contains(&listen) && line.contains("set LISTEN to another"), "{line}");

    let home = Home::new();
    fs::write(home.data_file(), "Dear Jane, ".repeat(1000)).unwrap();
    refused_start(&home, 65);

    // The data file already exists at this point, and is removed again.
    let home = Home::new().set("CONTROL_SOCKET", "letter");
    fs::write(home.folder.path().join("letter"), "Dear Jane").unwrap();
    let line = refused_start(&home, 74);
    assert!(line.contains("letter: the path exists and is not a socket"), "{line}");

    // Files from before the start stay.
    expect(home.run(&["user", "add", "jane@example.com"], PASSWORD), 0);
    let key = home.folder.path().join("duly.redb.key");
    fs::write(&key, (b'0'..b'p').collect::<Vec<u8>>()).unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    refused_start(&home, 74);
    assert_eq!(expect(home.run(&["user", "list"], ""), 0).lines().count(), 1);
}

#[test]
fn a_socket_where_somebody_listens_is_told_from_one_that_was_left() {
    let home = Home::new().set("CONTROL_SOCKET", "other.sock");
    let other = UnixListener::bind(home.folder.path().join("other.sock")).unwrap();

    let line = refused_start(&home, 74);

    assert!(line.contains("CONTROL_SOCKET cannot be used (set another path"), "{line}");
    assert!(line.contains("another process is listening on this socket"), "{line}");
    drop(other);
    assert_eq!(home.serve().terminate(), Some(0));
}

#[test]
fn an_address_of_another_machine_is_a_wrong_setting() {
    let line = refused_start(&Home::new().set("LISTEN", "192.0.2.1:8000"), 78);
    assert!(line.contains("LISTEN names an address that this machine does"), "{line}");
}

/// Home that belongs to the stranger, and a copy of the binary that another user may run. `None` without root.
fn foreign(home: Home) -> Option<(Home, PathBuf, tempfile::TempDir)> {
    let bin = tempfile::tempdir().unwrap();
    fs::set_permissions(bin.path(), Permissions::from_mode(0o755)).unwrap();
    let program = bin.path().join("duly");
    fs::copy(env!("CARGO_BIN_EXE_duly"), &program).unwrap();
    chown(home.folder.path(), Some(STRANGER), Some(STRANGER)).ok()?;
    Some((home, program, bin))
}

/// Runs a command as the stranger.
fn as_stranger(
    home: &Home,
    program: &PathBuf,
    arguments: &[&str],
) -> std::process::Output {
    let duly = home.command(&[]);
    let mut command = Command::new(program);
    command.args(arguments).current_dir(home.folder.path()).env_clear();
    command.envs(duly.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("LOG_LEVEL", "off").uid(STRANGER).gid(STRANGER);
    finish(command, PASSWORD)
}

/// Needs root, as in CI; tests nothing without it.
#[test]
fn a_folder_that_may_not_be_written_is_blamed_itself() {
    let Some((home, program, _bin)) = foreign(Home::new()) else { return };
    let path = home.folder.path();
    fs::set_permissions(path, Permissions::from_mode(0o555)).unwrap();
    for arguments in [&["serve"][..], &["user", "add", "jane@example.com"]] {
        let line = refused(as_stranger(&home, &program, arguments), 78);
        assert!(line.contains("duly.redb cannot be created: user 65534"), "{line}");
        assert!(line.contains("may not write to the folder"), "{line}");
        assert!(!line.contains("SECRET_KEY_FILE"), "{line}");
    }
    // Once the data file exists, the key cannot be created.
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    expect(as_stranger(&home, &program, &["user", "add", "jane@example.com"]), 0);
    fs::set_permissions(path, Permissions::from_mode(0o555)).unwrap();
    let line =
        refused(as_stranger(&home, &program, &["serve", "--control-socket", "off"]), 78);
    assert!(
        line.contains("DATABASE_URL names a file in a folder where the key"),
        "{line}"
    );
    assert!(line.contains("may not write to the folder"), "{line}");
    for arguments in [&["backup", "--to", "b.redb"][..], &["export", "--to", "e.jsonl"]] {
        let line = refused(as_stranger(&home, &program, arguments), 74);
        assert!(line.contains("may not write to the folder"), "{line}");
    }
}

/// Needs root, as in CI; tests nothing without it.
#[test]
fn a_data_file_of_somebody_else_is_named_with_its_owner() {
    let Some((home, program, _bin)) = foreign(Home::new()) else { return };
    expect(home.run(&["user", "add", "jane@example.com"], PASSWORD), 0);
    chown(home.data_file(), Some(0), Some(0)).unwrap();

    let line = refused(as_stranger(&home, &program, &["serve"]), 78);

    assert!(line.contains("it belongs to user 0 and has mode 600"), "{line}");
}

/// Needs root, as in CI; tests nothing without it.
#[test]
fn a_port_that_takes_a_right_is_named_with_the_way_to_it() {
    let home = Home::new().set("LISTEN", "127.0.0.1:80");
    let Some((home, program, _bin)) = foreign(home) else { return };
    // Some systems grant the right to every user.
    let least = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    if least.is_ok_and(|least| least.trim() != "1024") {
        return;
    }

    let line = refused(as_stranger(&home, &program, &["serve"]), 78);

    assert!(line.contains("LISTEN names port 80, which requires a privilege"), "{line}");
}

#[test]
fn a_first_start_at_a_terminal_says_what_to_do_next() {
    let home = Home::new();
    let shown = |home: &Home| {
        let controller = rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR).unwrap();
        rustix::pty::grantpt(&controller).unwrap();
        rustix::pty::unlockpt(&controller).unwrap();
        let name = rustix::pty::ptsname(&controller, Vec::new()).unwrap();
        let terminal = fs::OpenOptions::new().write(true).open(name.to_str().unwrap());
        let mut serve = home.command(&["serve"]);
        serve.stdin(Stdio::null()).stderr(Stdio::from(terminal.unwrap()));
        let mut child = serve.spawn().unwrap();
        // The output ends with the server.
        drop(serve);
        let mut seen = String::new();
        let mut buffer = [0; 4096];
        while !seen.contains("stopped") {
            let Ok(count) = rustix::io::read(&controller, &mut buffer) else { break };
            seen.push_str(&text(&buffer[..count]));
            if seen.contains("listening") && !seen.contains("stopping") {
                let kill = format!("kill -TERM {}", child.id());
                Command::new("sh").arg("-c").arg(kill).status().unwrap();
            }
        }
        assert_eq!(child.wait().unwrap().code(), Some(0));
        seen
    };

    let seen = shown(&home);
    assert!(seen.contains("Open http://localhost:"), "{seen}");
    assert!(seen.contains("/docs"), "{seen}");
    assert!(seen.contains("duly user add --admin you@example.com"), "{seen}");

    expect(home.run(&["user", "add", "jane@example.com"], PASSWORD), 0);
    let seen = shown(&home);
    assert!(seen.contains("listening") && !seen.contains("user add"), "{seen}");
}

/// Needs Git; tests nothing without it.
#[test]
fn git_ignores_what_duly_makes() {
    let root = env!("CARGO_MANIFEST_DIR");
    let ignored = |name: &str| {
        let mut git = Command::new("git");
        git.args(["-C", root, "check-ignore", "--quiet", "--no-index", name]);
        git.stderr(Stdio::null()).status().ok()?.code()
    };
    if ignored("target") != Some(0) {
        return;
    }
    for name in [
        ".env",
        "duly.redb",
        "duly.redb.key",
        "duly.redb.sock",
        "duly.redb.replaced",
        "duly.redb.replaced.2",
        "duly.redb.format-3",
        "duly-20300101T000000.000Z.redb",
        "duly-20300101T000000.000Z.redb.0123456789abcdef.partial",
        "everything.jsonl",
        "jane.jsonl.0123456789abcdef.partial",
        "backups/monday.redb",
        "key.pem",
        "old.key",
    ] {
        assert_eq!(ignored(name), Some(0), "{name}");
    }
    for name in ["README.md", "src/main.rs", "tests/fixtures/format-9.jsonl"] {
        assert_eq!(ignored(name), Some(1), "{name}");
    }
}
