#!/usr/bin/env -S python3 -B
"""Breaks the disk under the binary in every way that a machine allows, and sees what it makes of that.

    .ci/faults.py BINARY [--long] [--no-mount]

- Calls of the operating system fail (strace), one after the other: of the thread that writes while four
  clients write, of a first start, of a later start and its end, and of `duly backup`. EIO and ENOSPC; once,
  as a disk reports a lost page, and from then on, as a disk stays full.
- Files must not grow (RLIMIT_FSIZE).
- A small file system fills (ext4 on a loop device): up to the reserve, and to its last block without one.

Each time: nothing that was acknowledged is lost, nothing that was refused is there, no answer lies, the
process ends with 74, and the next start finds a file that `duly check` passes.

--long takes every call instead of each third, and more of them. --no-mount leaves the file system out.
Needs strace, e2fsprogs and mount, and the rights of root to mount. What this machine cannot do is said.
"""

import argparse
import collections
import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from load import EMAIL, PASSWORD, PATIENCE, Home, Load, wait_for
from machine import MIB, Ext4

IO_ERROR = 74
DISK = 64 * MIB
ERRORS = ["EIO", "ENOSPC"]

total = collections.Counter()


def say(text):
    print(f"faults: {text}", flush=True)


class Site:
    """Homes that begin as copies of one, with an account and a few tasks."""

    def __init__(self, binary, folder):
        self.binary = binary
        self.folder = pathlib.Path(folder)
        self.first = self.folder / "first"
        self.first.mkdir()
        with self.home(self.first).serve() as server:
            connection = server.listens().connect()
            connection.expect(201, "POST", "/auth/register", {"email": EMAIL, "password": PASSWORD})
            self.token = connection.log_in()
            connection = server.connect(self.token)
            for number in range(40):
                task = {"title": f"before {number}", "description": "x" * 2000}
                connection.expect(201, "POST", "/tasks", task)
            self.before = connection.tasks()
            assert server.stop() == 0

    def home(self, folder, **settings):
        return Home(self.binary, folder, **settings)

    @contextlib.contextmanager
    def copy(self, folder=None, **settings):
        """Another home like the first, in a folder of its own or in this one."""
        folder = folder or tempfile.mkdtemp(dir=self.folder)
        shutil.copytree(self.first, folder, dirs_exist_ok=True)
        yield self.home(folder, **settings)
        shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def empty(self):
        folder = tempfile.mkdtemp(dir=self.folder)
        yield self.home(folder)
        shutil.rmtree(folder)

    def sound(self, home, load=None):
        """Starts once more, and compares what is there with what must be there."""
        with home.serve() as server:
            found = server.listens().connect(self.token).tasks()
            for task, title in self.before.items():
                assert found.pop(task, None) == title, f"{title} is gone"
            left = load.verify(found) if load else found
            assert not left, f"from nowhere: {left}"
            made = server.connect(self.token).expect(201, "POST", "/tasks", {"title": "after"})
            server.connect(self.token).expect(204, "DELETE", f"/tasks/{made['id']}")
            assert server.stop() == 0
        home.check()
        home.nothing_half()


class Fault:
    """A call of the operating system that fails."""

    def __init__(self, folder, call, error, number, again):
        self.trace = pathlib.Path(folder) / "trace"
        self.options = [
            "strace", "-o", self.trace, "-e", f"trace={call}",
            "-e", f"inject={call}:error={error}:when={number}{'+' if again else ''}",
        ]
        self.name = f"{call} {number}{'+' if again else ''}: {error}"

    def around(self, *options):
        """What to put before a command, so that it is still the child, and strace beside it."""
        return [*self.options, "-D", *options, "--"]

    def inject(self, process):
        """Lets the calls of the thread that writes fail, from now on."""
        thread = wait_for("writer", lambda: thread_of(process.pid, "store-writer"))
        tracer = subprocess.Popen([*self.options, "-p", thread], stderr=subprocess.DEVNULL)
        status = pathlib.Path(f"/proc/{process.pid}/task/{thread}/status")
        wait_for("tracer", lambda: "TracerPid:\t0\n" not in status.read_text())
        return tracer

    def happened(self):
        """Whether the call was reached. Asked once the process has ended."""
        wait_for("end of the trace", lambda: self.trace.exists() and "+++" in self.trace.read_text())
        return "(INJECTED)" in self.trace.read_text()


