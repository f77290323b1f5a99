use super::*;

const MIB: u64 = 1 << 20;

const fn room(free: u64) -> Room {
    Room { free: free * MIB, taken: 100 * MIB, reserve: 64 * MIB }
}

/// Whether an account that holds so many MiB may add a row.
fn may_add(room: Room, held: u64) -> bool {
    let done = Work::new(1, 100);
    room.admit(Growth::Adds, done).is_ok()
        && (!room.is_short(done) || room.admit_share(held * MIB).is_ok())
}

#[test]
fn an_account_that_holds_a_tenth_is_refused_before_the_others() {
    // Free, held, and whether more may be added.
    for (free, held, expected) in [
        (257, 100, true),
        (256, 11, false),
        (256, 10, true),
        (65, 11, false),
        (65, 10, true),
        (64, 0, false),
    ] {
        assert_eq!(may_add(room(free), held), expected, "{free} {held}");
    }
    for (held, expected) in [(1, true), (3, false)] {
        let small = Room { taken: MIB, ..room(256) };
        assert_eq!(may_add(small, held), expected, "{held} MiB");
    }
    let unwatched = Room { reserve: 0, ..room(1) };
    assert!(may_add(unwatched, 100), "no reserve, no limit");
}

#[test]
fn a_commit_counts_as_much_as_it_may_add() {
    let room = Room { taken: 1 << 40, ..room(256 + 64) };
    let most = Work::new(64 * MIB / PAGE, 0);
    assert!(room.is_short(most), "each row may lie on a page of its own");
    assert!(!room.is_short(Work::new(most.rows - Room::OVERHEAD / PAGE, 0)));
    assert!(room.is_short(Work::new(0, 32 * MIB)), "pages may be half empty");
}

#[test]
fn a_deletion_that_may_not_fit_is_refused_and_smaller_ones_are_not() {
    let room = room(10);
    assert!(room.admit(Growth::Frees, Work::new(5_000, 0)).is_err());
    assert!(room.admit(Growth::Frees, Work::new(1_000, 0)).is_ok());
    assert!(room.admit(Growth::AddsLittle, Work::new(1, 0)).is_err());
    let unwatched = Room { reserve: 0, ..room };
    assert!(unwatched.admit(Growth::Adds, Work::new(5_000, 0)).is_ok());
}
