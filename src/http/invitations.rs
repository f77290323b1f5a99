//! `admin/invitations`

use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Serialize;

use super::Api;
use super::caller::Authenticated;
use super::idempotency::{IdempotencyHeader, Reply};
use super::param::RandomIdParam;
use super::payload::Json;
use super::problem::Problem;
use super::wire::EmailText;
use crate::auth::Secret;
use crate::auth::permission::Admin;
use crate::domain::email::Email;
use crate::domain::id::UserId;
use crate::domain::invitation::Invitation;
use crate::domain::timestamp::Timestamp;
use crate::service::Service;

/// Handlers for invitations.
pub(super) struct InvitationsApi;

/// Body of a request that creates an invitation.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
struct InvitationCreate {
    /// Email address that the invitation is for. If absent or null, any address may use it.
    #[oai(nullable)]
    email: Option<EmailText>,
    /// Expiry time. If absent or null, one week from now.
    #[oai(nullable)]
    expires_at: Option<Timestamp>,
}

impl Example for InvitationCreate {
    fn example() -> Self {
        let email = Some(EmailText("john@example.com".to_owned()));
        // A date in the past would be refused.
        Self { email, expires_at: None }
    }
}

/// A valid invitation.
#[derive(Object, Serialize)]
#[oai(example)]
struct InvitationView {
    /// Identifier of the invitation.
    id: String,
    /// Email address that the invitation is for; null for any.
    #[oai(nullable)]
    email: Option<String>,
    /// Id of the administrator who created it; null for the operator.
    #[oai(nullable)]
    created_by: Option<u64>,
    /// Creation time.
    created_at: Timestamp,
    /// Expiry time.
    expires_at: Timestamp,
}

impl Example for InvitationView {
    fn example() -> Self {
        Self {
            id: "0123456789abcdef".to_owned(),
            email: Some("john@example.com".to_owned()),
            created_by: Some(1),
            created_at: super::example_time(),
            expires_at: super::example_time(),
        }
    }
}

impl From<Invitation> for InvitationView {
    fn from(invitation: Invitation) -> Self {
        Self {
            id: invitation.id.to_string(),
            email: invitation.email.as_ref().map(Email::as_str).map(str::to_owned),
            created_by: invitation.created_by.map(UserId::get),
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
        }
    }
}

/// A new invitation, with its secret, which is never shown again.
#[derive(Object, Serialize)]
#[oai(example)]
struct NewInvitationView {
    /// Identifier of the invitation.
    id: String,
    /// Secret for the invited person, to be sent with the registration. Shown only once; valid for one use.
    invitation: String,
    /// Email address that the invitation is for; null for any.
    #[oai(nullable)]
    email: Option<String>,
    /// Creation time.
    created_at: Timestamp,
    /// Expiry time.
    expires_at: Timestamp,
}

impl Example for NewInvitationView {
    fn example() -> Self {
        let InvitationView { id, email, created_at, expires_at, .. } =
            InvitationView::example();
        let invitation = format!("duly_inv_{}", "0".repeat(88));
        Self { id, invitation, email, created_at, expires_at }
    }
}

#[derive(ApiResponse)]
enum Created {
    /// The new invitation.
    #[oai(status = 201)]
    Created(Json<NewInvitationView>),
}

impl Created {
    fn of((invitation, secret): (Invitation, Secret)) -> Self {
        let view = InvitationView::from(invitation);
        let InvitationView { id, email, created_at, expires_at, .. } = view;
        let invitation = secret.expose().to_owned();
        let view = NewInvitationView { id, invitation, email, created_at, expires_at };
        Self::Created(Json(view))
    }
}

#[derive(ApiResponse)]
enum Deleted {
    /// The invitation is no longer valid.
    #[oai(status = 204)]
    Deleted,
}

#[OpenApi(prefix_path = "/admin/invitations", tag = "Api::Admin")]
impl InvitationsApi {
    /// Invite a person to register
    #[oai(path = "/", method = "post", operation_id = "invitation_create")]
    async fn create(
        &self,
        caller: Authenticated<Admin>,
        service: Data<&Service>,
        key: IdempotencyHeader,
        body: Json<InvitationCreate>,
    ) -> Result<Reply<Created>, Problem> {
        let InvitationCreate { email, expires_at } = body.0;
        let email = email.map(|email| email.0);
        let work =
            |recorder| service.invitation_create(&caller.0, email, expires_at, recorder);
        let created = service.once(&caller.0, key.key(), work).await?;
        Ok(Reply::of(created, Created::of))
    }

    /// List valid invitations, newest first
    #[oai(path = "/", method = "get", operation_id = "invitation_list")]
    async fn list(
        &self,
        caller: Authenticated<Admin>,
        service: Data<&Service>,
    ) -> Result<Json<Vec<InvitationView>>, Problem> {
        let all = service.invitation_list(&caller.0).await?;
        Ok(Json(all.into_iter().map(InvitationView::from).collect()))
    }

    /// Revoke an invitation
    #[oai(path = "/:id", method = "delete", operation_id = "invitation_delete")]
    async fn delete(
        &self,
        caller: Authenticated<Admin>,
        service: Data<&Service>,
        /// The invitation.
        id: Path<RandomIdParam>,
        key: IdempotencyHeader,
    ) -> Result<Reply<Deleted>, Problem> {
        let id = id.0.parse();
        let work = |recorder| service.invitation_delete(&caller.0, id, recorder);
        let deleted = service.once(&caller.0, key.key(), work).await?;
        Ok(Reply::of(deleted, |()| Deleted::Deleted))
    }
}
