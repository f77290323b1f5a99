//! Password hashing with argon2id, on a few dedicated threads.
//!
//! A hash takes 20 to 40 ms and 19 MiB, so it is also a weapon against the server. The threads reuse their memory,
//! their queues are short, and a request that finds its queue full is told to come back: no flood of log-ins can take
//! more memory or more processors than that. [`Whose`] chooses the queue: strangers have one thread at most, so that
//! owners never wait for them.
//!
//! The time of a wrong password reveals neither whether the account exists, nor the cost of its hash, nor whether it
//! knows the network: see [`Hasher::verify_login`] and [`Hasher::learn`].

mod kinds;
mod phc;
mod queue;
mod worker;

use std::sync::{Arc, mpsc};
use std::time::Instant;
use std::{fmt, io, thread};

use tokio::sync::oneshot;

use self::kinds::{Kind, Kinds};
pub use self::phc::{Refused, check};
pub use self::queue::{HashMetrics, Whose};
use self::queue::{NoPlace, Queues};
use self::worker::Worker;
use crate::domain::id::UserId;
use crate::domain::network::Network;
use crate::domain::password::{Password, PasswordHash};
use crate::random::Random;

/// Number of threads: one more than strangers may have.
const THREADS: usize = STRANGERS_AT_ONCE + 1;

/// Maximum concurrent hashes for strangers.
const STRANGERS_AT_ONCE: usize = 1;

/// Length of a salt, in bytes.
const SALT_LEN: usize = 16;

/// Cost of a hash.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
}

impl Cost {
    /// 19 MiB, 2 passes, 1 lane, as the
    /// [OWASP cheat sheet](https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html) asks for.
    pub const OWASP: Self = Self { memory_kib: 19 * 1024, passes: 2 };
}

/// Reason that a password was not hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// Too many passwords are waiting.
    #[error("too many passwords are waiting to be hashed")]
    Busy,
    /// Randomness or memory is missing, or a stored hash is invalid.
    #[error("a password could not be hashed")]
    Failed(#[source] io::Error),
}

/// Result of verifying a password.
#[derive(Debug)]
pub enum PasswordCheck {
    /// The password is wrong, or the account does not exist.
    Wrong,
    /// The password is right.
    Right {
        /// Whether the stored hash is not of the current cost, or was made of the password as typed.
        outdated: bool,
    },
}

/// Hasher and verifier of passwords. Dropping it waits for the threads to finish.
pub struct Hasher {
    queues: Arc<Queues<Job>>,
    threads: Vec<thread::JoinHandle<()>>,
    kinds: Arc<Kinds>,
    random: Arc<dyn Random>,
}

type Job = Box<dyn FnOnce(&mut Worker) + Send>;

