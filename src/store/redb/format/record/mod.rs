//! Conversion between domain values and stored records.
//!
//! Records are separate types, so that a change to a domain type cannot change the file by accident. To
//! change one, add `TaskV2` beside `TaskV1` with a conversion from it, and let the decoder read both;
//! old ones are never edited. Times are milliseconds since 1970, UTC; flags are bits of a byte.

#[cfg(test)]
mod arbitrary;
mod audit;
mod author;
mod history;
mod idempotency;
mod invitation;
mod list;
mod session;
mod stats;
mod task;
mod token;
mod tombstone;
mod uid;
mod user;

use std::net::{IpAddr, Ipv6Addr};

pub(in crate::store::redb) use self::audit::{audit, decode_audit};
pub(in crate::store::redb) use self::history::{decode_history, history};
pub(in crate::store::redb) use self::idempotency::{
    decode_idempotency, decode_idempotency_stats, idempotency, idempotency_stats,
};
pub(in crate::store::redb) use self::invitation::{decode_invitation, invitation};
pub(in crate::store::redb) use self::list::{decode_list, list};
pub(in crate::store::redb) use self::session::{decode_session, session};
pub(in crate::store::redb) use self::stats::{
    LastTask, Stats, StatsPlace, decode_stats, decode_task_counts, stats, task_counts,
};
pub(in crate::store::redb) use self::task::{
    decode_fields, decode_task, decode_trash, task, trash,
};
pub(in crate::store::redb) use self::token::{decode_token, token};
pub(in crate::store::redb) use self::tombstone::{decode_tombstone, tombstone};
pub(in crate::store::redb) use self::user::{decode_account, decode_user, user};
use crate::domain::label::Label;
use crate::domain::timestamp::Timestamp;
use crate::store::StoreError;
use crate::store::redb::format::codec::{Envelope, open, seal};
use crate::store::redb::format::key::Table;

const V1: u8 = 1;
const V2: u8 = 2;
const V3: u8 = 3;
const V4: u8 = 4;
const V5: u8 = 5;

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

/// Returns an address as 16 bytes; IPv4 is mapped to IPv6.
fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => Ipv6Addr::octets(&address),
    }
}

fn label(text: &str) -> Label {
    Label::new_unchecked(text.to_owned())
}
