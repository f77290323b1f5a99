use proptest::prelude::*;

use super::*;

fn zone(name: &str) -> TimeZone {
    TimeZone::new(name).unwrap()
}

/// Parses a text and returns its time in UTC and its canonical form.
fn read(text: &str) -> Result<(String, String), DueError> {
    let home = zone("America/New_York");
    Due::parse(text, &home).map(|due| (due.moment(&home).to_string(), due.to_string()))
}

#[test]
fn forms_are_read_and_written() {
    for (text, moment, shown) in [
        ("2026-07-01", "2026-07-01T04:00:00.000Z", "2026-07-01"),
        (
            "2026-07-01T09:00:00Z",
            "2026-07-01T09:00:00.000Z",
            "2026-07-01T05:00:00-04:00[America/New_York]",
        ),
        (
            "2026-07-01T09:00:00+01:00",
            "2026-07-01T08:00:00.000Z",
            "2026-07-01T04:00:00-04:00[America/New_York]",
        ),
        (
            "2026-07-01T09:00:00[europe/berlin]",
            "2026-07-01T07:00:00.000Z",
            "2026-07-01T09:00:00+02:00[Europe/Berlin]",
        ),
        (
            "2026-07-01T09:00:00+02:00[!Europe/Berlin]",
            "2026-07-01T07:00:00.000Z",
            "2026-07-01T09:00:00+02:00[Europe/Berlin]",
        ),
        // Without seconds, without a zone, and with other suffixes.
        (
            "2026-07-01T09:00",
            "2026-07-01T13:00:00.000Z",
            "2026-07-01T09:00:00-04:00[America/New_York]",
        ),
        (
            "2026-07-01T09:00:30.5",
            "2026-07-01T13:00:30.500Z",
            "2026-07-01T09:00:30.500-04:00[America/New_York]",
        ),
        (
            "2026-07-01T09:00+02:00[Europe/Berlin][u-ca=islamic-umalqura][_x-1=2]",
            "2026-07-01T07:00:00.000Z",
            "2026-07-01T09:00:00+02:00[Europe/Berlin]",
        ),
        (
            "2026-07-01T09:00Z[u-ca=hebrew]",
            "2026-07-01T09:00:00.000Z",
            "2026-07-01T05:00:00-04:00[America/New_York]",
        ),
        (
            "2026-07-01T09:00[-03:30]",
            "2026-07-01T12:30:00.000Z",
            "2026-07-01T09:00:00-03:30[-03:30]",
        ),
        (
            "2026-07-01T09:00:00+01:00[!+01:00]",
            "2026-07-01T08:00:00.000Z",
            "2026-07-01T09:00:00+01:00[+01:00]",
        ),
        // "Z" does not state a local offset, so it contradicts no zone (RFC 9557, section 2).
        (
            "2026-07-01T09:00:00Z[Europe/Berlin]",
            "2026-07-01T09:00:00.000Z",
            "2026-07-01T11:00:00+02:00[Europe/Berlin]",
        ),
        (
            "2026-07-01T09:00:00.0009[UTC]",
            "2026-07-01T09:00:00.000Z",
            "2026-07-01T09:00:00+00:00[UTC]",
        ),
        // Skipped and repeated local times: the first one, unless the offset selects another.
        (
            "2026-03-29T02:30:00[Europe/Berlin]",
            "2026-03-29T01:30:00.000Z",
            "2026-03-29T03:30:00+02:00[Europe/Berlin]",
        ),
        (
            "2026-10-25T02:30:00[Europe/Berlin]",
            "2026-10-25T00:30:00.000Z",
            "2026-10-25T02:30:00+02:00[Europe/Berlin]",
        ),
        (
            "2026-10-25T02:30:00+01:00[Europe/Berlin]",
            "2026-10-25T01:30:00.000Z",
            "2026-10-25T02:30:00+01:00[Europe/Berlin]",
        ),
        // The offset is 44 minutes and 30 seconds.
        (
            "1971-05-01T12:00:00-00:45[Africa/Monrovia]",
            "1971-05-01T12:44:30.000Z",
            "1971-05-01T12:00:00-00:45[Africa/Monrovia]",
        ),
    ] {
        assert_eq!(read(text), Ok((moment.to_owned(), shown.to_owned())), "{text}");
    }
}

