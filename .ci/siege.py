#!/usr/bin/env -S python3 -B
"""Attacks the binary as one account and as one network can, and asks how others fare meanwhile.

    .ci/siege.py BINARY [--long] [--only WORDS]

Each attack (.ci/attacks) has a server and a data file of its own, in 512 MB, with every limit at its default.
Beside it an ordinary account reads, creates and logs in, and newcomers ask for /health.

- Whatever the machine: the process lives, and never has more than 256 MB; each answer to the ordinary account and to
  newcomers is a success, within 30 seconds; and readiness comes back when the attack is over. Times are printed.
- --long attacks for 20 seconds instead of 2, three times, and judges times too: 99 of 100 reads of the ordinary account
  within 100 ms, or 10 times what they take when it is quiet; 99 of 100 creations within 1 s; log-ins within 2 s;
  newcomers within 1 s; readiness within 5 s.

Attackers take what the server leaves of the processors. Loopback only: networks are addresses of 127.0.0.0/8, and those
of IPv6 are named by a trusted proxy. --only takes attacks with these words in their names.
"""

import argparse
import collections
import http.client
import json
import multiprocessing
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
import threading
import time

from attacks import ATTACKS
from attacks.attack import rage
from load import PASSWORD, PATIENCE, Home
from machine import LIMIT, Memory, peak
from ordinary import Ordinary

MB = 1_000_000
MOST = 256 * MB
SUCCESSES = {200, 201}
# All limits have their defaults. Requests are not logged, since this process reads the log.
DEFAULTS = {
    "AUTH_RATE_LIMIT": None, "DISK_RESERVE_MIB": None, "ACCESS_TOKEN_EXPIRE_MINUTES": None,
    "LOG_LEVEL": "warn,duly::cli=info",
}
COLUMNS = ["GET", "create", "log-in", "newcomer", "ready", "also"]


def say(text):
    print(f"siege: {text}", flush=True)


def show(counts):
    return ", ".join(f"{n} x {what}" for what, n in sorted(counts.items(), key=str)) or "none"


class Stage:
    """One server, and what an attack needs to be made ready."""

    def __init__(self, attack, server, tls):
        self.server, self.tls, self.proxy = server, tls, attack.proxy
        self.most = 0
        watch = threading.Thread(target=self.watch, daemon=True)
        watch.start()

    def lives(self):
        return self.server.process.poll() is None

    def watch(self):
        """Its memory, for as long as it lives: afterwards nobody knows."""
        while self.lives():
            try:
                self.most = max(self.most, peak(self.server.process.pid))
            except (OSError, StopIteration):
                return
            time.sleep(0.05)

    def connect(self, token=None, address=None):
        return self.server.connect(token, address=address, tls=self.tls)

    def account(self, email, address, forwarded=None):
        """Makes an account, and logs in to it from this network."""
        connection = self.connect(address=self.proxy or address)
        connection.headers = forwarded or {}
        connection.expect(201, "POST", "/auth/register", {"email": email, "password": PASSWORD})
        token = connection.log_in(email)
        connection.http.close()
        return token

    def ready(self):
        """Whether the server says that it is. Asks on a connection of its own."""
        connection = self.connect()
        connection.http.timeout = 1
        try:
            return connection.send("GET", "/health/ready", None, {})[0] == 200
        except (OSError, ValueError, http.client.HTTPException, AssertionError):
            return False
        finally:
            connection.http.close()


def certificate(folder):
    """Makes a certificate, and what clients need to believe it."""
    files = [str(pathlib.Path(folder) / name) for name in ("cert.pem", "key.pem")]
    subprocess.run([
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-out", files[0], "-keyout", files[1],
    ], check=True, capture_output=True)
    return files, ssl.create_default_context(cafile=files[0])


