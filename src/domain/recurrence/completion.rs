//! Completions of recurring tasks.

use super::super::time_zone::TimeZone;
use super::super::timestamp::Timestamp;

/// Date from which a rule repeats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RepeatFrom {
    /// Due date.
    #[default]
    Due,
    /// Day of the completion: the rule begins anew with it.
    Completion,
}

impl RepeatFrom {
    /// All values.
    pub const ALL: [Self; 2] = [Self::Due, Self::Completion];

    /// Returns the name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Completion => "completion",
        }
    }

    /// Finds a value by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }
}

/// Completion of a recurring task, or a skipped occurrence.
#[derive(Clone, Copy, Debug)]
pub struct Completion<'a> {
    /// Time of the completion.
    pub at: Timestamp,
    /// Time zone of the owner, in which the day of the completion and days without a time begin.
    pub home: &'a TimeZone,
    /// Whether the next occurrence is the first after the completion, and not only after the due date.
    pub catch_up: bool,
}
