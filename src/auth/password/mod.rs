//! Hashing of passwords with argon2id, on few threads of their own.
//!
//! A hash takes 20 to 40 ms and 19 MiB, so it is also a weapon against the server. The threads keep their
//! memory and use it again, the queues before them are short, and whoever finds them full is told to come
//! back: no flood of log-ins can take more memory or more processors than that. [`Whose`] says who stands in which
//! queue: strangers have one thread at most, so that owners are never kept waiting by them.

mod queue;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::{fmt, io, thread};

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use tokio::sync::oneshot;

pub use self::queue::Whose;
use self::queue::{NoPlace, Queues};
use crate::domain::password::{Password, PasswordHash};
use crate::random::Random;

/// Threads. One more than strangers may have.
const THREADS: usize = STRANGERS_AT_ONCE + 1;

/// Hashes of strangers that are made at once.
const STRANGERS_AT_ONCE: usize = 1;

/// Length of a salt, in bytes.
const SALT_LEN: usize = 16;

/// Length of a hash, in bytes.
const HASH_LEN: usize = 32;

/// Most that a stored hash may ask for: 64 MiB, 8 passes, 4 lanes.
const MAX_COST: (u32, u32, u32) = (64 * 1024, 8, 4);

/// What a hash costs.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Cost {
    /// What the [OWASP cheat sheet](https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html)
    /// asks for: 19 MiB, 2 passes, 1 lane.
    pub const OWASP: Self = Self { memory_kib: 19 * 1024, passes: 2 };
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// Too many passwords are waiting.
    #[error("too many passwords are waiting to be hashed")]
    Busy,
    /// No randomness, no memory, or a stored hash that makes no sense.
    #[error("a password could not be hashed")]
    Failed(#[source] io::Error),
}

/// Whether a claimed password is the right one.
#[derive(Debug)]
pub enum Verdict {
    /// It is not, or there is no such account.
    Wrong,
    /// It is.
    Right {
        /// A hash at today's cost, if the stored one is of another.
        better: Option<PasswordHash>,
    },
}

/// Hashes and verifies. Dropping it waits for the threads to finish.
pub struct Hasher {
    queues: Arc<Queues<Job>>,
    threads: Vec<thread::JoinHandle<()>>,
    random: Arc<dyn Random>,
}

type Job = Box<dyn FnOnce(&mut Worker) + Send>;

impl Hasher {
    /// Starts the two threads, with two queues of so many places.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread, or the cost is out of range.
    pub fn start(cost: Cost, places: usize, random: Arc<dyn Random>) -> io::Result<Self> {
        let params = Params::new(cost.memory_kib, cost.passes, 1, Some(HASH_LEN))
            .map_err(io::Error::other)?;
        let queues = Arc::new(Queues::new(places, STRANGERS_AT_ONCE));
        let threads = (0..THREADS)
            .map(|number| {
                let queues = Arc::clone(&queues);
                let worker = Worker { params: params.clone(), memory: Vec::new() };
                thread::Builder::new()
                    .name(format!("hasher-{number}"))
                    .spawn(move || worker.run(&queues))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { queues, threads, random })
    }

    /// Hashes a new password.
    ///
    /// # Errors
    ///
    /// [`HashError::Busy`] when the queue is full.
    pub async fn hash(
        &self,
        whose: Whose,
        password: Password,
    ) -> Result<PasswordHash, HashError> {
        let salt = self.salt()?;
        self.ask(whose, move |worker| worker.hash(&password, &salt)).await
    }

    /// Verifies a claimed password against a stored hash.
    ///
    /// Without a hash the answer is [`Verdict::Wrong`] after the same work, so that the time taken does
    /// not tell whether there is an account.
    ///
    /// # Errors
    ///
    /// [`HashError::Busy`] when the queue is full.
    pub async fn verify(
        &self,
        whose: Whose,
        password: Password,
        stored: Option<PasswordHash>,
    ) -> Result<Verdict, HashError> {
        let salt = self.salt()?;
        self.ask(whose, move |worker| match stored {
            Some(stored) => worker.verify(&password, &stored, &salt),
            None => worker.hash(&password, &salt).map(|_| Verdict::Wrong),
        })
        .await
    }

    /// Does other work on the threads, for what takes about as long as a hash.
    ///
    /// # Errors
    ///
    /// [`HashError::Busy`] when the queue is full.
    pub async fn run<T: Send + 'static>(
        &self,
        whose: Whose,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        self.ask(whose, move |_| Ok(work())).await
    }

