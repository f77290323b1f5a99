//! Tests of confirmation on a terminal before a deletion or a replacement.

use std::io::{Read as _, Write as _};
use std::process::{Command, Output, Stdio};

use crate::harness::Home;
use crate::harness::client::PASSWORD;
use crate::harness::process::{expect, refused};
use crate::harness::terminal::{rest, terminal};

const JANE: &str = "jane@example.com";

/// Runs a command at a terminal where a line is typed. Returns its output, and that of the terminal.
fn at_terminal(home: &Home, words: &[&str], typed: &str) -> (Output, String) {
    let (terminal, mut master) = terminal();
    let mut command = home.command(words);
    command
        .stdin(Stdio::from(terminal.try_clone().unwrap()))
        .stderr(Stdio::from(terminal.try_clone().unwrap()))
        .stdout(Stdio::piped());
    let child = command.spawn().unwrap();
    drop((command, terminal));
    master.write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output, rest(&mut master))
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
        "Delete jane@example.com with 0 tasks and all other data? [y/N]",
    ),
    (&["user", "end-access", "--all"], "End the access of 1 user? [y/N]"),
    (&["restore", "--force", "b.redb"], "Replace ./duly.redb with b.redb"),
    (&["restore", "--user", JANE, "b.redb"], "Restore tasks of jane@example.com"),
    (&["import", "--replace", "e.jsonl"], "Overwrite tasks in ./duly.redb"),
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

#[test]
fn a_question_that_cannot_be_shown_is_not_taken_for_a_yes() {
    let home = given();
    let (terminal, _typing) = terminal();
    let mut command = home.command(&["user", "delete", JANE]);
    let output = command.stdin(Stdio::from(terminal)).output().unwrap();

    assert!(refused(output, 64).contains("--yes"));
    expect(home.run(&["user", "quota", JANE], ""), 0);
}

#[test]
fn an_interrupt_at_a_question_ends_the_command_at_once_and_changes_nothing() {
    for words in
        [&["restore", "--user", JANE, "b.redb"][..], &["import", "--replace", "e.jsonl"]]
    {
        let home = given();
        let (terminal, mut typing) = terminal();
        let mut command = home.command(words);
        command
            .stdin(Stdio::from(terminal.try_clone().unwrap()))
            .stderr(Stdio::from(terminal));
        let child = command.spawn().unwrap();
        drop(command);
        let mut shown = String::new();
        while !shown.contains("[y/N]") {
            let mut piece = [0; 4096];
            let length = typing.read(&mut piece).unwrap();
            shown.push_str(&String::from_utf8_lossy(&piece[..length]));
        }

        let kill = format!("kill -INT {}", child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());

        assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
        let rest = rest(&mut typing);
        assert!(rest.contains("nothing was changed"), "{rest}");
    }
}
