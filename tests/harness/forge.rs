//! Writer of data files that bypasses the program.
//!
//! The layouts are repeated here on purpose: a file that only the program itself can read or
//! write would prove nothing.

use std::path::Path;

use bincode::Encode;
use redb::{Database, ReadableDatabase, TableDefinition};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

type Definition<'a> = TableDefinition<'a, &'static [u8], &'static [u8]>;

/// Data file that no store has open.
#[derive(Debug)]
pub(crate) struct Forge {
    db: Database,
}

impl Forge {
    /// Opens or creates a redb file.
    pub(crate) fn open(path: &Path) -> Self {
        Self { db: Database::create(path).unwrap() }
    }

    pub(crate) fn put(&self, table: &str, key: &[u8], value: &[u8]) {
        self.write(|txn| {
            let mut table = txn.open_table(Definition::new(table)).unwrap();
            drop(table.insert(key, value).unwrap());
        });
    }

    /// Creates a table of numbers, which no data file has.
    pub(crate) fn put_number(&self, table: &str, key: u64, value: u64) {
        self.write(|txn| {
            let definition = TableDefinition::<u64, u64>::new(table);
            drop(txn.open_table(definition).unwrap().insert(key, value).unwrap());
        });
    }

    /// Removes an entry that must exist.
    pub(crate) fn delete(&self, table: &str, key: &[u8]) {
        self.write(|txn| {
            let mut table = txn.open_table(Definition::new(table)).unwrap();
            assert!(table.remove(key).unwrap().is_some(), "nothing to delete");
        });
    }

    /// Returns the value of an entry that must exist.
    pub(crate) fn get(&self, table: &str, key: &[u8]) -> Vec<u8> {
        let table =
            self.db.begin_read().unwrap().open_table(Definition::new(table)).unwrap();
        table.get(key).unwrap().expect("nothing there").value().to_vec()
    }

    /// Writes the number of bytes of the other rows of its owner into every row of counts.
    pub(crate) fn count_bytes(&self) {
        type Counts =
            (i64, bool, [(u64, u64); 5], u64, u64, u64, Option<u64>, Option<u64>);
        type Scanned = (bool, u64, i64, Option<(u64, String)>);
        type Changes = (u64, u64, u64, u64, u64, u64);
        type History = (u64, u64, u64, u64, u64);
        let table =
            self.db.begin_read().unwrap().open_table(Definition::new("owned")).unwrap();
        let rows = table.range::<&[u8]>(..).unwrap().map(|row| {
            let (key, value) = row.unwrap();
            (key.value().to_vec(), value.value().to_vec())
        });
        let rows: Vec<(Vec<u8>, Vec<u8>)> = rows.collect();
        for (place, old) in rows.iter().filter(|(key, _)| key.get(8..) == Some(&[5])) {
            let standard = bincode::config::standard();
            let payload = old.get(9..).unwrap_or_default();
            type Stats = (((Counts, Scanned), Changes), History);
            let Ok(((((mut counts, scanned), changes), history), _)) =
                bincode::decode_from_slice::<Stats, _>(payload, standard)
            else {
                continue;
            };
            let record = (((counts, scanned.clone()), changes), history);
            if *old != seal("owned", place, 5, record) {
                continue;
            }
            let mine = |key: &[u8]| key.get(..8) == place.get(..8) && key != place;
            let mine = rows.iter().filter(|(key, _)| mine(key));
            let sizes = mine.map(|(key, value)| key.len() + value.len());
            counts.5 = u64::try_from(sizes.sum::<usize>()).unwrap();
            let record = (((counts, scanned), changes), history);
            self.put("owned", place, &seal("owned", place, 5, record));
        }
    }

    #[expect(clippy::disallowed_methods, reason = "this is not the program")]
    fn write(&self, write: impl FnOnce(&redb::WriteTransaction)) {
        let txn = self.db.begin_write().unwrap();
        write(&txn);
        txn.commit().unwrap();
    }
}

/// Wraps a record as if it had been written at this key.
pub(crate) fn seal(table: &str, key: &[u8], version: u8, record: impl Encode) -> Vec<u8> {
    let payload = bincode::encode_to_vec(record, bincode::config::standard()).unwrap();
    let table = xxh3_64(table.as_bytes());
    let place = xxh3_64_with_seed(key, table);
    let sum = xxh3_64_with_seed(&payload, place.wrapping_add(u64::from(version)));
    [&[version][..], &sum.to_be_bytes(), &payload].concat()
}

/// Concatenates the parts of a key.
pub(crate) fn key(parts: &[&dyn Part]) -> Vec<u8> {
    parts.iter().flat_map(|part| part.bytes()).collect()
}

/// Part of a key.
pub(crate) trait Part {
    /// Encodes the part, big-endian.
    fn bytes(&self) -> Vec<u8>;
}

impl Part for u8 {
    fn bytes(&self) -> Vec<u8> {
        vec![*self]
    }
}

impl Part for [u8; 8] {
    fn bytes(&self) -> Vec<u8> {
        self.to_vec()
    }
}

impl Part for [u8; 16] {
    fn bytes(&self) -> Vec<u8> {
        self.to_vec()
    }
}

impl Part for Vec<u8> {
    fn bytes(&self) -> Vec<u8> {
        self.clone()
    }
}

/// Text without its terminator.
impl Part for &str {
    fn bytes(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

impl Part for u64 {
    fn bytes(&self) -> Vec<u8> {
        self.to_be_bytes().to_vec()
    }
}