    fn salt(&self) -> Result<[u8; SALT_LEN], HashError> {
        let mut salt = [0; SALT_LEN];
        self.random.fill(&mut salt).map_err(HashError::Failed)?;
        Ok(salt)
    }

    async fn ask<T: Send + 'static>(
        &self,
        whose: Whose,
        work: impl FnOnce(&mut Worker) -> io::Result<T> + Send + 'static,
    ) -> Result<T, HashError> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |worker| {
            // Nobody waits any more: spare the work.
            if !sender.is_closed() {
                drop(sender.send(work(worker)));
            }
        });
        let stopped =
            || HashError::Failed(io::Error::other("the hashing threads have stopped"));
        self.queues.push(whose, job).map_err(|refused| match refused {
            NoPlace::Full => HashError::Busy,
            NoPlace::Closed => stopped(),
        })?;
        receiver.await.map_err(|_| stopped())?.map_err(HashError::Failed)
    }
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

/// What a thread owns.
struct Worker {
    params: Params,
    memory: Vec<Block>,
}

impl Worker {
    fn run(mut self, queues: &Queues<Job>) {
        while let Some((whose, job)) = queues.next() {
            // The caller is told by its lost answer, and the thread is there for the next one.
            if catch_unwind(AssertUnwindSafe(|| job(&mut self))).is_err() {
                tracing::error!("a hash panicked");
            }
            queues.done(whose);
        }
    }

    fn hash(&mut self, password: &Password, salt: &[u8]) -> io::Result<PasswordHash> {
        let params = self.params.clone();
        let hash = self.derive(password, salt, params.clone(), HASH_LEN)?;
        let phc = phc::PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: phc::ParamsString::try_from(&params).map_err(io::Error::other)?,
            salt: Some(phc::Salt::new(salt).map_err(io::Error::other)?),
            hash: Some(hash),
        };
        Ok(PasswordHash::new(phc.to_string()))
    }

    fn verify(
        &mut self,
        password: &Password,
        stored: &PasswordHash,
        salt: &[u8],
    ) -> io::Result<Verdict> {
        let (params, old_salt, expected) = understand(stored).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "a stored hash makes no sense")
        })?;
        let found = self.derive(password, &old_salt, params.clone(), expected.len())?;
        // `Output` compares in constant time.
        if found != expected {
            return Ok(Verdict::Wrong);
        }
        let current = params.m_cost() == self.params.m_cost()
            && params.t_cost() == self.params.t_cost()
            && params.p_cost() == self.params.p_cost();
        let better = if current { None } else { Some(self.hash(password, salt)?) };
        Ok(Verdict::Right { better })
    }

    fn derive(
        &mut self,
        password: &Password,
        salt: &[u8],
        params: Params,
        len: usize,
    ) -> io::Result<phc::Output> {
        let blocks = params.block_count();
        if self.memory.len() < blocks {
            self.memory.resize(blocks, Block::default());
        }
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut out = [0; 64];
        let out =
            out.get_mut(..len).ok_or_else(|| io::Error::other("a hash too long"))?;
        argon2
            .hash_password_into_with_memory(
                password.as_bytes(),
                salt,
                out,
                &mut self.memory,
            )
            .map_err(io::Error::other)?;
        phc::Output::new(out).map_err(io::Error::other)
    }
}

/// Whether a hash that was made elsewhere is one that log-ins can be held against.
pub fn is_usable(hash: &PasswordHash) -> bool {
    understand(hash).is_some()
}

