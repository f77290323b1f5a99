//! Reads of invitations.

use redb::ReadTransaction;

use crate::domain::invitation::Invitation;
use crate::store::StoreError;
use crate::store::redb::engine::view;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::table;

pub(super) fn list(txn: &ReadTransaction) -> Result<Vec<Invitation>, StoreError> {
    view::invitations(&table::open(txn, Table::Invitations)?)
}
