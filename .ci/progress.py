#!/usr/bin/env -S python3 -B
"""Watches the progress bar of every long command, as a person at a terminal sees it.

    .ci/progress.py BINARY           # 20,000 tasks
    .ci/progress.py BINARY --long    # 200,000 tasks, on a machine that does nothing else

A bar never goes back, ends at its end, fits into 80 columns and names its phase, a rate and the time left. In the long
form the share that a phase has of the bar is that which it has of the time, within a factor of two; the short form only
prints both, since the machine may be busy.
"""

import argparse
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

EMAIL = "jane@example.com"
PASSWORD = b"correct horse battery staple\n"
COLUMNS = 80
# A frame begins with a carriage return; the rest controls the terminal.
FRAME = re.compile(r"(?P<phase>[a-z]+(?: [a-z]+)?) +\[[=> ]+\] +(?P<at>\d+) %(?: +(?P<rate>[^ ].*?/s)  (?P<left>\S+) left)?")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# A phase with a smaller share of the time and of the bar has too few frames to be measured.
SHORT = 0.06
WORDS = "buy milk call the plumber about kitchen sink renew passport book flights water plants review report".split()


class Failure(Exception):
    """A bar that is not as it should be."""


def export_of(home, binary, tasks):
    """Writes an export with one account that has many tasks."""
    subprocess.run([binary, "user", "add", EMAIL], cwd=home, input=PASSWORD, check=True, capture_output=True)
    lines = subprocess.run([binary, "export"], cwd=home, check=True, capture_output=True).stdout.splitlines()
    start, user = json.loads(lines[0]), lines[1].decode()
    start["export"].update(version=2, next_task_id=tasks + 1)
    path = home / "export.jsonl"
    with path.open("w") as file:
        print(json.dumps(start), user, sep="\n", file=file)
        for number in range(1, tasks + 1):
            word = [WORDS[(number * step) % len(WORDS)] for step in (1, 3, 7, 11)]
            at = f"2026-{1 + number % 9:02}-{1 + number % 28:02}T{number % 24:02}:00:00Z"
            task = {
                "id": number, "owner_id": 1, "title": " ".join(word), "description": " ".join(reversed(word)) * 3,
                "completed": number % 4 == 0, "created_at": at, "updated_at": at, "revision": 1,
            }
            print(json.dumps({"task": task}), file=file)
        print(json.dumps({"end": {"users": 1, "tasks": tasks}}), file=file)
    return path


def watch(home, binary, words):
    """Runs a command at a terminal. Returns its frames, each with its time, and the time that it took."""
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    began = time.monotonic()
    command = subprocess.Popen([binary, *words], cwd=home, env={**os.environ, "TERM": "xterm"}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=terminal)
    os.close(terminal)
    frames, text = [], ""
    while True:
        if select.select([master], [], [], 300)[0] == []:
            command.kill()
            raise Failure(f"{words}: nothing for five minutes")
        try:
            piece = os.read(master, 65536)
        except OSError:
            break
        if not piece:
            break
        at = time.monotonic() - began
        text += CONTROL.sub("", piece.decode(errors="replace"))
        *whole, text = re.split(r"[\r\n]", text)
        # The screen now shows a frame, whole or not.
        for line in [*whole, text]:
            found = FRAME.search(line)
            if found and (not frames or frames[-1][1:3] != (found["phase"], int(found["at"]))):
                frames.append((at, found["phase"], int(found["at"]), found["rate"]))
            if len(line.rstrip()) > COLUMNS:
                raise Failure(f"{words}: wider than {COLUMNS} columns: {line!r}")
    os.close(master)
    output = command.communicate()[0].decode()
    took = time.monotonic() - began
    if command.returncode != 0:
        raise Failure(f"{words}: exit code {command.returncode}: {output}{text}")
    return frames, took


def phases(frames, took):
    """Shares of the time and of the bar that each phase has, in order."""
    begun = [frame for before, frame in zip([None, *frames], frames) if before is None or before[1] != frame[1]]
    ends = [(frame[0], frame[2]) for frame in begun[1:]] + [(took, 100)]
    starts = [(0, 0)] + [(frame[0], frame[2]) for frame in begun[1:]]
    return [
        (frame[1], (end[0] - start[0]) / took, (end[1] - start[1]) / 100)
        for frame, start, end in zip(begun, starts, ends)
    ]


