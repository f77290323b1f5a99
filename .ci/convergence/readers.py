"""Clients that keep a copy: they poll, wait or read a stream, and are cut off at random."""

import json
import random
import threading
import time

from .replica import Replica
from .wire import BREAKS, Answer, Wire

RESYNC = (410, "resync_required")


class Reader(threading.Thread):
    """A client with a copy. It ends when it has applied the last change of the run."""

    def __init__(self, run, name, port, token=None):
        super().__init__(name=name, daemon=True)
        self.run_, self.dice = run, random.Random(f"{run.seed} {name}")
        self.is_proxy = port != run.port
        self.token = token or run.token
        self.wire = Wire(port, self.token, self.is_proxy)
        self.copy = Replica(run, name)
        self.counts = self.copy.counts

    def run(self):
        try:
            while not self.is_over():
                self.turn()
        except Exception as failure:  # Reported to the main thread, which fails.
            self.run_.fail(self.name, failure)
        finally:
            self.wire.close()

    def is_over(self):
        return self.run_.failures or self.copy.is_complete

    def chance(self, probability):
        """Whether something happens that does not once the run is calm."""
        return not self.run_.calm.is_set() and self.dice.random() < probability

    def pause(self, most):
        time.sleep(self.dice.uniform(0, most))

    def resync(self):
        self.counts["resyncs"] += 1
        self.copy.drop()

    def page(self, wait=0, may_cut=True):
        """Reads one page of changes. Returns whether there are more, or `None` if nothing was read."""
        parameters = [f"limit={self.dice.choice([1, 7, 40, 200, 500])}"]
        if self.copy.cursor:
            parameters.append(f"since={self.copy.cursor}")
        if wait:
            parameters.append(f"wait={wait}")
        cut = self.dice.randrange(3000) if may_cut and self.chance(0.15) else None
        answer = self.wire.ask("GET", f"/tasks/changes?{'&'.join(parameters)}", cut=cut)
        if answer is None:
            self.counts["cuts" if cut is not None else "breaks"] += 1
        elif (answer.status, answer.code) == RESYNC:
            assert self.copy.cursor, "resync_required without a cursor"
            self.resync()
        elif answer.is_done:
            return self.take(answer.body)
        else:
            self.refused(answer)
        return None

    def take(self, body):
        changes = body["changes"]
        self.counts["pages"] += 1
        if changes and self.chance(0.05):
            # The client ends in the middle.
            self.counts["crashes"] += 1
            self.copy.apply(changes[:self.dice.randrange(len(changes) + 1)])
            self.copy.forget_cursor()
            return None
        if changes:
            self.copy.apply(changes)
        self.copy.store(body["cursor"])
        if self.chance(0.03):
            self.counts["rewinds"] += 1
            self.copy.go_back(self.dice)
        return body["more"]

    def refused(self, answer):
        assert (answer.status, answer.code) in self.wire.again, f"{self.name}: {answer}"
        self.counts["asked again"] += 1
        self.pause(0.1)


class Poll(Reader):
    """Asks again and again. May be without a connection half of the time, with an outbox."""

    wait = 0

    def __init__(self, run, name, port, token=None, outbox=None):
        super().__init__(run, name, port, token)
        self.outbox = outbox
        self.until, self.is_online = 0, False

    def is_over(self):
        return super().is_over() and (not self.outbox or self.outbox.is_empty.is_set())

    def turn(self):
        if self.outbox and not self.connected():
            self.outbox.add()
            self.pause(0.05)
            return
        if self.outbox:
            self.outbox.send(self.chance)
        if not self.page(self.wait):
            self.pause(0.15)

    def connected(self):
        if self.run_.calm.is_set():
            return True
        if time.monotonic() > self.until:
            self.is_online = not self.is_online
            self.until = time.monotonic() + self.dice.uniform(0.1, 0.9)
            self.wire.close()
        return self.is_online


class LongPoll(Poll):
    """Waits for changes."""

    wait = 2


class Stream(Reader):
    """Reads server-sent events."""

    ticket = None

    def turn(self):
        if self.copy.cursor is None:
            while self.page() is not False:
                if self.is_over():
                    return
        if self.chance(0.15):
            self.counts["rewinds"] += 1
            self.copy.go_back(self.dice)
        path, headers = self.address()
        if path:
            self.read(path, headers)
        self.pause(0.15)

    def address(self):
        """Path and headers of a stream from the cursor on."""
        if self.ticket and self.dice.random() < 0.5:
            # As an `EventSource` opens it again by itself.
            return self.ticket, {"Last-Event-ID": self.copy.cursor}
        self.ticket = None
        way = self.dice.choice(["since", "header", "ticket"])
        if way == "header":
            return "/api/v1/events", {"Last-Event-ID": self.copy.cursor}
        path = "/api/v1/events"
        if way == "ticket":
            answer = self.wire.ask("POST", "/events/ticket")
            if answer is None or not answer.is_done:
                return (self.refused(answer) if answer else None), None
            path = self.ticket = answer.body["url"]
        return f"{path}{'&' if '?' in path else '?'}since={self.copy.cursor}", None

    def read(self, path, headers):
        """Reads events until the connection breaks or is cut off."""
        wire = Wire(self.wire.port, None if "ticket=" in path else self.token)
        left = self.dice.randrange(1, 30_000) if self.chance(0.8) else None
        try:
            response = wire.open("GET", path, headers=headers)
            if response.status == 200:
                self.events(response, left)
            else:
                self.no_stream(response, response.read())
        except BREAKS:
            self.counts["breaks"] += 1
        finally:
            wire.close()

    def no_stream(self, response, text):

        answer = Answer(response, text)
        if (answer.status, answer.code) == RESYNC:
            self.resync()
        elif self.ticket and answer.status in (204, 401):
            # The server has started again since it made the ticket.
            self.ticket = None
        else:
            self.refused(answer)

    def events(self, response, left):
        self.counts["streams"] += 1
        ids, buffer = set(), b""
        while not self.is_over():
            piece = response.read1(4096)
            if not piece:
                return
            if left is not None:
                piece, left = piece[:left], left - len(piece)
            *whole, buffer = (buffer + piece).split(b"\n\n")
            for text in whole:
                if not self.event(parse(text), ids):
                    return
            if left is not None and left <= 0:
                self.counts["cuts"] += 1
                return

    def event(self, event, ids):
        """Takes one event. Returns whether to go on."""
        name = event.get("event")
        if name is None or name == "bye":
            return name is None
        cursor = event["id"]
        assert cursor not in ids, f"{self.name}: two events with the id {cursor}"
        ids.add(cursor)
        if name == "resync":
            return self.resync_on_stream()
        if name in ("put", "delete"):
            change = event["data"]
            assert change["op"] == name, f"{name}: {change}"
            self.counts["events"] += 1
            self.copy.apply([change])
        else:
            assert name == "ready", f"an event {name}"
        self.copy.store(cursor)
        return True

    def resync_on_stream(self):
        """Begins anew, and goes on reading the same stream, or another one."""
        self.resync()
        if self.dice.random() < 0.5:
            return False
        while (more := self.page(may_cut=False)) is not False:
            if more is None:
                return False
        self.copy.uncover_all()
        return True


def parse(text):
    """The fields of an event. One without a name is a comment."""

    fields = {}
    for line in text.decode().split("\n"):
        name, _, value = line.partition(":")
        fields[name] = value.removeprefix(" ")
    if "data" in fields:
        fields["data"] = json.loads(fields["data"])
    return fields
