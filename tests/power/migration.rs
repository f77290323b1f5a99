//! Tests of a cut at every moment of a migration.
//!
//! The program migrates a copy, which replaces the data file only when it is whole; here the
//! transaction itself is cut, in place.

use std::io::Read as _;

use duly::domain::transfer::Record;
use duly::store::OpenError;
use duly::store::redb::{FORMAT, Formats, Options, migrate_backend};
use flate2::read::GzDecoder;

use super::cut::History;
use super::cuts::given;
use super::disk::Disk;
use super::image::Image;
use super::oracle::{Snapshot, Unseen, check_format, open, open_thrice};
use super::random::Random;
use super::runner::options;
use super::tally::{Scale, Tally};

#[test]
fn a_power_cut_while_a_file_is_migrated_leaves_one_format_or_the_other_and_all_data() {
    let tally = Tally::new("migration");
    let scale = Scale::share(10);
    tally.fill(scale, |seed| {
        let given = given(seed, scale.writes);
        let mut random = Random::new(seed);
        // One file that was closed, and one that was not.
        let cut = given.history.cuts(&mut random, 1, 1)[0];
        for image in [given.closed, given.history.image(cut)] {
            let old = open(&Disk::new(image.clone()), &given.options).unwrap();
            let new = migrated(&old);
            let disk = Disk::new(image.clone());
            migrate_backend(disk.clone(), Formats::NEXT, &given.options).unwrap();

            let history = History::new(image, disk.log());
            for cut in history.cuts(&mut random, scale.some, scale.each / 2) {
                let image = history.image(cut);
                let outcome = check(&image, &given.options, &old, &new);
                let outcome = outcome.and_then(|is_new| {
                    let done = cut.at == history.len();
                    let undone = || "it is old after the migration".to_owned();
                    (is_new || !done).then_some(()).ok_or_else(undone)
                });
                tally.add(cut.kept.name(), &image, outcome, || {
                    format!("seed {seed}, {cut:?}, {:?}", given.options.commit)
                });
            }
        }
    });
    tally.close();
}

/// Expected snapshot of a file after the step that raises revisions.
fn migrated(old: &Snapshot) -> Snapshot {
    let mut new = old.clone();
    for record in &mut new.records {
        if let Record::Task(task) = record {
            task.revision += 1;
        }
    }
    new
}

/// Returns whether the image has the new format, and checks that it can be migrated if not.
fn check(
    image: &Image,
    options: &Options,
    old: &Snapshot,
    new: &Snapshot,
) -> Result<bool, String> {
    let next = Options { formats: Formats::NEXT, ..options.clone() };
    let is = |shown: &Snapshot, state: &Snapshot| {
        check_format(shown, std::slice::from_ref(state), (0, 0))
    };
    match open(&Disk::new(image.clone()), &next) {
        Err(Unseen::Refused(OpenError::Older { found: FORMAT, known, .. }))
            if known == FORMAT + 1 => {}
        _ => return is(&open_thrice(image, &next)?, new).map(|()| true),
    }
    is(&open_thrice(image, options)?, old)?;
    let disk = Disk::new(image.clone());
    migrate_backend(disk.clone(), Formats::NEXT, options)
        .map_err(|error| format!("migrated after the cut: {error}"))?;
    is(&open_thrice(&disk.image(), &next)?, new).map(|()| false)
}

/// File of an older format from the fixtures, with its numbers of accounts and tasks.
struct Old {
    name: &'static str,
    format: u64,
    packed: &'static [u8],
    records: usize,
    /// Share of all images, in hundredths. Smaller for a larger file.
    share: u64,
}

#[test]
fn a_power_cut_while_a_file_of_format_1_is_migrated_loses_nothing() {
    let packed = include_bytes!("../fixtures/format-1.redb.gz");
    let name = "migration from 1";
    cut_while_migrated(&Old { name, format: 1, packed, records: 2 + 4, share: 20 });
}

#[test]
fn a_power_cut_while_a_file_of_format_2_is_migrated_loses_nothing() {
    let packed = include_bytes!("../fixtures/format-2.redb.gz");
    let name = "migration from 2";
    cut_while_migrated(&Old { name, format: 2, packed, records: 3 + 9, share: 20 });
}

#[test]
fn a_power_cut_while_a_file_of_format_3_is_migrated_loses_nothing() {
    let packed = include_bytes!("../fixtures/format-3.redb.gz");
    let name = "migration from 3";
    cut_while_migrated(&Old { name, format: 3, packed, records: 3 + 7, share: 4 });
}

#[test]
fn a_power_cut_while_a_file_of_format_4_is_migrated_loses_nothing() {
    let packed = include_bytes!("../fixtures/format-4.redb.gz");
    let name = "migration from 4";
    cut_while_migrated(&Old { name, format: 4, packed, records: 4 + 520, share: 2 });
}

#[test]
fn a_power_cut_while_a_file_of_format_5_is_migrated_loses_nothing() {
    let packed = include_bytes!("../fixtures/format-5.redb.gz");
    let name = "migration from 5";
    cut_while_migrated(&Old { name, format: 5, packed, records: 4 + 520, share: 2 });
}

/// Tests the steps from that format on a file of that format.
fn cut_while_migrated(old: &Old) {
    let tally = Tally::new(old.name);
    let scale = Scale::share(old.share);
    let mut bytes = Vec::new();
    GzDecoder::new(old.packed).read_to_end(&mut bytes).unwrap();
    let mut image = Image::default();
    image.set_len(bytes.len());
    image.write(0, &bytes);
    tally.fill(scale, |seed| {
        let mut random = Random::new(seed);
        let options = options(seed);
        let disk = Disk::new(image.clone());
        migrate_backend(disk.clone(), Formats::default(), &options).unwrap();
        let new = open(&Disk::new(disk.image()), &options).unwrap();
        assert_eq!(new.records.len(), old.records, "accounts and tasks");
        let history = History::new(image.clone(), disk.log());
        for cut in history.cuts(&mut random, scale.some, scale.each) {
            let cut_image = history.image(cut);
            let is_new = |shown: &Snapshot| {
                check_format(shown, std::slice::from_ref(&new), (0, 0))
            };
            let outcome = match open(&Disk::new(cut_image.clone()), &options) {
                Err(Unseen::Refused(OpenError::Older {
                    found, known: FORMAT, ..
                })) if found == old.format => {
                    let again = Disk::new(cut_image.clone());
                    migrate_backend(again.clone(), Formats::default(), &options)
                        .map_err(|error| format!("migrated after the cut: {error}"))
                        .and_then(|()| open_thrice(&again.image(), &options))
                }
                _ => open_thrice(&cut_image, &options),
            };
            let outcome = outcome.and_then(|shown| is_new(&shown));
            tally.add(cut.kept.name(), &cut_image, outcome, || {
                format!("seed {seed}, {cut:?}")
            });
        }
    });
    tally.close();
}