def bars(frames):
    """Frames of each of the bars that one command shows after another."""
    found = []
    for frame in frames:
        if not found or frame[2] < found[-1][-1][2]:
            found.append([])
        found[-1].append(frame)
    return found


def judge(name, frames, took, expected, is_long):
    """Says what is wrong with the bars of a command, and prints them."""
    faults = []
    all_bars = bars(frames)
    print(f"{name}: {took:.1f} s")
    if len(all_bars) != len(expected):
        return [f"{name}: {len(all_bars)} bars, {len(expected)} expected"]
    begin = 0.0
    for number, (bar, named) in enumerate(zip(all_bars, expected)):
        end = took if number + 1 == len(all_bars) else bar[-1][0]
        frames_of_bar = [(at - begin, *rest) for at, *rest in bar]
        seen = phases(frames_of_bar, end - begin)
        for phase, of_time, of_bar in seen:
            ratio = of_bar / of_time if of_time else float("inf")
            print(f"    {phase:<16} {of_time:5.0%} of the time, {of_bar:5.0%} of the bar")
            if is_long and max(of_time, of_bar) >= SHORT and not 0.5 <= ratio <= 2:
                faults.append(f"{name}: {phase} has {of_time:.0%} of the time and {of_bar:.0%} of the bar")
        apart = max(abs(at / (end - begin) - percent / 100) for at, _, percent, _ in frames_of_bar)
        print(f"    at most {apart:.0%} away from the clock")
        missing = [phase for phase in named if phase not in [it[0] for it in seen]]
        if is_long and missing:
            faults.append(f"{name}: {missing} not shown")
        unknown = [it[0] for it in seen if it[0] not in named]
        if unknown:
            faults.append(f"{name}: {unknown} not expected")
        if is_long and not any(rate for _, _, _, rate in frames_of_bar):
            faults.append(f"{name}: no rate")
        if is_long and frames_of_bar[-1][2] < 90:
            faults.append(f"{name}: ends at {frames_of_bar[-1][2]} %")
        begin = end
    return faults


COPY = ["copying rows", "checking pages", "comparing rows", "checking rows"]
ADMIT = ["copying", "checking pages", "checking rows"]
ALONE = [
    ("import export.jsonl", [["importing"]]),
    ("check", [["checking pages", "checking rows"]]),
    ("export --to again.jsonl", [["checking pages", "exporting"]]),
    ("backup --to backup.redb", [COPY]),
    ("upgrade --check", [ADMIT]),
    ("restore --force --yes backup.redb", [ADMIT]),
    (f"restore --yes --user {EMAIL} backup.redb", [[*ADMIT, "importing"]]),
    ("compact", [[*COPY, "compacting"]]),
]
BESIDE = [
    ("check", [["checking rows"]]),
    ("export --to third.jsonl", [["exporting"]]),
    ("backup --to second.redb", [COPY]),
    ("upgrade --check", [[*COPY]]),
    ("import --yes --replace again.jsonl", [["importing"]]),
]


def run(binary, tasks, is_long):
    faults = []
    with tempfile.TemporaryDirectory(prefix="duly-progress-") as folder:
        home = pathlib.Path(folder)
        export_of(home, binary, tasks)
        for commands, is_served in ((ALONE, False), (BESIDE, True)):
            server = None
            if is_served:
                server = subprocess.Popen(
                    [binary, "serve", "--listen", "127.0.0.1:0"], cwd=home,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )
                while not (home / "duly.redb.sock").exists():
                    time.sleep(0.05)
            for words, expected in commands:
                name = f"duly {words}" + (", with a server" if is_served else "")
                frames, took = watch(home, binary, words.split())
                if not frames and not is_long:
                    print(f"{name}: {took:.1f} s, too fast for a bar")
                    continue
                faults += judge(name, frames, took, expected, is_long)
            if server:
                server.send_signal(signal.SIGTERM)
                server.wait(60)
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--tasks", type=int)
    arguments = parser.parse_args()
    tasks = arguments.tasks or (200_000 if arguments.long else 20_000)
    faults = run(str(arguments.binary.resolve()), tasks, arguments.long)
    for fault in faults:
        print(f"FAULT {fault}")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
