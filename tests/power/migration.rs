//! Tests of a cut at every moment of a migration.
//!
//! The program migrates a copy, which replaces the data file only when it is whole; here the
//! transaction itself is cut, in place.

use std::io::Read as _;

use duly::store::OpenError;
use duly::store::redb::{FORMAT, Options, RedbStore};
use flate2::read::GzDecoder;
use redb::{Database, ReadableTable as _, TableDefinition};

use super::cut::History;
use super::disk::Disk;
use super::image::Image;
use super::oracle::{Unseen, check_format, open, open_thrice};
use super::random::Random;
use super::runner::options;
use super::tally::{Scale, Tally};

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
    cut_while_migrated(&Old { name, format: 1, packed, records: 2 + 4, share: 25 });
}

#[test]
fn a_power_cut_while_a_file_of_format_2_is_migrated_loses_nothing() {
    let packed = include_bytes!("../fixtures/format-2.redb.gz");
    let name = "migration from 2";
    cut_while_migrated(&Old { name, format: 2, packed, records: 3 + 9, share: 25 });
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

#[test]
fn a_power_cut_while_a_file_of_format_6_is_migrated_loses_nothing() {
    let packed = include_bytes!("../fixtures/format-6.redb.gz");
    let name = "migration from 6";
    cut_while_migrated(&Old { name, format: 6, packed, records: 4 + 523, share: 2 });
}

/// Tests the steps from that format on a file of that format, both closed and in use.
fn cut_while_migrated(old: &Old) {
    let tally = Tally::new(old.name);
    let scale = Scale::share(old.share);
    let mut bytes = Vec::new();
    GzDecoder::new(old.packed).read_to_end(&mut bytes).unwrap();
    let mut closed = Image::default();
    closed.set_len(bytes.len());
    closed.write(0, &bytes);
    tally.fill(scale, |seed| {
        let mut random = Random::new(seed);
        let options = options(seed);
        for image in [closed.clone(), in_use(&closed)] {
            let disk = Disk::new(image.clone());
            let upgraded = migrate(&disk, &options).unwrap();
            let new = open(&Disk::new(disk.image()), &options).unwrap();
            assert_eq!(new.records.len(), old.records, "accounts and tasks");
            let history = History::new(image, disk.log());
            for cut in history.cuts(&mut random, scale.some, scale.each / 2) {
                let cut_image = history.image(cut);
                let outcome = match open(&Disk::new(cut_image.clone()), &options) {
                    Err(Unseen::Refused(OpenError::Older {
                        found,
                        known: FORMAT,
                        ..
                    })) if found == old.format && cut.at < upgraded => {
                        let again = Disk::new(cut_image.clone());
                        migrate(&again, &options)
                            .map_err(|error| format!("migrated after the cut: {error}"))
                            .and_then(|_| open_thrice(&again.image(), &options))
                    }
                    _ => open_thrice(&cut_image, &options),
                };
                let outcome = outcome.and_then(|shown| {
                    check_format(&shown, std::slice::from_ref(&new), (0, 0))
                });
                tally.add(cut.kept.name(), &cut_image, outcome, || {
                    format!("seed {seed}, {cut:?}")
                });
            }
        }
    });
    tally.close();
}

/// Upgrades a file, and closes it. Returns the position in the log at which the upgrade was done.
fn migrate(disk: &Disk, options: &Options) -> Result<usize, OpenError> {
    let options = Options { upgrade: true, ..options.clone() };
    let store = RedbStore::open_backend(disk.clone(), &options)?;
    let done = disk.position();
    drop(store);
    Ok(done)
}

/// The file as it is while a program has it open, after a commit.
#[expect(clippy::disallowed_methods, reason = "the program writes no older format")]
fn in_use(closed: &Image) -> Image {
    const TABLE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("meta");
    let disk = Disk::new(closed.clone());
    let db = Database::builder().create_with_backend(disk.clone()).unwrap();
    let txn = db.begin_write().unwrap();
    {
        let mut meta = txn.open_table(TABLE).unwrap();
        let format = meta.get(b"format".as_slice()).unwrap().unwrap().value().to_vec();
        drop(meta.insert(b"format".as_slice(), format.as_slice()).unwrap());
    }
    txn.commit().unwrap();
    let image = disk.image();
    drop(db);
    image
}
