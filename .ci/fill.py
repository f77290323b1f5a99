#!/usr/bin/env -S python3 -B
"""Fills small disks through the binary, and sees who still has room, and that the disk is never full.

    .ci/fill.py BINARY [--long] [--resume FILE]

- One account writes at full speed to a disk of 300 MB until it is refused. Another one goes on creating, and
  `duly check` finds the statistics right.
- 64 accounts send the longest batches at once to a disk of 400 MB, on ext4 and on tmpfs, until they are refused. No
  write finds the disk full, half of DISK_RESERVE_MIB is never touched, and reads and deletions go on.

In the short form they begin with a disk that has little room left. --long begins with an empty one, and does the latter
ten times each; with --resume it leaves out what FILE says is done. It takes the rights of root to mount, and mount and
e2fsprogs. What this machine cannot do is said.
"""

import argparse
import collections
import contextlib
import http.client
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from attacks.writes import BATCH, JSON, costly_batch, han_tasks
from load import EMAIL, PASSWORD, Home
from machine import MIB, Ext4, Tmpfs

RESERVE = 64 * MIB
# Free space beside the reserve in the short form.
LITTLE = 60 * MIB
ACCOUNTS = 64
# Longest time to fill one disk, in seconds.
LONGEST = 300
# Errors of a server without room, as opposed to a busy one.
NO_ROOM = {(507, "disk_full"), (403, "quota_exceeded")}
ALLOWED = {(200, None), (503, "busy"), (503, "account_busy"), *NO_ROOM}
# Number of refusals since its last batch after which an account stops.
ENOUGH = 5

skips = 0


def say(text):
    print(f"fill: {text}", flush=True)


def skipped(what):
    global skips
    skips += 1
    say(f"!!! skipped: {what} !!!")


def show(counts):
    said = {" ".join(str(part) for part in what if part): n for what, n in counts.items()}
    return ", ".join(f"{n} x {what}" for what, n in sorted(said.items())) or "none"


def tagged_tasks():
    """Small tasks with as many tags as they may have, of as many as there may be."""
    for number in itertools.count():
        tags = [f"t{(20 * number + tag) % 1000}" for tag in range(20)]
        yield {"op": "create", "task": {"title": f"{number}", "tags": tags}}


class Site:
    """A home with accounts in it, to be copied to disks."""

    def __init__(self, binary, folder):
        self.binary, self.first = binary, pathlib.Path(folder)
        with self.home(self.first).serve() as server:
            server.listens()
            self.tokens = self.accounts(server)
            connection = server.connect(self.tokens[0])
            tasks = [{"op": "create", "task": {"title": f"before {n}"}} for n in range(500)]
            made = connection.expect(200, "POST", "/tasks/batch", {"operations": tasks})
            self.tasks = [result["task"]["id"] for result in made["results"]]
            assert server.stop() == 0

    def accounts(self, server):
        """Tokens of one ordinary account and of those that fill the disk."""
        tokens = {}

        def make(numbers):
            connection = server.connect()
            for number in numbers:
                email = f"{number}.{EMAIL}"
                connection.expect(201, "POST", "/auth/register", {"email": email, "password": PASSWORD})
                tokens[number] = connection.log_in(email)

        together([lambda part=part: make(range(part, ACCOUNTS + 1, 4)) for part in range(4)])
        return [tokens[number] for number in range(ACCOUNTS + 1)]

    def home(self, folder):
        return Home(self.binary, folder, DISK_RESERVE_MIB=None)

    @contextlib.contextmanager
    def copy(self, disk):
        folder = disk.mounted / "home"
        shutil.copytree(self.first, folder)
        yield self.home(folder)
        shutil.rmtree(folder)


def together(functions):
    """Runs all at once, and fails as the first that has failed."""
    failures = []

    def run(function):
        try:
            function()
        except Exception as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


class Filling:
    """A disk that is being filled through a server, and who does it."""

    def __init__(self, site, server, disk):
        self.site, self.server, self.disk = site, server, disk
        self.least = disk.free()
        self.counts = collections.Counter()
        self.others = collections.Counter()
        self.refused = collections.Counter()
        self.deadline = time.monotonic() + LONGEST
        self.full = threading.Event()

    def __str__(self):
        counts = f"batches: {show(self.counts)}; others: {show(self.others)}"
        return f"{counts}; at least {self.least / MIB:.0f} MiB were free"

    def fill(self, tokens):
        """Each sends batches until all are refused. Meanwhile others go on, and somebody looks at the disk."""
        connection = self.server.connect(tokens[0])
        bodies = [costly_batch(connection, han_tasks()), costly_batch(connection, tagged_tasks())]
        pairs = zip(tokens, itertools.cycle(bodies))
        fillers = [lambda token=token, body=body: self.filler(token, body) for token, body in pairs]

        def all_fillers():
            try:
                together(fillers)
            finally:
                self.full.set()

        together([all_fillers, self.watch, self.ordinary])

    def filler(self, token, body):
        headers = {**JSON, "Authorization": f"Bearer {token}"}
        connection = self.server.connect()
        while self.refused[token] < ENOUGH:
            assert time.monotonic() < self.deadline, f"not full within {LONGEST} s: {show(self.counts)}"
            status, answer = connection.send("POST", BATCH, body, headers)
            said = status, answer.get("code")
            self.counts[said] += 1
            assert said in ALLOWED, f"a batch was answered {answer}"
            if said in NO_ROOM:
                self.refused[token] += 1
            if status != 200:
                time.sleep(0.1)
            else:
                self.refused[token] = 0

    def watch(self):
        while not self.full.is_set():
            self.least = min(self.least, self.disk.free())
            time.sleep(0.002)

    def ordinary(self):
        raise NotImplementedError

    def goes_on(self, connection, wanted, method, path, body=None):
        status, answer = connection.ask(method, path, body)
        self.others[status, answer and answer.get("code") if isinstance(answer, dict) else None] += 1
        assert status == wanted, f"{method} {path}: {status} {answer}"
        return answer


