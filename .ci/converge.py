#!/usr/bin/env -S python3 -B
"""Keeps copies of an account with six clients while everything breaks, and compares them with the server's state.

    .ci/converge.py BINARY [--runs N] [--seed S] [--resume FILE] [--tools FOLDER]

A run has a server with a data file of its own and, of one account:

- 8 writers that create, patch, complete, reorder, nest, batch and delete at random;
- an operator who makes a backup, later restores the account from it, and kills the server with -9 now and then;
- six clients that keep a copy: one polls, one waits (long poll), three read a stream (from the server, behind nginx and
  behind Caddy), and one is RxDB's replication. They are cut off in the middle of bodies and events, end before they
  have stored a cursor, and go back to earlier ones. The first two are without a connection half of the time, and have
  an outbox;
- and, of another account, one more writer and one more client.

When the writers have ended, each client reads to the last change. Then its copy is what the server has, object for
object. On the way, no event comes twice unless the client goes on from a cursor before it, none is older than one before,
and nobody sees the other account. What only one client writes is in the end what it was told.

Seeds are S, S + 1 and so on, so that a run can be repeated; the threads of a run still differ. With --resume, FILE holds
which seeds have passed, and they are left out. --tools keeps what was installed there for the next time. No time is
measured. Needs nginx, caddy, Node 20 or later with npm, and the packages that .ci/contract pins.
"""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

from convergence.fronts import Fronts, free_port
from convergence.run import Run

CONTRACT = pathlib.Path(__file__).resolve().parent / "contract"
# Writes of each writer.
WRITES = 400


def say(text):
    print(f"converge: {text}", flush=True)


def show(counts):
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))


def install(folder):
    """Installs the packages from npm."""
    for name in ["package.json", "package-lock.json"]:
        shutil.copy(CONTRACT / name, folder)
    npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--silent"]
    subprocess.run(npm, cwd=folder, stdin=subprocess.DEVNULL, check=True)


class Passed:
    """The seeds that have passed and what their runs have counted, in a file if there is one."""

    def __init__(self, path):
        self.path = path
        told = json.loads(path.read_text()) if path and path.exists() else {"seeds": [], "counts": {}}
        self.seeds, self.counts = told["seeds"], collections.Counter(told["counts"])

    def add(self, seed, counts):
        self.seeds.append(seed)
        self.counts.update(counts)
        if self.path:
            self.path.write_text(json.dumps({"seeds": self.seeds, "counts": self.counts}))


def one(binary, seed, port, fronts, tools):
    """Counts of one run."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run(binary, folder, port, seed, WRITES)
        run.go(fronts, tools)
        return run.counts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", type=os.path.abspath)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", type=pathlib.Path)
    parser.add_argument("--tools", type=pathlib.Path)
    arguments = parser.parse_args()
    # Everything that was started ends with the script.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    began, passed, failed = time.monotonic(), Passed(arguments.resume), []
    with contextlib.ExitStack() as stack:
        tools = arguments.tools or pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        tools.mkdir(exist_ok=True)
        if not (tools / "node_modules").is_dir():
            install(tools)
            say(f"the tools are installed, after {time.monotonic() - began:.0f} s")
        folder, port = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory())), free_port()
        fronts = stack.enter_context(Fronts(folder, port))
        for seed in range(arguments.seed, arguments.seed + arguments.runs):
            if seed in passed.seeds:
                continue
            start = time.monotonic()
            try:
                counts = one(arguments.binary, seed, port, fronts, tools.resolve())
            except Exception as failure:
                say(f"seed {seed}: FAILED: {''.join(traceback.format_exception(failure))[-6000:]}")
                failed.append(seed)
                continue
            passed.add(seed, counts)
            say(f"seed {seed}: ok in {time.monotonic() - start:.0f} s: {show(counts)}")
    outcome = f"seeds {failed} FAILED" if failed else "ok"
    say(f"{len(passed.seeds)} runs: {show(passed.counts)}")
    say(f"{outcome}, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
