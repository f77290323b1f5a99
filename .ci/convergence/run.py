"""One run: what happens, and what must be true in the end."""

import collections
import contextlib
import random
import threading
import time

from load import EMAIL, PASSWORD, PATIENCE, Home, wait_for

from .outbox import Outbox
from .readers import LongPoll, Poll, Stream
from .third import Third
from .wire import Wire
from .writers import Pool, Writer

OTHER = "other@example.com"
WRITERS = 8
# Nothing is logged but faults, and that the server listens.
QUIET = "warn,duly::cli=info"


class Run:
    """A server, its clients and its operator."""

    def __init__(self, binary, folder, port, seed, writes):
        self.seed, self.port, self.writes = seed, port, writes
        self.dice = random.Random(seed)
        settings = {"LISTEN": f"127.0.0.1:{port}", "LOG_LEVEL": QUIET}
        # With few tombstones, clients without a connection must begin anew.
        if (most := self.dice.choice([None, None, 60, 15])) is not None:
            settings["MAX_TOMBSTONES_PER_ACCOUNT"] = str(most)
        self.home = Home(binary, folder, **settings)
        self.deletes = self.dice.choice([4, 8, 16])
        self.server, self.logs = None, []
        self.lock, self.failures = threading.Lock(), []
        self.counts = collections.Counter()
        self.calm, self.has_backup = threading.Event(), threading.Event()
        # The greatest id that the backup may have, and how often it was begun to be restored.
        self.newest_of_backup, self.restores_begun = None, 0

    def fail(self, name, failure):
        with self.lock:
            self.failures.append((name, failure))

    def wrote(self):
        with self.lock:
            self.counts["writes"] += 1

    def may_be_restored(self, key):
        return self.newest_of_backup is not None and key != "account" and key <= self.newest_of_backup

    def check_owner(self, name, key, new):
        """Nobody may see another account's objects."""
        if new is not None:
            owner = new["id"] if key == "account" else new["owner_id"]
            wanted = self.ids[OTHER if name == "other" else EMAIL]
            assert owner == wanted, f"{name} was sent what is another account's: {new}"

    # --- The server and its operator ---------------------------------------------------------

    def start(self):
        self.server = self.home.serve().listens()

    def kill(self):
        """Kills the server at once."""
        self.server.process.kill()
        self.server.process.wait()
        self.server.reader.join(PATIENCE)
        self.logs.extend(self.server.log)
        self.counts["kills"] += 1

    def restart(self):
        self.kill()
        time.sleep(self.dice.uniform(0, 0.2))
        self.start()

    def operate(self, *arguments):
        code, said = self.home.run(*arguments)
        assert code == 0, f"{arguments} has ended with {code}: {said}"

    def backup(self):
        self.operate("backup", "--to", "early.redb")
        answer, _ = Wire(self.port, self.token).insist("POST", "/tasks", {"title": "after the backup"})
        self.newest_of_backup = answer.body["id"]
        self.has_backup.set()

    def restore(self):
        command = ["restore", "--user", EMAIL, "--yes", "early.redb"]
        self.restores_begun += 1
        way = self.dice.choice(["running", "stopped", "killed"])
        self.counts["restores"] += 1
        if way == "stopped":
            self.kill()
            self.operate(*command)
            self.start()
        elif way == "killed":
            process = self.home.popen(*command)
            time.sleep(self.dice.uniform(0, 0.3))
            self.restart()
            process.communicate(timeout=PATIENCE)
            self.restores_begun += 1
            self.operate(*command)
        else:
            self.operate(*command)

    def plan(self):
        """Acts of the operator, each with the part of all writes before it."""
        kills = [(self.dice.uniform(0.03, 0.97), self.restart) for _ in range(self.dice.randrange(2, 5))]
        acts = [*kills, (self.dice.uniform(0.05, 0.3), self.backup), (self.dice.uniform(0.4, 0.9), self.restore)]
        return sorted(acts, key=lambda act: act[0])

    # --- From beginning to end -----------------------------------------------------------------

    def go(self, fronts, tools):
        with contextlib.ExitStack() as stack:
            self.start()
            stack.callback(lambda: self.server.__exit__())
            self.tokens, self.ids = {}, {}
            for email in (EMAIL, OTHER):
                connection = self.server.connect()
                made = connection.expect(201, "POST", "/auth/register", {"email": email, "password": PASSWORD})
                self.ids[email] = made["id"]
                self.tokens[email] = connection.log_in(email)
                connection.http.close()
            self.token = self.tokens[EMAIL]
            third = stack.enter_context(Third(self, tools))
            readers = self.readers(fronts)
            writers = self.writers()
            for thread in [*readers, *writers]:
                thread.start()
            self.act(writers)
            self.settle(readers, third)
            self.compare(readers, third, writers)
            self.end()
        for reader in [*readers, third]:
            for what, count in reader.counts.items():
                self.counts[what] += count

    def readers(self, fronts):
        def outbox(name):
            return Outbox(self, name, Wire(self.port, self.token))

        return [
            Poll(self, "poll", self.port, outbox=outbox("poll's outbox")),
            LongPoll(self, "long poll", self.port, outbox=outbox("long poll's outbox")),
            Stream(self, "stream", self.port),
            Stream(self, "stream behind nginx", fronts.nginx),
            Stream(self, "stream behind Caddy", fronts.caddy),
            Poll(self, "other", self.port, self.tokens[OTHER]),
        ]

    def writers(self):
        pool = Pool()
        writers = [Writer(self, f"writer {n}", self.port, self.token, pool, self.writes) for n in range(WRITERS)]
        return [*writers, Writer(self, "other writer", self.port, self.tokens[OTHER], Pool(), self.writes)]

    def check(self):
        if self.failures:
            name, failure = self.failures[0]
            raise AssertionError(f"{name} has failed: {failure}") from failure

    def act(self, writers):
        """Operates the server while they write."""
        total = sum(writer.left for writer in writers)
        for part, act in self.plan():
            while (left := sum(writer.left for writer in writers)) > (1 - part) * total and left > 0:
                self.check()
                time.sleep(0.01)
            act()
        for writer in writers:
            while writer.is_alive():
                self.check()
                writer.join(0.1)
        self.check()

    def settle(self, readers, third):
        """Makes the last change, and waits until all have it."""
        self.calm.set()
        for reader in readers:
            if outbox := getattr(reader, "outbox", None):
                wait_for(f"empty outbox of {reader.name}", lambda: outbox.is_empty.is_set() or self.failures)
        self.check()
        last = {}
        for email in (OTHER, EMAIL):
            wire = Wire(self.port, self.tokens[email])
            wire.insist("PATCH", "/auth/me", {"display_name": "In the end"})
            answer, _ = wire.insist("POST", "/tasks", {"uid": "the-last-task-of-all", "title": "the last one"})
            last[email] = answer.body["id"]
        if self.dice.random() < 0.5:
            self.restart()
        for reader in readers:
            reader.last = last[OTHER if reader.name == "other" else EMAIL]
        for reader in readers:
            wait_for(f"end of {reader.name}", lambda: not reader.is_alive() or self.failures, 2 * PATIENCE)
        self.check()
        third.finish(last[EMAIL])

    def state(self, email):
        """The objects of an account, read without the feed."""
        connection = self.server.connect(self.tokens[email])
        objects = {"account": connection.expect(200, "GET", "/auth/me")}
        while page := connection.expect(200, "GET", f"/tasks?limit=200&skip={len(objects) - 1}"):
            objects |= {task["id"]: task for task in page}
        return objects

    def compare(self, readers, third, writers):
        states = {email: self.state(email) for email in self.tokens}
        for reader in readers:
            reader.copy.compare(states[OTHER if reader.name == "other" else EMAIL])
        third.compare(states[EMAIL])
        for email, objects in states.items():
            tasks = [task for key, task in objects.items() if key != "account"]
            by_uid = {task["uid"]: task for task in tasks}
            assert len(by_uid) == len(tasks), "two tasks have the same uid"
            for writer in writers:
                if writer.wire.token == self.tokens[email]:
                    writer.books.verify(by_uid)
                    self.counts["own tasks"] += len(writer.books.titles)
            for reader in readers:
                if email == EMAIL and (outbox := getattr(reader, "outbox", None)):
                    outbox.books.verify(by_uid)
                    self.counts["own tasks"] += len(outbox.books.titles)
                    self.counts["outbox writes"] += outbox.counts["sent"]
                    self.counts["known uids"] += outbox.counts["known"]
            self.counts["tasks in the end"] += len(tasks)

    def end(self):
        code = self.server.stop()
        assert code == 0, f"the server has ended with {code}"
        self.logs.extend(self.server.log)
        faults = [line for line in self.logs if '"level":"ERROR"' in line or "panicked" in line]
        assert not faults, "".join(faults)
        self.home.check()
