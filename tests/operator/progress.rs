//! Tests of the progress of long commands.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Stdio;

use duly::domain::progress::{Phase, Step};
use duly::store::redb::{CopyError, Progress, RedbStore};

use super::{JANE, home};
use crate::harness::Home;
use crate::harness::client::PASSWORD;
use crate::harness::process::expect;
use crate::harness::terminal::{rest, terminal};
use crate::harness::values::{given_tasks, given_user, open};

/// Steps of a copy of a store into a file, and its outcome.
fn copied(
    store: &RedbStore,
    to: &File,
    then: ControlFlow<()>,
) -> (Vec<Step>, Result<(), CopyError>) {
    let mut steps = Vec::new();
    let mut tell = |step| {
        steps.push(step);
        then
    };
    let progress = &mut Progress::new(&mut tell);
    let outcome = store.copy_into(to, Path::new("copy"), progress).map(|_| ());
    (steps, outcome)
}

#[tokio::test]
async fn a_copy_tells_its_phases_in_order_and_never_goes_back() {
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    let jane = given_user(&*store, "jane@example.com").await;
    given_tasks(&store, jane.id, 300).await;
    let to = tempfile::tempfile().unwrap();

    let (steps, outcome) = copied(&store, &to, ControlFlow::Continue(()));

    outcome.unwrap();
    let mut phases: Vec<_> = steps.iter().map(|step| step.phase).collect();
    phases.dedup();
    let order = [Phase::CopyRows, Phase::Pages, Phase::Compare, Phase::Rows];
    // A phase that ends at once is not reported.
    assert!(phases.iter().is_sorted_by_key(|it| order.iter().position(|of| of == it)));
    assert_eq!((phases.first(), phases.last()), (Some(&order[0]), Some(&order[3])));
    assert!(steps.iter().is_sorted_by_key(|step| step.at), "{steps:?}");
    assert_eq!(steps.last().unwrap().at, Some(Step::WHOLE));
}

#[tokio::test]
async fn a_copy_stops_when_it_is_told_to() {
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    given_user(&*store, "jane@example.com").await;
    let to = tempfile::tempfile().unwrap();

    let (steps, outcome) = copied(&store, &to, ControlFlow::Break(()));

    assert_eq!(steps.len(), 1);
    assert!(matches!(outcome, Err(CopyError::Stopped)), "{outcome:?}");
}

/// Runs a command, and returns its output on a terminal.
fn shown(home: &Home, words: &[&str]) -> String {
    let (terminal, mut master) = terminal();
    let mut command = home.command(words);
    // Nothing is drawn on a terminal that cannot move its cursor.
    command.env("TERM", "xterm");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::from(terminal));
    let mut child = command.spawn().unwrap();
    drop(command);
    let shown = rest(&mut master);
    assert!(child.wait().unwrap().success(), "{words:?}: {shown}");
    shown
}

const LONG: &[(&[&str], &str)] = &[
    (&["export", "--to", "e.jsonl"], "exporting"),
    (&["import", "e.jsonl", "--yes"], "importing"),
    (&["check"], "checking rows"),
    (&["backup", "--to", "b.redb"], "checking rows"),
    (&["upgrade", "--check"], "checking rows"),
];

#[test]
fn long_commands_show_their_progress_at_a_terminal_whether_a_server_runs_or_not() {
    let home = home();
    expect(home.run(&["user", "add", JANE], PASSWORD), 0);
    for is_served in [false, true] {
        let server = is_served.then(|| home.serve());
        for (words, phase) in LONG {
            let shown = shown(&home, words);
            assert!(shown.contains(phase) && shown.contains(" %"), "{words:?}: {shown}");
        }
        for file in ["e.jsonl", "b.redb"] {
            std::fs::remove_file(super::path_in(&home, file)).unwrap();
        }
        if let Some(server) = server {
            assert_eq!(server.terminate(), Some(0));
        }
    }
    let copy: &[&[&str]] = &[
        &["backup", "--to", "b.redb"],
        &["restore", "--force", "--yes", "b.redb"],
        &["restore", "--user", JANE, "--yes", "b.redb"],
        &["compact"],
    ];
    for words in copy {
        let shown = shown(&home, words);
        assert!(shown.contains("checking rows"), "{words:?}: {shown}");
    }
}

#[test]
fn nothing_is_shown_where_no_terminal_is() {
    let home = home();
    expect(home.run(&["user", "add", JANE], PASSWORD), 0);

    let output = home.run(&["check"], "");

    assert!(output.stderr.is_empty(), "{output:?}");
}