/// The parts of a hash, if it is of our kind and asks for no more than we give.
fn understand(hash: &PasswordHash) -> Option<(Params, phc::Salt, phc::Output)> {
    let phc = phc::PasswordHash::new(hash.as_str()).ok()?;
    let params = Params::try_from(&phc).ok()?;
    let (memory, passes, lanes) = MAX_COST;
    let bounded = params.m_cost() <= memory
        && params.t_cost() <= passes
        && params.p_cost() <= lanes
        && phc.algorithm == Algorithm::Argon2id.ident()
        && phc.version == Some(Version::V0x13.into());
    if bounded { Some((params, phc.salt?, phc.hash?)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::UserId;
    use crate::domain::network::Network;
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
            .verify(Whose::Operator, password("password123"), Some(hash.clone()))
            .await
            .unwrap();
        assert!(matches!(verdict, Verdict::Right { better: None }));
        for wrong in ["", "password124", "password123 ", "Password123"] {
            let verdict = hasher
                .verify(Whose::Operator, password(wrong), Some(hash.clone()))
                .await
                .unwrap();
            assert!(matches!(verdict, Verdict::Wrong), "{wrong:?}");
        }
        let verdict =
            hasher.verify(Whose::Operator, password("password123"), None).await.unwrap();
        assert!(matches!(verdict, Verdict::Wrong));
    }

    #[tokio::test]
    async fn bytes_past_the_72nd_count() {
        let hasher = hasher(CHEAP, 8);
        let hash =
            hasher.hash(Whose::Operator, password(&"a".repeat(100))).await.unwrap();
        let other = format!("{}b", "a".repeat(99));
        let verdict =
            hasher.verify(Whose::Operator, password(&other), Some(hash)).await.unwrap();
        assert!(matches!(verdict, Verdict::Wrong));
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_is_replaced() {
        let old = hasher(CHEAP, 8)
            .hash(Whose::Operator, password("password123"))
            .await
            .unwrap();
        let hasher = hasher(Cost { memory_kib: 128, passes: 1 }, 8);
        let verdict = hasher
            .verify(Whose::Operator, password("password123"), Some(old))
            .await
            .unwrap();
        let Verdict::Right { better: Some(better) } = verdict else {
            panic!("{verdict:?}")
        };
        assert!(better.as_str().contains("m=128"));
    }

    #[tokio::test]
    async fn the_usual_encoding_of_other_programs_is_read() {
        // Made by the reference implementation: argon2 -id -m 16 -t 2 -p 1, salt "somesalt".
        let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$\
                    CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let hash = PasswordHash::new(hash.to_owned());
        let hasher = hasher(CHEAP, 8);
        let verdict = hasher
            .verify(Whose::Operator, password("password"), Some(hash))
            .await
            .unwrap();
        assert!(matches!(verdict, Verdict::Right { better: Some(_) }));
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
                hasher.verify(Whose::Operator, password("password"), Some(hash)).await;
            assert!(matches!(outcome, Err(HashError::Failed(_))));
        }
    }

    /// What strangers do at most: their thread is busy for as long as this lives, and their places are taken.
    fn flood(hasher: &Hasher, places: usize) -> std::sync::mpsc::Sender<()> {
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let (begun, begins) = std::sync::mpsc::channel();
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

    #[tokio::test]
    async fn whoever_is_known_gets_through_a_flood_of_strangers() {
        let hasher = hasher(CHEAP, 3);
        let _held = flood(&hasher, 3);
        let home = Network::of("192.0.2.1".parse().unwrap());
        for whose in [Whose::Known(UserId::new(1), home), Whose::Operator] {
            let hash = hasher.hash(whose, password("password123")).await.unwrap();
            let verdict = hasher.verify(whose, password("password123"), Some(hash)).await;
            assert!(matches!(verdict, Ok(Verdict::Right { .. })));
        }
    }
}
