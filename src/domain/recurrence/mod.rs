//! Recurring tasks, and their next due dates.

mod completion;
mod error;
mod parse;
mod rule;
mod step;

use jiff::civil;

pub use self::completion::{Completion, RepeatFrom};
pub use self::error::RuleError;
use self::rule::End;
pub use self::rule::Rule;
use self::step::Search;
use super::date::Date;
use super::due::{Due, resolve};
use super::time_zone::TimeZone;

/// Recurrence rule, and the date from which it repeats.
///
/// A due time keeps its local time. If clocks skip that time, the task is due later on that day only.
///
/// ```
/// use duly::domain::due::Due;
/// use duly::domain::recurrence::{Completion, Recurrence, RepeatFrom, Rule};
/// use duly::domain::time_zone::TimeZone;
/// use duly::domain::timestamp::Timestamp;
/// let home = TimeZone::utc();
/// let now: Timestamp = "2026-03-28T12:00:00Z".parse().unwrap();
/// let due = Due::parse("2026-03-28T02:30[Europe/Berlin]", &home).unwrap();
/// let daily = Recurrence::new(Rule::parse("FREQ=DAILY").unwrap(), RepeatFrom::Due);
/// let done = Completion { at: now, home: &home, catch_up: false };
/// let (due, daily) = daily.next(&due, done).unwrap();
/// assert_eq!(due.to_string(), "2026-03-29T03:30:00+02:00[Europe/Berlin]");
/// let (due, _) = daily.next(&due, done).unwrap();
/// assert_eq!(due.to_string(), "2026-03-30T02:30:00+02:00[Europe/Berlin]");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recurrence {
    rule: Rule,
    from: RepeatFrom,
}

/// Reason that a rule has no effect on a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoEffect {
    /// No day after the due date matches the rule.
    Never,
    /// The rule ends before the due date.
    Ended,
}

impl Recurrence {
    /// Creates a recurrence. Its `COUNT` is the number of remaining occurrences, including the current one.
    pub const fn new(rule: Rule, from: RepeatFrom) -> Self {
        Self { rule, from }
    }

    /// Returns the rule.
    pub const fn rule(&self) -> &Rule {
        &self.rule
    }

    /// Returns the date from which the rule repeats.
    pub const fn repeat_from(&self) -> RepeatFrom {
        self.from
    }

    /// Checks that a task which is due at `due` can come back, apart from the number of occurrences.
    ///
    /// # Errors
    ///
    /// Every variant of [`NoEffect`].
    pub fn check(&self, due: &Due) -> Result<(), NoEffect> {
        let meant = due.meant();
        if is_after_end(self.rule.end, due, meant) {
            return Err(NoEffect::Ended);
        }
        let day = meant.date();
        // The day of a completion may be any.
        let interval = match self.from {
            RepeatFrom::Due => self.rule.interval,
            RepeatFrom::Completion => 1,
        };
        let rule = Rule { interval, ..self.rule.clone() };
        Search::new(&rule, day).day_after(day).map(|_| ()).ok_or(NoEffect::Never)
    }

    /// Returns the next due date or time after a completion, and the recurrence from there. `None` if it has ended: by
    /// the rule, with the last year, or because no day matches.
    ///
    /// The current day need not match the rule. Skipped occurrences count towards `COUNT`.
    pub fn next(&self, due: &Due, done: Completion<'_>) -> Option<(Due, Self)> {
        let series = Series::new(self, due, done);
        let mut end = self.rule.end;
        let every = Rule { interval: 1, ..self.rule.clone() };
        let mut search = Search::new(&self.rule, series.start);
        if self.from == RepeatFrom::Completion
            && search.day_after(series.search_from).is_none()
        {
            // The interval never meets such a day from there. It may from the due date; otherwise it is left out.
            search = Search::new(&self.rule, series.meant.date());
            if search.day_after(series.search_from).is_none() {
                search = Search::new(&every, series.start);
            }
        }
        if !series.counts_skipped() {
            end = one_less(end)?;
        }
        let mut day = series.search_from;
        loop {
            day = search.day_after(day)?;
            if day > series.passed {
                let next = series.due_on(day)?;
                if !series.is_after_current(&next) {
                    continue;
                }
                if series.counts_skipped() {
                    end = one_less(end)?;
                }
                let meant = day.to_datetime(series.meant.time());
                if is_after_end(end, &next, meant) {
                    return None;
                }
                if series.is_after_completion(&next, day) {
                    let rule = Rule { end, ..self.rule.clone() };
                    return Some((next, Self { rule, from: self.from }));
                }
            } else if series.counts_skipped() {
                end = one_less(end)?;
            }
        }
    }
}

