//! Benchmarks of the store, compared with SQLite and with alternative designs of the store.
//!
//! `cargo bench --bench storage` takes about twenty minutes and 5 GB of disk under the temporary folder; with
//! `-- create/100k`, one kind of work at one size takes a minute or two. `cargo bench --bench storage -- --test` runs
//! everything once on a small scale. Compare figures of one run only.

#![expect(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench prints, and one that panics has failed"
)]

mod commit;
mod crash;
mod data;
mod duly;
mod encode;
mod engine;
mod growth;
mod lists;
mod sqlite;
mod store;
#[path = "../../tests/harness/tasks.rs"]
mod tasks;

use std::time::Duration;

use criterion::Criterion;

fn main() {
    if crash::is_child() {
        return crash::child();
    }
    if std::env::args().any(|argument| argument == "lists") {
        return lists::report();
    }
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .without_plots()
        .configure_from_args();
    encode::bench(&mut criterion);
    store::bench(&mut criterion);
    if !engine::is_of_work() {
        commit::bench(&mut criterion);
    }
    if !engine::is_filtered() {
        lists::report();
        growth::report();
        crash::report();
    }
    criterion.final_summary();
}