class OfOne(Filling):
    """Another account goes on creating."""

    def ordinary(self):
        connection = self.server.connect(self.site.tokens[0])
        while not self.full.wait(0.02):
            self.goes_on(connection, 201, "POST", "/tasks", {"title": "ordinary", "tags": ["home"]})


class OfAll(Filling):
    """Reads and deletions go on."""

    def ordinary(self):
        connection = self.server.connect(self.site.tokens[0])
        tasks = list(self.site.tasks)
        while not self.full.wait(0.1):
            self.goes_on(connection, 200, "GET", "/tasks")
            if tasks:
                self.goes_on(connection, 204, "DELETE", f"/tasks/{tasks.pop()}")


def filled(site, disk, kind, tokens, after):
    """Fills a disk, and says what is left of it."""
    began = time.monotonic()
    with site.copy(disk) as home, home.serve() as server:
        filling = kind(site, server.listens(), disk)
        try:
            filling.fill(tokens)
            after(filling)
            assert filling.least >= RESERVE // 2, f"only {filling.least / MIB:.0f} MiB were left"
            code = server.stop()
            assert code == 0, f"ended with {code}"
        except (AssertionError, OSError, http.client.HTTPException, subprocess.TimeoutExpired):
            with contextlib.suppress(subprocess.TimeoutExpired):
                # The process may be about to end.
                server.process.wait(2)
            code = server.process.returncode
            said = "runs" if code is None else f"has ended with {code}"
            last = next((line for line in reversed(server.log) if '"ERROR"' in line), "")
            say(f"{disk.NAME}: FAILED: {filling}; the process {said}; {last}")
            raise
        full = [line for line in server.log if "No space" in line or "os error 28" in line]
        assert not full, f"the disk was full: {full}"
        home.check()
        say(f"{disk.NAME}: {filling}; in {time.monotonic() - began:.0f} s")


def one_account(site, disk, long):
    """One account at full speed, on 16 connections."""
    if not long:
        disk.leave(RESERVE + LITTLE)
    greedy = site.tokens[1]

    def after(filling):
        ordinary, other = filling.server.connect(site.tokens[0]), filling.server.connect(greedy)
        filling.goes_on(ordinary, 201, "POST", "/tasks", {"title": "after"})
        task = other.expect(200, "GET", "/tasks?limit=1")[0]["id"]
        filling.goes_on(other, 204, "DELETE", f"/tasks/{task}")

    filled(site, disk, OfOne, [greedy] * 16, after)


def all_accounts(site, disk, long):
    """All accounts at once."""
    if not long:
        disk.leave(RESERVE + LITTLE)

    def after(filling):
        connection = filling.server.connect(site.tokens[0])
        filling.goes_on(connection, 200, "GET", "/tasks")
        filling.goes_on(connection, 204, "DELETE", f"/tasks/{site.tasks[0]}")
        together([lambda token=token: delete_many(filling, token) for token in site.tokens[1:17]])
        filling.least = min(filling.least, disk.free())

    filled(site, disk, OfAll, site.tokens[1:], after)


def delete_many(filling, token):
    """Deletes as many tasks at once as one request may, on the full disk."""
    connection = filling.server.connect(token)
    tasks = [task["id"] for task in connection.expect(200, "GET", "/tasks?limit=200")]
    while tasks:
        operations = [{"op": "delete", "id": task} for task in tasks]
        status, answer = connection.ask("POST", "/tasks/batch", {"operations": operations})
        filling.others[status, answer.get("code")] += 1
        if status == 200:
            return
        said = status, answer.get("code")
        assert said in {(422, "too_much"), (503, "busy"), (503, "account_busy")}, f"deletions were answered {answer}"
        if status == 422:
            tasks = tasks[:len(tasks) // 2]
        else:
            time.sleep(0.1)


class Done:
    """The rounds that are done, in a file if there is one."""

    def __init__(self, path):
        self.path = path
        self.rounds = json.loads(path.read_text()) if path and path.exists() else []

    def add(self, name):
        self.rounds.append(name)
        if self.path:
            self.path.write_text(json.dumps(self.rounds))


def rounds(long):
    yield "one account", Tmpfs, 300 * MIB, one_account
    for number in range(10 if long else 1):
        for disk in (Ext4, Tmpfs):
            yield f"{ACCOUNTS} accounts, {disk.NAME}, {number + 1}", disk, 400 * MIB, all_accounts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", type=os.path.abspath)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--resume", type=pathlib.Path)
    arguments = parser.parse_args()
    began = time.monotonic()
    done, failed = Done(arguments.resume), 0
    with tempfile.TemporaryDirectory() as folder:
        site = Site(arguments.binary, folder)
        for name, disk, size, fill in rounds(arguments.long):
            if name in done.rounds:
                say(f"{name}: done before")
                continue
            with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
                try:
                    mounted = stack.enter_context(disk(place, size))
                except OSError as error:
                    skipped(f"{name}: {disk.NAME} cannot be mounted here ({error})")
                    continue
                try:
                    fill(site, mounted, arguments.long)
                    done.add(name)
                except (AssertionError, OSError, http.client.HTTPException, subprocess.TimeoutExpired) as failure:
                    say(f"{name}: FAILED: {type(failure).__name__}: {str(failure)[:1000]}")
                    failed += 1
    outcome = f"{failed} FAILED" if failed else "ok"
    say(f"{len(done.rounds)} done, {skips} skipped, in {time.monotonic() - began:.0f} s: {outcome}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