/// Occurrences from which the next one is taken.
struct Series<'a> {
    from: RepeatFrom,
    due: &'a Due,
    done: Completion<'a>,
    /// Local day and time that are meant by the current occurrence.
    meant: civil::DateTime,
    /// First day of the rule.
    start: civil::Date,
    /// Day of the completion.
    today: civil::Date,
    /// Last day that is certainly before the next occurrence.
    passed: civil::Date,
    /// Day after which the search begins.
    search_from: civil::Date,
}

impl<'a> Series<'a> {
    fn new(recurrence: &Recurrence, due: &'a Due, done: Completion<'a>) -> Self {
        let meant = due.meant();
        let today = Date::at(done.at, done.home).civil();
        let (from, current) = (recurrence.from, due.moment(done.home));
        let (start, earliest) = match from {
            RepeatFrom::Due if done.catch_up => (meant.date(), current.max(done.at)),
            RepeatFrom::Due => (meant.date(), current),
            RepeatFrom::Completion => (today, current.max(done.at)),
        };
        let zone = match due {
            Due::On(_) => done.home,
            Due::At { zone, .. } => zone,
        };
        // Time zones are at most 26 hours apart, and clock changes may cross midnight.
        let passed = Date::at(earliest, zone).days().saturating_sub(3);
        let passed = Date::from_days(passed).map_or(start, Date::civil);
        let is_counted = matches!(recurrence.rule.end, End::Count(_));
        let search_from = match from {
            RepeatFrom::Due if is_counted => start,
            _ => start.max(passed),
        };
        Self { from, due, done, meant, start, today, passed, search_from }
    }

    /// Whether each occurrence counts towards `COUNT`, also one that is skipped. A series that begins with the
    /// completion skips none.
    fn counts_skipped(&self) -> bool {
        self.from == RepeatFrom::Due
    }

    /// Returns the due date or time on a day, at the local time of the current one.
    fn due_on(&self, day: civil::Date) -> Option<Due> {
        match self.due {
            Due::On(_) => Date::from_civil(day).ok().map(Due::On),
            Due::At { zone, .. } => resolve(day.to_datetime(self.meant.time()), zone),
        }
    }

    /// Whether an occurrence is later than the current one. Some zones have skipped whole days, so that two days began
    /// at one time.
    fn is_after_current(&self, next: &Due) -> bool {
        let home = self.done.home;
        next.moment(home) > self.due.moment(home)
    }

    /// Whether an occurrence is later than the completion, as far as that matters.
    fn is_after_completion(&self, next: &Due, day: civil::Date) -> bool {
        let is_after_now = match next {
            Due::On(date) => date.civil() > self.today,
            Due::At { at, .. } => *at > self.done.at,
        };
        match self.from {
            RepeatFrom::Due => is_after_now || !self.done.catch_up,
            RepeatFrom::Completion => is_after_now && day > self.today,
        }
    }
}

/// Counts an occurrence. `None` if it was the last.
fn one_less(end: End) -> Option<End> {
    Some(match end {
        End::Count(count) => End::Count(count.checked_sub(1).filter(|left| *left > 0)?),
        end => end,
    })
}

/// Whether an occurrence is after the end of a rule.
fn is_after_end(end: End, due: &Due, meant: civil::DateTime) -> bool {
    match (end, due) {
        (End::Never | End::Count(_), _) => false,
        (End::Until(last), _) => meant.date() > last.civil(),
        (End::UntilTime(last), Due::At { at, .. }) => *at > last,
        (End::UntilTime(last), Due::On(date)) => *date > Date::at(last, &TimeZone::utc()),
        (End::UntilLocal(last), Due::At { .. }) => meant > last,
        (End::UntilLocal(last), Due::On(date)) => date.civil() > last.date(),
    }
}

#[cfg(test)]
mod tests;