class Outcome:
    """What an attack has shown."""

    def __init__(self, attack):
        self.attack = attack
        self.faults = []
        self.counts = {}
        self.quiet = self.loud = {}
        self.most = 0
        self.back = None
        self.log = collections.Counter()

    def judge(self, stage, long):
        for kind, times in {**self.quiet, **self.loud}.items():
            # A health check may be told that the server is busy.
            bad = {status: n for status, n in times.statuses.items() if status not in SUCCESSES}
            if bad and kind != "ready":
                self.fault(f"{kind} was answered {show(bad)}")
            if times.worst() > 1000 * PATIENCE:
                self.fault(f"{kind} took {times.worst() / 1000:.1f} s")
        if self.most > MOST:
            self.fault(f"{self.most / MB:.0f} MB are too many")
        if not stage.lives():
            self.fault(f"the process has ended with {stage.server.process.returncode}")
        elif self.back is None:
            self.fault("readiness has not come back")
        if "a fault of the attack itself" in self.counts or not self.counts:
            self.fault("that was no attack")
        self.faults += self.attack.judge(stage, self.counts)
        if long:
            self.judge_times()

    def judge_times(self):
        for kind, most, of in [
            ("GET", max(100, 10 * self.quiet["GET"].p99()), "p99"), ("create", 1000, "p99"),
            ("log-in", 2000, "worst"), ("newcomer", 1000, "worst"),
        ]:
            found = getattr(self.loud[kind], of)()
            if found > most:
                self.fault(f"{of} of {kind} is {found:.0f} ms, more than {most:.0f}")
        if self.back is not None and self.back > 5:
            self.fault(f"readiness came back after {self.back:.1f} s")

    def fault(self, text):
        self.faults.append(text)

    def report(self):
        say(f"{self.attack.name}: {'FAILED: ' + '; '.join(self.faults) if self.faults else 'ok'}")

    def row(self):
        statuses = collections.Counter()
        for kind, times in self.loud.items():
            if kind != "ready":
                statuses.update(times.statuses)
                statuses.update({"again": times.again} if times.again else {})
        cells = [self.attack.name, show(self.counts), show(statuses)]
        for kind in COLUMNS:
            cells.append(str(self.loud[kind]) if kind in self.loud else "")
        cells.append(f"{self.quiet['GET'].p99():.0f}" if "GET" in self.quiet else "")
        cells.append(f"{self.most / MB:.0f}")
        cells.append("never" if self.back is None else f"{self.back:.1f}")
        cells.append(show(self.log))
        cells.append("; ".join(self.faults) or "ok")
        return cells


def fight(attack, stage, seconds, quiet_seconds, outcome, long):
    """The attack itself, and its end."""
    stage.ordinary = Ordinary(stage, attack.pace, attack.also)
    attack.prepare(stage)
    outcome.quiet = stage.ordinary.visit(quiet_seconds, 1 if long else 0.5)
    processes = multiprocessing.get_context("fork")
    over, results = processes.Event(), processes.SimpleQueue()
    attacker = processes.Process(target=rage, args=(attack, over, results), daemon=True)
    attacker.start()
    # The first requests would not meet the attack yet.
    time.sleep(0.5)
    outcome.loud = stage.ordinary.visit(seconds, 1 if long else 0.5)
    over.set()
    ended = time.monotonic()
    attacker.join(PATIENCE)
    if attacker.is_alive():
        attacker.kill()
    outcome.counts = {} if results.empty() else results.get()
    while stage.lives() and time.monotonic() < ended + 2 * PATIENCE:
        if stage.ready():
            outcome.back = time.monotonic() - ended
            break
        time.sleep(0.05)


def run(attack, binary, long):
    seconds, quiet_seconds = (20, 5) if long else (2, 0.3)
    outcome = Outcome(attack)
    with tempfile.TemporaryDirectory() as folder, Memory() as memory:
        settings, tls = {**DEFAULTS, **attack.settings}, None
        if attack.tls:
            (settings["TLS_CERT_FILE"], settings["TLS_KEY_FILE"]), tls = certificate(folder)
        home = Home(binary, folder, **settings)
        with home.serve(before=memory.before) as server:
            stage = Stage(attack, server.listens(), tls)
            try:
                fight(attack, stage, seconds, quiet_seconds, outcome, long)
            except (AssertionError, OSError) as error:
                outcome.fault(f"{type(error).__name__}: {error}")
            time.sleep(0.1)
            outcome.most = stage.most
            outcome.judge(stage, long) if outcome.loud else outcome.fault("it has not come so far")
            if stage.lives():
                stop(server, outcome)
            outcome.log = events(server.log)
    return outcome, memory.name


def stop(server, outcome):
    try:
        if (code := server.stop()) != 0:
            outcome.fault(f"stopped with {code}")
    except subprocess.TimeoutExpired:
        outcome.fault(f"not stopped within {PATIENCE} s")


def events(log):
    """What an operator is told, and how often."""
    entries = [json.loads(line) for line in log if line.startswith("{")]
    return collections.Counter(entry["message"] for entry in entries if entry["level"] != "INFO")


def table(outcomes):
    head = ["attack", "attackers", "ordinary account", *COLUMNS, "quiet GET", "MB", "ready after", "log", ""]
    say("milliseconds: worst / median / p99; quiet GET: p99; seconds until readiness is back")
    for cells in [head, ["---"] * len(head), *(outcome.row() for outcome in outcomes)]:
        print(f"| {' | '.join(cells)} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", type=os.path.abspath)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    began = time.monotonic()
    outcomes = []
    for number in range(3 if arguments.long else 1):
        for attack in ATTACKS:
            if arguments.only in attack.name:
                outcome, memory = run(attack, arguments.binary, arguments.long)
                if not outcomes:
                    say(f"{LIMIT // MB} MB ({memory})")
                outcome.report()
                outcomes.append(outcome)
    table(outcomes)
    failed = sum(1 for outcome in outcomes if outcome.faults)
    say(f"{len(outcomes)} attacks in {time.monotonic() - began:.0f} s: {f'{failed} FAILED' if failed else 'ok'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
