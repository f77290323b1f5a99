use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Position {
    Position::parse(text).unwrap()
}

fn between(after: &str, before: &str) -> Result<String, PositionError> {
    let (after, before) = (Position::parse(after).ok(), Position::parse(before).ok());
    Position::between(after.as_ref(), before.as_ref()).map(|position| position.0)
}

#[test]
fn places_are_short() {
    for (after, before, expected) in [
        ("", "", "a0"),
        ("a0", "", "a1"),
        ("az", "", "b00"),
        ("", "a0", "Zz"),
        ("", "Z0", "Yzz"),
        ("", "a0V", "a0"),
        ("a0", "a5", "a1"),
        ("a0", "a1", "a0V"),
        ("a0V", "a1", "a0k"),
        ("a0", "a0V", "a0F"),
        ("a0", "a01", "a00V"),
        ("a0z", "a1", "a0zV"),
        ("a01", "a02V", "a02"),
        ("Zz", "a0V", "a0"),
    ] {
        assert_eq!(between(after, before).as_deref(), Ok(expected), "{after} {before}");
    }
    assert_eq!(between("a1", "a1"), Err(PositionError::Order));
    assert_eq!(between("a1", "a0z"), Err(PositionError::Order));
}

#[test]
fn there_is_room_beside_the_extremes() {
    let highest = format!("z{}", "z".repeat(26));
    assert_eq!(between(&highest, ""), Ok(format!("{highest}V")));
    let low = format!("A{}1", "0".repeat(25));
    assert_eq!(between("", &low), Ok(format!("{}V", integer::LOWEST)));
    assert_eq!(
        between("", &format!("{}01", integer::LOWEST)),
        Ok(format!("{}00V", integer::LOWEST))
    );
    let long = format!("a0{}", "z".repeat(7998));
    assert_eq!(between(&long, "a1"), Err(PositionError::Full));
}

#[test]
fn other_texts_are_refused() {
    let long = format!("a0{}", "z".repeat(7999));
    for text in [
        "",
        "a",
        "0",
        "b0",
        "a00",
        "a0V0",
        "a0 ",
        "a0é",
        "é",
        "aé",
        integer::LOWEST,
        &long,
    ] {
        assert_eq!(Position::parse(text), Err(PositionError::Malformed), "{text}");
    }
}

#[test]
fn ten_thousand_at_either_end_stay_short() {
    let (mut first, mut last) = (Position::of_number(0), Position::of_number(0));
    for _ in 0..10_000 {
        last = Position::between(Some(&last), None).unwrap();
        first = Position::between(None, Some(&first)).unwrap();
        assert!(last.0.len() <= 8 && first.0.len() <= 8);
    }
    assert_eq!(last, Position::of_number(10_000));
}

/// Generates valid positions that are often similar.
fn positions() -> impl Strategy<Value = Position> {
    let head = prop_oneof![
        Just('a'),
        Just('Z'),
        Just('A'),
        Just('z'),
        prop::char::range('a', 'c')
    ];
    let digits =
        prop_oneof!["[0z]{30}", "0{30}", "z{30}", "[01yz]{30}", "[0-9A-Za-z]{30}"];
    (head, digits, "[01Vyz]{0,4}").prop_filter_map(
        "lowest",
        |(head, digits, fraction)| {
            let whole: String = std::iter::once(head).chain(digits.chars()).collect();
            let whole = whole.get(..integer::len(&whole)).unwrap();
            Position::parse(&format!("{whole}{}", fraction.trim_end_matches('0'))).ok()
        },
    )
}

proptest! {
    #[test]
    fn there_is_a_place_between_any_two(one in positions(), other in positions()) {
        let (low, high) = if one < other { (one, other) } else { (other, one) };
        for (after, before) in [(Some(&low), Some(&high)), (None, Some(&low)), (Some(&high), None)] {
            if after == before {
                continue;
            }
            let middle = Position::between(after, before).unwrap();
            prop_assert!(after.is_none_or(|after| *after < middle), "{:?}", middle);
            prop_assert!(before.is_none_or(|before| middle < *before), "{:?}", middle);
            prop_assert_eq!(Position::parse(middle.as_str()), Ok(middle.clone()));
        }
    }

    #[test]
    fn numbers_are_in_order(one in any::<u64>(), shift in 0..64_u32, other in 0..5000_u64) {
        let one = one >> shift;
        for (one, other) in [(one, other), (one, one.saturating_add(1)), (one, one / 62)] {
            prop_assert_eq!(one.cmp(&other), Position::of_number(one).cmp(&Position::of_number(other)));
        }
        prop_assert_eq!(at(&Position::of_number(one).0), Position::of_number(one));
        let next = Position::between(Some(&Position::of_number(one)), None);
        prop_assert_eq!(next, Ok(Position::of_number(one.saturating_add(1))));
    }

    #[test]
    fn five_in_one_gap_cost_a_character(sides in prop::collection::vec(any::<bool>(), 500), way in 0..3_u8) {
        let (mut low, mut high) = (at("a0"), at("a1"));
        for (number, side) in sides.into_iter().enumerate() {
            let middle = Position::between(Some(&low), Some(&high)).unwrap();
            prop_assert!(middle.0.len() <= 3 + number / 5, "{} after {}", middle.0.len(), number);
            let up = match way { 0 => side, 1 => true, _ => false };
            if up { low = middle } else { high = middle }
        }
    }

    #[test]
    fn a_list_keeps_its_order(places in prop::collection::vec(any::<prop::sample::Index>(), 0..200)) {
        let mut list: Vec<Position> = Vec::new();
        for place in places {
            let index = place.index(list.len() + 1);
            let after = index.checked_sub(1).and_then(|index| list.get(index));
            let middle = Position::between(after, list.get(index)).unwrap();
            list.insert(index, middle);
        }
        prop_assert!(list.is_sorted_by(|one, other| one < other));
    }
}
