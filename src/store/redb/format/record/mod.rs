//! Conversion between domain values and stored records.
//!
//! Records are separate types, so that a change to a domain type cannot change the file by accident. To
//! change one, add `TaskV2` beside `TaskV1` with a conversion from it, and let the decoder read both;
//! old ones are never edited. Times are milliseconds since 1970, UTC; flags are bits of a byte.

mod account;
mod admin;
mod idempotency;
mod stats;
mod task;

pub(in crate::store::redb) use self::account::{
    decode_account, decode_session, decode_token, decode_user, session, token, user,
};
pub(in crate::store::redb) use self::admin::{
    audit, decode_audit, decode_invitation, invitation,
};
pub(in crate::store::redb) use self::idempotency::{
    decode_idempotency, decode_idempotency_stats, idempotency, idempotency_stats,
};
pub(in crate::store::redb) use self::stats::{
    LastTask, Stats, decode_former_stats, decode_stats, decode_tag_counts, former_stats,
    stats, tag_counts,
};
pub(in crate::store::redb) use self::task::{decode_fields, decode_task, task};
use crate::domain::timestamp::Timestamp;
use crate::store::StoreError;
use crate::store::redb::format::codec::{Envelope, open, seal};
use crate::store::redb::format::key::Table;

const V1: u8 = 1;
const V2: u8 = 2;
const V3: u8 = 3;
const V4: u8 = 4;

pub(in crate::store::redb) fn number(
    table: Table,
    key: &[u8],
    number: u64,
) -> Result<Vec<u8>, StoreError> {
    seal(table, key, V1, &number)
}

pub(in crate::store::redb) fn decode_number(
    table: Table,
    key: &[u8],
    value: &[u8],
) -> Result<u64, StoreError> {
    v1(&open(table, key, value)?)?.record()
}

fn v1<'e, 'k, 'a>(
    envelope: &'e Envelope<'k, 'a>,
) -> Result<&'e Envelope<'k, 'a>, StoreError> {
    if envelope.version == V1 { Ok(envelope) } else { Err(envelope.unknown_version()) }
}

fn time(envelope: &Envelope<'_, '_>, millis: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millis(millis).map_err(|error| envelope.damaged(&error))
}
