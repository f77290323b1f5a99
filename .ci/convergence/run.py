"""One run: what happens, and what must be true in the end."""

import collections
import contextlib
import random
import re
import threading
import time

from load import EMAIL, PASSWORD, PATIENCE, Home, wait_for

from .outbox import Outbox
from .readers import LongPoll, Poll, Stream
from .replica import LAST
from .third import Third
from .wire import Wire
from .writers import Pool, Writer

OTHER = "other@example.com"
WRITERS = 8
# Nothing is logged but faults, and that the server listens.
QUIET = "warn,duly::cli=info"

RESTORE = ["restore", "--user", EMAIL, "--yes", "early.redb"]
REFUSED = "id belongs to a task of another account here"


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
        # Tasks that anybody may touch. Accounts of few tasks have no index of changes.
        self.most_tasks = self.dice.choice([60, 200, 3000])
        self.server, self.third, self.logs = None, None, []
        self.lock, self.failures = threading.Lock(), []
        self.counts = collections.Counter()
        self.calm, self.has_backup = threading.Event(), threading.Event()
        # The greatest id that the backup may have, and how often it was begun to be restored.
        self.newest_of_backup, self.restores_begun = None, 0

    def fail(self, name, failure):
        with self.lock:
            self.failures.append((name, failure))

    def count(self, what):
        with self.lock:
            self.counts[what] += 1

    def may_be_restored(self, key):
        if self.newest_of_backup is None or key == "account":
            return False
        return isinstance(key, str) or key <= self.newest_of_backup

    def check_owner(self, name, key, new):
        """Nobody may see another account's objects."""
        if isinstance(key, str) and key.startswith("list/"):
            # A list does not say whose it is, but its writer has named it.
            is_others = new is not None and new["name"].startswith("other")
            assert not is_others or name == "other", f"{name} was sent what is another account's: {new}"
        elif new is not None:
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
        wire = Wire(self.port, self.token)
        answer, _ = wire.insist("POST", "/tasks", {"title": "after the backup"})
        wire.close()
        self.newest_of_backup = answer.body["id"]
        self.has_backup.set()

    def restore(self):
        way = self.dice.choice(["running", "stopped", "killed"])
        self.counts["restores"] += 1
        if way == "stopped":
            self.kill()
            self.restore_all()
            self.start()
        elif way == "killed":
            self.restores_begun += 1
            process = self.home.popen(*RESTORE)
            time.sleep(self.dice.uniform(0, 0.3))
            self.restart()
            process.communicate(timeout=PATIENCE)
            self.restore_all()
        else:
            self.restore_all()

    def restore_all(self):
        """Restores the account, as often as it takes: a task that is deleted meanwhile may refuse a part."""
        for _ in range(20):
            self.restores_begun += 1
            code, said = self.home.run(*RESTORE)
            if code == 0:
                for count, what in re.findall(r"(\d+) (?:tasks )?(added|replaced)", said):
                    self.counts[f"tasks {what} by restores"] += int(count)
                return
            assert code == 65 and REFUSED in said, f"the restore has ended with {code}: {said}"
            self.counts["restores refused"] += 1
        raise AssertionError(f"no restore: {said}")

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
            self.third = stack.enter_context(Third(self, tools))
            readers = self.readers(fronts)
            writers = self.writers()
            for thread in [*readers, *writers]:
                thread.start()
            self.act(writers)
            self.settle(readers)
            self.compare(readers, writers)
            self.end()
        for reader in [*readers, self.third]:
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
        self.third.check()

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

    def settle(self, readers):
        """Makes the last change, and waits until all have it."""
        self.calm.set()
        for reader in readers:
            if outbox := getattr(reader, "outbox", None):
                wait_for(f"empty outbox of {reader.name}", lambda: outbox.is_empty.is_set() or self.failures)
        self.check()
        for email in (OTHER, EMAIL):
            wire = Wire(self.port, self.tokens[email])
            wire.insist("PATCH", "/auth/me", {"display_name": "In the end"})
            answer, _ = wire.insist("POST", "/tasks", {"uid": LAST, "title": "the last one"})
            wire.close()
            last = answer.body["id"]
        if self.dice.random() < 0.5:
            self.restart()
        for reader in readers:
            wait_for(f"end of {reader.name}", lambda: not reader.is_alive() or self.failures, 2 * PATIENCE)
        self.check()
        self.third.finish(last)

    def state(self, email):
        """The objects of an account, read without the feed."""
        connection = self.server.connect(self.tokens[email])
        objects = {"account": connection.expect(200, "GET", "/auth/me")}
        while page := connection.expect(200, "GET", f"/tasks?limit=200&skip={len(objects) - 1}"):
            objects |= {task["id"]: task for task in page}
        for found in connection.expect(200, "GET", "/lists"):
            objects[f"list/{found['id']}"] = {
                name: value for name, value in found.items() if name not in ("tasks", "open")
            }
        connection.http.close()
        return objects

    def compare(self, readers, writers):
        states = {email: self.state(email) for email in self.tokens}
        for reader in readers:
            reader.copy.compare(states[OTHER if reader.name == "other" else EMAIL])
        self.third.compare(states[EMAIL])
        for email, objects in states.items():
            tasks = [task for key, task in objects.items() if isinstance(key, int)]
            self.counts["lists in the end"] += sum(isinstance(key, str) for key in objects) - 1
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
                    self.counts["outbox writes sent again"] += outbox.counts["again"]
            self.counts["tasks in the end"] += len(tasks)

    def end(self):
        code = self.server.stop()
        assert code == 0, f"the server has ended with {code}"
        self.logs.extend(self.server.log)
        faults = [line for line in self.logs if '"level":"ERROR"' in line or "panicked" in line]
        assert not faults, "".join(faults)
        self.home.check()
