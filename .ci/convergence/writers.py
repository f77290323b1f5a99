"""Clients that write at random, each on its own connection."""

import random
import threading
import time
import uuid

from .outbox import Books
from .wire import Wire

# What a request for a task may be told that others write to, too.
LOST = {(404, "not_found"), (410, "task_deleted")}
# A task may be too deep, or below itself.
NESTED = {*LOST, (422, "invalid")}
# A list may be gone, and a task may be in that of its parent.
LISTED = {(422, "invalid")}
UNDONE = {(404, "not_found"), (409, "edited_since"), (422, "too_much")}
BATCHED = {(status, "batch_failed") for status in (409, 410, 422)} | {(422, "too_much")}
RULES = ["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,TH", "FREQ=MONTHLY;COUNT=3", "FREQ=DAILY;INTERVAL=3"]
TAGS = ["home", "work", "garden", "büro", "急", "later"]


class Pool:
    """Ids of tasks that anybody may touch."""

    def __init__(self):
        self.lock = threading.Lock()
        self.ids, self.recurring, self.lists, self.deleted = [], [], [], []

    def add(self, task, kind="ids"):
        with self.lock:
            getattr(self, kind).append(task)

    def remove(self, task):
        with self.lock:
            for ids in (self.ids, self.recurring):
                if task in ids:
                    ids.remove(task)
            self.deleted.append(task)

    def any(self, dice, kind="ids"):
        with self.lock:
            ids = getattr(self, kind)
            return dice.choice(ids) if ids else None


