#!/usr/bin/env -S python3 -B
"""Completes recurring tasks, and holds when they are due against python-dateutil and zoneinfo.

    .ci/recurrence.py BINARY [--rules NUMBER] [--seed NUMBER]

- Tasks with rules by chance, due on days and at times of many zones, past and to come, are completed five times, in
  batches. Their owners change the time zones of their profiles meanwhile.
- Tasks with rules of real calendars are completed one by one, and the copies of what was finished are looked at.
- Rules that are not taken are refused, and the answer names the part.

What is expected is computed for the time before a request and for the time after it. Where that makes a difference, the
task is left out and counted. A seed gives the same tasks on the same day only, since they are due around today.

Needs python-dateutil and tzdata, which .ci/contract pins. Takes less than half a minute.
"""

import argparse
import datetime
import itertools
import json
import os
import re
import sys
import tempfile
import time
import zoneinfo
from datetime import UTC

from load import EMAIL, PASSWORD, Home
from rules import CALENDARS, COUNT, REFUSED, ZONES, Draw, Task, instant, is_gap

# Time zones of profiles: the first one has none.
HOMES = [
    None, "Europe/Berlin", "Pacific/Kiritimati", "America/New_York", "Pacific/Pago_Pago", "Asia/Kathmandu",
    "Pacific/Apia", "America/St_Johns",
]
COMPLETIONS = 5
# Tasks of one batch: each touches two tasks and many index entries.
BATCH = 250
# Share of answers that may be left out: a batch at midnight is less.
LEFT_OUT = 20
# Mismatches that are printed.
SHOWN = 10


def now():
    return datetime.datetime.now(UTC)


def told(view):
    """What an answer says, in the form of `Task.members`."""
    count = COUNT.search(view["recurrence"] or "")
    names = ("completed", "due", "due_local", "due_date", "due_time_zone", "due_at")
    found = {name: view.get(name, "absent") for name in names} | {"count": count and int(count[0])}
    if found["due_at"] not in (None, "absent"):
        found["due_at"] = datetime.datetime.fromisoformat(found["due_at"]).isoformat()
    return found


class Followed:
    """A task of the server, and what it should be like."""

    def __init__(self, task, due):
        self.task, self.due, self.id, self.rule = task, due, None, None

    def body(self):
        repeat_from = {"repeat_from": "completion"} if self.task.anew else {}
        return {"title": self.task.rule, "due": self.due, "recurrence": self.task.rule, **repeat_from}

    def has_ended(self):
        return self.task is None or self.task.completed


class Report:
    """What was compared, and what was wrong."""

    def __init__(self):
        self.compared = self.left_out = self.skipped = self.repeated = self.refused = 0
        self.wrong = []

    def fault(self, *lines):
        self.wrong.append("\n    ".join(str(line) for line in lines))

    def compare(self, followed, expected, view, *how):
        """Holds an answer against each task that it may be. A task that is not as it should be is followed no more."""
        first, then = expected
        if first != then:
            self.left_out += 1
            followed.task = None
            return
        found, wanted = told(view), first.members()
        found["rule"], wanted["rule"] = COUNT.sub("N", view["recurrence"] or "none"), followed.rule
        found["repeat_from"], wanted["repeat_from"] = view.get("repeat_from"), "completion" if first.anew else "due"
        self.count(first)
        if found != wanted:
            differ = [name for name in wanted if found[name] != wanted[name]]
            said = [f"{name}: {found[name]!r} instead of {wanted[name]!r}" for name in differ]
            self.fault(followed.body(), f"was {followed.task}", *how, *said)
        followed.task = first if found == wanted else None

    def count(self, task):
        self.compared += 1
        if task.at:
            self.skipped += is_gap(task.meant, task.zone)
            self.repeated += instant(task.meant, task.zone) < instant(task.meant, task.zone, fold=1)

    def created(self, followed, view):
        followed.id, followed.rule = view["id"], COUNT.sub("N", view["recurrence"])
        self.compare(followed, (followed.task, followed.task), view, "created")


