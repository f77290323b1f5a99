//! Priorities of tasks.

/// Priority of a task, in ascending order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// Not set.
    #[default]
    None,
    /// Low priority.
    Low,
    /// Medium priority.
    Medium,
    /// High priority.
    High,
    /// Urgent priority.
    Urgent,
}

impl Priority {
    /// All priorities, in ascending order.
    pub const ALL: [Self; 5] =
        [Self::None, Self::Low, Self::Medium, Self::High, Self::Urgent];

    /// Returns the name shown to clients.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Urgent => "urgent",
        }
    }

    /// Returns the priority with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| priority.as_str() == name)
    }

    /// Returns the stored code, from 0 to 4, which sorts like the priority.
    pub const fn code(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Low => 1,
            Self::Medium => 2,
            Self::High => 3,
            Self::Urgent => 4,
        }
    }

    /// Returns the priority with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| priority.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_come_back_in_order() {
        assert!(Priority::ALL.is_sorted());
        assert!(Priority::ALL.map(Priority::code).is_sorted());
        for priority in Priority::ALL {
            assert_eq!(Priority::from_name(priority.as_str()), Some(priority));
            assert_eq!(Priority::from_code(priority.code()), Some(priority));
        }
        assert_eq!((Priority::from_code(5), Priority::from_name("None")), (None, None));
    }
}
