//! Accounts as stored records.

use std::net::IpAddr;

use bincode::{BorrowDecode, Encode};

use super::{V2, label, octets, time, v1};
use crate::domain::email::Email;
use crate::domain::id::UserId;
use crate::domain::label::Label;
use crate::domain::network::Network;
use crate::domain::password::PasswordHash;
use crate::domain::time_zone::TimeZone;
use crate::domain::user::{Credential, Role, User};
use crate::store::StoreError;
use crate::store::redb::format::codec::{Envelope, open, seal};
use crate::store::redb::format::key::Table;

/// Bits of [`UserV2::flags`].
const DISABLED: u8 = 1;
const MUST_CHANGE_PASSWORD: u8 = 2;

/// `role`: 1 = user.
#[derive(Encode, BorrowDecode)]
struct UserV1<'a> {
    email: &'a str,
    password: &'a str,
    role: u8,
    created_ms: i64,
}

/// `role`: 1 = user, 2 = admin. `networks`: as addresses of sessions.
#[derive(Encode, BorrowDecode)]
struct UserV2<'a> {
    email: &'a str,
    password: &'a str,
    role: u8,
    created_ms: i64,
    flags: u8,
    display_name: Option<&'a str>,
    time_zone: Option<&'a str>,
    networks: Vec<[u8; 16]>,
}

impl<'a> From<UserV1<'a>> for UserV2<'a> {
    fn from(old: UserV1<'a>) -> Self {
        let UserV1 { email, password, role, created_ms } = old;
        Self {
            email,
            password,
            role,
            created_ms,
            flags: 0,
            display_name: None,
            time_zone: None,
            networks: Vec::new(),
        }
    }
}

pub(crate) fn user(credential: &Credential) -> Result<Vec<u8>, StoreError> {
    let user = &credential.user;
    let flag = |is_set, flag| if is_set { flag } else { 0 };
    let record = UserV2 {
        email: user.email.as_str(),
        password: credential.password.as_str(),
        role: match user.role {
            Role::User => 1,
            Role::Admin => 2,
        },
        created_ms: user.created_at.as_millis(),
        flags: flag(user.disabled, DISABLED)
            | flag(user.must_change_password, MUST_CHANGE_PASSWORD),
        display_name: user.display_name.as_ref().map(Label::as_str),
        time_zone: user.time_zone.as_ref().map(TimeZone::as_str),
        networks: credential.networks.iter().map(|it| octets(it.address())).collect(),
    };
    seal(Table::Users, &user.id.to_bytes(), V2, &record)
}

pub(crate) fn decode_user(id: UserId, value: &[u8]) -> Result<Credential, StoreError> {
    let key = id.to_bytes();
    let envelope = open(Table::Users, &key, value)?;
    let record = user_record(&envelope)?;
    let networks = record.networks.iter().map(|it| Network::of(IpAddr::from(*it)));
    Ok(Credential {
        user: account(id, &envelope, &record)?,
        password: PasswordHash::new(record.password.to_owned()),
        networks: networks.collect(),
    })
}

/// Decodes the account without its password hash, which requests do not need.
pub(crate) fn decode_account(id: UserId, value: &[u8]) -> Result<User, StoreError> {
    let key = id.to_bytes();
    let envelope = open(Table::Users, &key, value)?;
    account(id, &envelope, &user_record(&envelope)?)
}

fn user_record<'a>(envelope: &Envelope<'_, 'a>) -> Result<UserV2<'a>, StoreError> {
    match envelope.version {
        V2 => envelope.record(),
        _ => Ok(v1(envelope)?.record::<UserV1<'_>>()?.into()),
    }
}

fn account(
    id: UserId,
    envelope: &Envelope<'_, '_>,
    record: &UserV2<'_>,
) -> Result<User, StoreError> {
    let flags = record.flags;
    if flags & !(DISABLED | MUST_CHANGE_PASSWORD) != 0 {
        return Err(envelope.damaged(&format_args!("unknown flags {flags}")));
    }
    Ok(User {
        id,
        email: Email::new_unchecked(record.email.to_owned()),
        role: match record.role {
            1 => Role::User,
            2 => Role::Admin,
            other => {
                return Err(envelope.damaged(&format_args!("unknown role {other}")));
            }
        },
        created_at: time(envelope, record.created_ms)?,
        display_name: record.display_name.map(label),
        time_zone: record.time_zone.map(|name| TimeZone::new_unchecked(name.to_owned())),
        disabled: flags & DISABLED != 0,
        must_change_password: flags & MUST_CHANGE_PASSWORD != 0,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::hex::hex;
    use crate::store::redb::format::record::arbitrary::{any_label, any_time, at};

    proptest! {
        #[test]
        fn accounts_survive_the_round_trip(
            id in any::<u64>(),
            created_at in any_time(),
            display_name in any_label(),
            zone in any::<bool>(),
            flags in any::<[bool; 3]>(),
            networks in prop::collection::vec(any::<IpAddr>(), 0..9),
        ) {
            let written = Credential {
                user: User {
                    id: UserId::new(id),
                    email: Email::new("Jane@example.com").unwrap(),
                    role: if flags[0] { Role::Admin } else { Role::User },
                    created_at,
                    display_name,
                    time_zone: zone.then(|| TimeZone::new("Europe/Berlin").unwrap()),
                    disabled: flags[1],
                    must_change_password: flags[2],
                },
                password: PasswordHash::new("$argon2id$".to_owned()),
                networks: networks.into_iter().map(Network::of).collect(),
            };
            let bytes = user(&written).unwrap();
            prop_assert_eq!(decode_user(written.user.id, &bytes).unwrap(), written);
        }
    }

    #[test]
    fn the_first_record_is_read_for_ever() {
        let id = UserId::new(1);
        let old = UserV1 { email: "a@b.cc", password: "x", role: 1, created_ms: 3 };
        let value = seal(Table::Users, &id.to_bytes(), 1, &old).unwrap();
        assert_eq!(hex(&value[9..]), "066140622e636301780106");
        let read = decode_user(id, &value).unwrap();
        assert_eq!((read.user.role, read.user.disabled), (Role::User, false));
        assert_eq!(read.user.email.as_str(), "a@b.cc");
    }

    #[test]
    fn the_record_never_changes() {
        let written = Credential {
            user: User {
                id: UserId::new(1),
                email: Email::new("a@b.cc").unwrap(),
                role: Role::Admin,
                created_at: at(3),
                display_name: Label::new("J").ok(),
                time_zone: TimeZone::new("UTC").ok(),
                disabled: true,
                must_change_password: true,
            },
            password: PasswordHash::new("x".to_owned()),
            networks: vec![Network::of([192, 0, 2, 1].into())],
        };
        let bytes = user(&written).unwrap();
        assert_eq!(hex(&bytes[..1]), "02");
        assert_eq!(
            hex(&bytes[9..]),
            "066140622e6363017802060301014a010355544301\
             00000000000000000000ffffc0000201"
        );
    }
}
