//! Settings, figures and repeatable random numbers for tests with a long form.

/// Returns a number from the environment.
pub(crate) fn setting(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |value| value.parse().expect(variable))
}

/// Prints a figure of the long form.
#[expect(clippy::print_stderr, reason = "shown with --nocapture only")]
pub(crate) fn figure(line: &str) {
    eprintln!("{line}");
}

/// Random numbers, the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}
