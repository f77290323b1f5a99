//! Reads of invitations.

use redb::ReadTransaction;

use super::key::Table;
use super::table;
use super::view;
use crate::domain::invitation::Invitation;
use crate::store::StoreError;

pub(super) fn list(txn: &ReadTransaction) -> Result<Vec<Invitation>, StoreError> {
    view::invitations(&table::open(txn, Table::Invitations)?)
}
