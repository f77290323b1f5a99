//! The real binary, in a folder of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::Client;

/// Longest time until a process reports that it listens.
const PATIENCE: Duration = Duration::from_secs(30);

/// Running `duly serve`. Killed when dropped.
pub(crate) struct Process {
    pub(crate) child: Child,
    /// Address or socket at which the process says it listens.
    pub(crate) listening: String,
    pub(crate) log: mpsc::Receiver<String>,
}

/// Folder with a data file, and its environment.
pub(crate) struct Home {
    pub(crate) folder: tempfile::TempDir,
    settings: Vec<(String, String)>,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), settings: Vec::new() }
    }

    /// Sets one more variable.
    pub(crate) fn set(mut self, variable: &str, value: &str) -> Self {
        self.settings.push((variable.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn data_file(&self) -> PathBuf {
        self.folder.path().join("duly.redb")
    }

    /// Returns a command of the binary with these arguments, in this folder and with no other environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_duly"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("LISTEN", "127.0.0.1:0")
            .env("AUTH_RATE_LIMIT", "off")
            // Set by .ci/teeth alone; no other build reads it.
            .envs(std::env::var_os("DULY_PLANT").map(|bug| ("DULY_PLANT", bug)))
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end, with this text as its standard input.
    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Output {
        finish(self.command(arguments), input)
    }

    /// Starts the server and waits until it listens.
    pub(crate) fn serve(&self) -> Process {
        let mut command = self.command(&["serve"]);
        command.env("LOG_FORMAT", "json");
        Process::start(command)
    }

    /// Like `serve`, after a shell command that ends in `&&`.
    pub(crate) fn serve_through(&self, first: &str) -> Process {
        let duly = self.command(&[]);
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{first} exec \"$0\" serve")])
            .arg(duly.get_program());
        command.current_dir(self.folder.path()).env_clear();
        command.envs(duly.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("LOG_FORMAT", "json");
        Process::start(command)
    }
}

impl Process {
    /// Starts a program that logs like the server, and waits until it listens.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, log) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                // The test may have dropped the receiver.
                drop(sender.send(line));
            }
        });
        let mut process = Self { child, listening: String::new(), log };
        let line = process.wait_for_log("listening");
        line["address"].as_str().unwrap().clone_into(&mut process.listening);
        process
    }

    /// Returns the TCP address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.listening.parse().unwrap()
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.address())
    }

    /// Waits for a log line with this message.
    pub(crate) fn wait_for_log(&self, message: &str) -> serde_json::Value {
        loop {
            let line = self.log.recv_timeout(PATIENCE).expect(message);
            let line: serde_json::Value = serde_json::from_str(&line).expect(&line);
            if line["message"] == message {
                return line;
            }
        }
    }

    /// Kills the process as a power cut would, except for data that the kernel already has.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the process to end, and returns its exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        self.signal("TERM");
        self.child.wait().unwrap().code()
    }

    /// Sends a signal with the shell's built-in `kill`; not every machine has a program of that name.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").arg("-c").arg(kill).status().unwrap().success());
    }
}

/// Runs a program to its end, with this text as its standard input.
pub(crate) fn finish(mut command: Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that refuses its arguments reads nothing.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    child.wait_with_output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Returns the output, if the exit code is as expected.
#[track_caller]
pub(crate) fn expect(output: Output, code: i32) -> String {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}{err}");
    out
}

/// Returns the one line of the error, if the exit code is as expected.
#[track_caller]
pub(crate) fn refused(output: Output, code: i32) -> String {
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.starts_with("duly: "), "{err}");
    err
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