#[test]
fn a_due_date_is_told_in_parts() {
    for (text, date, local) in [
        ("2026-07-01", "2026-07-01", None),
        ("2026-07-01T09:00[Asia/Tokyo]", "2026-07-01", Some("09:00")),
        ("2026-07-01T09:00:30[Asia/Tokyo]", "2026-07-01", Some("09:00:30")),
        ("2026-07-01T09:00:00.250[Asia/Tokyo]", "2026-07-01", Some("09:00:00.250")),
        ("2026-07-01T23:30:00Z[Asia/Tokyo]", "2026-07-02", Some("08:30")),
        ("2026-07-01T09:00[-03:30]", "2026-07-01", Some("09:00")),
        ("2026-03-29T02:30[Europe/Berlin]", "2026-03-29", Some("02:30")),
        // The clocks pass midnight in this gap.
        ("2026-03-28T23:30[America/Nuuk]", "2026-03-29", Some("23:30")),
    ] {
        let due = Due::parse(text, &zone("UTC")).unwrap();
        let told = DueText::from(&due);
        assert_eq!((told.as_str(), told.date()), (&*due.to_string(), date));
        assert_eq!(told.local_time(), local, "{text}");
        let time = due.local_time().map(|time| time.to_string());
        assert_eq!(time.as_deref(), local);
        assert_eq!(due.date().to_string(), date);
        let parsed = time.map(|time| LocalTime::parse(&time).unwrap());
        assert_eq!(
            parsed.map(|it| LocalTime::from_millis(it.as_millis())),
            due.local_time()
        );
    }
}

#[test]
fn other_texts_are_refused_with_the_reason() {
    for (text, error) in [
        ("", DueError::Malformed),
        ("tomorrow", DueError::Malformed),
        ("2026-07-01T9:00", DueError::Malformed),
        ("2026-07-01T09:00.5", DueError::Malformed),
        ("2026-07-01T09", DueError::Malformed),
        ("2026-07-01[Europe/Berlin]", DueError::Malformed),
        ("2026-07-01T09:00:00Z[Europe/Berlin", DueError::Malformed),
        ("2026-07-01T09:00:00Z]", DueError::Malformed),
        ("2026-07-01T09:00:00[Europe/Berlin][!u-ca=hebrew]", DueError::Critical),
        ("2026-07-01T09:00:00[Europe/Berlin][u-ca=hebrew][!x=1]", DueError::Critical),
        ("2026-07-01T09:00:00[Europe/Berlin][UTC]", DueError::Malformed),
        ("2026-07-01T09:00:00[u-ca=hebrew][Europe/Berlin]", DueError::Malformed),
        ("2026-07-01T09:00:00[Europe/Berlin][u-ca=]", DueError::Malformed),
        ("2026-07-01T09:00:00[Europe/Berlin][U-CA=hebrew]", DueError::Malformed),
        ("2026-07-01T09:00:00[Europe/Berlin]x", DueError::Malformed),
        ("2026-07-01T09:00:00[[Europe/Berlin]]", DueError::Malformed),
        ("2026-07-01T09:00:00[]", DueError::Zone),
        ("2026-07-01T09:00:00[Mars/Olympus]", DueError::Zone),
        ("2026-07-01T09:00:00[!Mars/Olympus]", DueError::Zone),
        ("2026-07-01T09:00:00[+0200]", DueError::Zone),
        ("2026-07-01T09:00:00[+24:00]", DueError::Zone),
        ("2026-07-01T09:00:00+01:00[+02:00]", DueError::Offset),
        ("2026-07-01T09:00:00+01:00[Europe/Berlin]", DueError::Offset),
        ("2026-03-29T02:30:00+01:00[Europe/Berlin]", DueError::Offset),
        ("2026-07-01T09:00:00+00:00[Europe/Berlin]", DueError::Offset),
        ("1969-12-31", DueError::Range),
        ("9999-12-31", DueError::Range),
        ("1969-12-31T23:59:59Z", DueError::Range),
        ("9999-12-31T23:59:59-12:00", DueError::Range),
        ("0000-01-01T00:00:00+23:59", DueError::Range),
    ] {
        assert_eq!(read(text), Err(error), "{text}");
    }
    let range = DueError::Range.to_string();
    assert!(range.contains("9999-12-30") && range.contains("1970-01-01"), "{range}");
    assert!(read("9999-12-30").is_ok() && read("1970-01-01").is_ok());
    assert!(read("9999-12-30T22:00:00Z").is_ok() && read("1970-01-01T00:00:00Z").is_ok());
    let long = format!("2026-07-01T09:00:00.{}Z", "0".repeat(1000));
    assert_eq!(read(&long), Err(DueError::Malformed));
}

