//! Tests of interrupted commands, and of the files that they leave.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use duly::store::redb::{self, RedbStore};
use rustix::fs::{CWD, Mode, mkfifoat};

use super::{JANE, everything, given_stopped, home, names, path_in};
use crate::harness::Home;
use crate::harness::client::PASSWORD;
use crate::harness::process::{expect, refused, text};

/// Longest time that a test waits for an event.
const PATIENCE: Duration = Duration::from_secs(60);

const SIGNALS: [(&str, i32); 3] = [("INT", 130), ("TERM", 143), ("HUP", 129)];

fn spawn(mut command: Command) -> Child {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    let kill = format!("kill -{name} {}", child.id());
    assert!(Command::new("sh").arg("-c").arg(kill).status().unwrap().success());
}

/// Server that accepts commands and never replies.
struct Silent(UnixListener);

impl Silent {
    fn listen(home: &Home) -> Self {
        let path = path_in(home, "duly.redb.sock");
        drop(fs::remove_file(&path));
        Self(UnixListener::bind(path).unwrap())
    }

    /// Waits for a command.
    fn receive(&self) -> BufReader<UnixStream> {
        let mut stream = BufReader::new(self.0.accept().unwrap().0);
        assert_ne!(stream.read_line(&mut String::new()).unwrap(), 0);
        stream
    }
}

/// Sends a signal to a running command, and returns its result.
fn interrupt(child: Child, name: &str) -> Output {
    signal(&child, name);
    child.wait_with_output().unwrap()
}

#[test]
fn a_command_that_waits_for_the_server_is_interrupted_and_leaves_nothing() {
    let home = home();
    let server = Silent::listen(&home);
    let before = names(home.folder.path());
    for (arguments, left) in [
        (&["backup", "--to", "b.redb"][..], "no file was created"),
        (&["backup"], "no file was created"),
        (&["export", "--to", "e.jsonl"], "no file was created"),
        (&["export"], "the output is not a complete export"),
        (&["upgrade", "--check"], "nothing was changed"),
        (&["check"], "nothing was changed"),
    ] {
        for (name, code) in SIGNALS {
            let child = spawn(home.command(arguments));
            let waiting = server.receive();

            let line = refused(interrupt(child, name), code);

            assert_eq!(line, format!("duly: interrupted by SIG{name}: {left}\n"));
            assert_eq!(names(home.folder.path()), before, "{arguments:?}");
            drop(waiting);
        }
    }
}

