//! Keys, as bytes.
//!
//! This is the list of all layouts but those of the indexes of tasks ([`task_index`]). Fields have a fixed width, except for texts, and numbers are big-endian, so
//! that byte order is the sort order. Layouts are append-only: released ones never change, and the tests below pin
//! them.
//!
//! ```text
//! table          key                                                         value
//! meta           name (text)                                                 u64 record
//! users          user id 8                                                   UserV2
//! user_by_email  email (text), lower case                                      u64 record: user id
//! admins         user id 8                                                   empty (index)
//! owned          owner 8, 01                                                 StatsV1 to V4 (formats 1 to 5 only)
//! owned          owner 8, 02, session id 16                                  SessionV2
//! owned          owner 8, 04, task id 8                                      TaskV4
//! owned          owner 8, 05                                                 StatsV5
//! owned          owner 8, 05, token id 8                                     PersonalTokenV1
//! owned          owner 8, 03, 06 to 0D, 0F, 13 or 18, ..., task id 8         empty (indexes of tasks)
//! owned          owner 8, 0E, tag (text)                                     TaskCountsV1
//! owned          owner 8, 10, idempotency key 16                             IdempotencyV1
//! owned          owner 8, 11, made ms 8, idempotency key 16                  empty (index)
//! owned          owner 8, 12                                                 IdempotencyStatsV1
//! owned          owner 8, 14, change number 8                                TombstoneV1
//! owned          owner 8, 15, task id 8                                      u64 record: change number of its tombstone
//! owned          owner 8, 16, uid (text)                                     u64 record: task id
//! owned          owner 8, 17, list id 8                                      ListV1
//! owned          owner 8, 19, list id 8                                      TaskCountsV1
//! owned          owner 8, 1A, change number 8                                HistoryV1
//! owned          owner 8, 1B, change number 8                                TrashV1: a deleted task
//! invitations    invitation id 8                                             InvitationV1
//! audit          number 8                                                    AuditV1
//! purge          user id 8                                                   u64 record: 0
//! ```
//!
//! `owned` holds all rows of an account under its id, distinguished by a *kind* byte. It is one table rather than
//! one per kind: a write then touches the leaf pages of one account instead of a page in each of three tables, and
//! the cost of a commit grows with its pages. Measured with 10,000 owners at random, 100,000 rows, 32 creations a
//! commit: 13,200 creations a second against 9,100 with separate tables (1.45 times).
//!
//! The stats of an account stand directly behind its tasks, so that a creation mostly writes one leaf page: the newest
//! task and the stats share it. Measured over HTTP with 1,000 accounts of 20 tasks: 1.2 times the creations a second, and
//! 8 KB written for each instead of 12.
//!
//! The entries of the indexes of tasks exist only while an account is large; its stats say so. The tasks
//! of a small account are scanned: a write then touches two or three rows instead of fifteen, and a list of 50 among
//! 100 tasks takes 0.8 to 1.3 times as long ([`Options::scan_at_most`](crate::store::redb::Options::scan_at_most)).
//!
//! `purge` names deleted users whose rows were too many for one transaction; the writer removes the rest in
//! slices. These rows are unreachable: a search for a task reads its owner's counts first, and ids are never
//! assigned twice.
//!
//! A uid has a row unless it names the id of its task ([`Uid::named_id`]). The row lasts as long as the tombstone of the
//! task, so that the uid of a deleted task is known.
//!
//! The default list has a row once it was changed. A list has counts as long as it has tasks; those of the default list are
//! the rest of all tasks.
//!
//! The history of a task is a chain: its record has the number of its last change, and each row of the history that of the
//! change before. A change costs one row, rows are in the order of their age, and no index is needed.
//!
//! `admins` has an entry for each account that is an administrator and not disabled, so that the last one is known
//! without reading all accounts.

use std::ops::RangeInclusive;

use crate::domain::id::{InvitationId, ListId, SessionId, TaskId, TokenId, UserId};
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::timestamp::Timestamp;
use crate::domain::uid::Uid;
use crate::store::decide::IdempotencyAge;
use crate::store::redb::format::{task_index, task_key};

/// Table of the file. The name is part of every checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::redb) enum Table {
    Meta,
    Users,
    UserByEmail,
    Admins,
    Owned,
    Invitations,
    Audit,
    Purge,
}