impl Hasher {
    /// Starts the two threads, with two queues of `places` each.
    ///
    /// # Errors
    ///
    /// Fails if the operating system provides no thread, or the cost is out of range.
    pub fn start(cost: Cost, places: usize, random: Arc<dyn Random>) -> io::Result<Self> {
        let kinds = Arc::new(Kinds::new(Kind::of(cost)?));
        let queues = Arc::new(Queues::new(places, STRANGERS_AT_ONCE));
        let threads = (0..THREADS)
            .map(|number| {
                let queues = Arc::clone(&queues);
                let worker = Worker::new(Arc::clone(&kinds));
                thread::Builder::new()
                    .name(format!("hasher-{number}"))
                    .spawn(move || worker.run(&queues))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { queues, threads, kinds, random })
    }

    /// Hashes a new password.
    ///
    /// # Errors
    ///
    /// [`HashError::Busy`] if the queue is full.
    pub async fn hash(
        &self,
        whose: Whose,
        password: Password,
    ) -> Result<PasswordHash, HashError> {
        let salt = self.salt()?;
        self.enqueue(whose, move |worker| worker.hash(&password, &salt))?.await
    }

    /// Verifies the password that a logged-in user enters again.
    ///
    /// # Errors
    ///
    /// [`HashError::Busy`] if the queue is full.
    pub async fn verify(
        &self,
        whose: Whose,
        password: Password,
        stored: PasswordHash,
    ) -> Result<PasswordCheck, HashError> {
        self.verifying(whose, password, Some(stored))?.await
    }

    /// Verifies the password of a log-in. `known` is the account, if it knows the network.
    ///
    /// An owner on a known network waits for no stranger. A wrong password is answered when a stranger's would be: it
    /// takes a turn in the strangers' queue that lasts as long as a hash, so that neither its answer nor the next one
    /// comes sooner. The turn ends at once if the password is right. If that queue is full, the refusal comes after the
    /// time of a hash, both for a stranger and for an owner with a wrong password. So the time does not reveal whether
    /// the network is known.
    ///
    /// # Errors
    ///
    /// [`HashError::Busy`] if the queue is full.
    pub async fn verify_login(
        &self,
        known: Option<UserId>,
        network: Network,
        password: Password,
        stored: Option<PasswordHash>,
    ) -> Result<PasswordCheck, HashError> {
        let (asked, stranger) = (Instant::now(), Whose::Stranger(network));
        // As long as a wrong password takes: see [`Worker::verify`].
        let forms = u32::try_from(password.forms().count()).unwrap_or(u32::MAX);
        let usual = self.kinds.usual_time().saturating_mul(forms);
        if let Some(user) = known {
            let whose = Whose::Known(user, network);
            match self.verifying(whose, password.clone(), stored.clone()) {
                Ok(verifying) => {
                    let (right, wait) = mpsc::channel::<()>();
                    let turn = self.enqueue(stranger, move |_| {
                        // Ends early when the other end is dropped.
                        let _ended = wait.recv_timeout(usual);
                        Ok(())
                    });
                    let verdict = verifying.await?;
                    if matches!(verdict, PasswordCheck::Wrong) {
                        turn?.await?;
                    }
                    drop(right);
                    return Ok(verdict);
                }
                // The share of the account or network is used up: serve the rest as strangers.
                Err(HashError::Busy) => {}
                Err(error) => return Err(error),
            }
        }
        match self.verifying(stranger, password, stored) {
            Ok(verifying) => verifying.await,
            Err(error) => {
                tokio::time::sleep(usual.saturating_sub(asked.elapsed())).await;
                Err(error)
            }
        }
    }

    /// Adds the cost of a stored hash: from now on, verifying takes as long as one hash of each cost together, at most
    /// four, whatever the account.
    pub fn learn(&self, hash: &PasswordHash) {
        self.kinds.learn(hash);
    }

    /// Runs other work on the threads, for tasks that take about as long as a hash.
    ///
    /// # Errors
    ///
    /// [`HashError::Busy`] if the queue is full.
    pub async fn run<T: Send + 'static>(
        &self,
        whose: Whose,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        self.enqueue(whose, move |_| Ok(work()))?.await
    }

    /// Returns the numbers of passwords that wait, are being hashed, and were refused so far.
    pub fn metrics(&self) -> HashMetrics {
        self.queues.metrics()
    }

    fn salt(&self) -> Result<[u8; SALT_LEN], HashError> {
        let mut salt = [0; SALT_LEN];
        self.random.fill(&mut salt).map_err(HashError::Failed)?;
        Ok(salt)
    }

    fn verifying(
        &self,
        whose: Whose,
        password: Password,
        stored: Option<PasswordHash>,
    ) -> Result<impl Future<Output = Result<PasswordCheck, HashError>> + use<>, HashError>
    {
        let salt = self.salt()?;
        self.enqueue(whose, move |worker| {
            worker.verify(&password, stored.as_ref(), &salt)
        })
    }

    fn enqueue<T: Send + 'static, W>(
        &self,
        whose: Whose,
        work: W,
    ) -> Result<impl Future<Output = Result<T, HashError>> + use<T, W>, HashError>
    where
        W: FnOnce(&mut Worker) -> io::Result<T> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |worker| {
            // The client is gone: skip the work.
            if !sender.is_closed() {
                drop(sender.send(work(worker)));
            }
        });
        self.queues.push(whose, job).map_err(|refused| match refused {
            NoPlace::Full => HashError::Busy,
            NoPlace::Closed => stopped(),
        })?;
        Ok(
            async move { receiver.await.map_err(|_| stopped())?.map_err(HashError::Failed) },
        )
    }
}

