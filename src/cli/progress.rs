//! The progress bar: the phase of a command, its rate and the time left, on a terminal.

use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{
    HumanBytes, HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle,
};

use crate::control::client::Lines;
use crate::domain::progress::{Phase, Step, Unit, part_of};

/// Template for work of known length. Fits into 80 columns.
const BAR: &str = "{msg:15} [{bar:24}] {percent:>3} %  {prefix}";

/// Template for work of unknown length.
const SPINNER: &str = "{msg:15} {spinner}  {prefix}  {elapsed}";

/// Time before a rate and the time left are shown.
const WARM_UP: Duration = Duration::from_millis(300);

/// Progress bar of this process, on standard error. Shows nothing unless that is a terminal.
#[derive(Clone)]
pub(super) struct Bar(Arc<Shown>);

struct Shown {
    bar: ProgressBar,
    state: Mutex<State>,
}

struct State {
    phase: Option<Begun>,
    began: Instant,
    is_cleared: bool,
}

/// A phase in progress.
#[derive(Clone, Copy)]
struct Begun {
    phase: Phase,
    at: Instant,
    count: u64,
}

static BAR_OF_PROCESS: OnceLock<Bar> = OnceLock::new();

/// Removes the bar, if there is one, and stops drawing it.
pub(super) fn clear() {
    if let Some(bar) = BAR_OF_PROCESS.get() {
        bar.clear();
    }
}

impl Bar {
    /// Returns the bar of this process: a terminal has room for one.
    pub(super) fn get() -> Self {
        let make = || {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let began = Instant::now();
            let state = Mutex::new(State { phase: None, began, is_cleared: false });
            Self(Arc::new(Shown { bar, state }))
        };
        BAR_OF_PROCESS.get_or_init(make).clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows the progress of the work.
    pub(super) fn step(&self, step: Step) {
        let bar = &self.0.bar;
        if bar.is_hidden() {
            return;
        }
        let Step { phase, at, count } = step;
        // Locked while drawing, so that nothing is drawn after the bar was cleared.
        let mut state = self.state();
        if state.is_cleared {
            return;
        }
        let position = at.unwrap_or_default().into();
        if position < bar.position() {
            // Other work has begun.
            bar.reset();
            state.began = Instant::now();
        }
        let begun = match state.phase {
            Some(begun) if begun.phase == phase && begun.count <= count => begun,
            _ => {
                begin(bar, phase, at.is_some());
                *state.phase.insert(Begun { phase, at: Instant::now(), count })
            }
        };
        let rate = rate(phase, count - begun.count, begun.at.elapsed());
        let left = at.map_or_else(String::new, |at| left(at, state.began.elapsed()));
        bar.set_prefix(format!("{rate:>15}  {left}"));
        bar.set_position(position);
    }

    /// Returns a receiver of steps for a part of longer work, from `from` to `to`, in thousandths.
    pub(super) fn part(
        &self,
        from: u16,
        to: u16,
    ) -> impl FnMut(Step) -> ControlFlow<()> + Send + use<> {
        let bar = self.clone();
        move |step| {
            bar.step(step.within(from, to));
            ControlFlow::Continue(())
        }
    }

    /// Removes the bar, and stops drawing it.
    pub(super) fn clear(&self) {
        let mut state = self.state();
        state.is_cleared = true;
        self.0.bar.finish_and_clear();
    }
}

fn begin(bar: &ProgressBar, phase: Phase, is_bounded: bool) {
    let template = if is_bounded { BAR } else { SPINNER };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    if is_bounded {
        bar.set_length(Step::WHOLE.into());
    } else {
        bar.unset_length();
    }
    bar.set_message(phase.as_str());
}

fn rate(phase: Phase, count: u64, time: Duration) -> String {
    if time < WARM_UP {
        return String::new();
    }
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let rate = count.saturating_mul(1000) / millis;
    match phase.unit() {
        Unit::Bytes => format!("{}/s", HumanBytes(rate)),
        Unit::Rows => format!("{} rows/s", HumanCount(rate)),
        Unit::Lines => format!("{} lines/s", HumanCount(rate)),
    }
}

fn left(at: u16, time: Duration) -> String {
    if time < WARM_UP || at == 0 {
        return String::new();
    }
    let left = time * u32::from(Step::WHOLE.saturating_sub(at)) / u32::from(at);
    format!("{:#} left", HumanDuration(left))
}

/// Input that counts its bytes.
pub(super) struct Counted<R> {
    inner: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buf)?;
        self.bytes
            .fetch_add(u64::try_from(length).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(length)
    }
}

/// Wraps an input to count its bytes.
pub(super) fn counted<R: Read>(inner: R) -> (Counted<R>, Arc<AtomicU64>) {
    let bytes = Arc::new(AtomicU64::new(0));
    (Counted { inner, bytes: Arc::clone(&bytes) }, bytes)
}

/// Wraps lines to import so that they move a bar: by the bytes of the input, if their total is known.
pub(super) fn of_import(
    lines: Lines,
    bytes: Arc<AtomicU64>,
    total: Option<u64>,
) -> Lines {
    let (bar, mut count) = (Bar::get(), 0);
    Box::new(lines.inspect(move |_| {
        count += 1;
        let read = bytes.load(Ordering::Relaxed);
        let at = total.map(|total| part_of(read, total, Step::WHOLE));
        bar.step(Step { phase: Phase::Import, at, count });
    }))
}

/// Returns the bytes of an input that are still to be read, if it is a file.
pub(super) fn length(mut file: &File) -> Option<u64> {
    let found = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    found.len().checked_sub(file.stream_position().ok()?)
}
