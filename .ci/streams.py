"""Cuts streams of changes, and sees that clients that open them again get each change once and in order."""

import contextlib
import itertools
import json
import re
import socket
import subprocess
import threading

from load import PASSWORD, wait_for

# A time to wait has four digits, in milliseconds. One digit less suffices here.
RETRY = re.compile(rb"^retry: \d(?=\d{3}$)", re.MULTILINE)


def received(source):
    """What comes from a socket, until one of its ends is closed."""
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            yield data


def send(target, data):
    # The reader of the other direction sees that the target is gone.
    with contextlib.suppress(OSError):
        target.sendall(data)


def end(*sockets):
    for one in sockets:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()


class Asked:
    """A request for a stream."""

    def __init__(self, last_event_id):
        self.last_event_id = last_event_id
        self.status = None


class Proxy:
    """A way to a server that can be cut. Knows the streams that were asked for, and lets clients come back sooner."""

    def __init__(self, server):
        self.target = ("127.0.0.1", server.port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.streams, self.sockets = [], []
        # Held while nobody gets through.
        self.passage = threading.Lock()
        # Whether the next event breaks off in its middle.
        self.halves = False
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end(self.listener, *self.sockets)

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                with self.passage:
                    server = socket.create_connection(self.target)
                    self.sockets += [client, server]
                streams = []
                for pump in [self.pass_requests, self.pass_responses]:
                    threading.Thread(target=pump, args=(client, server, streams), daemon=True).start()

    def pass_requests(self, client, server, streams):
        """None of the requests has a body."""
        rest = b""
        for data in received(client):
            *heads, rest = (rest + data).split(b"\r\n\r\n")
            for head in heads:
                line, *headers = head.decode().split("\r\n")
                if line.startswith("GET /api/v1/events?"):
                    named = {name.lower(): text for name, text in (header.split(": ", 1) for header in headers)}
                    streams.append(Asked(named.get("last-event-id")))
                    self.streams.append(streams[-1])
            send(server, data)
        end(client, server)

    def pass_responses(self, client, server, streams):
        for data in received(server):
            if streams and data.startswith(b"HTTP/1.1 "):
                streams[-1].status = int(data.split()[1])
            if self.halves and b"\ndata: " in data:
                send(client, data[:len(data) // 2])
                self.halves = False
                break
            send(client, RETRY.sub(b"retry: 0", data))
        end(client, server)

    @contextlib.contextmanager
    def cut(self, halves):
        """Lets nobody through for a while. Ends all connections, or one in the middle of its next event."""
        with self.passage:
            self.halves = halves
            if not halves:
                end(*self.sockets)
                self.sockets = []
            yield


class Person:
    """Makes changes, and knows the events that must tell of them."""

    def __init__(self, server, email):
        server.connect().expect(201, "POST", "/auth/register", {"email": email, "password": PASSWORD})
        self.token = server.connect().log_in(email)
        self.connection = server.connect(self.token)
        self.tasks = [self.ask(201, "POST", "/tasks", {"title": f"{number}"})["id"] for number in range(8)]
        self.cursor = self.ask(200, "GET", "/tasks/changes")["cursor"]
        self.made = []

    def ask(self, *request):
        return self.connection.expect(*request)

    def put(self, *request):
        self.made.append(("put", self.ask(*request)))

    def change(self):
        """Makes a task, changes one and deletes one."""
        changed, deleted, *self.tasks = self.tasks
        self.put(201, "POST", "/tasks", {"title": "new"})
        self.put(200, "PATCH", f"/tasks/{changed}", {"title": "Call Zoë"})
        self.ask(204, "DELETE", f"/tasks/{deleted}")
        self.made.append(("delete", deleted))


class Program:
    """A client that prints each event: its name, its id and its data."""

    def __init__(self, command, folder, environment):
        self.process = subprocess.Popen(
            [str(part) for part in command], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True,
        )
        self.events = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def read(self):
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def told(self):
        return list(self.events)

    def has_ended(self):
        code = self.process.poll()
        assert not code, f"{self.process.args}: {code}"
        return code == 0 and not self.reader.is_alive()


def short(event):
    """What an event tells."""
    name, _, data = event
    tells = {"put": lambda: data["task"], "delete": lambda: data["id"], "bye": lambda: data["reason"]}
    return name, tells.get(name, lambda: None)()


class Following:
    """A client that follows the changes of a person through a proxy."""

    def __init__(self, proxy, person, client):
        self.proxy, self.person, self.client = proxy, person, client
        # What the client must have been told, and have asked for: the last event that it has named each time, and the
        # status of the response.
        self.events, self.requests = [("ready", None)], [(None, 200)]

    def comes_back(self, status):
        ids = [identity for _, identity, _ in self.client.told() if identity]
        self.requests.append((ids[-1], status))

    def is_told(self, *more):
        """The client gets what was made, and nothing else."""
        self.events += [*self.person.made, *more]
        self.person.made = []
        try:
            wait_for("further event", lambda: self.client.has_ended() or len(self.client.told()) >= len(self.events))
        finally:
            self.compare()

    def compare(self):
        told = [short(event) for event in self.client.told()]
        for number, (found, wanted) in enumerate(itertools.zip_longest(told, self.events), 1):
            assert found == wanted, f"event {number}: {found} instead of {wanted}"

    def cut(self, halves):
        with self.proxy.cut(halves):
            if halves:
                self.person.put(201, "POST", "/tasks", {"title": "half of this is sent"})
                wait_for("event that breaks off", lambda: not self.proxy.halves)
            self.person.change()
            self.comes_back(200)
            self.events.append(("ready", None))
        self.is_told()

    def run(self, refusal):
        """Cuts the way twice, and logs out. `refusal`: status for a client that comes back after that."""
        self.is_told()
        self.person.change()
        self.is_told()
        self.cut(halves=True)
        self.person.change()
        self.is_told()
        self.cut(halves=False)
        self.person.ask(204, "POST", "/auth/logout")
        self.is_told(("bye", "access_ended"))
        self.comes_back(refusal)
        wait_for("end of a client", self.client.has_ended)
        self.check()

    def check(self):
        """Fails if the client has asked for or been told more or less than it should have."""
        self.compare()
        asked = [(stream.last_event_id, stream.status) for stream in self.proxy.streams]
        assert asked == self.requests, f"{asked} instead of {self.requests}"