fn stopped() -> HashError {
    HashError::Failed(io::Error::other("the hashing threads have stopped"))
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.queues.close();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a hashing thread panicked");
            }
        }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher")
            .field("threads", &self.threads.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::random::SystemRandom;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1 };

    fn hasher(cost: Cost, queue: usize) -> Hasher {
        Hasher::start(cost, queue, Arc::new(SystemRandom)).unwrap()
    }

    fn password(text: &str) -> Password {
        Password::claimed(text.to_owned())
    }

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let hasher = hasher(CHEAP, 8);
        let hash = hasher.hash(Whose::Operator, password("password123")).await.unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        let verdict = hasher
            .verify(Whose::Operator, password("password123"), hash.clone())
            .await
            .unwrap();
        assert!(matches!(verdict, PasswordCheck::Right { outdated: false }));
        for wrong in ["", "password124", "password123 ", "Password123"] {
            let verdict = hasher
                .verify(Whose::Operator, password(wrong), hash.clone())
                .await
                .unwrap();
            assert!(matches!(verdict, PasswordCheck::Wrong), "{wrong:?}");
        }
        let home = Network::of("192.0.2.1".parse().unwrap());
        let nobody = hasher.verify_login(None, home, password("password123"), None);
        assert!(matches!(nobody.await, Ok(PasswordCheck::Wrong)));
    }

    #[tokio::test]
    async fn bytes_past_the_72nd_count() {
        let hasher = hasher(CHEAP, 8);
        let hash =
            hasher.hash(Whose::Operator, password(&"a".repeat(100))).await.unwrap();
        let other = format!("{}b", "a".repeat(99));
        let verdict =
            hasher.verify(Whose::Operator, password(&other), hash).await.unwrap();
        assert!(matches!(verdict, PasswordCheck::Wrong));
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_is_outdated() {
        let old = hasher(CHEAP, 8)
            .hash(Whose::Operator, password("password123"))
            .await
            .unwrap();
        let hasher = hasher(Cost { memory_kib: 128, passes: 1 }, 8);
        let verdict =
            hasher.verify(Whose::Operator, password("password123"), old).await.unwrap();
        assert!(matches!(verdict, PasswordCheck::Right { outdated: true }));
        let new = hasher.hash(Whose::Operator, password("password123")).await.unwrap();
        assert!(new.as_str().contains("m=128"));
    }

    #[tokio::test]
    async fn the_usual_encoding_of_other_programs_is_read() {
        // Computed by the reference implementation: argon2 -id -m 16 -t 2 -p 1, salt "somesalt".
        let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$\
                    CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let hash = PasswordHash::new(hash.to_owned());
        let hasher = hasher(CHEAP, 8);
        let verdict =
            hasher.verify(Whose::Operator, password("password"), hash).await.unwrap();
        assert!(matches!(verdict, PasswordCheck::Right { outdated: true }));
    }

    #[tokio::test]
    async fn hashes_that_ask_for_too_much_are_refused() {
        let hasher = hasher(CHEAP, 8);
        for hash in [
            "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2d$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "nonsense",
        ] {
            let hash = PasswordHash::new(hash.to_owned());
            let outcome =
                hasher.verify(Whose::Operator, password("password"), hash).await;
            assert!(matches!(outcome, Err(HashError::Failed(_))));
        }
    }

    /// Floods the strangers' queue: their thread is busy while the result lives, and their places are taken.
    fn flood(hasher: &Hasher, places: usize) -> mpsc::Sender<()> {
        let (release, wait) = mpsc::channel::<()>();
        let (begun, begins) = mpsc::channel();
        let job: Job = Box::new(move |_| {
            begun.send(()).unwrap();
            let _released = wait.recv();
        });
        hasher.queues.push(stranger(0), job).unwrap();
        begins.recv().unwrap();
        for number in 0..places {
            hasher.queues.push(stranger(number), Box::new(|_| {})).unwrap();
        }
        release
    }

    fn stranger(number: usize) -> Whose {
        let address = std::net::Ipv4Addr::from(u32::try_from(number).unwrap());
        Whose::Stranger(Network::of(address.into()))
    }

    #[tokio::test]
    async fn a_full_queue_is_said_at_once() {
        let hasher = hasher(CHEAP, 3);
        let _held = flood(&hasher, 3);
        let outcome = hasher.hash(stranger(9), password("password123")).await;
        assert!(matches!(outcome, Err(HashError::Busy)));
    }

    /// A right password is answered at once, a wrong one as late as a stranger's.
    #[tokio::test]
    async fn a_wrong_password_at_home_waits_for_its_turn_among_strangers() {
        let hasher = hasher(CHEAP, 8);
        let home = Network::of("192.0.2.1".parse().unwrap());
        let hash = hasher.hash(Whose::Operator, password("password123")).await.unwrap();
        let known = Some(UserId::new(1));
        let login = |text: &str| {
            hasher.verify_login(known, home, password(text), Some(hash.clone()))
        };
        let held = flood(&hasher, 2);

        assert!(matches!(login("password123").await, Ok(PasswordCheck::Right { .. })));
        let mut wrong = std::pin::pin!(login("password124"));
        let ordinary = login("password123");
        tokio::select! {
            biased;
            _ = &mut wrong => panic!("did not wait"),
            right = ordinary => assert!(matches!(right, Ok(PasswordCheck::Right { .. }))),
        }
        drop(held);
        assert!(matches!(wrong.await, Ok(PasswordCheck::Wrong)));
    }

    /// The strangers' thread is idle, and a hash takes an hour.
    #[tokio::test]
    async fn the_turn_of_a_wrong_password_lasts_as_long_as_a_hash_and_that_of_a_right_one_ends()
     {
        let hasher = hasher(CHEAP, 8);
        let home = Network::of("192.0.2.1".parse().unwrap());
        let hash = hasher.hash(Whose::Operator, password("password123")).await.unwrap();
        let login = |text: &str| {
            hasher.kinds.note_time(Duration::from_hours(1));
            let known = Some(UserId::new(1));
            hasher.verify_login(known, home, password(text), Some(hash.clone()))
        };

        assert!(matches!(login("password123").await, Ok(PasswordCheck::Right { .. })));
        hasher.run(stranger(9), || ()).await.unwrap();
        let mut wrong = Box::pin(login("password124"));
        // Long after the password was verified.
        for _ in 0..10_000 {
            tokio::select! {
                biased;
                _ = &mut wrong => panic!("did not wait"),
                after = hasher.run(Whose::Operator, || ()) => after.unwrap(),
            }
        }
        drop(wrong);
        hasher.run(stranger(9), || ()).await.unwrap();
    }

    #[tokio::test]
    async fn a_wrong_password_at_home_finds_no_place_where_a_stranger_finds_none() {
        let hasher = hasher(CHEAP, 3);
        let home = Network::of("192.0.2.1".parse().unwrap());
        let hash = hasher.hash(Whose::Operator, password("password123")).await.unwrap();
        let _held = flood(&hasher, 3);
        for known in [None, Some(UserId::new(1))] {
            let wrong = password("password124");
            let outcome = hasher.verify_login(known, home, wrong, Some(hash.clone()));
            assert!(matches!(outcome.await, Err(HashError::Busy)), "{known:?}");
        }
    }

    #[tokio::test]
    async fn whoever_is_known_gets_through_a_flood_of_strangers() {
        let hasher = hasher(CHEAP, 3);
        let _held = flood(&hasher, 3);
        let home = Network::of("192.0.2.1".parse().unwrap());
        for whose in [Whose::Known(UserId::new(1), home), Whose::Operator] {
            let hash = hasher.hash(whose, password("password123")).await.unwrap();
            let verdict = hasher.verify(whose, password("password123"), hash).await;
            assert!(matches!(verdict, Ok(PasswordCheck::Right { .. })));
        }
    }
}
