//! Extraction of the [`Caller`] from a bearer token, and its description in the OpenAPI document.

use poem::http::header;
use poem::{Request, RequestBody};
use poem_openapi::registry::Registry;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::address::ClientAddress;
use super::middleware::RequestContext;
use super::problem::Problem;
use super::query::RefusedQuery;
use crate::auth::Caller;
use crate::auth::permission::{Permission, TasksRead};
use crate::domain::id::UserId;
use crate::service::{Error, Service, TicketUse};

/// Authenticated caller with a permission. The first argument of a handler, so that no other fault of a request
/// is reported before the caller is known.
pub(super) struct Authenticated<P>(pub(super) Caller<P>);

impl<'a, P: Permission> ApiExtractor<'a> for Authenticated<P> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(_registry: &mut Registry) {}

    /// Returns the name of the permission, which [`super::openapi`] turns into the real schemes and their
    /// scopes.
    fn security_schemes() -> Vec<&'static str> {
        vec![P::NEED.name]
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let token = bearer_token(request)?;
        let service = request.data::<Service>().ok_or_else(Problem::internal)?;
        let address = ClientAddress::of(request).0;
        let caller = service.authenticate(token, address).await;
        let caller = caller.map_err(Problem::from)?;
        note(request, caller.user.id)?;
        Ok(Self(caller))
    }
}

/// Caller of a stream, authenticated by a header or by a ticket in the query.
pub(super) enum StreamCaller {
    /// The caller, and the use of the ticket, if there is one.
    Authenticated(Box<Caller<TasksRead>>, Option<TicketUse>),
    /// The ticket is not valid, or no longer.
    Expired,
}

/// Query parameter for a ticket.
const TICKET: &str = "ticket";

impl<'a> ApiExtractor<'a> for StreamCaller {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(_registry: &mut Registry) {}

    fn security_schemes() -> Vec<&'static str> {
        vec![TasksRead::NEED.name]
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let query = request.uri().query().unwrap_or_default();
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let Some((_, ticket)) = pairs.find(|(name, _)| *name == TICKET) else {
            let Authenticated(caller) = Authenticated::from_request(
                request,
                body,
                ExtractParamOptions::default(),
            )
            .await?;
            return Ok(Self::Authenticated(Box::new(caller), None));
        };
        if request.headers().contains_key(header::AUTHORIZATION) {
            return Err(Problem::two_credentials().into());
        }
        let service = request.data::<Service>().ok_or_else(Problem::internal)?;
        let address = ClientAddress::of(request).0;
        let used = service.ticket_use(ticket, address).await.map_err(Problem::from)?;
        let Some((caller, used)) = used else { return Ok(Self::Expired) };
        note(request, caller.user.id)?;
        Ok(Self::Authenticated(Box::new(caller), Some(used)))
    }
}

/// Notes the caller of a request, and refuses a wrong query now that the caller is known.
fn note(request: &Request, user: UserId) -> Result<(), Problem> {
    if let Some(context) = request.data::<RequestContext>() {
        context.set_user(user);
    }
    match request.data() {
        Some(RefusedQuery(problem)) => Err(problem.clone()),
        None => Ok(()),
    }
}

/// Returns the token of the `Authorization` header
/// ([RFC 6750, section 2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1)).
///
/// Tokens in the query string end up in logs and histories, so they are refused; together with a header they
/// count as two credentials.
fn bearer_token(request: &Request) -> Result<&str, Problem> {
    let mut headers = request.headers().get_all(header::AUTHORIZATION).iter();
    let first = headers.next();
    let query = request.uri().query().unwrap_or_default();
    let in_query =
        query.split('&').any(|pair| pair.split('=').next() == Some("access_token"));
    if headers.next().is_some() || (first.is_some() && in_query) {
        return Err(Problem::two_credentials());
    }
    let value = first.ok_or_else(|| Problem::from(Error::NoToken))?;
    let value = value.to_str().map_err(|_| Problem::from(Error::BadToken))?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(token.trim())
        }
        // Another scheme carries no bearer token.
        _ => Err(Error::NoToken.into()),
    }
}
