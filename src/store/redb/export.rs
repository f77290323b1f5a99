//! Export of all records, or all records of one account, from one snapshot.

use std::ops::RangeInclusive;

use redb::ReadTransaction;
use tokio::sync::mpsc;

use crate::domain::id::UserId;
use crate::domain::transfer::{Exported, NextIds, Record};
use crate::store::StoreError;
use crate::store::redb::engine::view;
use crate::store::redb::format::key;
use crate::store::redb::format::key::{Owned, Table};
use crate::store::redb::format::table::Snapshot;
use crate::store::redb::format::{codec, record, table};

/// Records per message.
const TOGETHER: usize = 256;

/// Sends the records. Blocks while the receiver is behind.
pub(super) fn export(
    txn: &ReadTransaction,
    whose: Option<UserId>,
    out: &mpsc::Sender<Exported>,
) -> Result<(), StoreError> {
    let mut sender = Sender { out, records: Vec::new(), closed: false };
    let users = table::open(txn, Table::Users)?;
    let owned = table::open(txn, Table::Owned)?;
    let (first, last) = match whose {
        None => (vec![], vec![0xFF; UserId::LEN]),
        Some(id) => (id.to_bytes().to_vec(), id.to_bytes().to_vec()),
    };
    let accounts = first..=last;
    let records = records(&users, &owned, &accounts)?;
    sender.send(Exported::Start { ids: next_ids(txn)?, records });
    for entry in table::range(&users, &accounts)? {
        let (key, value) = entry?;
        let id = codec::user_id(Table::Users, key.value())?;
        sender.add(Record::User(record::decode_user(id, value.value())?));
        for list in view::lists(&owned, id)? {
            sender.add(Record::List(list));
        }
        tasks(&owned, id, &mut sender)?;
        if sender.closed {
            return Ok(());
        }
    }
    sender.flush();
    Ok(())
}

/// Counts accounts and their lists and tasks without reading these. An account whose counts are damaged adds none.
pub(super) fn records(
    users: &Snapshot,
    owned: &Snapshot,
    accounts: &RangeInclusive<Vec<u8>>,
) -> Result<u64, StoreError> {
    let mut records = 0_u64;
    for entry in table::range(users, accounts)? {
        records = records.saturating_add(1);
        let Ok(id) = codec::user_id(Table::Users, entry?.0.value()) else { continue };
        if let Some(row) = owned.get(key::stats(id).as_slice())?
            && let Ok(stats) = record::decode_stats(id, row.value())
        {
            records = records.saturating_add(stats.counts().total + stats.lists);
        }
    }
    Ok(records)
}

fn tasks(
    owned: &Snapshot,
    owner: UserId,
    sender: &mut Sender<'_>,
) -> Result<(), StoreError> {
    for entry in table::range(owned, &key::tasks_of(owner))? {
        let (key, value) = entry?;
        let Some(Owned::Task(owner, id)) = Owned::decode(key.value()) else {
            return Err(codec::damaged(Table::Owned, key.value(), &"not a task's key"));
        };
        sender.add(Record::Task(record::decode_task(owner, id, value.value())?));
        if sender.closed {
            return Ok(());
        }
    }
    Ok(())
}

pub(super) fn next_ids(txn: &ReadTransaction) -> Result<NextIds, StoreError> {
    let meta = table::open(txn, Table::Meta)?;
    Ok(NextIds {
        user: table::number(&meta, key::NEXT_USER_ID)?,
        task: table::number(&meta, key::NEXT_TASK_ID)?,
    })
}

struct Sender<'a> {
    out: &'a mpsc::Sender<Exported>,
    records: Vec<Record>,
    /// Whether the receiver is gone.
    closed: bool,
}

impl Sender<'_> {
    fn add(&mut self, record: Record) {
        self.records.push(record);
        if self.records.len() >= TOGETHER {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let records = std::mem::take(&mut self.records);
        self.send(Exported::Records(records));
    }

    fn send(&mut self, part: Exported) {
        self.closed |= self.out.blocking_send(part).is_err();
    }
}
