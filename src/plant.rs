//! Bugs to order, so that the tests can show that they find them.
//!
//! Without the feature `planted-bugs` no bug is ever there, and nothing of this is left in the program.
//! With it, the environment variable `DULY_PLANT` names the one that is. `.ci/teeth` plants each and sees
//! the tests fail.

/// What can be planted, each at one place.
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
    /// A completed task stays among those that are counted as open.
    CountNotUpdated,
    /// The ids that were given out are not remembered.
    IdsForgotten,
    /// The checksums of values are not compared.
    ChecksumNotVerified,
    /// Pages are not verified when a file is opened.
    PagesNotVerified,
    /// Pages that changed behind the program's back are not noticed.
    GuardAsleep,
    /// The keys of tasks do not name their owner.
    OwnerMissingFromKey,
    /// Another password ends no session.
    SessionsOutliveThePassword,
    /// A refresh token that was used before ends no session.
    ReuseForgiven,
    /// A personal token may do what it was not made for.
    ScopeNotAsked,
    /// Whether a credential is still good is not asked again when its write is decided.
    BehalfNotAsked,
    /// The answer to a request with a key is not kept with what the request did.
    AnswerApart,
    /// Whoever is no administrator may manage accounts.
    RoleNotAsked,
    /// A disabled account is as good as any.
    DisabledLetIn,
    /// An invitation is good more than once.
    InvitationKept,
    /// The last administrator can be removed.
    LastAdminGone,
    /// What administrators do is not noted.
    AuditForgotten,
    /// Another password ends no personal token.
    TokensOutliveThePassword,
    /// The disk is filled to the last byte.
    ReserveIgnored,
    /// A copy is taken for a backup without a look at it.
    BackupNotVerified,
    /// Of the backups, the newest are removed.
    RetentionBackwards,
    /// A backup replaces a data file that nobody said may be replaced.
    RestoreUnasked,
    /// An import changes tasks that should stay as they are.
    ImportOverwrites,
    /// An import takes the id of somebody else's task.
    ImportTakesTakenIds,
    /// The number of the new format is committed before what it stands for.
    MigrationInTwoSteps,
    /// An upgrade keeps nothing of the file from before.
    UpgradeKeepsNothing,
    /// Anybody may command the server.
    ControlForAnybody,
    /// No bug: the program takes itself for the version after this one.
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