class Account:
    """Somebody with tasks by chance."""

    def __init__(self, server, number, report):
        email = f"{number}.{EMAIL}"
        server.connect().expect(201, "POST", "/auth/register", {"email": email, "password": PASSWORD})
        self.connection = server.connect(server.connect().log_in(email))
        self.number, self.report, self.tasks = number, report, []
        self.home = zoneinfo.ZoneInfo("UTC")

    def live_in(self, name):
        self.connection.expect(200, "PATCH", "/auth/me", {"time_zone": name})
        self.home = zoneinfo.ZoneInfo(name or "UTC")

    def batch(self, operations):
        body = {"operations": operations, "atomic": False}
        return self.connection.expect(200, "POST", "/tasks/batch", body)["results"]

    def create(self, tasks):
        results = self.batch([{"op": "create", "task": it.body()} for it in tasks])
        for followed, result in zip(tasks, results, strict=True):
            if result["status"] == 201:
                self.report.created(followed, result["task"])
                self.tasks.append(followed)
            else:
                self.report.fault(followed.body(), f"refused: {result}")

    def complete(self, turn):
        """Completes what is open, each in one of the ways."""
        self.live_in(HOMES[(self.number + turn) % len(HOMES)])
        tasks = [it for it in self.tasks if not it.has_ended()]
        if not tasks:
            return
        operations = [operation(it.id, turn) for it in tasks]
        before = now()
        results = self.batch(operations)
        after = now()
        for followed, asked, result in zip(tasks, operations, results, strict=True):
            how = (f"completion {turn + 1} by {asked}", f"from {before} to {after} in {self.home}")
            if result["status"] != 200:
                self.report.fault(followed.body(), *how, f"refused: {result}")
                followed.task = None
                continue
            catch_up = {**asked, **asked.get("task", {})}.get("catch_up", True)
            expected = [followed.task.next(at, self.home, catch_up) for at in (before, after)]
            self.report.compare(followed, expected, result["task"], *how)
            if followed.task and followed.task.completed != (result.get("finished_id") is None):
                self.report.fault(followed.body(), *how, f"finished_id: {result}")


