//! Strict parser of the two text formats of metrics.

use std::collections::{BTreeMap, BTreeSet};

/// Samples of a scrape, by name and labels in their written form.
#[derive(Debug)]
pub(super) struct Scrape(BTreeMap<String, f64>);

/// Metric whose samples are being read.
#[derive(Debug, Default)]
struct Family {
    name: String,
    kind: String,
    samples: usize,
    /// Buckets of the current series: its labels without `le`, the last bound and the last count.
    series: Option<(String, f64, f64)>,
}

impl Scrape {
    /// Parses a text; panics on any error.
    pub(super) fn read(text: &str, is_open_metrics: bool) -> Self {
        let body = text.strip_suffix("# EOF\n").expect("an end");
        let (mut samples, mut names) = (BTreeMap::new(), BTreeSet::new());
        let mut family = Family::default();
        for line in body.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                family.end();
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(help.ends_with('.'), "{line}");
                assert!(names.insert(name.to_owned()), "{name} comes twice");
                family = Family { name: name.to_owned(), ..Family::default() };
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(name, family.name);
                let is_total = kind == "counter" && !is_open_metrics;
                assert_eq!(name.ends_with("_total"), is_total, "{line}");
                kind.clone_into(&mut family.kind);
            } else {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let value: f64 = value.parse().expect(line);
                family.sample(series, value, is_open_metrics);
                assert!(samples.insert(series.to_owned(), value).is_none(), "{line}");
            }
        }
        family.end();
        Self(samples)
    }

    /// Returns the value of a series that must exist.
    #[track_caller]
    pub(super) fn value(&self, series: &str) -> f64 {
        *self.0.get(series).unwrap_or_else(|| panic!("no {series}"))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.keys().any(|series| series.split('{').next() == Some(name))
    }

    /// Returns names and labels of all samples.
    pub(super) fn series(&self) -> BTreeSet<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

impl Family {
    fn sample(&mut self, series: &str, value: f64, is_open_metrics: bool) {
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
            None => (series, ""),
        };
        let ending = name.strip_prefix(self.name.as_str()).expect(series);
        self.samples += 1;
        let labels = labels_of(labels);
        let own: Vec<_> = labels.iter().filter(|(name, _)| name != "le").collect();
        let own = format!("{own:?}");
        match (self.kind.as_str(), ending) {
            ("counter", "") if !is_open_metrics => assert!(value >= 0.0),
            ("counter", "_total") if is_open_metrics => assert!(value >= 0.0),
            ("gauge", "") => {}
            ("histogram", "_bucket") => {
                let bound = &labels.last().unwrap().1;
                assert!(bound == "+Inf" || bound.contains('.'), "{series}");
                let bound = bound.parse::<f64>().unwrap();
                if let Some((of, last, count)) = &self.series {
                    assert_eq!(*of, own, "{series}");
                    assert!(bound > *last && value >= *count, "{series}");
                }
                self.series = Some((own, bound, value));
            }
            ("histogram", "_sum") => assert_eq!(self.series.as_ref().unwrap().0, own),
            ("histogram", "_count") => {
                assert_eq!(self.series.take(), Some((own, f64::INFINITY, value)));
            }
            _ => panic!("{series} of a {}", self.kind),
        }
    }

    fn end(&self) {
        assert!(self.name.is_empty() || self.samples > 0, "{} has no sample", self.name);
        assert!(self.series.is_none(), "{self:?}");
    }
}

/// Parses labels without quotes and backslashes in their values.
fn labels_of(text: &str) -> Vec<(String, String)> {
    let one = |part: &str| {
        let (name, value) = part.split_once('=').unwrap();
        assert!(name.bytes().all(|b| b.is_ascii_lowercase()), "{part}");
        let value = value.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap();
        assert!(!value.contains(['"', '\\']), "{part}");
        (name.to_owned(), value.to_owned())
    };
    text.split(',').filter(|part| !part.is_empty()).map(one).collect()
}
