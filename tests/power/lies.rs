//! Tests of a disk that acknowledges syncs and keeps an arbitrary part.
//!
//! No program can be durable on such a disk. The tests check that verification at the start accepts only a
//! former state: older than the acknowledged writes, but whole. Without verification such a file may give any
//! data, or abort the program: redb can panic in a destructor during a panic. So no test opens one without verification.

use std::sync::atomic::{AtomicU64, Ordering};

use duly::store::OpenError;
use duly::store::redb::Options;

use super::cut::History;
use super::disk::Disk;
use super::oracle::{Snapshot, Unseen, check_format, open_damaged};
use super::random::Random;
use super::runner::{new_file, options, run, states};
use super::tally::{Scale, Tally};
use super::workload::workload;
use crate::long::figure;

#[test]
fn after_a_disk_has_lied_a_checked_file_is_an_older_one_or_refused() {
    let tally = Tally::new("lying disk");
    let scale = Scale::share(6);
    let refused = AtomicU64::new(0);
    tally.fill(scale, |seed| {
        let options = options(seed);
        let steps = workload(seed, scale.writes);
        let states = states(&steps);
        let mut random = Random::new(seed);
        let honest = random.below(steps.len());
        let disk = Disk::new(new_file(&options));
        run(&disk, &options, &steps[..honest]);
        let start = disk.image();
        let disk = Disk::new(start.clone());
        disk.lie();
        run(&disk, &options, &steps[honest..]);

        let history = History::new(start, disk.log());
        for cut in history.cuts(&mut random, scale.some, scale.each) {
            let image = history.image(cut);
            let checked = Options { check_pages: true, ..options.clone() };
            let checked = open_damaged(&Disk::new(image.clone()), &checked);
            if checked.is_err() {
                refused.fetch_add(1, Ordering::Relaxed);
            }
            tally.add(cut.kept.name(), &image, was(&checked, &states), || {
                format!("seed {seed}, honest for {honest} steps, {cut:?}")
            });
        }
    });
    let refused = refused.into_inner();
    figure(&format!("power, lying disk: {refused} refused by the check"));
    tally.close();
}

/// Checks that this was a state once, or is refused as damaged.
fn was(shown: &Result<Snapshot, Unseen>, states: &[Snapshot]) -> Result<(), String> {
    match shown {
        Ok(shown) => check_format(shown, states, (0, states.len() - 1)),
        Err(Unseen::Refused(OpenError::Damaged { .. })) => Ok(()),
        Err(unseen) => Err(format!("{unseen:?}")),
    }
}
