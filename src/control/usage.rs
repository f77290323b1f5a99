//! Usage and limits of accounts.

use serde_json::json;

use super::answer::Answer;
use super::run::Parts;
use super::{Failure, Form};
use crate::domain::quota::{Quota, QuotaPatch, Usage};
use crate::domain::user::User;
use crate::store::Store as _;

/// Lists accounts by id, or by usage, largest first.
pub(super) async fn list(
    parts: &Parts,
    largest_by: Option<&str>,
    answer: &mut Answer<'_>,
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
        let created_at = created_at.to_string();
        let line = || {
            let note = if disabled { "\tdisabled" } else { "" };
            format!("{id}\t{role}\t{created_at}\t{email}\t{tasks}\t{bytes}{note}")
        };
        let members = [
            ("id", json!(id.get())),
            ("email", json!(email)),
            ("role", json!(role)),
            ("disabled", json!(disabled)),
            ("created_at", json!(created_at)),
            ("tasks", json!(tasks)),
            ("bytes", json!(bytes)),
        ];
        answer.say(line, members)?;
    }
    Ok(())
}

/// Sets limits of an account's own, and shows its usage and limits.
pub(super) async fn quota(
    parts: &Parts,
    email: &str,
    (tasks, mib): (Option<String>, Option<String>),
    answer: &mut Answer<'_>,
) -> Result<(), Failure> {
    let tasks = tasks.as_deref().map(limit).transpose()?;
    let mib = mib.as_deref().map(limit).transpose()?;
    let quota = QuotaPatch { tasks, mib };
    let Usage { tasks, bytes, own } = parts.service.user_quota(email, quota).await?;
    let all = parts.store.quota();
    if answer.form == Form::Json {
        let most = |own: Option<u64>, all: Option<u64>| match own {
            Some(0) => None,
            own => own.or(all),
        };
        let members = [
            ("tasks", json!(tasks)),
            ("max_tasks", json!(most(own.tasks, all.tasks))),
            ("bytes", json!(bytes)),
            ("max_mib", json!(most(own.mib, all.mib))),
        ];
        return answer.say(String::new, members);
    }
    let tell = |own: Option<u64>, all: Option<u64>, unit| match (own, all) {
        (Some(0), _) | (None, None) => "no limit".to_owned(),
        (Some(most), _) => format!("at most {most}{unit}, for this account"),
        (None, Some(most)) => format!("at most {most}{unit}"),
    };
    answer.line(format!("tasks\t{tasks}\t{}", tell(own.tasks, all.tasks, "")))?;
    answer.line(format!("bytes\t{bytes}\t{}", tell(own.mib, all.mib, " MiB")))
}

/// Parses a number; `None` for the limit of all accounts.
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
