"""Logs in with OAuth 2 libraries, each used as its documentation says.

    oauth.py http://ADDRESS EMAIL PASSWORD
"""

import os
import sys

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from oauthlib.oauth2 import BackendApplicationClient, LegacyApplicationClient, OAuth2Error
from requests_oauthlib import OAuth2Session

# Otherwise oauthlib wants https, even on this machine.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

# The server has no register of clients, and takes any name and secret.
CLIENT, SECRET = "oauth.py", "not looked at"
EXPIRED = {"expires_at": 1}
DRAFT = {"title": "Ship portfolio"}


class RequestsOAuthlib:
    """Sends its name and secret with Basic authentication, or in the form."""

    refusal = OAuth2Error

    def __init__(self, api, in_form):
        self.token_url, self.revocation_url = f"{api}/auth/login", f"{api}/auth/revoke"
        self.is_named = {"client_secret": SECRET, "include_client_id": in_form}
        self.answers = []

    def watch(self, session):
        session.hooks["response"].append(lambda answer, *_, **__: self.answers.append(answer))
        return session

    def log_in(self, email, password, scope=None):
        session = self.watch(OAuth2Session(client=LegacyApplicationClient(CLIENT, scope=scope)))
        session.fetch_token(self.token_url, username=email, password=password, **self.is_named)
        return session

    def ask_another_grant(self):
        session = self.watch(OAuth2Session(client=BackendApplicationClient(CLIENT)))
        session.fetch_token(self.token_url, **self.is_named)

    def refresh(self, session, token=None):
        session.refresh_token(self.token_url, token, client_id=CLIENT, client_secret=SECRET)

    def let_expire(self, session):
        """A session that refreshes by itself, and what it is to save."""
        saved = []
        return self.watch(OAuth2Session(
            CLIENT, token={**session.token, **EXPIRED}, auto_refresh_url=self.token_url,
            auto_refresh_kwargs={"client_id": CLIENT, "client_secret": SECRET}, token_updater=saved.append,
        )), saved

    def revoke(self, session):
        # The session has no method for it, but the client of oauthlib beneath has.
        client = LegacyApplicationClient(CLIENT)
        url, headers, body = client.prepare_token_revocation_request(
            self.revocation_url, session.token["refresh_token"], token_type_hint="refresh_token",
        )
        session.post(url, body, headers=headers, withhold_token=True, auth=(CLIENT, SECRET))


class Authlib:
    """Sends its name in the form, or name and secret with Basic authentication."""

    refusal = OAuthError

    def __init__(self, api, secret):
        self.token_url, self.revocation_url = f"{api}/auth/login", f"{api}/auth/revoke"
        self.secret = secret
        self.answers = []
        self.saved = []

    def save(self, token, refresh_token=None, access_token=None):
        self.saved.append(token)

    def session(self, scope=None):
        session = AuthlibSession(
            CLIENT, self.secret, scope=scope, token_endpoint=self.token_url, update_token=self.save,
        )
        session.hooks["response"].append(lambda answer, *_, **__: self.answers.append(answer))
        return session

    def log_in(self, email, password, scope=None):
        session = self.session(scope)
        session.fetch_token(username=email, password=password)
        return session

    def ask_another_grant(self):
        self.session().fetch_token(grant_type="client_credentials")

    def refresh(self, session, token=None):
        session.refresh_token(refresh_token=token)

    def let_expire(self, session):
        """A session that refreshes by itself, and what it is to save."""
        session.token = {**session.token, **EXPIRED}
        self.saved = []
        return session, self.saved

    def revoke(self, session):
        session.revoke_token(self.revocation_url, session.token["refresh_token"], token_type_hint="refresh_token")


def scopes(token):
    """Scopes of a token, which oauthlib has as a list."""
    found = token["scope"]
    return set(found.split() if isinstance(found, str) else found)


def refused(client, status, error, ask, *arguments):
    """The client must read the error and the description that were sent with this status."""
    try:
        ask(*arguments)
    except client.refusal as refusal:
        answer = client.answers[-1]
        assert (answer.status_code, refusal.error) == (status, error), f"{answer.status_code} {refusal!r}"
        assert refusal.description, f"{error}: no description"
        assert refusal.description == answer.json()["error_description"], refusal.description
    else:
        raise AssertionError(f"not refused: {error}")


def stay_logged_in(client, api, email, password):
    """Refreshes by hand and by itself, until an old refresh token comes."""
    session = client.log_in(email, password)
    assert scopes(session.token) == {"tasks:read", "tasks:write", "account"}, session.token["scope"]
    first = session.token["refresh_token"]
    client.refresh(session)
    second = session.token["refresh_token"]
    assert second != first, "the refresh token stays"
    assert session.get(f"{api}/auth/me").json()["email"] == email
    session, saved = client.let_expire(session)
    assert session.post(f"{api}/tasks", json=DRAFT).status_code == 201
    assert len(saved) == 1 and saved[0]["refresh_token"] not in (first, second), "not refreshed by itself"
    refused(client, 400, "invalid_grant", client.refresh, session, first)


def be_refused(client, email, password):
    refused(client, 401, "invalid_grant", client.log_in, email, password + "!")
    refused(client, 400, "invalid_scope", client.log_in, email, password, "tasks:nonsense")
    refused(client, 400, "unsupported_grant_type", client.ask_another_grant)


def read_only_and_revoke(client, api, email, password):
    """Narrows the scope, which a refresh does not widen, and gives the tokens back."""
    session = client.log_in(email, password, "tasks:read")
    for _ in range(2):
        assert scopes(session.token) == {"tasks:read"}, session.token["scope"]
        assert session.get(f"{api}/tasks").status_code == 200
        answer = session.post(f"{api}/tasks", json=DRAFT)
        assert answer.status_code == 403, answer.status_code
        client.refresh(session)
    # The second time there is nothing left to revoke, which is no error.
    for _ in range(2):
        client.revoke(session)
        assert client.answers[-1].status_code == 200, client.answers[-1].status_code
    assert session.get(f"{api}/tasks").status_code == 401
    refused(client, 400, "invalid_grant", client.refresh, session)


def main():
    url, email, password = sys.argv[1:]
    api = f"{url}/api/v1"
    requests.post(f"{api}/auth/register", json={"email": email, "password": password}).raise_for_status()
    for client in [
        RequestsOAuthlib(api, in_form=False), RequestsOAuthlib(api, in_form=True),
        Authlib(api, secret=None), Authlib(api, secret=SECRET),
    ]:
        stay_logged_in(client, api, email, password)
        be_refused(client, email, password)
        read_only_and_revoke(client, api, email, password)


if __name__ == "__main__":
    main()
