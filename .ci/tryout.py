"""Executes every operation twice in Swagger UI, as it stands, and sees that the second time is as good as the first."""

import datetime
import json

from chromium import say
from load import EMAIL, PASSWORD

ADMINISTRATOR = "root@example.com"
# The password in the examples.
NEXT_PASSWORD = "correct horse battery staple"
# Headers with which the second request differs or is refused. They are left empty.
CONDITIONS = {"idempotency-key", "if-match", "if-none-match"}
# Message of the console for each refusal.
REFUSED = "Failed to load resource: the server responded with a status of 4"
# Examples stay valid for at least this long.
AHEAD = datetime.timedelta(days=365)

FIRST = ["user_register"]
# The first two take tasks away that others need, the third changes the password, and the next two end the sessions.
LAST = ["trash_empty", "change_undo", "user_change_password", "session_logout", "session_logout_all", "user_leave"]
ENDING = {"session_logout", "session_logout_all"}
# A response that lasts as long as its connection, for which the page would wait.
STREAMS = {"task_events"}
# What these make expires within seconds.
SHORT = {"task_events_ticket"}
# Operations that do not return 2xx twice, with the reason.
EXCEPTIONS = {
    "user_register": (201, 409, "the address is taken by then"),
    "account_create": (201, 409, "the address is taken by then"),
    "user_change_password": (200, 422, "the password is another one by then"),
    "session_refresh": (400, 400, "no token that is written down is good"),
    "session_logout": (204, 401, "the session has ended by then"),
    "session_logout_all": (200, 401, "all sessions have ended by then"),
    "user_leave": (422, 422, "nobody has the password of the example, so nothing is deleted"),
    "invitation_delete": (204, 404, "it is gone by then"),
    "account_delete": (204, 404, "it is gone by then"),
    "session_delete": (204, 404, "it is gone by then"),
    "token_delete": (204, 404, "it is gone by then"),
    "task_delete": (204, 404, "it is gone by then"),
    "list_delete": (200, 404, "it is gone by then"),
    "trash_delete": (204, 404, "it is gone by then"),
    "change_undo": (404, 404, "the task of the example is gone by then"),
}
class Stock:
    """Things that are there, a new one for each operation that is executed with an id."""

    def __init__(self, server):
        self.server = server
        self.jane = server.connect(server.connect().log_in())
        self.root = server.connect(server.connect().log_in(ADMINISTRATOR))
        self.makers = {
            "/tasks/": self.task,
            "/lists/": lambda name: self.make(self.jane, "/lists", {"name": name}),
            "/trash/": self.deleted_task,
            "/auth/sessions/": lambda _: self.session(),
            "/auth/tokens/": lambda name: self.make(self.jane, "/auth/tokens", {"name": name, "scopes": ["account"]}),
            "/admin/invitations/": lambda _: self.make(self.root, "/admin/invitations", {}),
            "/admin/users/": self.account,
        }

    def make(self, connection, path, body):
        return str(connection.expect(201, "POST", path, body)["id"])

    def task(self, name):
        # Only a task that comes back has an occurrence to skip; a PATCH that completes it twice is taken for one.
        recurring = {"due": "2099-12-01", "recurrence": "FREQ=DAILY"} if name == "task_skip" else {}
        return self.make(self.jane, "/tasks", {"title": name, **recurring})

    def deleted_task(self, name):
        task = self.task(name)
        self.jane.expect(204, "DELETE", f"/tasks/{task}")
        return task

    def session(self):
        connection = self.server.connect(self.server.connect().log_in())
        sessions = connection.expect(200, "GET", "/auth/sessions")
        return next(session["id"] for session in sessions if session["current"])

    def account(self, name):
        return self.make(self.root, "/admin/users", {"email": f"{name}@example.com", "password": PASSWORD})

    def value(self, path, name):
        makers = [make for part, make in self.makers.items() if part in path]
        assert len(makers) == 1, f"nothing is known that {path} could be executed with"
        return makers[0](name)


