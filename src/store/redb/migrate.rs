//! Formats of the data file, and the steps from one to the next.
//!
//! A released step never changes. A new format is a new number, a new step at the end of [`STEPS`], and a
//! fixture of the format before it in `tests/fixtures`. How a file is brought up to date without risk to
//! what is in it stands in [`super::upgrade`].

use redb::Database;

use super::batch::Batch;
use super::key::{self, Table};
use super::options::CommitMode;
use super::table::Tables;
use super::{codec, record, table, writer};
use crate::plant::{self, Bug};
use crate::store::StoreError;

/// The format that this version writes, and the newest one it reads.
pub const FORMAT: u64 = 2;

/// From one format to the one that follows it. Rewrites whatever has changed, but for the format number.
type Step = fn(&mut Tables<'_>) -> Result<(), StoreError>;

/// The first leads from format 1 to 2, and so on.
const STEPS: &[Step] = &[accounts];

/// The formats that a version of the program knows: all up to its newest.
#[derive(Clone, Copy, Debug)]
pub struct Formats {
    steps: &'static [Step],
}

impl Default for Formats {
    fn default() -> Self {
        if plant::is(Bug::NextFormat) { Self::NEXT } else { Self { steps: STEPS } }
    }
}

impl Formats {
    /// What the version after this one might know, to prove that a migration loses nothing: tests only.
    #[doc(hidden)]
    pub const NEXT: Self = Self { steps: &[accounts, raise_revisions] };

    /// The format that is written.
    pub const fn newest(self) -> u64 {
        1 + self.steps.len() as u64
    }

    /// The steps from an older format to the newest. `None` if it is no older format.
    fn from(self, found: u64) -> Option<&'static [Step]> {
        let passed = usize::try_from(found.checked_sub(1)?).ok()?;
        self.steps.get(passed..)
    }

    /// Whether a file of this format can be migrated.
    pub(super) fn is_older(self, found: u64) -> bool {
        (1..self.newest()).contains(&found)
    }
}

/// Brings a file up to date in one transaction: all of it, or nothing.
pub(super) fn migrate(
    db: &Database,
    formats: Formats,
    found: u64,
    mode: CommitMode,
) -> Result<(), StoreError> {
    let steps = formats.from(found).unwrap_or_default();
    if plant::is(Bug::MigrationInTwoSteps) {
        let txn = writer::begin(db, mode)?;
        Batch::set_format(&mut Tables::open(&txn)?, formats.newest())?;
        txn.commit()?;
    }
    let txn = writer::begin(db, mode)?;
    {
        let mut tables = Tables::open(&txn)?;
        for step in steps {
            step(&mut tables)?;
        }
        Batch::set_format(&mut tables, formats.newest())?;
    }
    txn.commit()?;
    Ok(())
}

/// From 1 to 2: accounts and sessions are written with what format 2 says of them. The new tables are there
/// since all tables were opened, and empty: format 1 knows no administrators.
fn accounts(tables: &mut Tables<'_>) -> Result<(), StoreError> {
    let mut after = Vec::new();
    while let Some((key, value)) = table::next_after(&tables.users, &after)? {
        let id = codec::user_id(Table::Users, &key)?;
        let value = record::user(&record::decode_user(id, &value)?)?;
        drop(tables.users.insert(key.as_slice(), value.as_slice())?);
        after = key;
    }
    let mut after = Vec::new();
    while let Some((key, value)) = table::next_after(&tables.owned, &after)? {
        if let Some(key::Owned::Session(user, id)) = key::Owned::decode(&key) {
            let session = record::decode_session(user, id, &value)?;
            let value = record::session(&session)?;
            drop(tables.owned.insert(key.as_slice(), value.as_slice())?);
        }
        after = key;
    }
    Ok(())
}

/// A step of no use: every task is written once more, under another revision.
fn raise_revisions(tables: &mut Tables<'_>) -> Result<(), StoreError> {
    let mut after = Vec::new();
    loop {
        let Some((key, value)) = table::next_after(&tables.owned, &after)? else {
            return Ok(());
        };
        if let Some(key::Owned::Task(owner, id)) = key::Owned::decode(&key) {
            let mut task = record::decode_task(owner, id, &value)?;
            task.revision += 1;
            let value = record::task(&task)?;
            drop(tables.get_mut(Table::Owned).insert(key.as_slice(), value.as_slice())?);
        }
        after = key;
    }
}
