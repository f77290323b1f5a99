//! 3. Each user has exactly one email entry, of that user's canonical email, and one stats row.

use super::{JANE, JOHN, STATS, finds};
use crate::harness::forge::{Forge, key, seal};

fn entry(forge: &Forge, email: &str, user: u64) {
    let value = seal("user_by_email", email.as_bytes(), 1, user);
    forge.put("user_by_email", email.as_bytes(), &value);
}

#[tokio::test]
async fn an_account_that_cannot_be_found_by_email_is_found() {
    let missing = |forge: &Forge| forge.delete("user_by_email", b"jane@example.com");
    finds(missing, &["user:1 has no entry in user_by_email"]).await;
}

#[tokio::test]
async fn an_email_that_leads_to_another_account_is_found() {
    let wrong = |forge: &Forge| entry(forge, "jane@example.com", JOHN);
    let expected =
        ["user:1 has no entry in user_by_email", "names user:2, which has another email"];
    finds(wrong, &expected).await;
}

#[tokio::test]
async fn an_email_that_leads_nowhere_is_found() {
    let nowhere = |forge: &Forge| entry(forge, "jack@example.com", 99);
    finds(nowhere, &["names user:99, which has another email"]).await;
}

#[tokio::test]
async fn a_second_email_of_one_account_is_found() {
    let second = |forge: &Forge| entry(forge, "jack@example.com", JANE);
    finds(second, &["names user:1, which has another email"]).await;
}

#[tokio::test]
async fn an_email_entry_that_is_not_canonical_is_found() {
    let typed = |forge: &Forge| entry(forge, "Jane@example.com", JANE);
    finds(typed, &["names user:1, which has another email"]).await;
}

#[tokio::test]
async fn an_account_without_counts_is_found() {
    let missing = |forge: &Forge| forge.delete("owned", &key(&[&JANE, &STATS]));
    finds(missing, &["user:1 has no counts"]).await;
}
