//! Audit records: every action of an administrator or the operator.

use super::id::UserId;
use super::timestamp::Timestamp;

/// Administrator or operator who acts on an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Operator: anyone who may run commands on the machine.
    Operator,
    /// Administrator account.
    Admin(UserId),
}

/// Actor and time of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Act {
    /// Actor.
    pub actor: Actor,
    /// Time of the action.
    pub at: Timestamp,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)+) => {
        /// Audited action.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum AuditAction {
            $($(#[$doc])* $name,)+
        }

        impl AuditAction {
            /// All actions.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Returns the name shown to clients.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// Returns the stored code, which never changes.
            pub const fn code(self) -> u8 {
                match self {
                    $(Self::$name => $code,)+
                }
            }
        }
    };
}

actions! {
    /// An account was created.
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
    /// An account was deleted with all its data.
    UserDeleted = 10, "user_deleted";
    /// An invitation was created.
    InvitationCreated = 11, "invitation_created";
    /// An invitation was revoked.
    InvitationDeleted = 12, "invitation_deleted";
    /// The limits of an account were changed.
    QuotaSet = 13, "quota_set";
}

/// Record of one action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Sequence number, starting at 1.
    pub id: u64,
    /// Actor and time.
    pub act: Act,
    /// Action.
    pub action: AuditAction,
    /// Target account; `None` if the target is an invitation.
    pub target: Option<UserId>,
}

impl AuditRecord {
    /// Maximum number of records; the oldest are removed first.
    pub const MAX: u64 = 100_000;

    /// Whether the account is the actor or the target.
    pub fn is_about(&self, user: UserId) -> bool {
        self.act.actor == Actor::Admin(user) || self.target == Some(user)
    }
}
