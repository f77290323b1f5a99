//! The base URL under which a client reaches this server.

use poem::http::header;
use poem::{FromRequest, Request, RequestBody};

use super::Site;
use super::address::peer;
use super::middleware::Shared;
use super::problem::Problem;

/// Scheme and host as the client used them: `https://tasks.example.com`. A trusted proxy names the scheme in
/// `X-Forwarded-Proto`.
pub(super) struct BaseUrl(pub(super) String);

impl<'a> FromRequest<'a> for BaseUrl {
    async fn from_request(
        req: &'a Request,
        _body: &mut RequestBody,
    ) -> poem::Result<Self> {
        let site = req.data::<Site>().ok_or_else(Problem::internal)?;
        let is_https = match of_proxy(req, "x-forwarded-proto") {
            Some(scheme) => scheme.eq_ignore_ascii_case("https"),
            None => site.is_tls,
        };
        let scheme = if is_https { "https" } else { "http" };
        let host = req.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(|| req.original_uri().authority().map(|it| it.as_str()));
        // HTTP/1.0 requests may omit the host.
        Ok(Self(format!("{scheme}://{}", host.unwrap_or("localhost"))))
    }
}

/// Returns a proxy header, if the request came from a trusted proxy.
fn of_proxy<'a>(request: &'a Request, name: &'static str) -> Option<&'a str> {
    let is_trusted = Shared::of(request).ok()?.proxies.include(peer(request));
    let header = request.headers().get(name).filter(|_| is_trusted)?;
    header.to_str().ok()
}
