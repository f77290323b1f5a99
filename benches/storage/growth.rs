//! Growth of a file when as much is deleted as is created.

use std::sync::Arc;

use crate::commit::{MODES, files, size_of};
use crate::data::{new_task, open, runtime};
use crate::engine::{Dice, is_test};
use crate::tasks::TaskStore as _;

/// Reports the growth with one caller: each write is a commit, so the bookkeeping weighs most.
pub(crate) fn report() {
    let file = &files()[0];
    let pairs = if is_test() { 10 } else { 20_000 };
    for (name, mode) in MODES {
        let path = file.copy("growth");
        let before = size_of(&path);
        let store = open(&path, mode);
        let data = Arc::clone(&file.data);
        runtime().block_on(async {
            let mut dice = Dice::new();
            for n in 0..pairs {
                let owner = data.owner(&mut dice);
                let new = new_task(3_000_000 + n, None);
                let made = store.task_create(owner, new).await.unwrap().unwrap();
                assert!(store.task_delete(owner, made.id).await.unwrap());
            }
        });
        let open = size_of(&path);
        drop(store);
        let closed = size_of(&path);
        println!(
            "growth/{}/{name}: {pairs} pairs, {} KiB before, {} KiB after, {} KiB closed",
            file.name,
            before >> 10,
            open >> 10,
            closed >> 10
        );
    }
}
