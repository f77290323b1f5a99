//! The real binary, in a folder of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::Client;

/// How long a process may take to say that it listens.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running `duly serve`. Killed when dropped.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) log: mpsc::Receiver<String>,
}

/// A folder with a data file in it, and the environment that belongs to it.
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

    /// The binary with some arguments, in this folder, with nothing else in its environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_duly"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("LISTEN", "127.0.0.1:0")
            .env("AUTH_RATE_LIMIT", "off")
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end, with this text as its standard input.
    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// Starts the server and waits until it listens.
    pub(crate) fn serve(&self) -> Process {
        let mut child = self
            .command(&["serve"])
            .env("LOG_FORMAT", "json")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, log) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                // The test may not listen any more.
                drop(sender.send(line));
            }
        });
        let address = loop {
            let line =
                log.recv_timeout(PATIENCE).expect("the server says that it listens");
            let line: serde_json::Value = serde_json::from_str(&line).expect(&line);
            if line["message"] == "listening" {
                break line["address"].as_str().unwrap().parse().unwrap();
            }
        };
        Process { child, address, log }
    }
}

impl Process {
    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Kills the process as a power cut would, but for what the kernel has already taken.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the process to end, and returns its exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(&pid).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
