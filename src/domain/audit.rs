//! Who did what to whom: a record for everything that an administrator or the operator does.

use super::id::UserId;
use super::timestamp::Timestamp;

/// Who acts on somebody else's behalf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Whoever may run commands on the machine.
    Operator,
    /// An administrator.
    Admin(UserId),
}

/// Somebody acts, at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Act {
    /// Who.
    pub actor: Actor,
    /// When.
    pub at: Timestamp,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)+) => {
        /// What was done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum AuditAction {
            $($(#[$doc])* $name,)+
        }

        impl AuditAction {
            /// Every action there is.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The name that is shown.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// What is stored. Never changes.
            pub const fn code(self) -> u8 {
                match self {
                    $(Self::$name => $code,)+
                }
            }
        }
    };
}

actions! {
    /// An account was made.
    UserCreated = 1, "user_created";
    /// An account got the role `admin`.
    AdminMade = 2, "admin_made";
    /// An account lost the role `admin`.
    AdminUnmade = 3, "admin_unmade";
    /// An account was disabled, and its access ended.
    UserDisabled = 4, "user_disabled";
    /// An account was enabled again.
    UserEnabled = 5, "user_enabled";
    /// A password must be changed before anything else.
    PasswordChangeRequired = 6, "password_change_required";
    /// A password need not be changed any more.
    PasswordChangeWaived = 7, "password_change_waived";
    /// A password was set.
    PasswordSet = 8, "password_set";
    /// Sessions and personal tokens were ended.
    AccessEnded = 9, "access_ended";
    /// An account was deleted with all that it had.
    UserDeleted = 10, "user_deleted";
    /// An invitation was made.
    InvitationCreated = 11, "invitation_created";
    /// An invitation was taken back.
    InvitationDeleted = 12, "invitation_deleted";
    /// An account got other limits of its own.
    QuotaSet = 13, "quota_set";
}

/// One thing that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Counted up from 1.
    pub id: u64,
    /// Who did it, and when.
    pub act: Act,
    /// What was done.
    pub action: AuditAction,
    /// To whom. Nobody, if it was done to an invitation.
    pub target: Option<UserId>,
}

impl AuditRecord {
    /// Most records that are kept; the oldest give way.
    pub const MAX: u64 = 100_000;

    /// Whether it is about something that an account did or that was done to it.
    pub fn is_about(&self, user: UserId) -> bool {
        self.act.actor == Actor::Admin(user) || self.target == Some(user)
    }
}
