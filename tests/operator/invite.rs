//! Tests of invitations by the operator, and of accounts that the operator disables.

use hyper::StatusCode;
use serde_json::json;

use super::{JANE, JOHN, home};
use crate::harness::client::PASSWORD;
use crate::harness::process::{expect, refused};

#[tokio::test]
async fn an_invitation_of_the_operator_lets_its_address_register_once() {
    let home = home().set("REGISTRATION", "invite");
    let server = home.serve();
    let client = server.client();

    let said = expect(home.run(&["user", "invite", JANE, "--days", "2"], ""), 0);

    let (invitation, words) = said.trim_end().split_once('\t').unwrap();
    assert!(words.starts_with(&format!("valid for {JANE}, until 2")), "{said}");
    let register = |email: &str| {
        let body =
            json!({ "email": email, "password": PASSWORD, "invitation": invitation });
        client.post("/auth/register", body)
    };
    register(JOHN).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    register(JANE).await.expect(StatusCode::CREATED);
    register("jane2@example.com").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let audit = expect(home.run(&["audit"], ""), 0);
    assert!(audit.contains("\toperator\tinvitation_created\t"), "{audit}");
}

#[tokio::test]
async fn administrators_see_an_invitation_of_the_operator_as_nobodys() {
    let home = home();
    expect(home.run(&["user", "add", "--admin", JANE], PASSWORD), 0);
    expect(home.run(&["user", "invite"], ""), 0);
    let server = home.serve();
    let jane = server.client().logged_in(JANE).await;

    let listed = jane.get("/admin/invitations").await.expect(StatusCode::OK);

    assert_eq!(listed[0]["created_by"], json!(null), "{listed}");
    let mine = jane.get("/auth/me/export").await;
    assert_eq!(mine.status, StatusCode::OK);
}

#[test]
fn an_invitation_for_no_address_or_for_too_long_is_refused() {
    let home = home();
    expect(home.run(&["user", "add", JANE], PASSWORD), 0);
    let line = refused(home.run(&["user", "invite", "no address"], ""), 64);
    assert!(line.contains("email"), "{line}");
    for days in ["0", "91", "18446744073709551615"] {
        let output = home.run(&["user", "invite", "--days", days], "");
        assert_eq!(output.status.code(), Some(64), "{days}");
    }
}

#[tokio::test]
async fn a_disabled_account_has_no_access_until_it_is_enabled() {
    let home = home();
    let server = home.serve();
    let jane = server.client().registered(JANE).await;

    let said = expect(home.run(&["user", "disable", JANE], ""), 0);

    assert_eq!(
        said,
        format!(
            "{JANE} is disabled: its sessions have ended, and its tokens are rejected\n"
        )
    );
    jane.get("/tasks").await.expect(StatusCode::UNAUTHORIZED);
    let listed = expect(home.run(&["user", "list"], ""), 0);
    assert!(listed.trim_end().ends_with("\tdisabled"), "{listed}");
    let said = expect(home.run(&["user", "enable", JANE], ""), 0);
    assert_eq!(said, format!("{JANE} is enabled again\n"));
    server.client().logged_in(JANE).await;
    let audit = expect(home.run(&["audit"], ""), 0);
    assert!(audit.contains("user_disabled") && audit.contains("user_enabled"), "{audit}");
    refused(home.run(&["user", "disable", JOHN], ""), 1);
}
