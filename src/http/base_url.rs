//! The URL under which a client knows this server.

use poem::http::header;
use poem::{FromRequest, Request, RequestBody};

use super::Site;
use super::address::header_of_proxy;
use super::problem::Problem;

/// Scheme and host as the client has used them: `https://tasks.example.com`.
pub(super) struct BaseUrl(pub(super) String);

impl<'a> FromRequest<'a> for BaseUrl {
    async fn from_request(
        req: &'a Request,
        _body: &mut RequestBody,
    ) -> poem::Result<Self> {
        let site = req.data::<Site>().ok_or_else(Problem::internal)?;
        let by_proxy = header_of_proxy(req, "x-forwarded-proto");
        let is_https = by_proxy.map_or(site.is_tls, |scheme| scheme == "https");
        let scheme = if is_https { "https" } else { "http" };
        let host = req.headers().get(header::HOST).and_then(|it| it.to_str().ok());
        let host = host.or_else(|| req.original_uri().authority().map(|it| it.as_str()));
        // HTTP/1.0 need not name it.
        Ok(Self(format!("{scheme}://{}", host.unwrap_or("localhost"))))
    }
}
