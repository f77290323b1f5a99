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
use crate::auth::permission::Permission;
use crate::service::{Error, Service};

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
        if let Some(context) = request.data::<RequestContext>() {
            context.set_user(caller.user.id);
        }
        if let Some(RefusedQuery(problem)) = request.data() {
            return Err(problem.clone().into());
        }
        Ok(Self(caller))
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