impl Table {
    pub(in crate::store::redb) const ALL: [Self; 8] = [
        Self::Meta,
        Self::Users,
        Self::UserByEmail,
        Self::Admins,
        Self::Owned,
        Self::Invitations,
        Self::Audit,
        Self::Purge,
    ];

    pub(in crate::store::redb) const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Users => "users",
            Self::UserByEmail => "user_by_email",
            Self::Admins => "admins",
            Self::Owned => "owned",
            Self::Invitations => "invitations",
            Self::Audit => "audit",
            Self::Purge => "purge",
        }
    }
}

/// Names in `meta`.
pub(in crate::store::redb) const FORMAT: &[u8] = b"format";
pub(in crate::store::redb) const NEXT_USER_ID: &[u8] = b"next_user_id";
pub(in crate::store::redb) const NEXT_TASK_ID: &[u8] = b"next_task_id";
pub(in crate::store::redb) const EPOCH: &[u8] = b"epoch";
/// Mark of a backup, until it is put in place.
pub(in crate::store::redb) const COPIED: &[u8] = b"copied";

const FORMER_STATS: u8 = 1;
const SESSION: u8 = 2;
const TASK: u8 = 4;
/// The stats, without an id behind it, and the personal tokens.
const BEHIND_TASKS: u8 = 5;
const ANSWER: u8 = 0x10;
const ANSWER_BY_AGE: u8 = 0x11;
const ANSWER_STATS: u8 = 0x12;
const TOMBSTONE: u8 = 0x14;
const BURIED: u8 = 0x15;
const UID: u8 = 0x16;
const LIST: u8 = 0x17;
const HISTORY: u8 = 0x1A;
const TRASH: u8 = 0x1B;

const STATS_LEN: usize = UserId::LEN + 1;
const SESSION_LEN: usize = UserId::LEN + 1 + SessionId::LEN;
const TASK_LEN: usize = UserId::LEN + 1 + TaskId::LEN;
const TOKEN_LEN: usize = UserId::LEN + 1 + TokenId::LEN;
const IDEMPOTENCY_LEN: usize = UserId::LEN + 1 + IdempotencyKey::LEN;
const TOMBSTONE_LEN: usize = UserId::LEN + 1 + 8;
const LIST_LEN: usize = UserId::LEN + 1 + ListId::LEN;
const ANSWER_BY_AGE_LEN: usize = UserId::LEN + 1 + 8 + IdempotencyKey::LEN;

/// First and last key of a range.
pub(in crate::store::redb) type KeyRange = RangeInclusive<Vec<u8>>;

pub(in crate::store::redb) fn stats(owner: UserId) -> [u8; STATS_LEN] {
    join(&[&owner.to_bytes(), &[BEHIND_TASKS]])
}

/// Returns the key of an account's stats in formats 1 to 5.
pub(in crate::store::redb) fn former_stats(owner: UserId) -> [u8; STATS_LEN] {
    join(&[&owner.to_bytes(), &[FORMER_STATS]])
}

pub(in crate::store::redb) fn session(owner: UserId, id: SessionId) -> [u8; SESSION_LEN] {
    join(&[&owner.to_bytes(), &[SESSION], &id.to_bytes()])
}

pub(in crate::store::redb) fn task(owner: UserId, id: TaskId) -> [u8; TASK_LEN] {
    join(&[&owner.to_bytes(), &[TASK], &id.to_bytes()])
}

pub(in crate::store::redb) fn token(owner: UserId, id: TokenId) -> [u8; TOKEN_LEN] {
    join(&[&owner.to_bytes(), &[BEHIND_TASKS], &id.to_bytes()])
}

pub(in crate::store::redb) fn idempotency(
    owner: UserId,
    key: IdempotencyKey,
) -> [u8; IDEMPOTENCY_LEN] {
    join(&[&owner.to_bytes(), &[ANSWER], &key.to_bytes()])
}

pub(in crate::store::redb) fn idempotency_stats(owner: UserId) -> [u8; STATS_LEN] {
    join(&[&owner.to_bytes(), &[ANSWER_STATS]])
}

/// Returns the key of the tombstone of a deletion.
pub(in crate::store::redb) fn tombstone(owner: UserId, seq: u64) -> [u8; TOMBSTONE_LEN] {
    join(&[&owner.to_bytes(), &[TOMBSTONE], &seq.to_be_bytes()])
}