def thread_of(pid, name):
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == name:
            return task.name
    return None


def points(long, stride):
    """Which calls fail, in which ways: numbers, and whether the later ones fail too."""
    numbers = range(1, 65) if long else range(1, 31, stride)
    for error in ERRORS:
        # A full disk stays full. A disk that has lost a page reports it once.
        for again in ([False, True] if long else [error == "ENOSPC"]):
            yield error, again, numbers


def show(counts):
    return ", ".join(f"{n} x {what}" for what, n in sorted(counts.items(), key=str)) or "none"


class Rounds:
    """Goes through the calls of one kind until they are not reached any more, and counts."""

    def __init__(self, name, call=None):
        self.name = f"{name}, {call}" if call else name
        self.call = call
        self.counts = collections.Counter()
        self.codes = collections.Counter()

    def go(self, once, long, stride, enough):
        """Fails unless at least so many calls were reached in each way."""
        for error, again, numbers in points(long, stride):
            reached = 0
            for number in numbers:
                with tempfile.TemporaryDirectory() as folder:
                    fault = Fault(folder, self.call, error, number, again)
                    try:
                        if not once(fault):
                            break
                    except BaseException:
                        say(f"{self.name}: failed at {fault.name}")
                        raise
                reached += 1
            # An unmeasured case must not look like a success.
            assert reached >= enough, f"{self.name} {error}: only {reached} were reached"
            self.counts["faults"] += reached

    def ended(self, code, load=None):
        self.codes[code] += 1
        if load:
            self.counts += load.counts()

    def report(self):
        words = [key for key in self.counts if isinstance(key, str)]
        said = {" ".join(map(str, filter(None, key))): self.counts[key]
                for key in self.counts if key not in words}
        counts = {word: self.counts[word] for word in words}
        say(f"{self.name}: {show(counts)}; answers: {show(said)}; exit codes: {show(self.codes)}")
        total.update(counts)


def while_writing(site, rounds, fault):
    """A call of the writer fails under load. Says whether it was reached."""
    with site.copy() as home:
        with home.serve() as server:
            tracer = fault.inject(server.listens().process)
            load = Load(server, site.token).run()
            answered = load.counts()
            failed = answered["refused"] + answered["unknown"] + answered["unanswered"]
            code = server.wait() if failed else server.stop()
            tracer.wait(PATIENCE)
        happened = fault.happened()
        # The end of the thread is traced too: a fault there affects no response.
        expected = [IO_ERROR] if failed else [0, IO_ERROR] if happened else [0]
        assert code in expected, f"ended with {code}"
        assert happened or not failed, f"refused for no reason: {answered}"
        if happened:
            rounds.ended(code, load)
        site.sound(home, load)
    return happened


def first_start(site, rounds, fault):
    """A call fails while the data file and the key are made."""
    with site.empty() as home:
        with home.serve(before=fault.around("-f")) as server:
            code = server.wait() if server.port is None else server.stop()
        if happened := fault.happened():
            # A fault at the very end comes after the last response.
            assert code == IO_ERROR or server.port, f"ended with {code}: {server.log}"
            rounds.ended(code)
            home.nothing_half()
        if home.data.exists():
            home.check()
        with home.serve() as server:
            account = {"email": EMAIL, "password": PASSWORD}
            server.listens().connect().expect(201, "POST", "/auth/register", account)
            assert server.stop() == 0
        home.check()
    return happened


def later_start(site, rounds, fault):
    """A call of a thread fails: while the file is opened, while clients write, or while it is closed."""
    with site.copy() as home:
        load = None
        with home.serve(before=fault.around("-f")) as server:
            if server.port is None:
                code = server.wait()
            else:
                load = Load(server, site.token).run(writes=5)
                code = server.stop()
        happened = fault.happened()
        assert code in ([0, IO_ERROR] if server.port else [IO_ERROR]), f"ended with {code}: {server.log}"
        assert happened or code == 0
        if happened:
            rounds.ended(code, load)
        site.sound(home, load)
    return happened


