//! Time until a store serves again after its process was killed during writes.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::duly::domain::id::UserId;
use ::duly::store::Store;
use ::duly::store::redb::CommitMode;

use crate::commit::{MODES, files};
use crate::data::{new_task, open, runtime};
use crate::engine::{Dice, is_test};
use crate::tasks::TaskStore as _;

const CHILD: &str = "write-until-killed";

/// Returns whether this process is the child that writes until it is killed.
pub(crate) fn is_child() -> bool {
    std::env::args().nth(1).is_some_and(|argument| argument == CHILD)
}

/// Writes with 64 callers, and reports when the load is well under way.
pub(crate) fn child() {
    let mut arguments = std::env::args().skip(2);
    let (path, mode) = (arguments.next().unwrap(), arguments.next().unwrap());
    let owners = arguments.next().unwrap().parse().unwrap();
    let store = Arc::new(open(Path::new(&path), mode_named(&mode)));
    runtime().block_on(async {
        let mut callers = tokio::task::JoinSet::new();
        for caller in 0..64 {
            let store = Arc::clone(&store);
            callers.spawn(async move {
                let mut dice = Dice::new();
                for n in 4_000_000_usize.. {
                    let owner =
                        UserId::new(1 + u64::try_from(dice.below(owners)).unwrap());
                    store.task_create(owner, new_task(n, None)).await.unwrap().unwrap();
                    if caller == 0 && n == 4_000_050 {
                        println!("writing");
                    }
                }
            });
        }
        callers.join_all().await;
    });
}

fn mode_named(name: &str) -> CommitMode {
    MODES.iter().find(|(known, _)| *known == name).unwrap().1
}

pub(crate) fn report() {
    let times = if is_test() { 1 } else { 5 };
    for file in files() {
        for (name, mode) in MODES {
            let path = file.copy("crash");
            let mut took: Vec<Duration> = Vec::new();
            for _ in 0..times {
                kill_while_writing(&path, name, file.data.owners.len());
                took.push(serve_again(&path, mode, file.data.tasks[0]));
            }
            took.sort_unstable();
            let (least, median) = (took[0], took[took.len() / 2]);
            println!("reopen/{}/{name}: median {median:?}, least {least:?}", file.name);
        }
    }
}

fn kill_while_writing(path: &Path, mode: &str, owners: usize) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([CHILD, path.to_str().unwrap(), mode, &owners.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "writing\n");
    child.kill().unwrap();
    child.wait().unwrap();
}

fn serve_again(
    path: &Path,
    mode: CommitMode,
    (owner, task): (UserId, ::duly::domain::id::TaskId),
) -> Duration {
    let runtime = runtime();
    let started = Instant::now();
    let store = open(path, mode);
    let found = runtime.block_on(store.task_get(owner, task)).unwrap();
    let took = started.elapsed();
    assert!(found.is_some());
    took
}