/// Returns the key under which the tombstone of a task is found.
pub(in crate::store::redb) fn buried(owner: UserId, id: TaskId) -> [u8; TOMBSTONE_LEN] {
    join(&[&owner.to_bytes(), &[BURIED], &id.to_bytes()])
}

/// Returns the key under which a task is found by its uid.
pub(in crate::store::redb) fn uid(owner: UserId, uid: &Uid) -> Vec<u8> {
    [&owner.to_bytes(), [UID].as_slice(), uid.as_str().as_bytes()].concat()
}

/// Returns the key of a list.
pub(in crate::store::redb) fn list(owner: UserId, id: ListId) -> [u8; LIST_LEN] {
    join(&[&owner.to_bytes(), &[LIST], &id.to_bytes()])
}

/// Returns the key of the state that a change of a task has replaced.
pub(in crate::store::redb) fn history(owner: UserId, seq: u64) -> [u8; TOMBSTONE_LEN] {
    join(&[&owner.to_bytes(), &[HISTORY], &seq.to_be_bytes()])
}

/// Returns the key of the task that a change has deleted.
pub(in crate::store::redb) fn trash(owner: UserId, seq: u64) -> [u8; TOMBSTONE_LEN] {
    join(&[&owner.to_bytes(), &[TRASH], &seq.to_be_bytes()])
}

/// Key in the order in which one owner's records were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::redb) struct IdempotencyByAge {
    pub(in crate::store::redb) owner: UserId,
    pub(in crate::store::redb) made_at: Timestamp,
    pub(in crate::store::redb) key: IdempotencyKey,
}

impl IdempotencyByAge {
    pub(in crate::store::redb) fn encode(self) -> [u8; ANSWER_BY_AGE_LEN] {
        join(&[
            &self.owner.to_bytes(),
            &[ANSWER_BY_AGE],
            &self.made_at.as_millis().to_be_bytes(),
            &self.key.to_bytes(),
        ])
    }
}

/// Returns the range of all rows of an account.
pub(in crate::store::redb) fn everything_of(owner: UserId) -> KeyRange {
    span(&owner.to_bytes(), ANSWER_BY_AGE_LEN)
}

pub(in crate::store::redb) fn sessions_of(owner: UserId) -> KeyRange {
    span(&join::<STATS_LEN>(&[&owner.to_bytes(), &[SESSION]]), SESSION_LEN)
}

pub(in crate::store::redb) fn tokens_of(owner: UserId) -> KeyRange {
    let [first, last] = [[0; TokenId::LEN], [0xFF; TokenId::LEN]]
        .map(|id| token(owner, TokenId::from_bytes(id)).to_vec());
    first..=last
}

pub(in crate::store::redb) fn idempotency_by_age_of(owner: UserId) -> KeyRange {
    let prefix = join::<STATS_LEN>(&[&owner.to_bytes(), &[ANSWER_BY_AGE]]);
    span(&prefix, ANSWER_BY_AGE_LEN)
}

/// Returns the range of an owner's idempotency records by age, starting after `after`.
pub(in crate::store::redb) fn idempotency_after(
    owner: UserId,
    after: Option<IdempotencyAge>,
) -> KeyRange {
    let all = idempotency_by_age_of(owner);
    let Some(IdempotencyAge { made_at, key }) = after else { return all };
    let mut first = IdempotencyByAge { owner, made_at, key }.encode().to_vec();
    // The least key behind it.
    first.push(0);
    first..=all.end().clone()
}

/// Returns the range of the tombstones of an account from a change on.
pub(in crate::store::redb) fn tombstones_from(owner: UserId, seq: u64) -> KeyRange {
    tombstone(owner, seq).to_vec()..=tombstone(owner, u64::MAX).to_vec()
}

/// Returns the range of the history of an account from a change on.
pub(in crate::store::redb) fn history_from(owner: UserId, seq: u64) -> KeyRange {
    history(owner, seq).to_vec()..=history(owner, u64::MAX).to_vec()
}

/// Returns the range of the deleted tasks of an account from one deletion to another.
pub(in crate::store::redb) fn trash_between(
    owner: UserId,
    range: RangeInclusive<u64>,
) -> KeyRange {
    trash(owner, *range.start()).to_vec()..=trash(owner, *range.end()).to_vec()
}

pub(in crate::store::redb) fn lists_of(owner: UserId) -> KeyRange {
    span(&join::<STATS_LEN>(&[&owner.to_bytes(), &[LIST]]), LIST_LEN)
}

