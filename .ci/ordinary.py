"""An ordinary account beside an attack, and newcomers: what each is answered, and after how long."""

import collections
import http.client
import itertools
import json
import statistics
import threading
import time

from load import PASSWORD, PATIENCE, form

EMAIL = "ordinary@example.com"
HOME = "127.0.2.1"
# An idle connection may end at any time, so clients repeat the request on another one. The time runs on.
AGAIN = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class Times:
    """Statuses and times of one kind of request."""

    def __init__(self):
        self.statuses = collections.Counter()
        self.again = 0
        self.ms = []

    def add(self, status, seconds):
        self.statuses[status] += 1
        self.ms.append(1000 * seconds)

    def worst(self):
        return max(self.ms, default=0)

    def p99(self):
        return statistics.quantiles(self.ms, n=100, method="inclusive")[98] if len(self.ms) > 1 else self.worst()

    def __str__(self):
        if not self.ms:
            return "none"
        return f"{self.worst():.0f} / {statistics.median(self.ms):.0f} / {self.p99():.0f}"


class Ordinary:
    """Reads, creates and logs in; and at every turn a newcomer of a network of its own asks for /health."""

    def __init__(self, stage, pace=1, also=None):
        self.stage = stage
        self.pace = pace
        self.also = also
        self.newcomers = itertools.count(256)
        self.numbers = itertools.count()
        self.forwarded = {"X-Forwarded-For": "2001:db8:ffff::7"} if stage.proxy else {}
        self.token = stage.account(EMAIL, HOME, self.forwarded)
        self.fill()

    def fill(self):
        """Tasks of which a page is 60 KB."""
        task = {"op": "create", "task": {"title": "tidy up", "description": "all of it " * 100}}
        body = json.dumps({"operations": [task] * 50})
        status, _ = self.ask(self.connect(), "POST", "/api/v1/tasks/batch", body)
        assert status == 200, status

    def connect(self, address=HOME):
        return self.stage.connect(address=self.stage.proxy or address)

    def visit(self, seconds, log_in_pause=0.5):
        """Times of each kind of request. Returns when the last one is answered."""
        kinds = {
            "GET": (0.02, self.read), "create": (0.05, self.create),
            "log-in": (log_in_pause, self.log_in), "newcomer": (0.15, self.newcomer),
            "ready": (0.5, self.ready),
        }
        if self.also:
            kinds["also"] = (0.1, self.read_more)
        times = {kind: Times() for kind in kinds}
        deadline = time.monotonic() + seconds
        threads = [
            threading.Thread(target=self.repeat, args=(times[kind], deadline, pause / self.pace, ask), daemon=True)
            for kind, (pause, ask) in kinds.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            # A client gives up by itself; the wait ends in any case.
            thread.join(seconds + 3 * PATIENCE)
        return times

    def repeat(self, times, deadline, pause, ask):
        connection = self.connect()
        while time.monotonic() < deadline:
            began = time.perf_counter()
            try:
                try:
                    status = ask(connection)
                except AGAIN:
                    if ask in (self.newcomer, self.ready):
                        raise
                    times.again += 1
                    status = ask(connection)
            except TimeoutError:
                status = "no answer"
            except (OSError, http.client.HTTPException) as error:
                status = type(error).__name__
            times.add(status, time.perf_counter() - began)
            if not self.stage.lives():
                return
            time.sleep(pause)
        connection.http.close()

    def ask(self, connection, method, path, body=None, token=True):
        headers = dict(self.forwarded)
        if token:
            headers["Authorization"] = f"Bearer {self.token}"
        if body:
            kind = "application/x-www-form-urlencoded" if path.endswith("login") else "application/json"
            headers["Content-Type"] = kind
        return connection.send(method, path, body, headers)

    def read(self, connection):
        status, _ = self.ask(connection, "GET", "/api/v1/tasks?limit=50")
        return status

    def read_more(self, connection):
        status, _ = self.ask(connection, "GET", self.also)
        return status

    def create(self, connection):
        body = json.dumps({"title": f"{next(self.numbers)}", "description": "all of it " * 100, "tags": ["home"]})
        status, _ = self.ask(connection, "POST", "/api/v1/tasks", body)
        return status

    def log_in(self, connection):
        status, body = self.ask(connection, "POST", "/api/v1/auth/login", form(EMAIL, PASSWORD), token=False)
        if status == 200:
            # Sessions without a recent use end, so the newest one is used.
            self.token = body["access_token"]
        return status

    def newcomer(self, _):
        number = next(self.newcomers)
        connection = self.connect(f"127.3.{number // 250 % 250}.{number % 250 + 1}")
        headers = {"X-Forwarded-For": f"198.51.100.{number % 250}"} if self.stage.proxy else {}
        try:
            status, _ = connection.send("GET", "/health", None, headers)
        finally:
            connection.http.close()
        return status

    def ready(self, _):
        connection = self.connect("127.0.4.1")
        try:
            status, _ = connection.send("GET", "/health/ready", None, {})
        finally:
            connection.http.close()
        return status
