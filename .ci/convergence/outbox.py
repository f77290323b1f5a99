"""What clients have been told about tasks that nobody else touches, and writes made without a connection."""

import collections
import random
import threading
import time
import uuid

from .wire import AGAIN


class Books:
    """Titles of tasks that only one client touches, and that no backup has; None for a deleted task."""

    def __init__(self, name):
        self.name = name
        self.titles = {}

    def verify(self, found):
        """`found`: the tasks of the server, by uid."""
        for uid, title in self.titles.items():
            task = found.get(uid)
            assert (task and task["title"]) == title, f"{self.name}: {uid} is {task} and must have the title {title}"


class Outbox:
    """Writes that are sent when there is a connection, in their order, as often as it takes."""

    def __init__(self, run, name, wire):
        self.run, self.name, self.wire = run, name, wire
        self.dice = random.Random(f"{run.seed} outbox of {name}")
        self.books = Books(name)
        self.entries = collections.deque()
        self.ids = {}
        # Titles of all tasks that were not deleted.
        self.alive = {}
        self.number = 0
        self.counts = collections.Counter()
        self.is_empty = threading.Event()

    def add(self):
        """Writes something down."""
        roll = self.dice.random()
        self.number += 1
        title = f"{self.name} {self.number}"
        if not self.alive or roll < 0.5:
            uid = str(uuid.UUID(int=self.dice.getrandbits(128), version=4))
            self.put("create", uid, title)
        elif roll < 0.8:
            self.put("patch", self.dice.choice(list(self.alive)), title)
        else:
            self.put("delete", self.dice.choice(list(self.alive)), None)

    def put(self, kind, uid, title):
        # A restore changes the tasks that the backup has.
        if uid in self.books.titles or (kind == "create" and self.run.has_backup.is_set()):
            self.books.titles[uid] = title
        if title is None:
            del self.alive[uid]
        else:
            self.alive[uid] = title
        self.entries.append({"kind": kind, "uid": uid, "title": title, "sent": 0})

    def send(self, chance):
        """Sends what it has, until an outcome is unknown."""
        while self.entries and not self.run.failures:
            if not self.send_one(self.entries[0], chance):
                return
            self.entries.popleft()
            self.counts["sent"] += 1
        if self.run.calm.is_set():
            self.is_empty.set()

    def send_one(self, entry, chance):
        kind, uid, title = entry["kind"], entry["uid"], entry["title"]
        # The answer is lost.
        cut = 0 if chance(0.2) else None
        if kind == "create":
            answer = self.wire.ask("POST", "/tasks", {"uid": uid, "title": title}, cut=cut)
        elif kind == "patch":
            answer = self.wire.ask("PATCH", f"/tasks/{self.ids[uid]}", {"title": title}, cut=cut)
        else:
            answer = self.wire.ask("DELETE", f"/tasks/{self.ids[uid]}", cut=cut)
        entry["sent"] += 1
        if answer is None:
            self.counts["unanswered"] += 1
            return False
        if (answer.status, answer.code) in AGAIN | self.wire.again:
            time.sleep(0.03)
            return False
        self.judge(entry, answer)
        self.counts["again"] += entry["sent"] > 1
        self.run.count("writes")
        return True

    def judge(self, entry, answer):
        """Whether the answer is one that the outbox may get."""
        kind, uid = entry["kind"], entry["uid"]
        was_sent = entry["sent"] > 1
        said = f"{self.name}: {entry}: {answer}"
        if kind == "create":
            is_known = answer.headers.get("Uid-Known") == "true"
            assert answer.status == (200 if is_known else 201) and (was_sent or not is_known), said
            assert answer.body["uid"] == uid, said
            self.ids[uid] = answer.body["id"]
        elif kind == "patch":
            assert answer.status == 200 and answer.body["title"] == entry["title"], said
        else:
            assert answer.status == 204 or (answer.status == 404 and was_sent), said
