//! Usage and limits of accounts.

use super::Failure;
use super::run::{Parts, Sink, say};
use crate::domain::quota::{Quota, QuotaPatch, Usage};
use crate::domain::user::User;
use crate::store::Store as _;

/// Lists accounts by id, or those first that hold the most.
pub(super) async fn list(
    parts: &Parts,
    largest_by: Option<&str>,
    sink: &mut dyn Sink,
) -> Result<(), Failure> {
    let largest_by: Option<fn(&Usage) -> u64> = match largest_by {
        None => None,
        Some("bytes") => Some(|usage| usage.bytes),
        Some("tasks") => Some(|usage| usage.tasks),
        Some(_) => {
            return Err(Failure::new(Failure::USAGE, "sort by bytes or by tasks"));
        }
    };
    for (id, Usage { tasks, bytes, .. }) in parts.store.usage_list(largest_by).await? {
        // The account may have been deleted meanwhile.
        let Some(found) = parts.store.user_get(id).await? else { continue };
        let User { email, role, created_at, disabled, .. } = found.user;
        let (email, role) = (email.as_str(), role.as_str());
        let note = if disabled { "\tdisabled" } else { "" };
        let line = format!("{id}\t{role}\t{created_at}\t{email}\t{tasks}\t{bytes}{note}");
        say(sink, line)?;
    }
    Ok(())
}

/// Sets limits of an account's own, and shows what it holds and may hold.
pub(super) async fn quota(
    parts: &Parts,
    email: &str,
    (tasks, mib): (Option<String>, Option<String>),
    sink: &mut dyn Sink,
) -> Result<(), Failure> {
    let tasks = tasks.as_deref().map(limit).transpose()?;
    let mib = mib.as_deref().map(limit).transpose()?;
    let quota = QuotaPatch { tasks, mib };
    let Usage { tasks, bytes, own } = parts.service.user_quota(email, quota).await?;
    let all = parts.store.quota();
    let tell = |own: Option<u64>, all: Option<u64>| match (own, all) {
        (Some(0), _) | (None, None) => "no limit".to_owned(),
        (Some(most), _) => format!("at most {most}, for this account"),
        (None, Some(most)) => format!("at most {most}"),
    };
    say(sink, format!("tasks\t{tasks}\t{}", tell(own.tasks, all.tasks)))?;
    say(sink, format!("bytes\t{bytes}\tMiB: {}", tell(own.mib, all.mib)))
}

/// A number, or nothing for the limit of all accounts.
fn limit(text: &str) -> Result<Option<u64>, Failure> {
    if text == "default" {
        return Ok(None);
    }
    let number = text.parse().ok().filter(|number| *number <= Quota::MAX_LIMIT);
    number.map(Some).ok_or_else(|| {
        let most = Quota::MAX_LIMIT;
        let message = format!("a limit must be a whole number up to {most}, or default");
        Failure::new(Failure::USAGE, message)
    })
}
