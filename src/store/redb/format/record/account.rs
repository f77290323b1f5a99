//! Accounts, sessions and personal tokens as stored records.

use std::net::{IpAddr, Ipv6Addr};

use bincode::{BorrowDecode, Encode};

use super::{time, v1};
use crate::domain::digest::SecretDigest;
use crate::domain::email::Email;
use crate::domain::id::{SessionId, TokenId, UserId};
use crate::domain::label::Label;
use crate::domain::network::Network;
use crate::domain::password::PasswordHash;
use crate::domain::scope::Scopes;
use crate::domain::session::{RefreshState, Session};
use crate::domain::time_zone::TimeZone;
use crate::domain::timestamp::Timestamp;
use crate::domain::token::PersonalToken;
use crate::domain::user::{Credential, Role, User};
use crate::store::StoreError;
use crate::store::redb::format::codec::{Envelope, open, seal};
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;

const V2: u8 = 2;

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

#[derive(Encode, BorrowDecode)]
struct SessionV1 {
    created_ms: i64,
    expires_ms: i64,
    refresh_sha256: [u8; 32],
}

/// `address`: IPv6, or IPv4 mapped to it.
#[derive(Encode, BorrowDecode)]
struct SessionV2<'a> {
    created_ms: i64,
    expires_ms: i64,
    used_ms: i64,
    client: Option<&'a str>,
    address: Option<[u8; 16]>,
    family_sha256: [u8; 32],
    current_sha256: [u8; 32],
    previous: Option<([u8; 32], i64)>,
}

/// `scopes`: bits of [`Scopes`].
#[derive(Encode, BorrowDecode)]
struct PersonalTokenV1<'a> {
    name: &'a str,
    scopes: u8,
    created_ms: i64,
    expires_ms: Option<i64>,
    used_ms: Option<i64>,
    sha256: [u8; 32],
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

impl From<SessionV1> for SessionV2<'_> {
    /// Converts a session whose refresh token has no part that names its family, so nothing matches it:
    /// the session lasts until its access token has expired.
    fn from(old: SessionV1) -> Self {
        let SessionV1 { created_ms, expires_ms, refresh_sha256 } = old;
        Self {
            created_ms,
            expires_ms,
            used_ms: created_ms,
            client: None,
            address: None,
            family_sha256: refresh_sha256,
            current_sha256: refresh_sha256,
            previous: None,
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

/// Decodes the account without its password hash: every request reads the account of its caller.
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

pub(crate) fn session(session: &Session) -> Result<Vec<u8>, StoreError> {
    let RefreshState { family, current, previous } = session.refresh;
    let record = SessionV2 {
        created_ms: session.created_at.as_millis(),
        expires_ms: session.expires_at.as_millis(),
        used_ms: session.last_used_at.as_millis(),
        client: session.client.as_ref().map(Label::as_str),
        address: session.address.map(octets),
        family_sha256: family.0,
        current_sha256: current.0,
        previous: previous.map(|(digest, time)| (digest.0, time.as_millis())),
    };
    seal(Table::Owned, &key::session(session.user, session.id), V2, &record)
}

pub(crate) fn decode_session(
    user: UserId,
    id: SessionId,
    value: &[u8],
) -> Result<Session, StoreError> {
    let key = key::session(user, id);
    let envelope = open(Table::Owned, &key, value)?;
    let record: SessionV2<'_> = match envelope.version {
        V2 => envelope.record()?,
        _ => v1(&envelope)?.record::<SessionV1>()?.into(),
    };
    let previous = match record.previous {
        Some((digest, ms)) => Some((SecretDigest(digest), time(&envelope, ms)?)),
        None => None,
    };
    Ok(Session {
        id,
        user,
        created_at: time(&envelope, record.created_ms)?,
        expires_at: time(&envelope, record.expires_ms)?,
        last_used_at: time(&envelope, record.used_ms)?,
        client: record.client.map(label),
        address: record.address.map(|octets| IpAddr::from(octets).to_canonical()),
        refresh: RefreshState {
            family: SecretDigest(record.family_sha256),
            current: SecretDigest(record.current_sha256),
            previous,
        },
    })
}

pub(crate) fn token(token: &PersonalToken) -> Result<Vec<u8>, StoreError> {
    let record = PersonalTokenV1 {
        name: token.name.as_str(),
        scopes: token.scopes.bits(),
        created_ms: token.created_at.as_millis(),
        expires_ms: token.expires_at.map(Timestamp::as_millis),
        used_ms: token.last_used_at.map(Timestamp::as_millis),
        sha256: token.digest.0,
    };
    seal(Table::Owned, &key::token(token.user, token.id), super::V1, &record)
}

pub(crate) fn decode_token(
    user: UserId,
    id: TokenId,
    value: &[u8],
) -> Result<PersonalToken, StoreError> {
    let key = key::token(user, id);
    let envelope = open(Table::Owned, &key, value)?;
    let record: PersonalTokenV1<'_> = v1(&envelope)?.record()?;
    let scopes = Scopes::from_bits(record.scopes).ok_or_else(|| {
        envelope.damaged(&format_args!("unknown scopes {}", record.scopes))
    })?;
    let maybe = |ms: Option<i64>| ms.map(|ms| time(&envelope, ms)).transpose();
    Ok(PersonalToken {
        id,
        user,
        name: label(record.name),
        scopes,
        created_at: time(&envelope, record.created_ms)?,
        expires_at: maybe(record.expires_ms)?,
        last_used_at: maybe(record.used_ms)?,
        digest: SecretDigest(record.sha256),
    })
}

fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => Ipv6Addr::octets(&address),
    }
}

