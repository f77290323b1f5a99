//! Tests of the throttle's figures and guarantees, with a manual clock.

use std::sync::atomic::{AtomicUsize, Ordering};

use governor::clock::FakeRelativeClock;

use super::*;
use crate::domain::id::TokenId;

const JANE: &str = "jane@example.com";

type Fake = Throttle<FakeRelativeClock>;

fn throttle() -> (Fake, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    (Throttle::new(Room::USUAL, &clock), clock)
}

fn network(text: &str) -> Network {
    Network::of(text.parse().unwrap())
}

fn nth(number: u32) -> Network {
    Network::of(std::net::Ipv4Addr::from(number).into())
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Returns the number of 1000 attempts at one instant that are let through.
fn granted(attempt: impl Fn() -> Result<(), Throttled>) -> usize {
    (0..1000).filter(|_| attempt().is_ok()).count()
}

/// Makes each attempt as soon as it is allowed, and returns the waits between them.
fn waits(
    clock: &FakeRelativeClock,
    count: usize,
    attempt: impl Fn() -> Result<(), Throttled>,
) -> Vec<Duration> {
    let patient = |_| {
        let mut waited = Duration::ZERO;
        while let Err(throttled) = attempt() {
            clock.advance(throttled.retry_after);
            waited += throttled.retry_after;
        }
        waited
    };
    (0..count).map(patient).collect()
}

#[test]
fn the_longer_somebody_guesses_the_longer_the_wait() {
    let (throttle, clock) = throttle();

    let waits = waits(&clock, 150, || throttle.login(network("192.0.2.1"), JANE));

    assert!(waits[..20].iter().all(Duration::is_zero), "{waits:?}");
    assert!(waits[20..40].iter().all(|wait| *wait == seconds(6)), "{waits:?}");
    assert!(waits[42..100].iter().all(|wait| *wait <= seconds(60)), "{waits:?}");
    assert!(waits[50..100].iter().all(|wait| *wait >= seconds(60)), "{waits:?}");
    assert!(waits[120..].iter().all(|wait| *wait == seconds(900)), "{waits:?}");
}

#[test]
fn the_wait_that_is_said_is_enough_and_no_second_too_long() {
    let (throttle, clock) = throttle();
    let check = |attempt: &dyn Fn() -> Result<(), Throttled>| {
        for _ in 0..250 {
            let Err(throttled) = attempt() else { continue };
            // Asking again too early reports the same moment, and costs nothing.
            for _ in 0..50 {
                assert_eq!(attempt(), Err(throttled));
            }
            let moment = Duration::from_nanos(1);
            clock.advance(throttled.retry_after.saturating_sub(moment));
            assert!(attempt().is_err());
            clock.advance(moment);
            assert_eq!(attempt(), Ok(()));
        }
    };
    check(&|| throttle.login(network("192.0.2.1"), JANE));
    check(&|| throttle.stranger(JANE));
}

#[test]
fn the_first_refusal_says_what_was_too_much() {
    let (throttle, _) = throttle();
    let attempt = || throttle.login(network("192.0.2.1"), JANE);
    assert_eq!(granted(attempt), 20);

    let throttled = attempt().unwrap_err();

    assert_eq!((throttled.retry_after, throttled.policy), (seconds(6), PAIR[0]));
    assert_eq!(throttled.policy.window, seconds(120));
}

#[test]
fn who_waits_begins_afresh() {
    let (throttle, clock) = throttle();
    let attempt = || throttle.login(network("192.0.2.1"), JANE);
    waits(&clock, 150, attempt);
    assert!(attempt().is_err());

    for policy in PAIR {
        clock.advance(policy.window);
    }

    assert_eq!(granted(attempt), 20);
}

#[test]
fn one_network_is_stopped_at_one_account_and_nobody_else_is() {
    let (throttle, _) = throttle();
    let (here, there) = (network("192.0.2.1"), network("192.0.2.2"));

    assert_eq!(granted(|| throttle.login(here, JANE)), 20);

    assert_eq!(throttle.login(here, "john@example.com"), Ok(()));
    assert_eq!(throttle.login(there, JANE), Ok(()));
    assert_eq!(throttle.registration(here), Ok(()));
    assert_eq!(throttle.refresh(here), Ok(()));
}

#[test]
fn one_network_is_stopped_over_all_accounts() {
    let (throttle, clock) = throttle();
    let attempts = |at: &str| {
        let attempt = |n: u32| throttle.login(network(at), &n.to_string()).is_ok();
        (0..200).filter(|n| attempt(*n)).count()
    };

    assert_eq!(attempts("2001:db8::1"), 60);
    assert_eq!(attempts("2001:db8::2"), 0, "the same /64");
    assert_eq!(attempts("2001:db8:0:1::1"), 60);

    clock.advance(seconds(1));
    assert_eq!(attempts("2001:db8::1"), 1);
}

#[test]
fn attempts_that_one_quota_refuses_do_not_count_against_another() {
    let (throttle, _) = throttle();
    let here = network("192.0.2.1");
    assert_eq!(granted(|| throttle.login(here, JANE)), 20);

    // 980 were refused, and the network has the remainder of its quota.
    assert_eq!(granted(|| throttle.login(here, "john@example.com")), 20);
    assert_eq!(granted(|| throttle.login(here, "joan@example.com")), 20);
    assert_eq!(granted(|| throttle.login(here, "jack@example.com")), 0);
}

#[test]
fn the_right_password_makes_the_wrong_ones_before_it_forgotten() {
    let (throttle, clock) = throttle();
    let (here, there) = (network("192.0.2.1"), network("192.0.2.2"));
    waits(&clock, 110, || throttle.login(here, JANE));
    clock.advance(seconds(900));
    assert_eq!(granted(|| throttle.login(there, JANE)), 20);
    assert_eq!(throttle.login(here, JANE), Ok(()));
    assert!(throttle.login(here, JANE).is_err());

    throttle.succeeded(here, JANE);

    assert_eq!(granted(|| throttle.login(here, JANE)), 20);
    assert!(throttle.login(there, JANE).is_err(), "another network");
}

#[test]
fn the_right_password_gives_back_what_its_network_took_of_strangers_and_no_more() {
    let (throttle, clock) = throttle();
    let here = network("192.0.2.1");
    let attempt = |at| throttle.login(at, JANE).and_then(|()| throttle.stranger(JANE));
    for number in 0..15 {
        assert_eq!((attempt(here), attempt(nth(number))), (Ok(()), Ok(())));
    }
    assert!(attempt(nth(15)).is_err());
    clock.advance(seconds(1));

    throttle.succeeded(here, JANE);

    assert_eq!(granted(|| throttle.stranger(JANE)), 15);
}

#[test]
fn many_networks_at_one_account_are_slowed_down_together() {
    let (throttle, clock) = throttle();
    let mut number = 0;
    let mut attempts = || {
        let attempt = |n| {
            let (one, all) = (throttle.login(nth(n), JANE), throttle.stranger(JANE));
            one.is_ok() && all.is_ok()
        };
        number += 100;
        (number..number + 100).filter(|n| attempt(*n)).count()
    };

    assert_eq!(attempts(), 30);
    assert_eq!(attempts(), 0);

    // Some hundreds in a day without a pause.
    let mut day = 0;
    for _ in 0..24 * 60 {
        clock.advance(seconds(60));
        day += attempts();
    }
    assert!((300..700).contains(&day), "{day}");
}

#[test]
fn strangers_never_wait_longer_than_five_minutes_for_the_next_of_them() {
    let (throttle, clock) = throttle();

    let waits = waits(&clock, 1000, || throttle.stranger(JANE));

    assert_eq!(waits.iter().max(), Some(&seconds(300)));
    assert_eq!(waits[999], seconds(300));
}

#[test]
fn strangers_do_not_lock_out_a_network_that_the_account_knows() {
    let (throttle, _) = throttle();
    for number in 0..5000 {
        let _refused = throttle.login(nth(number), JANE);
        let _refused = throttle.stranger(JANE);
    }
    assert!(throttle.stranger(JANE).is_err());

    // Other actions are not limited for her.
    let home = network("2001:db8::1");
    assert_eq!(throttle.login(home, JANE), Ok(()));
    assert_eq!(throttle.refresh(home), Ok(()));
    assert_eq!(throttle.stranger("john@example.com"), Ok(()));
}

#[test]
fn registrations_refreshes_and_passwords_have_quotas_of_their_own() {
    let (throttle, clock) = throttle();
    let (here, jane, john) = (network("192.0.2.1"), UserId::new(1), UserId::new(2));
    let access = |number| Access::Token(TokenId::from_bytes([number; 8]));
    let (one, two) = (access(1), access(2));

    assert_eq!(granted(|| throttle.registration(here)), 60);
    assert_eq!(granted(|| throttle.refresh(here)), 120);
    assert_eq!(granted(|| throttle.password(jane, one)), 10);
    assert_eq!(granted(|| throttle.password(john, two)), 10);
    // A thief in one session does not lock out the owner in another, and many thieves do not go on for ever.
    assert_eq!(granted(|| throttle.password(jane, access(3))), 10);
    let more = (4..20).map(|number| granted(|| throttle.password(jane, access(number))));
    assert_eq!(more.sum::<usize>(), 40);

    clock.advance(seconds(60));
    assert_eq!(granted(|| throttle.registration(here)), 10);
    assert_eq!(granted(|| throttle.refresh(here)), 120);
    assert_eq!(granted(|| throttle.password(jane, one)), 1);
}

/// Returns a throttle with little room, for a flood of distinct networks and accounts.
fn small() -> (Fake, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    (Throttle::new(Room(1000), &clock), clock)
}

fn strange(throttle: &Fake, number: u32) -> Result<(), Throttled> {
    let account = number.to_string();
    throttle.login(nth(number), &account)?;
    throttle.stranger(&account)
}

fn remembered(throttle: &Fake) -> usize {
    let quotas = [&throttle.networks, &throttle.pairs, &throttle.strangers];
    quotas.iter().map(|quota| quota.len()).sum()
}

#[test]
fn a_flood_fills_no_more_than_its_room_and_is_forgotten() {
    let (throttle, clock) = small();
    for number in 0..20_000 {
        let _refused = strange(&throttle, number);
    }
    // Seven quotas, and the shared counts in the first of each kind.
    let most = 7 * 1000 + 3 * 10;
    assert!((7 * 1000..=most).contains(&remembered(&throttle)));

    clock.advance(seconds(3600));
    assert_eq!(strange(&throttle, 0), Ok(()));

    assert_eq!(remembered(&throttle), 7);
}

#[test]
fn a_flood_holds_back_newcomers_for_seconds_and_nobody_else() {
    let (throttle, clock) = small();
    assert_eq!(strange(&throttle, 7), Ok(()));
    for number in 1000..21_000 {
        let _refused = strange(&throttle, number);
    }

    let throttled = strange(&throttle, 500_000).unwrap_err();
    assert!(throttled.retry_after <= seconds(6), "{throttled:?}");
    assert_eq!(strange(&throttle, 7), Ok(()));

    // Still full, and still in demand by others.
    clock.advance(seconds(6));
    assert_eq!(strange(&throttle, 500_000), Ok(()));
}

#[test]
fn attempts_at_the_same_instant_are_no_way_around() {
    let (throttle, _) = throttle();
    let here = network("192.0.2.1");
    let let_through = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let granted = granted(|| throttle.login(here, JANE));
                let_through.fetch_add(granted, Ordering::Relaxed);
            });
        }
    });
    assert_eq!(let_through.into_inner(), 20);
}
