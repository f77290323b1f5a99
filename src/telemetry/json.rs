//! Log lines in JSON.
//!
//! tracing-subscriber builds them with serde in many small writes, which cost more than the rest of the middleware. Lines
//! without spans, as those of the access log, are written directly; the crate writes all others.

use std::fmt::{self, Debug};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Format, Json, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, format};
use tracing_subscriber::registry::LookupSpan;

use crate::clock;
use crate::domain::timestamp::Timestamp;
use crate::json::{write, write_plain, write_text};

/// Initial capacity of a line, in bytes.
const USUAL_BYTES: usize = 384;

/// Format of log lines in JSON.
pub(super) struct JsonLines(Format<Json>);

impl Default for JsonLines {
    fn default() -> Self {
        Self(format().json().flatten_event(true).with_current_span(false))
    }
}

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if ctx.event_scope().is_some() {
            return self.0.format_event(ctx, writer, event);
        }
        let mut line = Line(Vec::with_capacity(USUAL_BYTES));
        let meta = event.metadata();
        line.0.extend_from_slice(br#"{"timestamp":"#);
        write_plain(&mut line.0, &time(clock::unix_micros()));
        line.member("level", |out| write_text(out, meta.level().as_str()));
        event.record(&mut line);
        line.member("target", |out| write_text(out, meta.target()));
        line.0.extend_from_slice(b"}\n");
        writer.write_str(str::from_utf8(&line.0).map_err(|_| fmt::Error)?)
    }
}

/// Formats microseconds since 1970-01-01 with six decimals.
fn time(micros: i64) -> [u8; 27] {
    let millis =
        Timestamp::from_millis(micros.div_euclid(1000)).unwrap_or(Timestamp::EPOCH);
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    let (start, end) = text.split_at_mut(23);
    start.copy_from_slice(millis.to_ascii().split_at(23).0);
    let mut rest = micros.rem_euclid(1000);
    for digit in end.iter_mut().take(3).rev() {
        *digit += u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    text
}

/// Line under construction.
struct Line(Vec<u8>);

impl Line {
    fn member(&mut self, name: &str, value: impl FnOnce(&mut Vec<u8>)) {
        self.0.push(b',');
        write_text(&mut self.0, name);
        self.0.push(b':');
        value(&mut self.0);
    }
}

impl Visit for Line {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.member(field.name(), |out| write(out, &value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field.name(), |out| write(out, &value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field.name(), |out| write(out, &value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field.name(), |out| write(out, &value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field.name(), |out| write_text(out, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.member(field.name(), |out| write_text(out, &format!("{value:?}")));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::time::Duration;

    use tracing_subscriber::fmt;
    use tracing_subscriber::fmt::format::JsonFields;

    use super::super::queue::{Handles, Queue};
    use super::*;

    /// Returns the lines in a queue, each without its time.
    fn lines(queue: &Queue) -> Vec<String> {
        let mut bytes = Vec::new();
        queue.take(&mut bytes, Duration::ZERO);
        let rest = |line: &str| {
            let rest = line.strip_prefix(r#"{"timestamp":""#).unwrap();
            let (time, rest) = rest.split_at(27);
            assert!(time.parse::<Timestamp>().is_ok() && time.ends_with('Z'), "{time}");
            rest.to_owned()
        };
        String::from_utf8(bytes).unwrap().lines().map(rest).collect()
    }

    fn log() {
        let error = io::Error::other("a \"cause\"");
        let (none, some): (Option<u64>, Option<&str>) = (None, Some("a\nb"));
        tracing::info!(
            http.method = "GET",
            status = 200_u16,
            none,
            some,
            "request served"
        );
        tracing::warn!(
            less = -1,
            ratio = 0.5,
            whole = 1.0,
            is_so = true,
            "tell {}\t\\",
            7
        );
        tracing::error!(%error, debug = ?Some("\u{1}"), nan = f64::NAN, "failed");
        tracing::info!(cause = &error as &dyn std::error::Error, huge = u128::MAX);
        let _span = tracing::info_span!("work", number = 3).entered();
        tracing::info!(event = "login_failed", "within a span");
    }

    #[test]
    fn a_line_is_what_the_crate_writes() {
        let (ours, theirs) = (Arc::new(Queue::default()), Arc::new(Queue::default()));
        let own = fmt()
            .event_format(JsonLines::default())
            .fmt_fields(JsonFields::new())
            .with_writer(Handles(Arc::clone(&ours)));
        tracing::subscriber::with_default(own.finish(), log);
        let json = fmt().json().flatten_event(true).with_current_span(false);
        let json = json.with_writer(Handles(Arc::clone(&theirs)));
        tracing::subscriber::with_default(json.finish(), log);

        let (ours, theirs) = (lines(&ours), lines(&theirs));
        assert_eq!(ours, theirs);
        assert_eq!(ours.len(), 5);
        assert!(ours[4].contains(r#""spans":[{"#));
    }

    #[test]
    fn times_have_six_decimals() {
        let text = |micros| String::from_utf8(time(micros).to_vec()).unwrap();
        assert_eq!(text(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(text(1_900_000_000_012_345), "2030-03-17T17:46:40.012345Z");
    }
}
