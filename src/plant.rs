//! Planted bugs, so that the tests can show that they find them.
//!
//! Without the feature `planted-bugs` no bug exists, and none of this code is in the program. With it, the environment
//! variable `DULY_PLANT` names the bug to plant. `.ci/teeth` plants each and checks that the tests fail.

/// A bug that can be planted, each in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Writes are answered before their commit.
    AnswerBeforeCommit,
    /// A commit that failed counts as done.
    CommitFailureHidden,
    /// Commits are not flushed to the disk.
    NoSync,
    /// The entry of a deleted task stays in the index.
    IndexDeleteForgotten,
    /// A new task gets no entry in the index.
    IndexInsertForgotten,
    /// The deletion of an account leaves its sessions.
    CascadeMissesSessions,
    /// A completed task is still counted as open.
    CountNotUpdated,
    /// Assigned ids are not remembered.
    IdsForgotten,
    /// Checksums of values are not compared.
    ChecksumNotVerified,
    /// Pages are not verified when a file is opened.
    PagesNotVerified,
    /// Pages modified behind the program's back are not noticed.
    GuardAsleep,
    /// The keys of tasks do not name their owner.
    OwnerMissingFromKey,
    /// A new password ends no session.
    SessionsOutliveThePassword,
    /// A used refresh token ends no session.
    ReuseForgiven,
    /// A personal token may act beyond its scopes.
    ScopeNotAsked,
    /// A credential is not checked again when its write is decided.
    BehalfNotAsked,
    /// The answer under a key is not kept in the transaction of its request.
    AnswerApart,
    /// Accounts without the role of administrator may manage accounts.
    RoleNotAsked,
    /// A disabled account is treated like any other.
    DisabledLetIn,
    /// An invitation can be used more than once.
    InvitationKept,
    /// The last administrator can be removed.
    LastAdminGone,
    /// Actions of administrators are not recorded.
    AuditForgotten,
    /// A new password ends no personal token.
    TokensOutliveThePassword,
    /// The disk is filled to the last byte.
    ReserveIgnored,
    /// A copy counts as a backup without being verified.
    BackupNotVerified,
    /// The newest backups are removed instead of the oldest.
    RetentionBackwards,
    /// A backup replaces a data file without being told to.
    RestoreUnasked,
    /// An import changes tasks that should stay as they are.
    ImportOverwrites,
    /// An import takes the id of another account's task.
    ImportTakesTakenIds,
    /// The number of the new format is committed before the data of that format.
    MigrationInTwoSteps,
    /// An upgrade keeps no copy of the old file.
    UpgradeKeepsNothing,
    /// Any user may command the server.
    ControlForAnybody,
    /// No bug: the program acts as the version after this one.
    NextFormat,
}

/// Whether this bug is planted.
#[cfg(feature = "planted-bugs")]
pub fn is(bug: Bug) -> bool {
    use std::sync::LazyLock;

    #[expect(clippy::disallowed_methods, reason = "no setting, and never shipped")]
    static PLANTED: LazyLock<Option<String>> =
        LazyLock::new(|| std::env::var("DULY_PLANT").ok());
    PLANTED.as_ref().is_some_and(|name| *name == format!("{bug:?}"))
}

/// Whether this bug is planted: never.
#[cfg(not(feature = "planted-bugs"))]
pub const fn is(_: Bug) -> bool {
    false
}