class Operations:
    """All operations of the document, and what is typed in for each."""

    def __init__(self, browser, server):
        self.browser = browser
        _, document = server.connect().send("GET", "/openapi.json", None, {})
        self.paths, self.tags, self.values = {}, {}, {}
        self.faults = []
        for path, methods in document["paths"].items():
            for operation in methods.values():
                if operation["operationId"] in STREAMS:
                    continue
                self.paths[operation["operationId"]] = path
                self.tags[operation["operationId"]] = operation["tags"][0]
        self.admin = [name for name, tag in self.tags.items() if tag == "Admin"]

    def stock(self, stock):
        for name, path in self.paths.items():
            if "{id}" in path:
                self.values[name] = {"id": stock.value(path, name)}

    def twice(self, name, expected=None, typed=None):
        typed = typed or self.values.get(name)
        early = [{}] if typed and "id" in typed else []
        turns = [typed, {}] if typed else [{}, {}]
        results = self.browser.call("tryOut", self.tags[name], name, early + turns)
        try:
            # Without an id no request is sent, so nothing can be changed or deleted by mistake.
            assert results[:len(early)] == [{"missing": ["id"]} for _ in early], results[0]
            check(name, results[len(early):], expected or EXCEPTIONS.get(name, (None,))[:-1])
        except AssertionError as fault:
            self.faults.append(f"{name}: {fault}")
            say(self.faults[-1])


def check(name, results, expected):
    for result in results:
        assert "missing" not in result, f"nothing is sent, as there is no example for {result['missing']}"
        filled = CONDITIONS.intersection(result["sent"])
        assert not filled, f"{filled} is sent, which nobody has typed in"
        assert "idempotency-replayed" not in result["answered"], "the answer is one from before"
        body = result.get("body") or ""
        ends = json.loads(body).get("expires_at") if body.startswith("{") else None
        if ends and name not in SHORT:
            ahead = datetime.datetime.fromisoformat(ends) - datetime.datetime.now(datetime.timezone.utc)
            assert ahead > AHEAD, f"the example is refused from {ends} on"
    found = tuple(result["status"] for result in results)
    good = found == expected if expected else all(200 <= status < 300 for status in found)
    said = [result["said"] for result in results if "said" in result]
    assert good, f"{found} instead of {expected or '2xx'}: {' '.join(said)}"


def everything(browser, home):
    """Executes all of them as a person, and as an administrator those that only administrators may execute."""
    with home.serve() as server:
        browser.visit(server.listens())
        browser.before_pages("tryout.js")
        browser.open("/docs")
        browser.find(".opblock")
        operations = Operations(browser, server)
        for name in FIRST:
            operations.twice(name)
        server.connect().expect(201, "POST", "/auth/register", {"email": ADMINISTRATOR, "password": PASSWORD})
        code, said = home.run("user", "role", ADMINISTRATOR, "admin")
        assert code == 0, said
        stock = Stock(server)
        kept, neighbour = stock.value("/tasks/", "kept"), stock.account("kept")
        operations.stock(stock)

        as_person(browser, operations)
        jane = server.connect(server.connect().log_in(password=NEXT_PASSWORD))
        jane.expect(200, "GET", f"/tasks/{kept}")
        operations.twice("user_leave", (204, 401), {"body": json.dumps({"password": NEXT_PASSWORD})})
        as_administrator(browser, operations)
        root = server.connect(server.connect().log_in(ADMINISTRATOR))
        root.expect(200, "GET", f"/admin/users/{neighbour}")
        complaints = [said for said in browser.complaints() if REFUSED not in said]
        assert not complaints, complaints
        assert not operations.faults, operations.faults
        assert server.stop() == 0
    say(f"each of {len(operations.paths)} operations executed twice")


def as_administrator(browser, operations):
    # Clears the values that were typed in before.
    browser.open("/docs")
    browser.authorize(ADMINISTRATOR, PASSWORD)
    for name in operations.admin:
        operations.twice(name)


def as_person(browser, operations):
    browser.authorize(EMAIL, PASSWORD)
    for name in operations.paths:
        if name not in FIRST + LAST:
            operations.twice(name, (403, 403) if name in operations.admin else None)
    for name in LAST:
        operations.twice(name)
        if name in ENDING:
            browser.authorize(EMAIL, NEXT_PASSWORD)
