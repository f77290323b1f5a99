//! Progress of long operations.

/// Phase of a long operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Verification of page checksums.
    Pages,
    /// Verification of rows.
    Rows,
    /// Copy of a file.
    CopyFile,
    /// Copy of rows.
    CopyRows,
    /// Comparison of the rows of a copy.
    Compare,
    /// Compaction of a file.
    Compact,
    /// Upgrade of a file to a newer format.
    Upgrade,
    /// Writing of export lines.
    Export,
    /// Reading of export lines.
    Import,
}

/// Unit in which the work of a phase is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Rows of the data file.
    Rows,
    /// Lines of an export: accounts and tasks.
    Lines,
}

impl Phase {
    /// All phases.
    pub const ALL: [Self; 9] = [
        Self::Pages,
        Self::Rows,
        Self::CopyFile,
        Self::CopyRows,
        Self::Compare,
        Self::Compact,
        Self::Upgrade,
        Self::Export,
        Self::Import,
    ];

    /// Returns the name shown to people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pages => "checking pages",
            Self::Rows => "checking rows",
            Self::CopyFile => "copying",
            Self::CopyRows => "copying rows",
            Self::Compare => "comparing rows",
            Self::Compact => "compacting",
            Self::Upgrade => "upgrading",
            Self::Export => "exporting",
            Self::Import => "importing",
        }
    }

    /// Returns the phase with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == name)
    }

    /// Returns the unit of [`Step::count`].
    pub const fn unit(self) -> Unit {
        match self {
            Self::Pages | Self::CopyFile | Self::Compact | Self::Upgrade => Unit::Bytes,
            Self::Rows | Self::CopyRows | Self::Compare => Unit::Rows,
            Self::Export | Self::Import => Unit::Lines,
        }
    }
}

/// Progress of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Current phase.
    pub phase: Phase,
    /// Completed work, in thousandths of the whole operation. `None` if the total is not known.
    pub at: Option<u16>,
    /// Completed work of this phase, in its unit.
    pub count: u64,
}

impl Step {
    /// Whole operation, in the unit of [`Step::at`].
    pub const WHOLE: u16 = 1000;

    /// Converts the step to one of a larger operation, of which this operation is the part from `from` to `to`.
    #[must_use]
    pub fn within(self, from: u16, to: u16) -> Self {
        let at =
            self.at.map(|at| from + part_of(at.into(), Self::WHOLE.into(), to - from));
        Self { at, ..self }
    }
}

/// Scales `done` of `total` to `whole`.
pub fn part_of(done: u64, total: u64, whole: u16) -> u16 {
    let part = u128::from(done.min(total)) * u128::from(whole) / u128::from(total.max(1));
    u16::try_from(part).unwrap_or(whole)
}
