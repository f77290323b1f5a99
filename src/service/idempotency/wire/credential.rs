//! Credentials and invitations, with their secrets.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Millis, Stored, WireSecret};
use crate::auth::Secret;
use crate::domain::digest::SecretDigest;
use crate::domain::email::Email;
use crate::domain::id::{InvitationId, TokenId, UserId};
use crate::domain::invitation::Invitation;
use crate::domain::label::Label;
use crate::domain::scope::Scopes;
use crate::domain::token::PersonalToken;
use crate::service::Grant;

#[derive(Serialize, Deserialize)]
pub(in crate::service::idempotency) struct WireGrant {
    access_token: WireSecret,
    expires_in_ms: u64,
    refresh_token: WireSecret,
    scopes: u8,
}

#[derive(Serialize, Deserialize)]
pub(in crate::service::idempotency) struct WireToken {
    id: [u8; TokenId::LEN],
    user: u64,
    name: String,
    scopes: u8,
    created_at: Millis,
    expires_at: Option<Millis>,
    last_used_at: Option<Millis>,
    digest: [u8; 32],
    secret: WireSecret,
}

#[derive(Serialize, Deserialize)]
pub(in crate::service::idempotency) struct WireInvitation {
    id: [u8; InvitationId::LEN],
    email: Option<String>,
    created_by: Option<u64>,
    created_at: Millis,
    expires_at: Millis,
    digest: [u8; 32],
    secret: WireSecret,
}

impl Stored for Grant {
    type Wire = WireGrant;

    fn to_wire(&self) -> Self::Wire {
        let Self { access_token, expires_in, refresh_token, scopes } = self;
        WireGrant {
            access_token: WireSecret(access_token.clone()),
            expires_in_ms: u64::try_from(expires_in.as_millis()).unwrap_or(u64::MAX),
            refresh_token: WireSecret(refresh_token.clone()),
            scopes: scopes.bits(),
        }
    }

    fn from_wire(wire: Self::Wire) -> Option<Self> {
        let WireGrant { access_token, expires_in_ms, refresh_token, scopes } = wire;
        let expires_in = Duration::from_millis(expires_in_ms);
        let scopes = Scopes::from_bits(scopes)?;
        Some(Self {
            access_token: access_token.0,
            expires_in,
            refresh_token: refresh_token.0,
            scopes,
        })
    }
}

impl Stored for (PersonalToken, Secret) {
    type Wire = WireToken;

    fn to_wire(&self) -> Self::Wire {
        let (token, secret) = self;
        let PersonalToken {
            id,
            user,
            name,
            scopes,
            created_at,
            expires_at,
            last_used_at,
            digest,
        } = token;
        WireToken {
            id: id.to_bytes(),
            user: user.get(),
            name: name.as_str().to_owned(),
            scopes: scopes.bits(),
            created_at: (*created_at).into(),
            expires_at: expires_at.map(Millis::from),
            last_used_at: last_used_at.map(Millis::from),
            digest: digest.0,
            secret: WireSecret(secret.clone()),
        }
    }

    fn from_wire(wire: Self::Wire) -> Option<Self> {
        let token = PersonalToken {
            id: TokenId::from_bytes(wire.id),
            user: UserId::new(wire.user),
            name: Label::new_unchecked(wire.name),
            scopes: Scopes::from_bits(wire.scopes)?,
            created_at: wire.created_at.time().ok()?,
            expires_at: wire.expires_at.map(Millis::time).transpose().ok()?,
            last_used_at: wire.last_used_at.map(Millis::time).transpose().ok()?,
            digest: SecretDigest(wire.digest),
        };
        Some((token, wire.secret.0))
    }
}

impl Stored for (Invitation, Secret) {
    type Wire = WireInvitation;

    fn to_wire(&self) -> Self::Wire {
        let (invitation, secret) = self;
        let Invitation { id, email, created_by, created_at, expires_at, digest } =
            invitation;
        WireInvitation {
            id: id.to_bytes(),
            email: email.as_ref().map(|it| it.as_str().to_owned()),
            created_by: created_by.map(UserId::get),
            created_at: (*created_at).into(),
            expires_at: (*expires_at).into(),
            digest: digest.0,
            secret: WireSecret(secret.clone()),
        }
    }

    fn from_wire(wire: Self::Wire) -> Option<Self> {
        let invitation = Invitation {
            id: InvitationId::from_bytes(wire.id),
            email: wire.email.map(Email::new_unchecked),
            created_by: wire.created_by.map(UserId::new),
            created_at: wire.created_at.time().ok()?,
            expires_at: wire.expires_at.time().ok()?,
            digest: SecretDigest(wire.digest),
        };
        Some((invitation, wire.secret.0))
    }
}
