//! How far long work has got.

/// A part of long work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Verifies checksums of pages.
    Pages,
    /// Verifies rows.
    Rows,
    /// Copies a file.
    CopyFile,
    /// Copies rows.
    CopyRows,
    /// Compares rows of a copy.
    Compare,
    /// Makes a file small.
    Compact,
    /// Brings a file to a newer format.
    Upgrade,
    /// Writes lines of an export.
    Export,
    /// Takes in lines of an export.
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
    /// Every phase.
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

    /// The name that people read.
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

    /// The phase with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == name)
    }

    /// The unit of [`Step::count`].
    pub const fn unit(self) -> Unit {
        match self {
            Self::Pages | Self::CopyFile | Self::Compact | Self::Upgrade => Unit::Bytes,
            Self::Rows | Self::CopyRows | Self::Compare => Unit::Rows,
            Self::Export | Self::Import => Unit::Lines,
        }
    }
}

/// How far work has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The phase that is under way.
    pub phase: Phase,
    /// Thousandths of all the work that are done. `None` if the end is not known.
    pub at: Option<u16>,
    /// Amount of work of this phase that is done, in its unit.
    pub count: u64,
}

impl Step {
    /// All the work, in the unit of [`Step::at`].
    pub const WHOLE: u16 = 1000;

    /// The step as one of a larger work, of which this work is the part from `from` to `to`.
    #[must_use]
    pub fn within(self, from: u16, to: u16) -> Self {
        let at =
            self.at.map(|at| from + part_of(at.into(), Self::WHOLE.into(), to - from));
        Self { at, ..self }
    }
}

/// The part of `whole` that `done` is of `total`.
pub fn part_of(done: u64, total: u64, whole: u16) -> u16 {
    let part = u128::from(done.min(total)) * u128::from(whole) / u128::from(total.max(1));
    u16::try_from(part).unwrap_or(whole)
}