pub(in crate::store::redb) fn tasks_of(owner: UserId) -> KeyRange {
    span(&join::<STATS_LEN>(&[&owner.to_bytes(), &[TASK]]), TASK_LEN)
}

/// Decoded key of `owned`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::redb) enum Owned {
    Stats(UserId),
    /// Stats at their place in formats 1 to 5.
    FormerStats(UserId),
    Session(UserId, SessionId),
    Task(UserId, TaskId),
    Token(UserId, TokenId),
    /// Entry of any index of tasks.
    TaskIndex(UserId, TaskId),
    TagCounts(UserId),
    Idempotency(UserId, IdempotencyKey),
    IdempotencyByAge(IdempotencyByAge),
    IdempotencyStats(UserId),
    Tombstone(UserId, u64),
    Buried(UserId, TaskId),
    Uid(UserId),
    History(UserId, u64),
    Trash(UserId, u64),
    List(UserId, ListId),
    ListCounts(UserId),
}

impl Owned {
    /// Decodes a key. `None` if nothing writes such keys.
    pub(in crate::store::redb) fn decode(key: &[u8]) -> Option<Self> {
        let (owner, rest) = split_number(key)?;
        let owner = UserId::new(owner);
        let (&kind, rest) = rest.split_first()?;
        match kind {
            FORMER_STATS => rest.is_empty().then_some(Self::FormerStats(owner)),
            BEHIND_TASKS if rest.is_empty() => Some(Self::Stats(owner)),
            SESSION => {
                let id = SessionId::from_bytes(rest.try_into().ok()?);
                Some(Self::Session(owner, id))
            }
            TASK => Some(Self::Task(owner, TaskId::new(last_number(rest)?))),
            BEHIND_TASKS => {
                let id = TokenId::from_bytes(rest.try_into().ok()?);
                Some(Self::Token(owner, id))
            }
            task_key::TAG_COUNTS => (!rest.is_empty()).then_some(Self::TagCounts(owner)),
            kind if task_index::is_index(kind) => {
                Some(Self::TaskIndex(owner, task_key::id(rest)?))
            }
            ANSWER => {
                let key = IdempotencyKey::from_bytes(rest.try_into().ok()?);
                Some(Self::Idempotency(owner, key))
            }
            ANSWER_BY_AGE => {
                let (made_at, rest) = split_time(rest)?;
                let key = IdempotencyKey::from_bytes(rest.try_into().ok()?);
                Some(Self::IdempotencyByAge(IdempotencyByAge { owner, made_at, key }))
            }
            ANSWER_STATS => rest.is_empty().then_some(Self::IdempotencyStats(owner)),
            TOMBSTONE => Some(Self::Tombstone(owner, last_number(rest)?)),
            BURIED => Some(Self::Buried(owner, TaskId::new(last_number(rest)?))),
            UID => (!rest.is_empty()).then_some(Self::Uid(owner)),
            LIST => Some(Self::List(owner, ListId::new(last_number(rest)?))),
            task_key::LIST_COUNTS => last_number(rest).map(|_| Self::ListCounts(owner)),
            HISTORY => Some(Self::History(owner, last_number(rest)?)),
            TRASH => Some(Self::Trash(owner, last_number(rest)?)),
            _ => None,
        }
    }

    pub(in crate::store::redb) const fn owner(self) -> UserId {
        match self {
            Self::Stats(owner)
            | Self::FormerStats(owner)
            | Self::Session(owner, _)
            | Self::Task(owner, _)
            | Self::History(owner, _)
            | Self::Trash(owner, _)
            | Self::Token(owner, _)
            | Self::TaskIndex(owner, _)
            | Self::TagCounts(owner)
            | Self::Idempotency(owner, _)
            | Self::IdempotencyStats(owner)
            | Self::Tombstone(owner, _)
            | Self::Buried(owner, _)
            | Self::Uid(owner)
            | Self::List(owner, _)
            | Self::ListCounts(owner) => owner,
            Self::IdempotencyByAge(entry) => entry.owner,
        }
    }
}

