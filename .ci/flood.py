#!/usr/bin/env -S python3 -B
"""Floods the binary with log-ins, in as much memory as a small machine has, and asks who suffers.

    .ci/flood.py BINARY [--long]

- 500 clients of 100 networks log in as fast as they can, with right and wrong passwords and with emails
  that nobody has, at a server that has 512 MB. Meanwhile one client lists its tasks and asks whether the
  server is alive. Nobody gets another answer than 200, 401, 429 or 503, the last two with Retry-After; the
  one client gets nothing but 200; and the server never has more than 256 MiB.
- A log-in with a wrong password takes as long as one with an unknown email, whatever the account.

The flood takes what the server leaves of the processors, or its own work would be measured. --long takes a
minute instead of 5 seconds, and 500 log-ins of each kind instead of 60; only then it fails when the two kinds
differ by more than a fifth, since a busy machine makes short measurements lie. Loopback only.
"""

import argparse
import asyncio
import collections
import http.client
import multiprocessing
import os
import statistics
import sys
import tempfile
import time

from load import EMAIL, PASSWORD, PATIENCE, Home, form
from machine import LIMIT, MIB, Memory, peak

MOST = 256 * MIB
CLIENTS, NETWORKS = 500, 100
ANSWERS = {200, 401, 429, 503}
# Account of its own: many log-ins end unused sessions of their account.
FLOODED = "john@example.com"


def say(text):
    print(f"flood: {text}", flush=True)


def log_in(number):
    """What a client of the flood sends next."""
    if number % 10 == 0:
        body = form(FLOODED, PASSWORD)
    elif number % 3 == 0:
        body = form(FLOODED, "wrong-password")
    else:
        body = form(f"nobody{number}@example.com", PASSWORD)
    head = [
        "POST /api/v1/auth/login HTTP/1.1", "Host: localhost",
        "Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}",
    ]
    return ("\r\n".join([*head, "", body])).encode()


async def flooder(port, number, deadline, counts):
    """One client, again and again, on one connection as long as there is one."""
    address = (f"127.0.1.{number % NETWORKS + 1}", 0)
    writer = None
    while time.monotonic() < deadline:
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=address)
            number += CLIENTS
            writer.write(log_in(number))
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            status = int(head.split()[1])
            length = next(line for line in head.split("\r\n") if line.startswith("content-length:"))
            await reader.readexactly(int(length.split(":")[1]))
            if status in (429, 503) and "retry-after:" not in head:
                counts[f"{status} without Retry-After"] += 1
            counts[status] += 1
        except (OSError, EOFError):
            counts["broken connections"] += 1
            writer = None
            await asyncio.sleep(0.05)


def flood(port, seconds, results):
    """All clients at once, in a process of their own."""
    os.nice(19)

    async def run():
        counts, deadline = collections.Counter(), time.monotonic() + seconds
        await asyncio.gather(*(flooder(port, n, deadline, counts) for n in range(CLIENTS)))
        return counts

    results.put(asyncio.run(run()))


class Bystander:
    """Somebody who has nothing to do with it."""

    PATHS = ("/api/v1/tasks", "/health/live")

    def __init__(self, server, token):
        self.http = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        self.headers = {"Authorization": f"Bearer {token}"}
        self.visit(1)

    def visit(self, seconds):
        """How long each answer took, by path, in ms."""
        times = {path: [] for path in self.PATHS}
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for path in self.PATHS:
                began = time.perf_counter()
                self.http.request("GET", path, headers=self.headers)
                answer = self.http.getresponse()
                answer.read()
                times[path].append(1000 * (time.perf_counter() - began))
                assert answer.status == 200, f"{path}: {answer.status}"
                time.sleep(0.002)
        return times


def quantiles(times):
    cuts = statistics.quantiles(times, n=100)
    return cuts[49], cuts[98]


def under_flood(binary, folder, long):
    quiet_seconds, seconds = (10, 60) if long else (2, 5)
    home = Home(binary, folder, AUTH_RATE_LIMIT="on")
    with Memory() as memory, home.serve(before=memory.before) as server:
        connection = server.listens().connect()
        for email in (EMAIL, FLOODED):
            connection.expect(201, "POST", "/auth/register", {"email": email, "password": PASSWORD})
        token = connection.log_in()
        connection = server.connect(token)
        for number in range(50):
            connection.expect(201, "POST", "/tasks", {"title": f"task {number}"})
        bystander = Bystander(server, token)
        quiet = bystander.visit(quiet_seconds)

        results = multiprocessing.SimpleQueue()
        flooding = multiprocessing.Process(target=flood, args=(server.port, seconds, results))
        flooding.start()
        loud = bystander.visit(seconds)
        counts = results.get()
        flooding.join()
        bystander.visit(0.1)
        most = peak(server.process.pid)
        assert server.stop() == 0

    say(f"{LIMIT // 1_000_000} MB ({memory.name}), {most / MIB:.0f} MiB at the most")
    said = ", ".join(f"{n} x {what}" for what, n in sorted(counts.items(), key=str))
    say(f"{CLIENTS} clients of {NETWORKS} networks for {seconds} s: {said}")
    for path in Bystander.PATHS:
        (median, p99), (loud_median, loud_p99) = quantiles(quiet[path]), quantiles(loud[path])
        say(
            f"{path}: p50 {median:.2f} ms quiet, {loud_median:.2f} ms under flood ({loud_median / median:.1f} times); "
            f"p99 {p99:.2f} ms, {loud_p99:.2f} ms ({loud_p99 / p99:.1f} times)"
        )
    others = {what for what in counts if what != "broken connections"} - ANSWERS
    assert not others, f"other answers: {others}"
    assert counts[200] and counts[401] and counts[429] + counts[503], "that was no flood"
    assert most <= MOST, f"{most / MIB:.0f} MiB are too many"


def known_and_unknown(binary, folder, long):
    """Compares how long it takes to refuse a wrong password and an unknown email."""
    rounds = 500 if long else 60
    with Home(binary, folder, AUTH_RATE_LIMIT="off").serve() as server:
        connection = server.listens().connect()
        connection.expect(201, "POST", "/auth/register", {"email": EMAIL, "password": PASSWORD})
        times = {"known": [], "unknown": []}
        for number in range(rounds + 5):
            for kind, email in (("known", EMAIL), ("unknown", f"nobody{number}@example.com")):
                began = time.perf_counter()
                connection.expect(401, "POST", "/auth/login", form(email, "wrong-password"))
                times[kind].append(1000 * (time.perf_counter() - began))
        assert server.stop() == 0
    # The first requests touch memory for the first time.
    known, unknown = (statistics.median(times[kind][5:]) for kind in ("known", "unknown"))
    difference = 100 * abs(known - unknown) / unknown
    say(
        f"{rounds} log-ins of each kind: {known:.2f} ms with a known email, {unknown:.2f} ms with an unknown one, "
        f"{difference:.1f} % between the medians"
    )
    assert not long or difference <= 20, "the time tells whether there is an account"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", type=os.path.abspath)
    parser.add_argument("--long", action="store_true")
    arguments = parser.parse_args()
    began = time.monotonic()
    for part in (under_flood, known_and_unknown):
        with tempfile.TemporaryDirectory() as folder:
            part(arguments.binary, folder, arguments.long)
    say(f"in {time.monotonic() - began:.0f} s: ok")


if __name__ == "__main__":
    sys.exit(main())