fn label(text: &str) -> Label {
    Label::new_unchecked(text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::hex::hex;

    prop_compose! {
        fn any_time()(millis in 0..=Timestamp::MAX.as_millis()) -> Timestamp {
            Timestamp::from_millis(millis).unwrap()
        }
    }

    fn any_label() -> impl Strategy<Value = Option<Label>> {
        prop::option::of(
            ".{1,100}".prop_filter_map("a label", |text| Label::new(&text).ok()),
        )
    }

    fn any_address() -> impl Strategy<Value = Option<IpAddr>> {
        prop::option::of(any::<IpAddr>().prop_map(|address| address.to_canonical()))
    }

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

        #[test]
        fn sessions_survive_the_round_trip(
            id in any::<[u8; 16]>(),
            digests in any::<[[u8; 32]; 3]>(),
            times in prop::array::uniform4(any_time()),
            client in any_label(),
            address in any_address(),
            replaced in any::<bool>(),
        ) {
            let previous = replaced.then_some((SecretDigest(digests[2]), times[3]));
            let written = Session {
                id: SessionId::from_bytes(id),
                user: UserId::new(7),
                created_at: times[0],
                expires_at: times[1],
                last_used_at: times[2],
                client,
                address,
                refresh: RefreshState {
                    family: SecretDigest(digests[0]),
                    current: SecretDigest(digests[1]),
                    previous,
                },
            };
            let bytes = session(&written).unwrap();
            prop_assert_eq!(decode_session(written.user, written.id, &bytes).unwrap(), written);
        }

        #[test]
        fn tokens_survive_the_round_trip(
            id in any::<[u8; 8]>(),
            sha256 in any::<[u8; 32]>(),
            scopes in 0..8_u8,
            times in (any_time(), prop::option::of(any_time()), prop::option::of(any_time())),
        ) {
            let written = PersonalToken {
                id: TokenId::from_bytes(id),
                user: UserId::new(7),
                name: Label::new("backup script").unwrap(),
                scopes: Scopes::from_bits(scopes).unwrap(),
                created_at: times.0,
                expires_at: times.1,
                last_used_at: times.2,
                digest: SecretDigest(sha256),
            };
            let bytes = token(&written).unwrap();
            prop_assert_eq!(decode_token(written.user, written.id, &bytes).unwrap(), written);
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis).unwrap()
    }

    #[test]
    fn records_of_format_1_are_read_for_ever() {
        let id = UserId::new(1);
        let old = UserV1 { email: "a@b.cc", password: "x", role: 1, created_ms: 3 };
        let value = seal(Table::Users, &id.to_bytes(), 1, &old).unwrap();
        assert_eq!(hex(&value[9..]), "066140622e636301780106");
        let read = decode_user(id, &value).unwrap();
        assert_eq!((read.user.role, read.user.disabled), (Role::User, false));
        assert_eq!(read.user.email.as_str(), "a@b.cc");

        let session = SessionId::from_bytes([7; 16]);
        let key = key::session(id, session);
        let old = SessionV1 { created_ms: 1, expires_ms: 2, refresh_sha256: [9; 32] };
        let value = seal(Table::Owned, &key, 1, &old).unwrap();
        let read = decode_session(id, session, &value).unwrap();
        assert_eq!((read.created_at, read.expires_at), (at(1), at(2)));
        assert_eq!(read.refresh.current, SecretDigest([9; 32]));
    }

    #[test]
    fn the_records_never_change() {
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

        let written = PersonalToken {
            id: TokenId::from_bytes([1; 8]),
            user: UserId::new(1),
            name: Label::new("n").unwrap(),
            scopes: Scopes::ALL,
            created_at: at(3),
            expires_at: Some(at(4)),
            last_used_at: None,
            digest: SecretDigest([0xAB; 32]),
        };
        let bytes = token(&written).unwrap();
        let digest = "ab".repeat(32);
        assert_eq!(hex(&bytes[9..]), format!("016e070601080{}{digest}", "0"));
    }
}
