//! Tests of a second cut, while the store recovers from the first.

use duly::store::redb::{Options, RedbStore};

use super::cut::History;
use super::cuts::given;
use super::disk::Disk;
use super::oracle::{check_format, look, open_thrice};
use super::random::Random;
use super::tally::{Scale, Tally};

/// Largest number of images of one workload: each first cut has as many second ones as there are first ones.
const MOST: usize = 1_600;

#[test]
fn a_power_cut_while_the_store_recovers_loses_nothing_either() {
    let tally = Tally::new("second cut");
    let scale = Scale::share(15);
    tally.fill(scale, |seed| {
        let given = given(seed, scale.writes);
        let mut random = Random::new(seed);
        let side = scale.each.min(MOST).isqrt();
        for cut in given.history.cuts(&mut random, scale.some, side) {
            let image = given.history.image(cut);
            let check_pages = random.below(2) == 0;
            let options = Options { check_pages, ..given.options.clone() };
            let disk = Disk::new(image.clone());
            let store = RedbStore::open_backend(disk.clone(), &options).unwrap();
            let opened = disk.position();
            let shown = [look(&store).unwrap()];
            drop(store);

            let history = History::new(image, disk.log());
            for second in history.cuts(&mut random, 2, side) {
                let image = history.image(second);
                let outcome = open_thrice(&image, &given.options).and_then(|again| {
                    // Data that may have been read stays.
                    if second.at > opened {
                        check_format(&again, &shown, (0, 0))
                    } else {
                        check_format(&again, &given.states, given.run.range(cut.at))
                    }
                });
                tally.add(second.kept.name(), &image, outcome, || {
                    format!("seed {seed}, first {cut:?}, second {second:?}")
                });
            }
        }
    });
    tally.close();
}