class Writer(threading.Thread):
    """Writes so often."""

    def __init__(self, run, name, port, token, pool, writes):
        super().__init__(name=name, daemon=True)
        self.run_, self.pool, self.left = run, pool, writes
        self.dice = random.Random(f"{run.seed} {name}")
        self.wire = Wire(port, token)
        self.books, self.own = Books(name), {}
        self.number = 0
        self.turns = [
            (self.create, 16), (self.create_named, 10), (self.patch, 22), (self.recur, 8), (self.complete, 8),
            (self.move, 12), (self.nest, 9), (self.batch, 6), (self.delete, 10), (self.account, 1),
            (self.own_task, 12), (self.list, 4), (self.restore, 4), (self.undo, 4),
        ]

    def run(self):
        try:
            while self.left > 0 and not self.run_.failures:
                turns, weights = zip(*self.turns)
                turn = self.dice.choices(turns, weights)[0]
                is_full = len(self.pool.ids) > self.run_.most_tasks and turn in (self.create, self.batch)
                (self.delete if is_full else turn)()
        except Exception as failure:  # Reported to the main thread, which fails.
            self.run_.fail(self.name, failure)
        finally:
            self.wire.close()

    def title(self):
        self.number += 1
        return f"{self.name} {self.number}"

    def write(self, method, path, body=None, allowed=(), headers=None):
        """Writes until the outcome is known. Returns the body of a success."""
        answer, _ = self.wire.insist(method, path, body, headers, allowed)
        return self.judge(answer)

    def once(self, method, path, body, allowed):
        """Writes once. The outcome may stay unknown."""
        answer = self.wire.ask(method, path, body)
        if answer is None or (answer.status, answer.code) in self.wire.again:
            time.sleep(0.03)
            return None
        assert answer.is_done or (answer.status, answer.code) in allowed, f"{method} {path} {body}: {answer}"
        return self.judge(answer)

    def judge(self, answer):
        """Counts an answer. Returns the body of a success."""
        self.left -= 1
        if not answer.is_done:
            self.run_.count("writes refused")
            return None
        self.run_.count("writes")
        return answer.body if answer.body is not None else {}

    def target(self, kind="ids"):
        return self.pool.any(self.dice, kind)

    def fields(self):
        task = {"title": self.title()}
        if self.dice.random() < 0.3:
            task["description"] = "all of it\n" * self.dice.randrange(1, 30)
        if self.dice.random() < 0.3:
            task["tags"] = self.dice.sample(TAGS, self.dice.randrange(1, 4))
        if self.dice.random() < 0.3:
            task["priority"] = self.dice.choice(["low", "high", "urgent"])
        if self.dice.random() < 0.2:
            task["due"] = f"2099-{self.dice.randrange(1, 13):02}-07"
        if self.dice.random() < 0.2:
            task["list_id"] = self.target("lists") or 1
        return task

    def create(self):
        made = self.once("POST", "/tasks", self.fields(), LISTED)
        if made:
            self.pool.add(made["id"])

    def create_named(self):
        """With a uid, or with an idempotency key: once, however often it is sent."""
        task, headers = self.fields(), None
        name = str(uuid.UUID(int=self.dice.getrandbits(128), version=4))
        if self.dice.random() < 0.5:
            task["uid"] = name
        else:
            headers = {"Idempotency-Key": name}
        if self.dice.random() < 0.4 and (parent := self.target()):
            task["parent_id"] = parent
        made = self.write("POST", "/tasks", task, NESTED, headers)
        if made:
            self.pool.add(made["id"])

    def patch(self):
        if task := self.target():
            fields = self.fields()
            if self.dice.random() < 0.2:
                fields["completed"] = self.dice.random() < 0.7
            # With a rule, a change of the due date may be refused.
            self.once("PATCH", f"/tasks/{task}", fields, NESTED)

    def recur(self):
        rule = self.dice.choice(RULES)
        task = {"title": self.title(), "due": "2099-03-02", "recurrence": rule}
        made = self.once("POST", "/tasks", task, ())
        if made:
            self.pool.add(made["id"])
            self.pool.add(made["id"], "recurring")

    def complete(self):
        if task := self.target("recurring") or self.target():
            way = self.dice.choice(["complete", "complete", "skip"])
            self.once("POST", f"/tasks/{task}/{way}", {}, NESTED)

    def place(self):
        other = self.target()
        if other is None or self.dice.random() < 0.4:
            return {"to": self.dice.choice(["first", "last"])}
        return {self.dice.choice(["before", "after"]): other}

    def move(self):
        if task := self.target():
            self.once("POST", f"/tasks/{task}/move", self.place(), NESTED)

    def nest(self):
        if (task := self.target()) and (parent := self.target()):
            parent = parent if self.dice.random() < 0.8 else None
            if self.dice.random() < 0.5:
                self.once("PATCH", f"/tasks/{task}", {"parent_id": parent}, NESTED)
            else:
                self.once("POST", f"/tasks/{task}/move", {**self.place(), "parent_id": parent}, NESTED)

    def delete(self):
        if task := self.target():
            self.pool.remove(task)
            self.once("DELETE", f"/tasks/{task}", None, LOST)

    def batch(self):
        operations = [self.operation() for _ in range(self.dice.choice([2, 5, 20, 60]))]
        if self.dice.random() < 0.5:
            trip = f"a trip of {self.title()}"
            operations += [
                {"op": "create", "task": {"uid": trip, "title": self.title()}},
                {"op": "create", "task": {"parent_uid": trip, "title": self.title()}},
            ]
        atomic = self.dice.random() < 0.3
        done = self.once("POST", "/tasks/batch", {"operations": operations, "atomic": atomic}, BATCHED)
        for operation, result in zip(operations, done["results"] if done else []):
            if operation["op"] == "create" and result["status"] == 201:
                self.pool.add(result["task"]["id"])

    def operation(self):
        task = self.target()
        roll = self.dice.random()
        if task is None or roll < 0.5:
            return {"op": "create", "task": self.fields()}
        if roll < 0.8:
            return {"op": "patch", "id": task, "task": self.fields()}
        if roll < 0.9:
            return {"op": "move", "id": task, **self.place()}
        return {"op": "delete" if roll < 0.96 else "complete", "id": task}

    def list(self):
        """Makes, changes or deletes a list."""
        target, roll = self.target("lists"), self.dice.random()
        if target is None or roll < 0.4:
            made = self.once("POST", "/lists", {"name": self.title()}, {(409, "too_many")})
            if made:
                self.pool.add(made["id"], "lists")
        elif roll < 0.8:
            fields = {"name": self.title(), "archived": self.dice.random() < 0.3}
            self.once("PATCH", f"/lists/{target}", fields, {(404, "not_found")})
        else:
            with self.pool.lock:
                if target in self.pool.lists:
                    self.pool.lists.remove(target)
            way = self.dice.choice(["move", "move", "delete"])
            self.once("DELETE", f"/lists/{target}?tasks={way}", None, {(404, "not_found"), (422, "too_much")})

    def restore(self):
        if (task := self.target("deleted")) and self.once("POST", f"/tasks/{task}/restore", None, LOST):
            self.pool.add(task)

    def undo(self):
        """Undoes a change of a task, or the whole request."""
        task = self.target()
        answer = task and self.wire.ask("GET", f"/tasks/{task}/history")
        if answer and answer.is_done:
            change = self.dice.choice(answer.body)
            name = self.dice.choice(["batch", "change"])
            if change.get(name):
                body = {name: change[name], "skip": self.dice.random() < 0.7}
                self.once("POST", "/undo", body, UNDONE)

    def account(self):
        zone = self.dice.choice(["Europe/Berlin", "Asia/Tokyo", None])
        self.once("PATCH", "/auth/me", {"display_name": self.title(), "time_zone": zone}, ())

    def own_task(self):
        """Changes a task that nobody else touches, and notes what must be there in the end."""
        if not self.run_.has_backup.is_set():
            return
        title, titles = self.title(), self.books.titles
        if len(self.own) < 3:
            uid = str(uuid.UUID(int=self.dice.getrandbits(128), version=4))
            made = self.write("POST", "/tasks", {"uid": uid, "title": title})
            self.own[uid], titles[uid] = made["id"], title
            return
        uid = self.dice.choice(list(self.own))
        if self.dice.random() < 0.7:
            self.write("PATCH", f"/tasks/{self.own[uid]}", {"title": title})
            titles[uid] = title
        else:
            answer, was_sent = self.wire.insist("DELETE", f"/tasks/{self.own.pop(uid)}", None, None, LOST)
            assert answer.is_done or was_sent, f"{self.name}: {uid} is gone: {answer}"
            titles[uid] = None
            self.judge(answer)