#[tokio::test]
async fn a_restore_that_is_interrupted_changes_nothing() {
    let (home, _) = given_stopped().await;
    mkfifoat(CWD, path_in(&home, "endless.redb"), Mode::RUSR | Mode::WUSR).unwrap();
    let data = fs::read(home.data_file()).unwrap();
    let before = names(home.folder.path());
    for (name, code) in SIGNALS {
        let child = spawn(home.command(&["restore", "--force", "endless.redb"]));
        // Opens when the command does, and keeps the pipe open.
        let mut backup = OpenOptions::new();
        let backup = backup.write(true).open(path_in(&home, "endless.redb"));
        let mut backup = backup.unwrap();
        backup.write_all(&[0; 4096]).unwrap();
        wait_until(|| names(home.folder.path()).len() > before.len());

        let line = refused(interrupt(child, name), code);

        assert_eq!(
            line,
            format!("duly: interrupted by SIG{name}: nothing was changed\n")
        );
        assert_eq!(names(home.folder.path()), before);
    }
    assert!(fs::read(home.data_file()).unwrap() == data, "to the byte");
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not in {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Lines of an export of one account with this many tasks, without the last one.
fn lines(home: &Home, tasks: u64) -> Vec<String> {
    let exported = expect(home.run(&["export"], ""), 0);
    let lines: Vec<&str> = exported.lines().collect();
    let task = lines.iter().find(|line| line.starts_with("{\"task\":")).unwrap();
    let task = |id: u64| task.replacen("\"id\":1,", &format!("\"id\":{id},"), 1);
    let head = lines[0].replacen("\"next_task_id\":5", "\"next_task_id\":999999", 1);
    let mut made = vec![head, lines[1].to_owned()];
    made.extend((1..=tasks).map(task));
    made
}

#[tokio::test]
async fn an_import_that_is_interrupted_counts_what_it_has_taken_in() {
    let (from, _) = given_stopped().await;
    let whole = lines(&from, 700);
    for is_running in [true, false] {
        let home = home();
        expect(home.run(&["user", "add", JANE], PASSWORD), 0);
        let server = is_running.then(|| home.serve());
        let mut child = spawn(home.command(&["import"]));
        // The command expects more input.
        let mut input = child.stdin.take().unwrap();
        for line in &whole {
            writeln!(input, "{line}").unwrap();
        }
        if is_running {
            wait_until(|| {
                let listed = expect(home.run(&["user", "list"], ""), 0);
                !listed.ends_with("\t0\t0\n")
            });
        } else {
            // The pipe is empty, so the command has read the lines.
            wait_until(|| rustix::io::ioctl_fionread(&input).unwrap() == 0);
        }

        signal(&child, "INT");

        let output = child.wait_with_output().unwrap();
        drop(input);
        let line = text(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{line}");
        let begin = "duly: interrupted by SIGINT: 0 users added, 1 already present; ";
        assert!(line.starts_with(begin), "{line}");
        assert!(
            line.ends_with("; run the same command again to import the rest\n"),
            "{line}"
        );
        drop(server);
        let told: u64 = line[begin.len()..].split(' ').next().unwrap().parse().unwrap();
        let listed = expect(home.run(&["user", "list"], ""), 0);
        assert!(listed.contains(&format!("\t{JANE}\t{told}\t")), "{told}: {listed}");
        assert!(told >= 400, "{told}");
    }
}

#[test]
fn a_signal_that_is_to_be_ignored_is_ignored() {
    let home = home();
    let server = Silent::listen(&home);
    let duly = home.command(&[]);
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' HUP; exec \"$0\" check"])
        .arg(duly.get_program())
        .current_dir(home.folder.path());
    let child = spawn(command);
    let waiting = server.receive();

    signal(&child, "HUP");
    let line = refused(interrupt(child, "TERM"), 143);

    assert!(line.contains("SIGTERM"), "{line}");
    drop(waiting);
}

#[tokio::test]
async fn what_a_killed_run_left_behind_goes_with_the_next_one() {
    let (home, _) = given_stopped().await;
    let server = Silent::listen(&home);
    for arguments in
        [&["backup", "--to", "b.redb"][..], &["backup"], &["export", "--to", "e.jsonl"]]
    {
        let child = spawn(home.command(arguments));
        let waiting = server.receive();
        drop(interrupt(child, "KILL"));
        drop(waiting);
    }
    drop(server);
    let is_partial = |name: &&String| name.ends_with(".partial");
    assert!(names(home.folder.path()).iter().filter(is_partial).count() >= 1);
    // One file that is being written, and one for another path.
    let written = "b.redb.0123456789abcdef.partial";
    let written = File::create(path_in(&home, written)).unwrap();
    written.lock().unwrap();
    fs::write(path_in(&home, "c.redb.0123456789abcdef.partial"), "half").unwrap();

    expect(home.run(&["backup", "--to", "b.redb"], ""), 0);
    expect(home.run(&["backup"], ""), 0);
    expect(home.run(&["export", "--to", "e.jsonl"], ""), 0);

    let names = names(home.folder.path());
    let left: Vec<&String> = names.iter().filter(is_partial).collect();
    assert_eq!(
        left,
        ["b.redb.0123456789abcdef.partial", "c.redb.0123456789abcdef.partial"]
    );
}

#[tokio::test]
async fn a_server_gives_up_a_backup_that_nobody_waits_for() {
    let home = home();
    expect(home.run(&["user", "add", JANE], PASSWORD), 0);
    let store = RedbStore::open(&home.data_file(), &redb::Options::default()).unwrap();
    crate::crash::fill(&store, 16 << 20).await;
    drop(store);
    let server = home.serve();
    let child = spawn(home.command(&["backup", "--to", "b.redb"]));
    server.wait_for_log("received a command");

    refused(interrupt(child, "INT"), 130);

    assert!(!names(home.folder.path()).iter().any(|name| name.starts_with("b.redb")));
    // The disk space is free once the server has closed the file as well.
    let open = format!("/proc/{}/fd", server.child.id());
    wait_until(|| {
        let files = fs::read_dir(&open).into_iter().flatten().flatten();
        let mut files = files.filter_map(|file| file.path().read_link().ok());
        !files.any(|file| file.to_string_lossy().contains("b.redb"))
    });
    assert_eq!(server.terminate(), Some(0));
}

#[tokio::test]
async fn a_compaction_that_is_interrupted_or_killed_loses_nothing() {
    let home = home();
    expect(home.run(&["user", "add", JANE], PASSWORD), 0);
    let store = RedbStore::open(&home.data_file(), &redb::Options::default()).unwrap();
    crate::crash::fill(&store, 4 << 20).await;
    drop(store);
    let (all, size) = (everything(&home), fs::metadata(home.data_file()).unwrap().len());
    let before = names(home.folder.path());
    for (name, code) in [("INT", Some(130)), ("TERM", Some(143)), ("KILL", None)] {
        let child = spawn(home.command(&["compact"]));
        wait_until(|| {
            names(home.folder.path()).iter().any(|it| it.ends_with(".partial"))
        });

        let output = interrupt(child, name);

        assert_eq!(output.status.code(), code, "{}", text(&output.stderr));
        assert_eq!(fs::metadata(home.data_file()).unwrap().len(), size);
        expect(home.run(&["check"], ""), 0);
        assert_eq!(everything(&home), all);
        if code.is_some() {
            assert_eq!(names(home.folder.path()), before);
        }
    }
    expect(home.run(&["compact"], ""), 0);
    assert_eq!(names(home.folder.path()), before);
}
