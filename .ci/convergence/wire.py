"""Requests over a connection that may break anywhere."""

import http.client
import json
import time

from load import PATIENCE

# Refusals after which a client asks again.
AGAIN = {
    (503, "busy"), (503, "account_busy"), (503, "unavailable"), (503, "timeout"), (503, "outcome_unknown"),
}
# What a proxy says when the server is gone.
NO_SERVER = {(502, None), (504, None)}
BREAKS = (OSError, http.client.HTTPException)


class Answer:
    """A whole response."""

    def __init__(self, response, text):
        kind = response.headers.get_content_type()
        self.status, self.headers = response.status, response.headers
        self.body = json.loads(text) if text and kind in ("application/json", "application/problem+json") else None
        self.code = self.body.get("code") if response.status >= 400 and isinstance(self.body, dict) else None

    @property
    def is_done(self):
        return self.status < 300

    def __repr__(self):
        return f"{self.status} {self.code or ''} {self.body and str(self.body)[:300]}"


class Wire:
    """One client, one request after the other."""

    def __init__(self, port, token=None, is_proxy=False):
        self.port, self.token = port, token
        self.again = AGAIN | NO_SERVER if is_proxy else AGAIN
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def close(self):
        self.http.close()

    def open(self, method, path, body=None, headers=None):
        """Sends a request, and returns the response before its body. Raises one of `BREAKS` if there is none."""
        headers = {**(headers or {})}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body)
        try:
            self.http.request(method, path, body, headers)
            return self.http.getresponse()
        except BREAKS:
            self.close()
            raise

    def ask(self, method, path, body=None, headers=None, cut=None):
        """The answer, or `None` if there was no whole one: its outcome is unknown. `cut`: bytes of the body after which
        the client closes the connection."""
        try:
            response = self.open(method, f"/api/v1{path}", body, headers)
            if cut is not None:
                response.read(cut)
                self.close()
                return None
            return Answer(response, response.read())
        except BREAKS:
            self.close()
            # The server may be gone for a while.
            time.sleep(0.03)
            return None

    def insist(self, method, path, body=None, headers=None, allowed=()):
        """The first answer that says what has become of a request, and whether it was sent before."""
        deadline = time.monotonic() + PATIENCE
        was_sent = False
        while time.monotonic() < deadline:
            answer = self.ask(method, path, body, headers)
            if answer and (answer.status, answer.code) not in self.again:
                said = f"{method} {path} {body}: {answer}"
                assert answer.is_done or (answer.status, answer.code) in allowed, said
                return answer, was_sent
            was_sent = True
            if answer:
                time.sleep(0.03)
        raise AssertionError(f"no answer to {method} {path} within {PATIENCE} s")
