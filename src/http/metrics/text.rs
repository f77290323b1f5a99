//! Text formats of metrics: [OpenMetrics](https://prometheus.io/docs/specs/om/open_metrics_spec/) if the client accepts
//! it, else the [text format of Prometheus](https://prometheus.io/docs/instrumenting/exposition_formats/), which
//! differs only in the names of counters.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};

use crate::metrics::{Distribution, Unit};

/// Text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    OpenMetrics,
    Prometheus,
}

impl Format {
    /// Returns the format that a client accepts.
    pub(super) fn accepted(accept: &str) -> Self {
        let asks = accept.contains("application/openmetrics-text");
        if asks { Self::OpenMetrics } else { Self::Prometheus }
    }

    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => {
                "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Label names and values of a sample.
pub(super) type Labels<'a> = [(&'static str, &'a str)];

/// Writer of metrics, one after the other.
pub(super) struct Text {
    format: Format,
    out: String,
    /// Sample name of the current metric.
    name: String,
}

impl Text {
    pub(super) const fn new(format: Format) -> Self {
        Self { format, out: String::new(), name: String::new() }
    }

    /// Begins a counter; its samples are named `name` with the suffix `_total`.
    pub(super) fn counter(&mut self, name: &str, help: &str) -> &mut Self {
        let total = format!("{name}_total");
        let family = if self.format == Format::OpenMetrics { name } else { &total };
        self.begin(family, "counter", help);
        self.name = total;
        self
    }

    /// Begins a gauge.
    pub(super) fn gauge(&mut self, name: &str, help: &str) -> &mut Self {
        self.begin(name, "gauge", help)
    }

    /// Begins a histogram.
    pub(super) fn histogram(&mut self, name: &str, help: &str) -> &mut Self {
        self.begin(name, "histogram", help)
    }

    fn begin(&mut self, name: &str, kind: &str, help: &str) -> &mut Self {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
        name.clone_into(&mut self.name);
        self
    }

    /// Writes a sample of a counter or a gauge.
    pub(super) fn sample(&mut self, labels: &Labels<'_>, value: impl Display) {
        self.write("", labels, &[], value);
    }

    /// Writes the samples of a histogram.
    pub(super) fn distribution(&mut self, labels: &Labels<'_>, of: &Distribution) {
        let bounds = of.unit.bounds().iter().map(|bound| of.unit.text(*bound));
        let bounds = bounds.chain(["+Inf".to_owned()]);
        let mut count = 0;
        for (bound, more) in bounds.zip(of.counts) {
            count += more;
            self.write("_bucket", labels, &[("le", &bound)], count);
        }
        self.write("_sum", labels, &[], of.unit.text(of.sum));
        self.write("_count", labels, &[], count);
    }

    pub(super) fn finish(mut self) -> String {
        self.out.push_str("# EOF\n");
        self.out
    }

    fn write(
        &mut self,
        ending: &str,
        labels: &Labels<'_>,
        more: &Labels<'_>,
        value: impl Display,
    ) {
        self.out.push_str(&self.name);
        self.out.push_str(ending);
        let mut before = '{';
        for (name, value) in labels.iter().chain(more) {
            self.out.push(before);
            self.out.push_str(name);
            self.out.push_str("=\"");
            self.out.push_str(&escaped(value));
            self.out.push('"');
            before = ',';
        }
        if before == ',' {
            self.out.push('}');
        }
        self.line(format_args!(" {value}"));
    }

    fn line(&mut self, line: impl Display) {
        // Writing to a string cannot fail.
        let _taken = writeln!(self.out, "{line}");
    }
}

/// Escapes a label value for use between quotes.
fn escaped(value: &str) -> Cow<'_, str> {
    if !value.contains(['\\', '"', '\n']) {
        return value.into();
    }
    value.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n").into()
}

impl Unit {
    /// Formats a value; times are in seconds.
    #[expect(clippy::cast_precision_loss, reason = "a sum need not be exact")]
    fn text(self, value: u64) -> String {
        match self {
            Self::Time => format!("{:?}", value as f64 / 1_000_000.0),
            Self::Size => format!("{value}.0"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_cannot_break_out_of_their_quotes() {
        let mut text = Text::new(Format::Prometheus);
        text.gauge("a", "A metric.").sample(&[("b", "c\\d\"e\nf"), ("g", "h")], 1);
        let wanted = r#"a{b="c\\d\"e\nf",g="h"} 1"#;
        assert!(text.finish().ends_with(&format!("\n{wanted}\n# EOF\n")));
    }

    #[test]
    fn times_are_told_in_seconds() {
        assert_eq!(Unit::Time.text(250), "0.00025");
        assert_eq!(Unit::Time.text(30_000_000), "30.0");
        assert_eq!(Unit::Size.text(20_000), "20000.0");
    }
}
