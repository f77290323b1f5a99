"""Calls the API from pages of other origins: one that is on the list, and two that are not."""

import http.server
import threading

from chromium import say
from load import EMAIL, PASSWORD, form

GUESSED, NEWCOMER = "guessed@example.com", "newcomer@example.com"
# Headers that libraries add.
LIBRARY = {"X-Requested-With": "XMLHttpRequest"}
TRACE = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "vendor=1"}
SENTRY = {"sentry-trace": "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1", "baggage": "sentry-release=1"}


class Page(http.server.BaseHTTPRequestHandler):
    """An empty page."""

    def do_GET(self):
        page = b"<!doctype html><link rel=icon href=data:,>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_):
        pass


class Site(http.server.ThreadingHTTPServer):
    """A web server with a port of its own, so that its pages have an origin of their own."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Page)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def origin(self, host="127.0.0.1"):
        return f"http://{host}:{self.server_port}"


class Given:
    """An account and what it has, so that every call finds what it is about."""

    def __init__(self, server):
        self.server = server
        connection = server.connect()
        connection.expect(201, "POST", "/auth/register", {"email": EMAIL, "password": PASSWORD})
        other = server.connect(connection.log_in())
        self.session = other.expect(200, "GET", "/auth/sessions")[0]["id"]
        session = connection.expect(200, "POST", "/auth/login", form(EMAIL, PASSWORD))
        self.refresh = session["refresh_token"]
        self.bearer = {"Authorization": f"Bearer {session['access_token']}"}
        self.jane = server.connect(session["access_token"])
        tasks = [{"title": f"{number}", "due": "2026-12-01", "recurrence": "FREQ=DAILY"} for number in range(4)]
        self.tasks = [self.jane.expect(201, "POST", "/tasks", task)["id"] for task in tasks]
        token = {"name": "script", "scopes": ["tasks:read"]}
        self.token = self.jane.expect(201, "POST", "/auth/tokens", token)["id"]

    def guess(self):
        """Tries wrong passwords until that is too much."""
        while self.server.connect().ask("POST", "/auth/login", form(GUESSED, "wrong"))[0] != 429:
            pass

    def kept(self, home):
        """State that the calls would change, but for sessions that begin: a form may be sent from everywhere."""
        code, export = home.run("export")
        assert code == 0, export
        sessions = {session["id"] for session in self.jane.expect(200, "GET", "/auth/sessions")}
        tokens = self.jane.expect(200, "GET", "/auth/tokens")
        # The first line has the time of the export.
        return export.splitlines()[1:], tokens, self.session in sessions


class Calls:
    """Calls of a page, each with its status and with the headers that the page must be able to read."""

    def __init__(self, given):
        self.given = given
        self.all = []
        self.log_in()
        self.account()
        self.tasks()
        self.refusals()

    def add(self, status, request, *reads, token=True, headers=None, **body):
        method, path = request.split()
        path = path if path.startswith(("/openapi", "/health")) else f"/api/v1{path}"
        headers = {**(self.given.bearer if token else {}), **(headers or {})}
        [(kind, body)] = body.items() or [(None, None)]
        call = {"method": method, "path": path, "headers": headers, "kind": kind, "body": body}
        self.all.append((status, ["X-Request-Id", *reads], call))

    def log_in(self):
        person = {"username": EMAIL, "password": PASSWORD}
        guess = {"username": GUESSED, "password": "wrong"}
        again = {"grant_type": "refresh_token", "refresh_token": self.given.refresh}
        newcomer = {"email": NEWCOMER, "password": PASSWORD}
        limits = ["Retry-After", "RateLimit", "RateLimit-Policy"]
        self.add(429, "POST /auth/login", *limits, token=False, headers=LIBRARY, form=guess)
        self.add(200, "GET /health", token=False)
        self.add(200, "HEAD /health/ready", token=False)
        self.add(200, "GET /openapi.json", "ETag", token=False)
        self.add(304, "GET /openapi.json", "ETag", token=False, headers={"If-None-Match": "*"})
        self.add(201, "POST /auth/register", token=False, json=newcomer)
        self.add(200, "POST /auth/login", token=False, form=person)
        self.add(200, "POST /auth/login", token=False, multipart=person)
        self.add(200, "POST /auth/refresh", token=False, headers=LIBRARY, form=again)

    def account(self):
        self.add(200, "GET /auth/me")
        self.add(200, "PATCH /auth/me", headers=TRACE, json={"display_name": "Jane"})
        self.add(200, "GET /auth/me/export", "Content-Disposition")
        self.add(201, "POST /auth/tokens", json={"name": "page", "scopes": ["account"]})
        self.add(204, f"DELETE /auth/tokens/{self.given.token}")
        self.add(200, "GET /auth/sessions")
        self.add(204, f"DELETE /auth/sessions/{self.given.session}")

    def tasks(self):
        first, second, third, fourth = self.given.tasks
        key = {"Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}
        task = {"title": "made by a page"}
        self.add(201, "POST /tasks", "Location", "ETag", headers=key, json=task)
        self.add(201, "POST /tasks", "Location", "ETag", "Idempotency-Replayed", headers=key, json=task)
        named = {"uid": "a-task-of-a-page", "title": "made by a page"}
        self.add(201, "POST /tasks", "Location", "ETag", json=named)
        self.add(200, "POST /tasks", "ETag", "Uid-Known", json=named)
        self.add(200, "GET /tasks?limit=1", "X-Total-Count", "Link", headers=LIBRARY)
        self.add(200, f"GET /tasks/{first}", "ETag", headers=SENTRY)
        self.add(304, f"GET /tasks/{first}", "ETag", headers={"If-None-Match": '"1"'})
        self.add(412, f"GET /tasks/{first}", headers={"If-Match": '"2"'})
        self.add(200, f"PATCH /tasks/{first}", "ETag", headers={"If-Match": '"1"'}, json={"title": "changed"})
        self.add(200, f"PATCH /tasks/{second}", "ETag", "X-Finished-Id", json={"completed": True})
        self.add(200, f"POST /tasks/{third}/complete", "ETag", "X-Finished-Id")
        self.add(200, f"POST /tasks/{third}/move", "ETag", json={"to": "first"})
        self.add(204, f"DELETE /tasks/{fourth}", "X-Deleted-Count", headers={"If-Match": '"1"'})
        self.add(200, "POST /tasks/batch", json={"operations": [{"op": "create", "task": task}]})

    def refusals(self):
        self.add(405, f"PUT /tasks/{self.given.tasks[0]}", "Allow", json={})
        self.add(204, "OPTIONS /tasks", "Allow")
        self.add(401, "GET /tasks", "WWW-Authenticate", token=False, headers=LIBRARY)
        self.add(415, "POST /tasks", "Accept-Encoding", headers={"Content-Encoding": "gzip"}, json={})

    def make(self, browser, origin, server):
        browser.driver.get(origin)
        browser.run("call.js")
        calls = [call for _, _, call in self.all]
        return browser.call("callAll", f"http://127.0.0.1:{server.port}", calls)


def exposed(server, origin):
    """The names of headers that a page may read."""
    connection = server.connect().http
    connection.request("GET", "/health", headers={"Origin": origin})
    answer = connection.getresponse()
    answer.read()
    return {name.strip().lower() for name in answer.headers["Access-Control-Expose-Headers"].split(",")}


def friends_and_strangers(browser, home, friend, stranger):
    """Makes the same calls from all. `home` has the origin of `friend`, and no other, on its list."""
    with home.serve() as server:
        given = Given(server.listens())
        calls = Calls(given)
        before = given.kept(home)
        for origin in [stranger.origin(), friend.origin("localhost")]:
            results = calls.make(browser, origin, server)
            wrong = [
                f"{call['method']} {call['path']}: {result}"
                for (_, _, call), result in zip(calls.all, results) if result != {"error": "TypeError"}
            ]
            assert not wrong, f"{origin} can call: {wrong}"
            blocked = [said for said in browser.complaints() if "blocked by CORS policy" in said]
            assert len(blocked) == len(results), f"{origin}: {blocked}"
            assert given.kept(home) == before, f"{origin} has changed something"
            say(f"{len(results)} calls of a page that is not on the list: none is readable, nothing is changed")

        # After the foreign pages every call still finds its item.
        given.guess()
        results = calls.make(browser, friend.origin(), server)
        wrong = [
            f"{call['method']} {call['path']}: {result}"
            for (status, reads, call), result in zip(calls.all, results)
            if result.get("status") != status or not {name.lower() for name in reads} <= set(result["headers"])
        ]
        assert not wrong, f"calls of a page that is on the list: {wrong}"
        read = {name for result in results for name in result["headers"]}
        missing = exposed(server, friend.origin()) - read
        assert not missing, f"nothing is answered with {missing}, which pages may read"
        assert server.stop() == 0
    say(f"{len(results)} calls of a page that is on the list: all are answered and readable")
