use std::sync::{Arc, Mutex};

use super::*;
use crate::store::redb::engine::batch::Batch;
use crate::store::redb::engine::work::COMMIT;

/// Order in which jobs were answered.
type Served = Arc<Mutex<Vec<(u64, u64)>>>;

struct Noted {
    account: u64,
    number: u64,
    served: Served,
    is_abandoned: bool,
}

impl Job for Noted {
    fn run(&mut self, _: &mut Batch<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    fn is_abandoned(&self) -> bool {
        self.is_abandoned
    }

    fn answer(self: Box<Self>, _: Result<(), StoreError>) {
        self.served.lock().unwrap().push((self.account, self.number));
    }
}

#[derive(Default)]
struct Given {
    queue: Queue,
    served: Served,
    count: u64,
}

const SMALL: Work = Work::new(15, 2_000);
const LARGE: Work = Work::new(20_000, 200_000);

impl Given {
    fn push(&mut self, account: u64, work: Work) -> Result<(), StoreError> {
        self.push_in(Lane::Data, account, work, false)
    }

    fn push_in(
        &mut self,
        lane: Lane,
        account: u64,
        work: Work,
        is_abandoned: bool,
    ) -> Result<(), StoreError> {
        self.count += 1;
        let served = Arc::clone(&self.served);
        let job = Noted { account, number: self.count, served, is_abandoned };
        let flow = Flow::Account(UserId::new(account));
        self.queue.push(Ticket { lane, flow, work }, Box::new(job))
    }