/// Returns the key of an audit record.
pub(in crate::store::redb) const fn audit(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// Decodes the key of an audit record.
pub(in crate::store::redb) fn decode_audit(key: &[u8]) -> Option<u64> {
    last_number(key)
}

/// Decodes the key of an invitation.
pub(in crate::store::redb) fn decode_invitation(key: &[u8]) -> Option<InvitationId> {
    key.try_into().ok().map(InvitationId::from_bytes)
}

/// Decodes a key that is one user id.
pub(in crate::store::redb) fn decode_user_id(key: &[u8]) -> Option<UserId> {
    last_number(key).map(UserId::new)
}

/// Returns the account of a row that requests are authenticated by: an account, a session or a personal token.
pub(in crate::store::redb) fn access_owner(table: Table, key: &[u8]) -> Option<UserId> {
    match table {
        Table::Users => decode_user_id(key),
        // Asked for every row that is written, so without decoding the rest.
        Table::Owned => {
            let (owner, rest) = split_number(key)?;
            let is_access = match rest.split_first()? {
                (&SESSION, _) => true,
                (&BEHIND_TASKS, id) => !id.is_empty(),
                _ => false,
            };
            is_access.then_some(UserId::new(owner))
        }
        _ => None,
    }
}

/// Returns the account id at the start of a key of table `owned`.
pub(in crate::store::redb) fn owner(key: &[u8]) -> Option<UserId> {
    split_number(key).map(|(number, _)| UserId::new(number))
}

fn split_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u64::from_be_bytes(*number), rest))
}

fn split_time(bytes: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (millis, rest) = split_number(bytes)?;
    let millis = i64::try_from(millis).ok()?;
    Some((Timestamp::from_millis(millis).ok()?, rest))
}

fn last_number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

/// Concatenates parts, whose lengths must add up to `LEN`.
fn join<const LEN: usize>(parts: &[&[u8]]) -> [u8; LEN] {
    let mut key = [0; LEN];
    let mut end = 0;
    for part in parts {
        let start = end;
        end += part.len();
        if let Some(to) = key.get_mut(start..end) {
            to.copy_from_slice(part);
        }
    }
    debug_assert_eq!(end, LEN, "a key of another length");
    key
}

