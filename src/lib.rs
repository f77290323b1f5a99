//! Duly is a personal task server: one static binary, one data file.
//!
//! People register, log in and keep a private list of tasks over a REST API that documents itself. This page
//! is the map of the source; start at [`cli`].
//!
//! ```text
//! cli -> {http, control, jobs} -> service -> {store, auth} -> {config, clock, random} -> domain
//! ```
//!
//! Dependencies point one way, to the right; `tests/tidy.rs` sees to it. One noun has one name in every layer: tasks are
//! [`domain::task`], `store/decide/tasks/`, `service/tasks/` and `http/tasks/`.
//!
//! | module | contents |
//! |---|---|
//! | [`cli`] | commands, one file each; `serve` wires the program |
//! | [`http`] | routes, problems, the OpenAPI document, connections |
//! | [`control`] | commands of the operator to a running server, through a Unix socket |
//! | [`jobs`] | scheduled work: backups, and the removal of expired records, tombstones and history |
//! | [`service`] | the operations of the program, for every interface |
//! | [`store`] | the database: a trait, the rules of writes, and redb |
//! | [`auth`] | passwords, tokens, permissions, throttling; knows neither HTTP nor the store |
//! | [`config`] | settings; the only reader of the environment |
//! | [`clock`], [`random`] | time and random bytes of the operating system |
//! | [`telemetry`] | the log |
//! | [`metrics`] | numbers that many threads add to |
//! | [`files`], [`socket`] | new files, whole or not at all; Unix sockets that a crash left behind |
//! | [`json`] | texts and numbers as JSON |
//! | [`permits`] | permits that accounts and networks have shares of |
//! | [`domain`] | plain data and pure rules |
//!
//! # A request
//!
//! [`http::server`] accepts the connection and limits what it may take. The middleware gives the request an
//! id, a time limit and a log line, and every error its form. A handler asks who calls
//! ([`service::Service::authenticate`] looks the session or the personal token up, every time), calls one
//! method of the service and shapes the answer. What a caller may do is part of the caller's type
//! ([`auth::permission`]), so a handler that asks for too little does not compile. Reads are answered from a
//! snapshot on the spot.
//!
//! # A write
//!
//! The service hands the store a write as data, with its authority. The store's writer thread takes all waiting writes,
//! decides each on top of the ones before, and commits them together; a caller gets its result when that commit is on
//! disk. [`store::decide`] has the rules: pure functions that read a snapshot and return a result and changes.
//! `store/redb/engine/change/` lowers changes to rows. It is the only code that writes records, index entries and counts.
//!
//! A request with an `Idempotency-Key` stores its outcome, sealed, in the transaction of its write, so that it can be
//! retried and is executed once: [`store::WriteContext`], `service/idempotency/`, `http/idempotency.rs`.
//!
//! Accounts take turns in the writer's queue by the work of their writes (`store/redb/engine/queue`). A write with `dry_run` is
//! decided on a snapshot and never waits for the writer.
//!
//! # Bounds
//!
//! Every queue, pool and cache has a bound and an answer for a request that it refuses.
//!
//! | what | holds at most | share | the refused get |
//! |---|---|---|---|
//! | connections, `http/server/connection_limiter` | `MAX_CONNECTIONS` | `MAX_CONNECTIONS_PER_NETWORK`, and twice the places left | the place of an idle one; else closed, or wait |
//! | requests through trusted proxies, `http/server/connection_limiter` | `MAX_CONNECTIONS` | the same, by the client named | 503 `too_many_requests_at_once` |
//! | HTTP/2 requests beyond the first of a connection, `http/server/http2.rs` | 64 in all | 4 a connection | wait |
//! | bodies over 16 KiB being received, `http/payload/budget.rs` | 32 MiB | 4 MiB an account, 8 MiB a network | 503 `account_busy`, `busy` |
//! | unsent answers, results of batches and tasks of lists, `http/response_memory.rs` | 64 MiB | 16 MiB an account, 32 MiB a network | 503 `account_busy`, `busy` |
//! | lists and results of batches over 64 KiB being rendered, `http/payload/rendered.rs` | 2 | 1 a network | wait |
//! | exports of personal data, `service/state.rs` | the room for answers, of which each takes 1.2 MB | 1 an account | 503 `account_busy`, `busy` |
//! | passwords to be hashed, `auth/password/queue.rs` | `HASH_QUEUE` in each of two queues | half a network, a quarter an account | 503 `busy` |
//! | counts of attempts, `auth/throttle` | a fixed number of each kind | a network, an account | 429 |
//! | distinct costs of hashes, `auth/password/kinds.rs` | 4, including the current one | none | the cheapest is forgotten, and its time is visible |
//! | log lines about log-ins, `service/events.rs` | 60 a minute of each event | 10 an IPv4 address or IPv6 /48 | counted in the next line |
//! | accounts whose access the operator ends, `service/ending.rs` | 8 at once, 512 kept answers a write | | wait; given up after ten tries of a busy store |
//! | verified signatures of access tokens, `auth/token.rs` | 4,096 | none | verified again |
//! | writes, `store/redb/engine/queue` | 4,096 and 32 MiB in each of two lanes, 64 MiB with accounts that have at most 64 KiB waiting | 128 an account, and the work of one commit | 503 `account_busy`, `busy` |
//! | work of one commit, `store/redb/engine/writer.rs` | 256 writes, 20,000 rows, 4 MiB written or held by answers, half of the free disk; 5,000 rows and 1 MiB once it includes a write within these | turns by work; a larger write begins the next commit | wait |
//! | lines of one transaction of an import, `service/chunk.rs` | 500 lines, 10,000 rows, 4 MiB | | wait for the next |
//! | work of one request, `domain/task/write.rs` | 2,002 tasks, 20,000 rows, 50,000 tasks read | | 422 `too_much` |
//! | tasks and bytes of accounts, `store/decide/tasks/allowance.rs` | `MAX_TASKS_PER_ACCOUNT`, `MAX_MIB_PER_ACCOUNT` | an account, or its own limits | 403 `quota_exceeded` |
//! | accounts, `store/decide/accounts.rs` | `MAX_ACCOUNTS` | none | 403 `registration_full` |
//! | the data file, `store/redb/engine/space` | the disk less `DISK_RESERVE_MIB` | a tenth an account while less than four reserves are free | 507 `disk_full` |
//! | indexed words of a task, `domain/task/query.rs` | 512 | a task | no index entry |
//! | long reads, `store/redb/engine/long_reads.rs` | 4 | 2 an account, and 16 waiting | 503 `account_busy`, `busy` |
//! | lists and counts being answered, `http/turn.rs` | the connections | 3 a network; the others wait up to 5 s | 503 `too_many_requests_at_once` |
//! | reads of administrators, `store/redb/mod.rs` | 4 | none | wait |
//! | requests that wait for changes, `service/changes/waits.rs` | half of `MAX_CONNECTIONS` | 8 an account, a quarter a network | 503 `account_busy`, `busy` |
//! | tombstones of deleted tasks, `store/decide/tombstones.rs` | `MAX_TOMBSTONES_PER_ACCOUNT` an account, `TOMBSTONE_DAYS` | an account | the oldest are removed |
//! | history of tasks and the trash, `store/decide/history/room.rs` | `MAX_HISTORY_MIB_PER_ACCOUNT` and 200 changes a task, `HISTORY_DAYS`, `TRASH_DAYS` | an account | the oldest are removed |
//! | tasks that one request undoes, `store/decide/history/plan.rs` | 100,000, in writes of 250 | | 422 `too_much` |
//! | idempotency records, `store/decide/idempotency.rs` | 16,384 and 16 MiB an account | an account | the oldest are removed |
//! | commands of the operator, `control/server.rs` | 4 | none | wait |
//! | lines of the log, `telemetry/queue.rs` | 1 MiB waiting, 1 MiB being written | none | lost and counted |
//! | scrapes, `http/metrics` | 4, of 10 s each | none | wait |
//!
//! # Damage
//!
//! Values carry a checksum that is verified on every read ([`store::redb`]). Pages are verified when the file is
//! opened, and again whenever they are read from disk. A copy of the data (a backup, or a file being upgraded from an
//! older format) is used only after every page and every row in it was verified.
//!
//! # Errors
//!
//! Three small types, each unaware of the next: [`store::StoreError`] (the database failed), [`service::Error`] (the
//! reason, in the user's words), and the problem that HTTP makes of it. The status is chosen in a single match.
//!
//! # Stopping
//!
//! On SIGTERM, the server stops being ready, accepts no more connections, lets requests finish, and closes the store.
//! After an I/O error of the data file it does the same and exits with 74, so that its supervisor restarts it. It never
//! waits for a reader of the log or of the control socket that does not read.

pub mod auth;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod domain;
pub mod files;
pub mod http;
pub mod jobs;
pub mod json;
pub mod metrics;
pub mod permits;
#[doc(hidden)]
pub mod random;
pub mod service;
pub mod socket;
pub mod store;
pub mod telemetry;
