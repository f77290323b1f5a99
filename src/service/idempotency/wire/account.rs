//! Accounts and ended access.

use serde::{Deserialize, Serialize};

use super::{Millis, Stored};
use crate::domain::email::Email;
use crate::domain::id::UserId;
use crate::domain::label::Label;
use crate::domain::quota::{OwnQuota, Usage};
use crate::domain::time_zone::TimeZone;
use crate::domain::user::{Account, Ended, Role, User};

#[derive(Serialize, Deserialize)]
pub(in crate::service::idempotency) struct WireUser {
    id: u64,
    email: String,
    role: String,
    created_at: Millis,
    display_name: Option<String>,
    time_zone: Option<String>,
    disabled: bool,
    must_change_password: bool,
}

#[derive(Serialize, Deserialize)]
pub(in crate::service::idempotency) struct WireAccount {
    user: WireUser,
    tasks: u64,
    bytes: u64,
    max_tasks: Option<u64>,
    max_mib: Option<u64>,
}

#[derive(Serialize, Deserialize)]
pub(in crate::service::idempotency) struct WireEnded {
    sessions: u64,
    tokens: u64,
}

impl Stored for User {
    type Wire = WireUser;

    fn to_wire(&self) -> Self::Wire {
        let Self {
            id,
            email,
            role,
            created_at,
            display_name,
            time_zone,
            disabled,
            must_change_password,
        } = self;
        WireUser {
            id: id.get(),
            email: email.as_str().to_owned(),
            role: role.as_str().to_owned(),
            created_at: (*created_at).into(),
            display_name: display_name.as_ref().map(|it| it.as_str().to_owned()),
            time_zone: time_zone.as_ref().map(|it| it.as_str().to_owned()),
            disabled: *disabled,
            must_change_password: *must_change_password,
        }
    }

    fn from_wire(wire: Self::Wire) -> Option<Self> {
        Some(Self {
            id: UserId::new(wire.id),
            email: Email::new_unchecked(wire.email),
            role: Role::from_name(&wire.role)?,
            created_at: wire.created_at.time().ok()?,
            display_name: wire.display_name.map(Label::new_unchecked),
            time_zone: wire.time_zone.map(TimeZone::new_unchecked),
            disabled: wire.disabled,
            must_change_password: wire.must_change_password,
        })
    }
}

impl Stored for Account {
    type Wire = WireAccount;

    fn to_wire(&self) -> Self::Wire {
        let Self {
            user,
            usage:
                Usage { tasks, bytes, own: OwnQuota { tasks: max_tasks, mib: max_mib } },
        } = self;
        WireAccount {
            user: user.to_wire(),
            tasks: *tasks,
            bytes: *bytes,
            max_tasks: *max_tasks,
            max_mib: *max_mib,
        }
    }

    fn from_wire(wire: Self::Wire) -> Option<Self> {
        let WireAccount { user, tasks, bytes, max_tasks, max_mib } = wire;
        let own = OwnQuota { tasks: max_tasks, mib: max_mib };
        Some(Self { user: User::from_wire(user)?, usage: Usage { tasks, bytes, own } })
    }
}

impl Stored for Ended {
    type Wire = WireEnded;

    fn to_wire(&self) -> Self::Wire {
        let Self { sessions, tokens } = *self;
        WireEnded { sessions, tokens }
    }

    fn from_wire(wire: Self::Wire) -> Option<Self> {
        let WireEnded { sessions, tokens } = wire;
        Some(Self { sessions, tokens })
    }
}
