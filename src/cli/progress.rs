//! Progress on a terminal: what is being done, how fast, and how long it will take.

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::control::client::Lines;
use crate::domain::progress::{Phase, Step, Unit, thousandths};

/// Work whose end is known. Fits into 80 columns.
const BAR: &str = "{msg:15} [{bar:24}] {percent:>3} %  {prefix:>15}  {eta} left";

/// Work whose end is not known.
const SPINNER: &str = "{msg:15} {spinner}  {prefix:>15}  {elapsed}";

/// Time before a rate is shown.
const WARM_UP: Duration = Duration::from_millis(200);

/// A progress bar on standard error. Shows nothing unless that is a terminal.
#[derive(Clone)]
pub(super) struct Bar {
    bar: ProgressBar,
    phase: Arc<Mutex<Option<Begun>>>,
}

/// A phase that is under way.
#[derive(Clone, Copy)]
struct Begun {
    phase: Phase,
    at: Instant,
    count: u64,
}

impl Bar {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        Self { bar, phase: Arc::default() }
    }

    /// Shows how far the work has got.
    pub(super) fn step(&self, step: Step) {
        if self.bar.is_hidden() {
            return;
        }
        let Step { phase, at, count } = step;
        let mut last = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = match *last {
            Some(begun) if begun.phase == phase && begun.count <= count => begun,
            _ => {
                self.begin(phase, at.is_some());
                *last.insert(Begun { phase, at: Instant::now(), count })
            }
        };
        self.bar.set_prefix(rate(phase, count - begun.count, begun.at.elapsed()));
        let at = at.unwrap_or_default().into();
        if at < self.bar.position() {
            // Another work has begun.
            self.bar.reset();
        }
        self.bar.set_position(at);
    }

    fn begin(&self, phase: Phase, is_bounded: bool) {
        let template = if is_bounded { BAR } else { SPINNER };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("=> "));
        }
        if is_bounded {
            self.bar.set_length(Step::WHOLE.into());
        } else {
            self.bar.unset_length();
        }
        self.bar.set_message(phase.as_str());
    }

    /// A receiver of steps of a work that is the part of a larger one from `from` to `to`.
    pub(super) fn part(
        &self,
        from: u16,
        to: u16,
    ) -> impl FnMut(Step) -> ControlFlow<()> + Send {
        let bar = self.clone();
        move |step| {
            bar.step(step.within(from, to));
            ControlFlow::Continue(())
        }
    }

    /// Removes the bar.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
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

/// Counts the bytes of an input.
pub(super) fn counted<R: Read>(inner: R) -> (Counted<R>, Arc<AtomicU64>) {
    let bytes = Arc::new(AtomicU64::new(0));
    (Counted { inner, bytes: Arc::clone(&bytes) }, bytes)
}

/// Lines to import that move a bar as they are read: by their bytes where those of the whole input are known.
pub(super) fn of_import(
    lines: Lines,
    bytes: Arc<AtomicU64>,
    total: Option<u64>,
    bar: &Bar,
) -> Lines {
    let (bar, mut count) = (bar.clone(), 0);
    Box::new(lines.inspect(move |_| {
        count += 1;
        let read = bytes.load(Ordering::Relaxed);
        let at = total.map(|total| thousandths(read, total, Step::WHOLE));
        bar.step(Step { phase: Phase::Import, at, count });
    }))
}

/// Length of an input that is a file.
pub(super) fn length(file: &File) -> Option<u64> {
    file.metadata().ok().filter(std::fs::Metadata::is_file).map(|found| found.len())
}
