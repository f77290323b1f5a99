//! Tests of a server whose log output, or control socket output, is not read: it serves, and it stops. The long form:
//!
//! ```text
//! DULY_LOG_REQUESTS=10000 cargo test --release log:: -- --nocapture
//! ```

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use duly::store::redb::{self, RedbStore};
use serde_json::Value;

use crate::harness::Home;
use crate::harness::client::PASSWORD;
use crate::harness::process::expect;
use crate::long::setting;

/// Longest time that a test waits for an event.
const PATIENCE: Duration = Duration::from_secs(60);

/// Number of requests to a server whose log is not read.
fn requests() -> u64 {
    setting("DULY_LOG_REQUESTS", 300)
}

/// Number of requests that overflows the log queue and the pipe.
const OVERFLOW: u64 = 10_000;

/// Server with an unread log, which listens at a known socket. Killed when dropped.
struct Mute {
    home: Home,
    child: Child,
}

impl Mute {
    /// Starts the server through a shell with this redirection, and waits until it listens.
    fn start(redirection: &str, stderr: Stdio) -> Self {
        let home = Home::new();
        let duly = home.command(&[]);
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("exec \"$0\" serve {redirection}")])
            .arg(duly.get_program())
            .current_dir(home.folder.path())
            .env_clear()
            .envs(duly.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .env("LISTEN", "unix:duly.listen")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr);
        let child = command.spawn().unwrap();
        let mute = Self { home, child };
        wait_until(|| mute.connect().is_ok());
        mute
    }

    fn connect(&self) -> std::io::Result<UnixStream> {
        let stream = UnixStream::connect(self.home.folder.path().join("duly.listen"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    /// Sends this many requests, each of which gets a response.
    fn ask(&self, count: u64) {
        let mut stream = BufReader::new(self.connect().unwrap());
        for _ in 0..count {
            let request = "GET /api/v1/health HTTP/1.1\r\nHost: duly\r\n\r\n";
            stream.get_mut().write_all(request.as_bytes()).unwrap();
            let (mut length, mut line) = (0, String::new());
            stream.read_line(&mut line).unwrap();
            assert!(line.starts_with("HTTP/1.1 200 "), "{line}");
            while line != "\r\n" {
                line.clear();
                assert_ne!(stream.read_line(&mut line).unwrap(), 0);
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            stream.read_exact(&mut vec![0; length]).unwrap();
        }
    }

    fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Asks the server to end, and returns its exit code.
    fn terminate(&mut self) -> Option<i32> {
        self.signal("TERM");
        wait_until(|| matches!(self.child.try_wait(), Ok(Some(_))));
        self.child.wait().ok()?.code()
    }
}

impl Drop for Mute {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn signal(child: &Child, name: &str) {
    let kill = format!("kill -{name} {}", child.id());
    assert!(Command::new("sh").arg("-c").arg(kill).status().unwrap().success());
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not in {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_server_whose_standard_error_takes_nothing_serves_and_stops() {
    for redirection in ["2>&-", "2>/dev/full", ">&- 2>&-", "2>/dev/full >&2"] {
        let mut server = Mute::start(redirection, Stdio::inherit());
        server.ask(requests());
        assert_eq!(server.terminate(), Some(0), "{redirection}");
    }
}

#[test]
fn a_server_whose_log_was_closed_by_its_reader_serves_and_stops() {
    let mut server = Mute::start("", Stdio::piped());
    drop(server.child.stderr.take());
    server.ask(requests());
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_server_whose_log_nobody_reads_serves_and_stops() {
    let mut server = Mute::start("", Stdio::piped());
    server.ask(OVERFLOW.max(requests()));
    assert_eq!(server.terminate(), Some(0));
}

/// Number of lost lines that the log reports.
fn lost(lines: &[Value]) -> u64 {
    let is_report = |line: &&Value| line["message"] == "lost log lines";
    lines.iter().rev().find(is_report).map_or(0, |line| line["total"].as_u64().unwrap())
}

#[test]
fn lines_that_a_slow_reader_of_the_log_makes_lost_are_counted_there() {
    let mut server = Mute::start("", Stdio::piped());
    server.ask(OVERFLOW);

    // The log is read again.
    let log = BufReader::new(server.child.stderr.take().unwrap());
    let parse = |line: std::io::Result<String>| -> Value {
        serde_json::from_str(&line.unwrap()).unwrap()
    };
    let mut log = log.lines().map(parse);
    let mut lines: Vec<Value> = Vec::new();
    while lost(&lines[lines.len().saturating_sub(1)..]) == 0 {
        lines.push(log.next().unwrap());
    }
    server.ask(1);
    assert_eq!(server.terminate(), Some(0));
    lines.extend(log);

    let told = lines.iter().filter(|line| line["message"] == "request served").count();
    let told = u64::try_from(told).unwrap();
    assert!(told < OVERFLOW, "nothing was lost");
    assert_eq!(told + lost(&lines), OVERFLOW + 1);
    assert_eq!(lines.last().unwrap()["message"], "stopped", "what came later is there");
}

#[test]
fn a_failed_start_says_so_also_if_nobody_reads() {
    let home = Home::new().set("LISTEN", "unix:/no/such/folder/duly.listen");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    let mut filler = writer.try_clone().unwrap();
    rustix::io::ioctl_fionbio(&filler, true).unwrap();
    while filler.write(&[b'x'; 4096]).is_ok() {}
    rustix::io::ioctl_fionbio(&filler, false).unwrap();
    for stderr in [Stdio::from(full), Stdio::from(writer)] {
        let status = home.command(&["serve"]).stderr(stderr).status().unwrap();
        assert_eq!(status.code(), Some(74));
    }
    drop(reader);
}

#[test]
fn signals_that_mean_nothing_end_no_server() {
    let mut server = Mute::start("", Stdio::null());
    for name in ["USR1", "USR2", "ALRM", "VTALRM", "PROF", "HUP"] {
        server.signal(name);
        server.ask(1);
    }
    if cfg!(target_os = "linux") {
        // SIGSTKFLT, SIGIO, SIGPWR and some real-time signals.
        for name in ["16", "29", "30", "36", "50", "64"] {
            server.signal(name);
            server.ask(1);
        }
    }
    assert_eq!(server.terminate(), Some(0));
}

#[tokio::test]
async fn a_client_of_the_control_socket_that_reads_nothing_does_not_hold_the_server() {
    let home = Home::new();
    expect(home.run(&["user", "add", "jane@example.com"], PASSWORD), 0);
    let store = RedbStore::open(&home.data_file(), &redb::Options::default()).unwrap();
    // More than the socket buffers hold.
    crate::crash::fill(&store, 4 << 20).await;
    drop(store);
    let mut server = home.serve();
    let socket = home.folder.path().join("duly.redb.sock");
    let mut stuck = UnixStream::connect(socket).unwrap();
    let export = "{\"version\":1,\"command\":{\"export\":{\"email\":null}}}\n";
    stuck.write_all(export.as_bytes()).unwrap();
    // Waits until the server is blocked by the reader.
    let (mut before, mut looks) = (0, 0);
    wait_until(|| {
        let now = rustix::io::ioctl_fionread(&stuck).unwrap();
        looks = if now == before && now > 0 { looks + 1 } else { 0 };
        before = now;
        looks > 40
    });

    signal(&server.child, "TERM");

    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    let log: Vec<String> = server.log.iter().collect();
    assert!(log.iter().any(|line| line.contains("\"stopped\"")), "{log:?}");
    assert!(!log.iter().any(|line| line.contains("still running")), "{log:?}");
}
