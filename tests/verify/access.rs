//! 8. `admins` names the accounts that are active administrators. The numbers of `audit` have no gaps.

use super::{JANE, finds, key_of_token, report_after};
use crate::harness::forge::{Forge, key, seal};

fn audit(forge: &Forge, number: u64) {
    // Time, no actor, an action, no target.
    let record = (0_i64, None::<u64>, 1_u8, None::<u64>);
    let place = number.to_be_bytes();
    forge.put("audit", &place, &seal("audit", &place, 1, record));
}

#[tokio::test]
async fn somebody_who_is_no_administrator_and_is_named_as_one_is_found() {
    let named = |forge: &Forge| forge.put("admins", &key(&[&JANE]), b"");
    finds(named, &["admins is wrong about whether user:1 is an active administrator"])
        .await;
}

#[tokio::test]
async fn an_administrator_that_nobody_is_is_found() {
    let nobody = |forge: &Forge| forge.put("admins", &key(&[&99_u64]), b"");
    finds(nobody, &["admins names a user who does not exist"]).await;
}

#[tokio::test]
async fn an_entry_of_an_administrator_with_a_value_is_found() {
    let valued = |forge: &Forge| forge.put("admins", &key(&[&99_u64]), b"x");
    finds(valued, &["admins names a user who does not exist"]).await;
}

#[tokio::test]
async fn an_administrator_without_an_entry_is_found() {
    let admin = |forge: &Forge| {
        let flags = (0_u8, None::<&str>, None::<&str>, Vec::<[u8; 16]>::new());
        let record = ("jane@example.com", "first", 2_u8, 1_i64, flags);
        let place = key(&[&JANE]);
        forge.put("users", &place, &seal("users", &place, 2, record));
    };
    finds(admin, &["admins is wrong about whether user:1 is an active administrator"])
        .await;
}

#[tokio::test]
async fn an_audit_record_that_is_gone_is_found() {
    let gap = |forge: &Forge| {
        for number in [3, 4, 6] {
            audit(forge, number);
        }
    };
    finds(gap, &["the audit record before 6 is missing"]).await;
    // The first records may be gone: their number is limited.
    let none = report_after(|forge| audit(forge, 7)).await;
    assert_eq!(none.problems, 0);
}

#[tokio::test]
async fn rows_that_no_version_wrote_are_found() {
    let odd = |forge: &Forge| {
        forge.put("audit", b"x", b"");
        forge.put("invitations", b"x", b"");
        forge.put("invitations", &[1; 8], b"");
        let place = 1_u64.to_be_bytes();
        let record = (0_i64, None::<u64>, 99_u8, None::<u64>);
        forge.put("audit", &place, &seal("audit", &place, 1, record));
        forge.put("owned", &key_of_token(), b"");
    };
    let expected = [
        "table audit: a key that is not a number",
        "table invitations: a key that is not an id",
        "table invitations, key 0101010101010101: value too short",
        "unknown action 99",
        "table owned, key 0000000000000001050909090909090909: value too short",
    ];
    finds(odd, &expected).await;
}
