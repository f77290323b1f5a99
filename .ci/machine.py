"""A small machine: little memory and small disks."""

import itertools
import os
import pathlib
import subprocess
import time

from load import PATIENCE

MIB = 1 << 20
LIMIT = 512_000_000


class Memory:
    """A limit for a process and all its memory: a cgroup where one can be made, else what it may map."""

    NUMBERS = itertools.count()

    def __init__(self):
        self.group = None

    def __enter__(self):
        for group, limit in self.places():
            try:
                group.mkdir()
            except OSError:
                continue
            try:
                (group / limit).write_text(str(LIMIT))
                # Tests that a process can join the group and leave it.
                self.group = group
                self.before = ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', str(group)]
                self.name = f"cgroup, {limit}"
                return self
            except OSError:
                group.rmdir()
        self.before = ["prlimit", f"--data={LIMIT}", "--"]
        self.name = "no cgroup to be had: RLIMIT_DATA"
        return self

    def __exit__(self, *_):
        if self.group:
            # The kernel takes a moment to notice that the group is empty.
            deadline = time.monotonic() + PATIENCE
            while self.group.exists() and time.monotonic() < deadline:
                try:
                    self.group.rmdir()
                except OSError:
                    time.sleep(0.01)

    @classmethod
    def places(cls):
        """Below the group of this process, of the first and of the second kind."""
        name = f"duly-{os.getpid()}-{next(cls.NUMBERS)}"
        for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            path = path.strip("/")
            root = pathlib.Path("/sys/fs/cgroup")
            if "memory" in controllers.split(","):
                yield root / "memory" / path / name, "memory.limit_in_bytes"
            elif not controllers:
                yield root / path / name, "memory.max"


def peak(pid):
    """The most memory that a process has had, in bytes."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return 1024 * int(line.split()[1])


class Disk:
    """A small file system of its own. Entering it raises `OSError` where it cannot be mounted."""

    def __init__(self, folder, size):
        self.size = size
        self.image = pathlib.Path(folder) / "disk"
        self.mounted = pathlib.Path(folder) / "mounted"
        self.ballast = self.mounted / "ballast"

    def __enter__(self):
        if os.geteuid() != 0:
            raise PermissionError("only root may mount")
        self.mounted.mkdir(exist_ok=True)
        for command in self.commands():
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise OSError(done.stderr.strip())
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", self.mounted], check=True)

    def free(self):
        stat = os.statvfs(self.mounted)
        return stat.f_bavail * stat.f_frsize

    def leave(self, free):
        """Takes all space but this much."""
        self.ballast.unlink(missing_ok=True)
        with open(self.ballast, "wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, self.free() - free)

    def clear(self):
        self.ballast.unlink()


class Ext4(Disk):
    """On a loop device."""

    NAME = "ext4 on a loop device"

    def commands(self):
        with open(self.image, "wb") as image:
            image.truncate(self.size)
        # No blocks are reserved for root: free space is free for all users.
        yield ["mkfs.ext4", "-q", "-F", "-m", "0", self.image]
        yield ["mount", "-o", "loop", self.image, self.mounted]


class Tmpfs(Disk):
    """In memory."""

    NAME = "tmpfs"

    def commands(self):
        yield ["mount", "-t", "tmpfs", "-o", f"size={self.size}", "tmpfs", self.mounted]
