"""The binary in a folder of its own, and clients that know what it has told them."""

import collections
import http.client
import json
import pathlib
import random
import resource
import signal
import subprocess
import threading
import time
import urllib.parse

EMAIL, PASSWORD = "jane@example.com", "password123"
CLIENTS = 4
PATIENCE = 30
# Errors of a write that certainly had no effect.
UNCHANGED = {(503, "unavailable"), (503, "stopping"), (507, "disk_full")}
UNKNOWN = {(503, "outcome_unknown")}


def wait_for(what, condition, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, f"no {what} within {patience} s"
        time.sleep(0.005)
    return found


def form(email, password):
    """What a log-in sends."""
    return urllib.parse.urlencode({"username": email, "password": password})


class Home:
    """A folder with a data file in it, and the commands that are run there. A setting of `None` has its default."""

    def __init__(self, binary, folder, **settings):
        self.binary = binary
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "duly.redb"
        settings = {
            "LISTEN": "127.0.0.1:0",
            "LOG_FORMAT": "json",
            "AUTH_RATE_LIMIT": "off",
            "ACCESS_TOKEN_EXPIRE_MINUTES": "1440",
            "DISK_RESERVE_MIB": "0",
            **settings,
        }
        self.environment = {name: value for name, value in settings.items() if value is not None}

    def popen(self, *arguments, before=(), limit=None, **options):
        def limited():
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        return subprocess.Popen(
            [*before, self.binary, *arguments], cwd=self.folder, env=self.environment,
            preexec_fn=limited if limit is not None else None, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            **options,
        )

    def run(self, *arguments, **options):
        process = self.popen(*arguments, **options)
        out, errors = process.communicate(timeout=PATIENCE)
        return process.returncode, out + errors

    def serve(self, **options):
        return Server(self.popen("serve", **options))

    def check(self):
        code, said = self.run("check")
        assert code == 0, f"check has ended with {code}: {said}"

    def nothing_half(self):
        left = [path.name for path in self.folder.iterdir() if path.name.endswith(".partial")]
        assert not left, f"left behind: {left}"


class Server:
    """`duly serve`, which may have ended before it listens."""

    def __init__(self, process):
        self.process = process
        self.port = None
        self.log = []
        for line in process.stderr:
            self.log.append(line)
            entry = json.loads(line) if line.startswith("{") else {}
            if entry.get("message") == "listening":
                self.port = int(entry["address"].rsplit(":", 1)[1])
                break
        self.reader = threading.Thread(target=lambda: self.log.extend(process.stderr), daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def wait(self):
        code = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        assert "panicked" not in "".join(self.log), "".join(self.log)
        return code

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def listens(self):
        assert self.port is not None, f"no start: {''.join(self.log)}"
        return self

    def connect(self, token=None, **options):
        return Connection(self.port, token, **options)


class Connection:
    """One client, one request after the other. It may have another address of this machine, and speak TLS."""

    def __init__(self, port, token, address=None, tls=None):
        options = {"timeout": PATIENCE, "source_address": address and (address, 0)}
        if tls:
            self.http = http.client.HTTPSConnection("127.0.0.1", port, context=tls, **options)
        else:
            self.http = http.client.HTTPConnection("127.0.0.1", port, **options)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, method, path, body=None):
        """Status and body of an answer. Raises `OSError` or `HTTPException` if there is none."""
        headers = dict(self.headers)
        if isinstance(body, str):
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        elif body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body)
        return self.send(method, f"/api/v1{path}", body, headers)

    def send(self, method, path, body, headers):
        """As `ask`, with nothing added but what HTTP asks for."""
        try:
            self.http.request(method, path, body, headers)
            answer = self.http.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self.http.close()
            raise
        is_json = answer.headers.get_content_type() in ("application/json", "application/problem+json")
        return answer.status, json.loads(text) if text and is_json else None

    def expect(self, status, method, path, body=None):
        found, answer = self.ask(method, path, body)
        assert found == status, f"{method} {path}: {found} {answer}"
        return answer

    def log_in(self, email=EMAIL, password=PASSWORD):
        return self.expect(200, "POST", "/auth/login", form(email, password))["access_token"]

    def tasks(self):
        """All tasks: their titles, by id."""
        tasks = {}
        while True:
            page = self.expect(200, "GET", f"/tasks?limit=200&skip={len(tasks)}")
            tasks |= {task["id"]: task["title"] for task in page}
            if len(page) < 200:
                return tasks


