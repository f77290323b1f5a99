//! Tests of a cut at every moment of a workload.

use duly::store::redb::Options;

use super::cut::History;
use super::disk::Disk;
use super::oracle::{Snapshot, check_format, open_thrice};
use super::random::Random;
use super::runner::{Run, new_file, options, run, states};
use super::tally::{Scale, Tally};
use super::workload::workload;

/// Workload after its run, with its history.
pub(super) struct Given {
    pub(super) options: Options,
    pub(super) states: Vec<Snapshot>,
    pub(super) history: History,
    pub(super) run: Run,
}

pub(super) fn given(seed: u64, writes: usize) -> Given {
    let options = options(seed);
    let start = new_file(&options);
    let disk = Disk::new(start.clone());
    let steps = workload(seed, writes);
    let run = run(&disk, &options, &steps);
    let history = History::new(start, disk.log());
    Given { options, states: states(&steps), history, run }
}

#[test]
fn a_power_cut_at_any_moment_loses_nothing_that_was_acknowledged() {
    let tally = Tally::new("cut");
    let scale = Scale::share(60);
    tally.fill(scale, |seed| {
        let given = given(seed, scale.writes);
        let mut random = Random::new(seed);
        for cut in given.history.cuts(&mut random, scale.some, scale.each) {
            let image = given.history.image(cut);
            let outcome = open_thrice(&image, &given.options).and_then(|shown| {
                check_format(&shown, &given.states, given.run.range(cut.at))
            });
            let kind = format!("{}, {:?}", cut.kept.name(), given.options.commit);
            tally.add(&kind, &image, outcome, || format!("seed {seed}, {cut:?}"));
        }
    });
    tally.close();
}
