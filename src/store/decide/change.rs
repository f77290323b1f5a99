//! Changes to the data.

use crate::domain::audit::AuditRecord;
use crate::domain::id::{InvitationId, SessionId, TokenId, UserId};
use crate::domain::idempotency::IdempotencyRecord;
use crate::domain::invitation::Invitation;
use crate::domain::list::TaskList;
use crate::domain::quota::OwnQuota;
use crate::domain::session::Session;
use crate::domain::task::{HistoryEntry, Task, Tombstone};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::PersonalToken;
use crate::domain::transfer::NextIds;
use crate::domain::user::Credential;

/// Change as data. Old values are those that the decision has read from its snapshot.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "most changes are of tasks")]
pub enum Change {
    /// New account, and its key in the index of emails.
    UserCreate {
        /// The account.
        new: Credential,
        /// Key of its email.
        email_key: String,
        /// Number of its first change.
        seq: u64,
    },
    /// Changed account. Only the id must stay the same.
    UserReplace {
        /// Account before the change.
        old: Credential,
        /// Account after the change.
        new: Credential,
    },
    /// Account to delete, with its sessions, tokens, idempotency records and tasks.
    UserDelete(Credential),
    /// Ids below these are no longer assigned.
    IdsUsed(NextIds),
    /// New or changed session.
    SessionPut(Session),
    /// Session to delete.
    SessionDelete(UserId, SessionId),
    /// New or changed personal token.
    TokenPut(PersonalToken),
    /// Personal token to delete.
    TokenDelete(UserId, TokenId),
    /// New invitation.
    InvitationPut(Invitation),
    /// Invitation to delete.
    InvitationDelete(InvitationId),
    /// New audit record.
    AuditAdd(AuditRecord),
    /// Audit record to delete.
    AuditDelete(u64),
    /// New idempotency record.
    IdempotencyPut(UserId, IdempotencyRecord),
    /// Idempotency record to delete.
    IdempotencyDelete(UserId, IdempotencyRecord),
    /// Limits of one account.
    QuotaSet(UserId, OwnQuota),
    /// New list.
    ListCreate(TaskList),
    /// Changed list. The default list has no row before its first change.
    ListReplace(TaskList),
    /// List to delete, which has no tasks.
    ListDelete(TaskList),
    /// New task.
    TaskCreate(Task),
    /// Imported task, with its id and its times.
    TaskRestore {
        /// Task.
        new: Task,
        /// Whether its neighbours by id are also its neighbours by time.
        in_order: bool,
    },
    /// Changed task.
    TaskReplace {
        /// Task before the change.
        old: Task,
        /// Task after the change.
        new: Task,
    },
    /// Task to delete.
    TaskDelete(Task),
    /// Change of a task, for its history.
    HistoryAdd(HistoryEntry),
    /// Change of a task to forget, since the task has too many or is deleted for good.
    HistoryDelete(HistoryEntry),
    /// Change of a task to forget, because of its age or of the size of the history.
    HistoryExpire(HistoryEntry),
    /// Deleted task that can be restored, and the number of its deletion.
    TrashAdd(u64, Task),
    /// Deleted task to remove from the trash: it is restored, or deleted for good.
    TrashDelete(u64, Task),
    /// Latest change of a deleted task of this account.
    TaskGone(UserId, Timestamp),
    /// Trace of a task or list that is deleted.
    TombstoneAdd(Tombstone),
    /// Trace to remove because it is old. Clients that have not seen the deletion must begin anew.
    TombstoneExpire(Tombstone),
    /// Trace to remove because the task is imported again.
    TombstoneRaise(Tombstone),
}