def backup(site, rounds, fault):
    """A call fails while a stopped file is copied."""
    with site.copy() as home, tempfile.TemporaryDirectory() as shelf:
        copy = pathlib.Path(shelf) / "copy.redb"
        code, said = home.run("backup", "--to", copy, before=fault.around("-f"))
        happened = fault.happened()
        assert code in ([0, IO_ERROR] if happened else [0]), f"ended with {code}: {said}"
        if happened:
            rounds.ended(code)
        assert code == 0 or said, "it has failed without a word"
        whole_or_absent(home, copy, code)
        site.sound(home)
    return happened


def whole_or_absent(home, copy, code):
    """The copy has its name only if it is whole."""
    assert code != 0 or copy.exists()
    if copy.exists():
        beside = Home(home.binary, copy.parent, DATABASE_URL=f"redb://{copy}")
        beside.check()
    left = [path.name for path in copy.parent.iterdir() if path.name != copy.name]
    assert not left, f"left behind: {left}"


def failing_calls(site, long):
    """Everything that strace can do."""
    while_it_writes = [("pwrite64", 3, 10), ("fdatasync", 3, 10), ("ftruncate", 1, 1)]
    once_each = [("pwrite64", 5, 1), ("fdatasync", 5, 1), ("fsync", 1, 1)]
    to_make_files = [*once_each, ("ftruncate", 1, 1), ("renameat2", 1, 1)]
    for name, once, calls in [
        ("while clients write", while_writing, while_it_writes),
        ("at the first start", first_start, to_make_files),
        ("at a later start and its end", later_start, once_each),
        ("while a backup is made", backup, to_make_files),
    ]:
        for call, stride, enough in calls:
            rounds = Rounds(name, call)
            rounds.go(lambda fault: once(site, rounds, fault), long, stride, enough)
            rounds.report()


def can_trace():
    """Whether strace may do what is needed; in some containers it may not."""
    with tempfile.TemporaryDirectory() as folder:
        fault = Fault(folder, "fsync", "EIO", 1, False)
        script = "import os\ntry: os.fsync(os.open('.', 0))\nexcept OSError: exit(5)"
        try:
            done = subprocess.run([*fault.around(), sys.executable, "-c", script], capture_output=True)
        except FileNotFoundError:
            return False
    return done.returncode == 5


def limited_files(site, long):
    """Files must not grow beyond a limit, without and with a server that has begun."""
    rounds = Rounds("under a limit on the size of files")
    size = site.home(site.first).data.stat().st_size
    for limit in range(size, size + 200_000, 4096 if long else 50_000):
        with site.copy() as home:
            with home.serve(limit=limit) as server:
                load = Load(server.listens(), site.token).run(writes=1000)
                code = server.wait()
            assert code == IO_ERROR, f"limit {limit}: ended with {code}"
            rounds.ended(code, load)
            site.sound(home, load)
    for limit in range(0, 70_000, 4096 if long else 20_000):
        with site.empty() as home:
            code, said = home.run("serve", limit=limit)
            assert code == IO_ERROR, f"limit {limit}: ended with {code}: {said}"
            rounds.ended(code)
            home.nothing_half()
            assert not home.data.exists()
        with site.copy() as home, tempfile.TemporaryDirectory() as shelf:
            copy = pathlib.Path(shelf) / "copy.redb"
            code, said = home.run("backup", "--to", copy, limit=limit)
            assert code == IO_ERROR, f"limit {limit}: ended with {code}: {said}"
            rounds.ended(code)
            whole_or_absent(home, copy, code)
            site.sound(home)
    rounds.report()