/// Returns the range from a prefix to the prefix padded with ones to at least `len` bytes.
fn span(prefix: &[u8], len: usize) -> KeyRange {
    let mut last = prefix.to_vec();
    last.resize(len.max(prefix.len()), 0xFF);
    prefix.to_vec()..=last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hex::hex;

    const OWNER: UserId = UserId::new(0x0102);
    const ID: TaskId = TaskId::new(0x0304);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis).unwrap()
    }

    #[test]
    fn layouts_never_change() {
        assert_eq!(hex(&former_stats(OWNER)), "000000000000010201");
        assert_eq!(hex(&stats(OWNER)), "000000000000010205");
        assert_eq!(
            hex(&session(OWNER, SessionId::from_bytes([0xAB; 16]))),
            "000000000000010202abababababababababababababababab"
        );
        assert_eq!(hex(&task(OWNER, ID)), "0000000000000102040000000000000304");
        assert_eq!(
            hex(&token(OWNER, TokenId::from_bytes([0xCD; 8]))),
            "000000000000010205cdcdcdcdcdcdcdcd"
        );
    }

    #[test]
    fn layouts_of_idempotency_never_change() {
        let key = IdempotencyKey::from_bytes([0xEF; 16]);
        let digits = "ef".repeat(16);
        assert_eq!(hex(&idempotency(OWNER, key)), format!("000000000000010210{digits}"));
        assert_eq!(
            hex(&IdempotencyByAge { owner: OWNER, made_at: at(5), key }.encode()),
            format!("0000000000000102110000000000000005{digits}")
        );
        assert_eq!(hex(&idempotency_stats(OWNER)), "000000000000010212");
    }

    #[test]
    fn layouts_of_changes_never_change() {
        assert_eq!(hex(&tombstone(OWNER, 9)), "0000000000000102140000000000000009");
        assert_eq!(hex(&buried(OWNER, ID)), "0000000000000102150000000000000304");
        let name = Uid::new("0123456789abcdef".to_owned()).unwrap();
        let key = uid(OWNER, &name);
        assert_eq!(hex(&key), "00000000000001021630313233343536373839616263646566");
        assert_eq!(Owned::decode(&key), Some(Owned::Uid(OWNER)));
    }

    #[test]
    fn layouts_of_lists_never_change() {
        let id = ListId::new(9);
        assert_eq!(hex(&list(OWNER, id)), "0000000000000102170000000000000009");
        let counts = task_key::list_counts(OWNER, id);
        assert_eq!(hex(&counts), "0000000000000102190000000000000009");
        assert_eq!(task_key::list(&counts), Some(id));
        assert_eq!(Owned::decode(&counts), Some(Owned::ListCounts(OWNER)));
    }

    #[test]
    fn every_key_is_read_back_as_what_it_was() {
        let session_id = SessionId::from_bytes([7; 16]);
        let token_id = TokenId::from_bytes([6; 8]);
        let record_key = IdempotencyKey::from_bytes([5; 16]);
        let by_age = IdempotencyByAge { owner: OWNER, made_at: at(4), key: record_key };
        let pairs = [
            (former_stats(OWNER).to_vec(), Owned::FormerStats(OWNER)),
            (stats(OWNER).to_vec(), Owned::Stats(OWNER)),
            (session(OWNER, session_id).to_vec(), Owned::Session(OWNER, session_id)),
            (task(OWNER, ID).to_vec(), Owned::Task(OWNER, ID)),
            (token(OWNER, token_id).to_vec(), Owned::Token(OWNER, token_id)),
            (
                idempotency(OWNER, record_key).to_vec(),
                Owned::Idempotency(OWNER, record_key),
            ),
            (by_age.encode().to_vec(), Owned::IdempotencyByAge(by_age)),
            (idempotency_stats(OWNER).to_vec(), Owned::IdempotencyStats(OWNER)),
            (tombstone(OWNER, 9).to_vec(), Owned::Tombstone(OWNER, 9)),
            (buried(OWNER, ID).to_vec(), Owned::Buried(OWNER, ID)),
            (list(OWNER, ListId::new(9)).to_vec(), Owned::List(OWNER, ListId::new(9))),
        ];
        for (key, meaning) in pairs {
            assert_eq!(Owned::decode(&key), Some(meaning));
            assert_eq!(meaning.owner(), OWNER);
            assert!(everything_of(OWNER).contains(&key));
            assert!(!everything_of(UserId::new(0x0101)).contains(&key));
            assert!(!everything_of(UserId::new(0x0103)).contains(&key));
            for cut in 0..key.len() {
                let part = &key[..cut];
                // The stats stand before the tokens, under the same kind.
                let expected = (part == stats(OWNER)).then_some(Owned::Stats(OWNER));
                assert_eq!(Owned::decode(part), expected);
            }
        }
    }

    #[test]
    fn rows_that_requests_are_authenticated_by_name_their_account() {
        let of = |table, key: &[u8]| access_owner(table, key);
        assert_eq!(of(Table::Users, &OWNER.to_bytes()), Some(OWNER));
        let session = session(OWNER, SessionId::from_bytes([7; 16]));
        assert_eq!(of(Table::Owned, &session), Some(OWNER));
        assert_eq!(
            of(Table::Owned, &token(OWNER, TokenId::from_bytes([6; 8]))),
            Some(OWNER)
        );
        for other in [stats(OWNER).to_vec(), task(OWNER, ID).to_vec()] {
            assert_eq!(of(Table::Owned, &other), None);
        }
    }

    #[test]
    fn ranges_hold_the_extremes_and_nothing_else() {
        let last = TaskId::new(u64::MAX);
        assert!(tasks_of(OWNER).contains(&task(OWNER, last).to_vec()));
        assert!(!tasks_of(OWNER).contains(&stats(OWNER).to_vec()));
        let session_max = session(OWNER, SessionId::from_bytes([0xFF; 16])).to_vec();
        assert!(sessions_of(OWNER).contains(&session_max));
        let token_max = token(OWNER, TokenId::from_bytes([0xFF; 8])).to_vec();
        assert!(tokens_of(OWNER).contains(&token_max));
        assert!(!tokens_of(OWNER).contains(&stats(OWNER).to_vec()));
        assert!(!tasks_of(OWNER).contains(&token_max));
        let key = IdempotencyKey::from_bytes([0xFF; 16]);
        let last = IdempotencyByAge { owner: OWNER, made_at: Timestamp::MAX, key };
        assert!(idempotency_by_age_of(OWNER).contains(&last.encode().to_vec()));
        assert!(
            !idempotency_by_age_of(OWNER).contains(&idempotency_stats(OWNER).to_vec())
        );
        assert!(
            !idempotency_by_age_of(OWNER).contains(&idempotency(OWNER, key).to_vec())
        );
    }
}
