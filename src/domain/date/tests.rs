use proptest::prelude::*;

use super::*;

fn start(day: &str, zone: &str) -> String {
    let date: Date = day.parse().unwrap();
    date.start(&TimeZone::new(zone).unwrap()).to_string()
}

#[test]
fn a_day_starts_when_its_first_moment_comes() {
    assert_eq!(start("2026-07-01", "Europe/Berlin"), "2026-06-30T22:00:00.000Z");
    assert_eq!(start("1970-01-01", "Europe/Berlin"), "1970-01-01T00:00:00.000Z");
    assert_eq!(start("9999-12-30", "Etc/GMT+12"), "9999-12-30T12:00:00.000Z");
    // Clocks skipped midnight.
    assert_eq!(start("2015-10-18", "America/Sao_Paulo"), "2015-10-18T03:00:00.000Z");
    // Clocks went from 23:00 to 0:00.
    assert_eq!(start("2026-03-29", "America/Nuuk"), "2026-03-29T01:00:00.000Z");
    // Clocks skipped the whole day.
    assert_eq!(start("2011-12-30", "Pacific/Apia"), start("2011-12-31", "Pacific/Apia"));
    // Midnight occurred twice: clocks went from 0:01 back to 23:01.
    assert_eq!(start("2009-11-01", "America/St_Johns"), "2009-11-01T02:30:00.000Z");
}

#[test]
fn other_texts_are_refused() {
    for text in [
        "",
        "2026-1-1",
        "20260101",
        "+002026-01-01",
        "2026-01-01T00:00",
        "1969-12-31",
        "9999-12-31",
        "2026-13-01",
        "2026-01-00",
        "2026_01_01",
        " 2026-01-01",
        "２026-01-1",
    ] {
        assert_eq!(text.parse::<Date>(), Err(DateError), "{text}");
    }
    for days in [-1, i32::MIN, i32::MAX, Date::MAX.days() + 1] {
        assert_eq!(Date::from_days(days), Err(DateError));
    }
}

proptest! {
    #[test]
    fn days_and_text_come_back(days in 0..=Date::MAX.days()) {
        let date = Date::from_days(days).unwrap();
        prop_assert_eq!(date.days(), days);
        prop_assert_eq!(date.to_string().parse(), Ok(date));
        prop_assert_eq!(Date::at(date.start(&TimeZone::utc()), &TimeZone::utc()), date);
    }
}
