//! Reads of audit records.

use redb::{ReadTransaction, ReadableTableMetadata as _};

use crate::domain::audit::AuditRecord;
use crate::domain::id::UserId;
use crate::domain::page::{AuditPage, AuditPart, Page};
use crate::store::StoreError;
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::{codec, record, table};

/// Lists records, newest first.
pub(super) fn list(txn: &ReadTransaction, page: Page) -> Result<AuditPage, StoreError> {
    let table = table::open(txn, Table::Audit)?;
    let skip = usize::try_from(page.skip).unwrap_or(usize::MAX);
    let mut records = Vec::new();
    for entry in table::all(&table)?.rev().skip(skip).take(usize::from(page.limit)) {
        records.push(decoded(entry?)?);
    }
    Ok(AuditPage { records, total: table.len()? })
}

/// Examines some records and returns those about an account.
pub(super) fn about(
    txn: &ReadTransaction,
    user: UserId,
    after: u64,
    limit: usize,
) -> Result<AuditPart, StoreError> {
    let table = table::open(txn, Table::Audit)?;
    let range =
        key::audit(after.saturating_add(1)).to_vec()..=key::audit(u64::MAX).to_vec();
    let (mut part, mut looked_at) = (AuditPart::default(), 0);
    for entry in table::range(&table, &range)?.take(limit) {
        let record = decoded(entry?)?;
        looked_at += 1;
        part.next = (looked_at == limit).then_some(record.id);
        if record.is_about(user) {
            part.records.push(record);
        }
    }
    Ok(part)
}

fn decoded((key, value): table::Found<'_>) -> Result<AuditRecord, StoreError> {
    let id = key::decode_audit(key.value())
        .ok_or_else(|| codec::damaged(Table::Audit, key.value(), &"not a number"))?;
    record::decode_audit(id, value.value())
}