class Oracle:
    """What the tasks of one client may be: of each the titles it may have, None for its absence."""

    def __init__(self):
        self.tasks = {}
        # Titles of creations without a response, or with an unknown outcome.
        self.creating = set()

    def verify(self, found):
        """Takes the tasks that it knows out of those that were found."""
        for task, allowed in self.tasks.items():
            title = found.pop(task, None)
            assert title in allowed, f"{task} is {title!r}, and must be one of {allowed}"
        for task in [task for task, title in found.items() if title in self.creating]:
            del found[task]


class Client:
    """Creates, edits and deletes tasks, and keeps the books."""

    def __init__(self, connection, name):
        self.connection = connection
        self.name = name
        self.dice = random.Random(name)
        self.oracle = Oracle()
        self.counts = collections.Counter()
        self.failure = None

    def run(self, writes, refusals):
        """Writes so much, or until the server is gone or has refused so often."""
        try:
            while self.counts["acknowledged"] < writes and self.counts["refused"] < refusals:
                self.turn()
        except (OSError, http.client.HTTPException):
            self.counts["unanswered"] += 1
        except Exception as failure:  # Reported to the main thread, which fails.
            self.failure = failure

    def turn(self):
        title = f"{self.name} {self.counts.total()}"
        alive = [task for task, allowed in self.oracle.tasks.items() if None not in allowed]
        roll = self.dice.random()
        if not alive or roll < 0.6:
            self.create(title)
        elif roll < 0.85:
            self.edit(self.dice.choice(alive), title)
        else:
            self.delete(self.dice.choice(alive))

    def create(self, title):
        self.oracle.creating.add(title)
        body = {"title": title, "description": "x" * 2000}
        outcome, made = self.ask(201, "POST", "/tasks", body)
        if outcome != "unknown":
            self.oracle.creating.discard(title)
        if outcome == "acknowledged":
            assert made["id"] not in self.oracle.tasks, f"{made['id']} again"
            self.oracle.tasks[made["id"]] = {title}

    def edit(self, task, title):
        self.change(task, title, 200, "PATCH", {"title": title})

    def delete(self, task):
        self.change(task, None, 204, "DELETE")

    def change(self, task, title, *request):
        before = self.oracle.tasks[task]
        self.oracle.tasks[task] = before | {title}
        status, method, *body = request
        outcome, _ = self.ask(status, method, f"/tasks/{task}", *body)
        if outcome != "unknown":
            self.oracle.tasks[task] = {title} if outcome == "acknowledged" else before

    def ask(self, wanted, *request):
        status, body = self.connection.ask(*request)
        said = (status, body and body.get("code"))
        if status == wanted:
            outcome = "acknowledged"
        elif said in UNCHANGED:
            outcome = "refused"
        else:
            assert said in UNKNOWN, f"{request[0]} {request[1]}: {said}"
            outcome = "unknown"
        self.counts[outcome] += 1
        self.counts[said] += 1
        return outcome, body


class Load:
    """All clients at once, against one server."""

    def __init__(self, server, token):
        self.clients = [Client(server.connect(token), f"client {n}") for n in range(CLIENTS)]

    def run(self, writes=150, refusals=50):
        threads = [threading.Thread(target=c.run, args=(writes, refusals)) for c in self.clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for client in self.clients:
            if client.failure:
                raise client.failure
        return self

    def counts(self):
        return sum((client.counts for client in self.clients), collections.Counter())

    def verify(self, found):
        for client in self.clients:
            client.oracle.verify(found)
        return found