def up_to_the_reserve(site, disk):
    """Writes stop at the reserve, the rest goes on, and so do writes when there is space again."""
    reserve = 8 * MIB
    rounds = Rounds("a disk that is full up to the reserve")
    with site.copy(disk.mounted / "reserve", DISK_RESERVE_MIB=str(reserve // MIB)) as home:
        with home.serve() as server:
            disk.leave(reserve + 2 * MIB)
            load = Load(server.listens(), site.token).run(writes=5000, refusals=10)
            counts = load.counts()
            said = {key[0] for key in counts if not isinstance(key, str)}
            assert counts[507, "disk_full"] and said <= {200, 201, 204, 507}, counts
            # The free space is measured once a second, so the writes of a second may go below the reserve.
            assert disk.free() > reserve // 2, f"{disk.free()} bytes are left"

            # Reads, log-ins and deletions go on.
            connection = server.connect(site.token)
            made = create_until_refused(connection)
            found = connection.tasks()
            server.connect().log_in()
            gone = next(iter(site.before))
            connection.expect(204, "DELETE", f"/tasks/{gone}")
            assert connection.tasks() == {task: found[task] for task in found if task != gone}

            disk.clear()
            cleared = time.monotonic()
            made.append(wait_for("write", lambda: try_create(connection, "again"), 5))
            say(f"writes go on {time.monotonic() - cleared:.1f} s after there is space again")
            for task in made:
                connection.expect(204, "DELETE", f"/tasks/{task['id']}")
            assert server.stop() == 0
        rounds.ended(0, load)
        site_without = {task: title for task, title in site.before.items() if task != gone}
        with changed(site, site_without):
            site.sound(home, load)
    rounds.report()


def create_until_refused(connection):
    """Makes tasks until one is refused. A small one may still fit after a longer one did not."""
    made = []
    while (task := try_create(connection, "more")) is not None:
        made.append(task)
        assert len(made) < 1000, "small tasks are never refused"
    return made


def try_create(connection, title):
    status, body = connection.ask("POST", "/tasks", {"title": title})
    assert status in (201, 507), f"{status} {body}"
    return body if status == 201 else None


@contextlib.contextmanager
def changed(site, before):
    """The same site, where something that was there at first has been deleted."""
    kept, site.before = site.before, before
    yield
    site.before = kept


def to_the_last_block(site, disk, long):
    """Without a reserve the disk fills up while it is written to."""
    rounds = Rounds("a disk that is full to its last block")
    # Created now: later there is no room for it.
    (disk.mounted / "shelf").mkdir()
    for number in range(25 if long else 3):
        with site.copy(disk.mounted / "full") as home:
            with home.serve() as server:
                disk.leave(64 * 1024 + number * 36 * 1024)
                load = Load(server.listens(), site.token).run(writes=5000)
                code = server.wait()
            assert code == IO_ERROR, f"ended with {code}"
            rounds.ended(code, load)
            # It may or may not start on the full disk; in both cases the data is unharmed.
            with home.serve() as server:
                code = server.stop() if server.port else server.wait()
                assert code in ([0, IO_ERROR] if server.port else [IO_ERROR]), f"ended with {code}"
                rounds.counts["starts on the full disk"] += server.port is not None
            copy_on_full_disk(home, disk)
            disk.clear()
            site.sound(home, load)
    rounds.report()


def copy_on_full_disk(home, disk):
    shelf = disk.mounted / "shelf"
    code, said = home.run("backup", "--to", shelf / "copy.redb")
    assert code == IO_ERROR, f"ended with {code}: {said}"
    whole_or_absent(home, shelf / "copy.redb", code)


def full_disks(site, long):
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        try:
            disk = stack.enter_context(Ext4(folder, DISK))
        except OSError as error:
            skipped(f"full disks: no loop devices here ({error})")
            return
        up_to_the_reserve(site, disk)
        to_the_last_block(site, disk, long)


def skipped(what):
    say(f"!!! skipped: {what} !!!")
    total["SKIPPED"] += 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", type=os.path.abspath)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--no-mount", action="store_true")
    arguments = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        site = Site(arguments.binary, folder)
        if arguments.no_mount:
            skipped("full disks: --no-mount")
        else:
            full_disks(site, arguments.long)
        limited_files(site, arguments.long)
        if can_trace():
            failing_calls(site, arguments.long)
        else:
            skipped("failing calls: no strace here, or no right to trace")
    say(f"{show(total)}, in {time.monotonic() - began:.0f} s: ok")


if __name__ == "__main__":
    main()