    /// Takes all waiting writes, as the writer does if each commit takes one write.
    fn serve(&self, most: usize) -> Vec<u64> {
        for _ in 0..most {
            let Some(taken) = self.queue.pop(Lane::Data, Work::default(), COMMIT) else {
                break;
            };
            taken.job.answer(Ok(()));
        }
        std::mem::take(&mut *self.served.lock().unwrap())
            .into_iter()
            .map(|(account, _)| account)
            .collect()
    }
}

#[test]
fn a_small_write_does_not_wait_for_large_ones_of_others() {
    let mut given = Given::default();
    for account in 1..=10 {
        given.push(account, LARGE).unwrap();
    }
    given.serve(1);

    given.push(99, SMALL).unwrap();

    assert_eq!(given.serve(1), [99]);
}

#[test]
fn a_small_write_waits_for_one_large_one_and_no_more_however_often_it_comes() {
    let mut given = Given::default();
    for account in 1..=20 {
        given.push(account, LARGE).unwrap();
    }
    let mut served = Vec::new();
    for _ in 0..20 {
        given.push(99, SMALL).unwrap();
        let taken = given.serve(2);
        for account in taken.iter().filter(|account| **account != 99) {
            given.push(*account, LARGE).unwrap();
        }
        served.extend(taken);
    }

    let waits = served.chunks(2).filter(|two| !two.contains(&99)).count();
    assert_eq!(waits, 0, "{served:?}");
}

#[test]
fn a_large_write_begins_the_next_commit_however_many_small_ones_come() {
    let mut given = Given::default();
    given.push(1, LARGE).unwrap();
    let short = Work::new(1_000, COMMIT.bytes);
    for account in 2..=100 {
        given.push(account, SMALL).unwrap();
        let first = given.queue.pop(Lane::Data, Work::default(), short).unwrap();
        if first.ticket.work == LARGE {
            assert_eq!(account, 3);
            return;
        }
        assert!(given.queue.pop(Lane::Data, SMALL, short).is_none());
    }
    panic!("the large write is never begun");
}

#[test]
fn large_writes_do_not_follow_each_other_past_a_small_one() {
    let mut given = Given::default();
    for account in 1..=3 {
        given.push(account, LARGE).unwrap();
    }
    assert_eq!(given.serve(1), [1]);
    assert!(given.queue.pop(Lane::Data, LARGE, COMMIT).is_none());
    given.push(99, SMALL).unwrap();

    assert_eq!(given.serve(2), [99, 2]);
}

#[test]
fn accounts_get_the_same_work_done_whatever_the_size_of_their_writes() {
    let mut given = Given::default();
    let (small, large) = (Work::new(99, 0), Work::new(999, 0));
    for _ in 0..100 {
        given.push(1, small).unwrap();
    }
    for _ in 0..20 {
        given.push(2, large).unwrap();
    }

    let served = given.serve(66);

    let of_two = served.iter().filter(|account| **account == 2).count();
    assert_eq!(of_two, 6, "{served:?}");
}

#[test]
fn an_account_does_not_start_anew_by_waiting_for_each_answer() {
    let mut given = Given::default();
    for _ in 0..100 {
        given.push(1, SMALL).unwrap();
    }
    let (mut served, middle) = (Vec::new(), Work::new(SMALL.rows * 10, 0));
    for _ in 0..50 {
        if !served.ends_with(&[1]) || served.is_empty() {
            given.push(2, middle).unwrap();
        }
        served.extend(given.serve(1));
    }

    let of_two = served.iter().filter(|account| **account == 2).count();
    assert!((4..=8).contains(&of_two), "{of_two}: {served:?}");
}

#[test]
fn flows_without_writes_are_forgotten() {
    let mut given = Given::default();
    given.push(1, SMALL).unwrap();
    for account in 2..10_000 {
        given.push(account, Work::new(1, 0)).unwrap();
        given.push(1, Work::new(10, 0)).unwrap();
        given.serve(2);
    }

    let known = given.queue.lock().data.known();
    assert!(known < 4_000, "{known}");
}

#[test]
fn accounts_take_turns_whatever_they_have_waiting() {
    let mut given = Given::default();
    for _ in 0..100 {
        given.push(1, SMALL).unwrap();
    }
    for _ in 0..10 {
        given.push(2, SMALL).unwrap();
    }

    let served = given.serve(24);

    let of_two = served.iter().filter(|account| **account == 2).count();
    assert_eq!(of_two, 10, "{served:?}");
}

#[test]
fn an_account_that_comes_back_at_once_is_not_served_before_the_others() {
    let mut given = Given::default();
    for _ in 0..100 {
        given.push(1, SMALL).unwrap();
    }
    let mut served = given.serve(1);
    for _ in 0..40 {
        given.push(2, SMALL).unwrap();
        served.extend(given.serve(1));
    }

    let of_one = served.iter().filter(|account| **account == 1).count();
    assert!(of_one >= 15, "{served:?}");
}

#[test]
fn an_account_may_have_128_small_writes_waiting_and_no_more() {
    let mut given = Given::default();
    for _ in 0..JOBS_OF_FLOW {
        given.push(1, SMALL).unwrap();
    }

    assert!(matches!(given.push(1, SMALL), Err(StoreError::AccountBusy)));
    given.push(2, SMALL).unwrap();
    given.serve(2);
    given.push(1, SMALL).unwrap();
}

#[test]
fn an_account_may_have_as_much_work_waiting_as_one_commit_takes() {
    let mut given = Given::default();
    given.push(1, LARGE).unwrap();

    assert!(matches!(given.push(1, SMALL), Err(StoreError::AccountBusy)));
    given.push(2, Work::new(10 * COMMIT.rows, 0)).unwrap();
}

#[test]
fn a_full_queue_has_room_for_an_account_that_has_nothing_in_it() {
    let mut given = Given::default();
    let long = Work::new(1, COMMIT.bytes / 2);
    let mut refused = 0;
    for _ in 0..2 {
        for account in 1..=100 {
            refused += u64::from(given.push(account, long).is_err());
        }
    }

    assert!(refused > 0, "the queue is never full");
    given.push(10_000, SMALL).unwrap();
}

#[test]
fn many_accounts_leave_room_for_one_that_has_little_waiting() {
    let mut given = Given::default();
    let mut long = COMMIT.bytes;
    for account in 0..100 {
        while given.push(account, Work::new(1, long)).is_err() && long > LITTLE_BYTES {
            long /= 2;
        }
    }

    for account in 10_000..10_100 {
        given.push(account, SMALL).unwrap();
    }
}

#[test]
fn writes_that_were_more_work_than_planned_let_the_next_ones_of_their_account_wait() {
    let mut given = Given::default();
    for _ in 0..3 {
        given.push(1, SMALL).unwrap();
    }
    for _ in 0..10 {
        given.push(2, SMALL).unwrap();
    }
    let first = given.queue.pop(Lane::Data, Work::default(), COMMIT).unwrap();
    assert_eq!(first.ticket.flow, Flow::Account(UserId::new(1)));

    given.queue.charge(first.ticket, Work::new(10 * SMALL.rows, 10 * SMALL.bytes));

    let served = given.serve(12);
    let waited = served.iter().take_while(|account| **account == 2).count();
    assert!(waited >= 8, "{served:?}");
    assert_eq!(served.iter().filter(|account| **account == 1).count(), 2);
}

#[test]
fn writes_whose_callers_are_gone_are_dropped() {
    let mut given = Given::default();
    for _ in 0..50 {
        given.push_in(Lane::Data, 1, SMALL, true).unwrap();
    }
    given.push(1, SMALL).unwrap();

    assert_eq!(given.serve(100), [1]);
    given.queue.close();
    assert!(given.queue.has_ended());
}

#[test]
fn a_commit_takes_what_fits_into_it() {
    let mut given = Given::default();
    given.push(1, LARGE).unwrap();

    assert!(given.queue.pop(Lane::Data, SMALL, COMMIT).is_none());
    assert!(given.queue.pop(Lane::Access, Work::default(), COMMIT).is_none());
    assert!(given.queue.pop(Lane::Data, Work::default(), COMMIT).is_some());
}

#[test]
fn a_closed_queue_takes_nothing_and_keeps_what_waits() {
    let mut given = Given::default();
    given.push(1, SMALL).unwrap();

    given.queue.close();

    assert!(given.push(2, SMALL).is_err());
    assert!(given.queue.wait());
    assert_eq!(given.serve(10), [1]);
    assert!(!given.queue.wait());
}

#[test]
fn writes_that_wait_are_counted_by_lane() {
    let mut given = Given::default();
    given.push(1, SMALL).unwrap();
    given.push(2, LARGE).unwrap();
    given.push_in(Lane::Access, 3, SMALL, false).unwrap();
    let waiting = |writes, bytes| WaitingWrites { writes, bytes };
    let [access, data] = given.queue.waiting();
    assert_eq!(access, ("access", waiting(1, 2_000)));
    assert_eq!(data, ("data", waiting(2, 202_000)));

    given.serve(2);

    assert_eq!(given.queue.waiting(), [access, ("data", waiting(0, 0))]);
}