pub(in crate::domain) fn zones() -> impl Strategy<Value = TimeZone> {
    let names = [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/St_Johns",
        "Pacific/Apia",
        "Pacific/Kiritimati",
        "Africa/Monrovia",
        "America/Nuuk",
        "Australia/Lord_Howe",
        "Etc/GMT+12",
    ];
    prop::sample::select(names.to_vec()).prop_map(zone)
}

/// Generates dues near each other, and near clock and calendar changes of these zones.
pub(in crate::domain) fn dues() -> impl Strategy<Value = Due> {
    const DAY: i64 = 86_400_000;
    let last = Date::MAX.days();
    let day = prop_oneof![
        0..4,
        15_338..15_342_i32,
        20_540..20_542,
        14_548..14_552,
        last - 3..=last,
        0..=last
    ];
    (day, any::<bool>(), -DAY..2 * DAY, any::<bool>(), zones()).prop_map(
        |(day, whole, by, round, zone)| {
            if whole {
                return Due::On(Date::from_days(day).unwrap());
            }
            let by = if round { by - by.rem_euclid(1_800_000) } else { by };
            let end = jiff::Timestamp::MAX.as_millisecond();
            let millis = (i64::from(day) * DAY + by).clamp(0, end);
            Due::at(Timestamp::from_millis(millis).unwrap(), zone, None)
        },
    )
}

proptest! {
    #[test]
    fn the_clock_of_a_due_time_is_what_jiff_says(due in dues()) {
        if let Due::At { at, zone, .. } = &due {
            let clock = zone.rules().to_datetime(jiff::Timestamp::from(*at));
            let parts = if clock.millisecond() == 0 { "%FT%T" } else { "%FT%T.%3f" };
            let clock = clock.strftime(parts).to_string();
            let shown = due.to_string();
            prop_assert_eq!(shown.get(..clock.len()), Some(clock.as_str()));
        }
    }

    #[test]
    fn what_is_written_is_read(due in dues(), home in zones()) {
        prop_assert_eq!(Due::parse(&due.to_string(), &home), Ok(due));
    }

    #[test]
    fn no_text_does_harm(text in "\\PC{0,120}", like in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-9:.+Z\\[\\]A-Ca-z/-]{0,80}") {
        for text in [text, like] {
            if let Ok(due) = Due::parse(&text, &zone("Europe/Berlin")) {
                let again = Due::parse(&due.to_string(), &TimeZone::utc()).unwrap();
                prop_assert!(again.is_same(&due), "{}", due);
                if let Some(time) = due.local_time() {
                    prop_assert_eq!(again.meaning(time), Ok(due));
                }
            }
        }
    }
}