def operation(task, turn):
    """One of the ways to complete a task in a batch. A third of the tasks never catch up, others now and then."""
    option = [{"catch_up": False}, {}, {"catch_up": (task + turn) % 4 != 0}][task % 3]
    if (task // 3 + turn) % 2:
        return {"op": "patch", "id": task, "task": {"completed": True, **option}}
    return {"op": "complete", "id": task, **option}


class Reader(Account):
    """Somebody with the rules of calendars, who asks for one task after the other."""

    def follow(self, rule, days_ago, zone):
        day = now().replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None) - datetime.timedelta(days_ago)
        count = COUNT.search(rule)
        meant = day.replace(hour=9) if zone else day
        at = zone and instant(meant, zone)
        task = Task(rule, meant, at, zone, days_ago % 3 == 0, count and int(count[0]))
        followed = Followed(task, f"{meant.isoformat()}[{zone}]" if zone else f"{day:%Y-%m-%d}")
        found, view = self.connection.ask("POST", "/tasks", followed.body())
        if found != 201:
            self.report.fault(followed.body(), f"refused: {view}")
            return
        self.report.created(followed, view)
        for turn in range(COMPLETIONS):
            if not followed.has_ended():
                self.once(followed, turn)

    def once(self, followed, turn):
        """Completes a task by its own path or by PATCH, with and without catching up, and looks at the copy."""
        option = [{}, {"catch_up": False}, {"catch_up": True}][turn % 3]
        path, body = f"/tasks/{followed.id}", {"completed": True, **option}
        request = ("PATCH", path, body) if turn % 2 else ("POST", f"{path}/complete", option or None)
        was, before = followed.task.members(), now()
        status, view, header = self.send(*request)
        after = now()
        if status != 200:
            self.report.fault(followed.body(), request, f"refused: {status} {view}")
            followed.task = None
            return
        expected = [followed.task.next(at, self.home, option.get("catch_up", True)) for at in (before, after)]
        self.report.compare(followed, expected, view, request, f"from {before} to {after} in {self.home}")
        if not followed.task:
            return
        copy = view.get("finished_id")
        has_copy = not followed.task.completed
        if (copy is not None, header is not None) != (has_copy, has_copy) or header and int(header) != copy:
            self.report.fault(followed.body(), request, f"finished_id {copy}, header {header}")
        elif has_copy:
            found = self.connection.expect(200, "GET", f"/tasks/{copy}")
            if (found["completed"], found["due"], found["title"]) != (True, was["due"], followed.body()["title"]):
                self.report.fault(followed.body(), request, f"the copy is {found}")

    def send(self, method, path, body):
        """Status and body of an answer, and its header with the id of a copy."""
        http = self.connection.http
        headers = self.connection.headers | ({"Content-Type": "application/json"} if body else {})
        http.request(method, f"/api/v1{path}", body and json.dumps(body), headers)
        answer = http.getresponse()
        return answer.status, json.loads(answer.read()), answer.headers["X-Finished-Id"]

    def refuse(self, rule, name, due):
        status, answer = self.connection.ask("POST", "/tasks", {"title": rule, "due": due, "recurrence": rule})
        self.report.refused += 1
        fields = [fault["field"] for fault in answer.get("errors", [])]
        if (status, fields) != (422, ["recurrence"]) or not re.search(rf"\b{name}\b", answer["detail"]):
            self.report.fault(f"{rule} from {due}", f"must be refused for {name or 'recurrence'}: {status} {answer}")


def by_chance(server, arguments, report):
    """As many accounts as it takes. One batch creates the tasks of each, and five more complete them."""
    draw = Draw(arguments.seed, now())
    for number in itertools.count():
        size = min(BATCH, arguments.rules - number * BATCH)
        if size <= 0:
            return
        account = Account(server, number, report)
        account.create([Followed(*draw.task()) for _ in range(size)])
        for turn in range(COMPLETIONS):
            account.complete(turn)


def of_calendars(server, report):
    reader = Reader(server, "reader", report)
    reader.live_in("Europe/Berlin")
    rules = [rule for rules in CALENDARS.values() for rule in rules]
    for number, rule in enumerate(rules):
        reader.follow(rule, 17 + number, None)
        reader.follow(rule, 1000 - number, zoneinfo.ZoneInfo(ZONES[number % len(ZONES)]))
    for name, refused in REFUSED.items():
        for rule in refused:
            reader.refuse(rule, name, "2031-03-03")
            reader.refuse(rule, name, "2031-03-03T09:00:00[America/New_York]")
    return len(rules)


def run(binary, folder, arguments):
    report, began = Report(), time.monotonic()
    with Home(binary, folder).serve() as server:
        server.listens()
        calendars = of_calendars(server, report)
        by_chance(server, arguments, report)
        assert server.stop() == 0
    if report.left_out > report.compared / LEFT_OUT:
        report.fault("too much is left out: is something slow?")
    summary = (
        f"{arguments.rules} rules by chance and {calendars} of calendars: {report.compared} answers compared, "
        f"{report.skipped} of them with times that clocks skip and {report.repeated} with times that they repeat, "
        f"{report.left_out} left out, {report.refused} refusals; {len(report.wrong)} are wrong "
        f"(seed {arguments.seed}, {time.monotonic() - began:.1f} s)"
    )
    if report.wrong:
        sys.exit("\n".join([*report.wrong[:SHOWN], f"recurrence: {summary}"]))
    print(f"recurrence: {summary}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", type=os.path.abspath)
    parser.add_argument("--rules", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(arguments.binary, folder, arguments)


if __name__ == "__main__":
    main()
