//! Questions on a terminal before something is deleted or replaced.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::process::{Output, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::harness::Home;
use crate::harness::client::PASSWORD;
use crate::harness::process::expect;

const JANE: &str = "jane@example.com";

/// Runs a command at a terminal where somebody types a line. Returns its exit code, its output, and the terminal's.
fn at_terminal(home: &Home, words: &[&str], typed: &str) -> (Output, String) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let terminal = OpenOptions::new().read(true).write(true).open(name).unwrap();
    let mut command = home.command(words);
    command
        .stdin(Stdio::from(terminal.try_clone().unwrap()))
        .stderr(Stdio::from(terminal.try_clone().unwrap()))
        .stdout(Stdio::piped());
    let child = command.spawn().unwrap();
    drop((command, terminal));
    let mut master = File::from(master.as_fd().try_clone_to_owned().unwrap());
    master.write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let mut shown = [0; 4096];
    let length = master.read(&mut shown).unwrap_or_default();
    (output, String::from_utf8_lossy(&shown[..length]).into_owned())
}

fn given() -> Home {
    let home = Home::new();
    expect(home.run(&["user", "add", JANE], PASSWORD), 0);
    expect(home.run(&["backup", "--to", "b.redb"], ""), 0);
    expect(home.run(&["export", "--to", "e.jsonl"], ""), 0);
    home
}

const ASKED: &[(&[&str], &str)] = &[
    (
        &["user", "delete", JANE],
        "Delete jane@example.com with 0 tasks and all else? [y/N]",
    ),
    (&["user", "end-access", "--all"], "End the access of 1 user? [y/N]"),
    (&["restore", "--force", "b.redb"], "Replace ./duly.redb by b.redb"),
    (&["restore", "--user", JANE, "b.redb"], "Change tasks of jane@example.com"),
    (&["import", "--replace", "e.jsonl"], "Change tasks of ./duly.redb"),
];

#[test]
fn nothing_is_deleted_or_replaced_without_a_yes_at_a_terminal() {
    for (words, question) in ASKED {
        let home = given();
        let before = std::fs::read(home.data_file()).unwrap();
        for typed in ["n\n", "\n", "nonsense\n"] {
            let (output, shown) = at_terminal(&home, words, typed);
            assert_eq!(output.status.code(), Some(1), "{words:?}: {shown}");
            assert!(shown.contains(question), "{words:?}: {shown}");
            assert!(shown.contains("nothing was changed"), "{shown}");
        }
        if words[0] == "user" {
            expect(home.run(&["user", "quota", JANE], ""), 0);
        } else {
            assert_eq!(std::fs::read(home.data_file()).unwrap(), before, "{words:?}");
        }
    }
}

#[test]
fn a_yes_a_flag_or_no_terminal_goes_on() {
    for (words, question) in ASKED {
        let (output, shown) = at_terminal(&given(), words, "y\n");
        assert_eq!(output.status.code(), Some(0), "{words:?}: {shown}");
        assert!(shown.contains(question), "{shown}");

        let sure = [*words, &["--yes"]].concat();
        let (output, shown) = at_terminal(&given(), &sure, "n\n");
        assert_eq!(output.status.code(), Some(0), "{words:?}: {shown}");
        assert!(!shown.contains("[y/N]"), "{shown}");

        expect(given().run(words, "n\n"), 0);
    }
}
