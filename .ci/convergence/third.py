"""A third party's client: RxDB, in a process of its own."""

import json
import pathlib
import shutil
import subprocess
import threading

from load import EMAIL, PATIENCE

SCRIPT = pathlib.Path(__file__).with_name("rxdb.mjs")


class Third:
    """RxDB with a copy of the account, until it is left."""

    def __init__(self, run, tools):
        # Modules are searched for beside the file that imports them.
        shutil.copy(SCRIPT, tools)
        self.process = subprocess.Popen(
            ["node", tools / SCRIPT.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True,
        )
        self.counts, self.objects = {}, None
        self.said = []
        self.reader = threading.Thread(target=self.listen, daemon=True)
        self.reader.start()
        base = f"http://127.0.0.1:{run.port}/api/v1"
        self.tell(base=base, token=run.token, owner=run.ids[EMAIL], seed=run.seed)

    def tell(self, **what):
        self.process.stdin.write(f"{json.dumps(what)}\n")
        self.process.stdin.flush()

    def listen(self):
        for line in self.process.stdout:
            if line.startswith('{"copy":'):
                told = json.loads(line)
                self.objects = {object_key(key): json.loads(text) for key, text in told["copy"]}
                self.counts = told["counts"]
            else:
                self.said.append(line)

    def check(self):
        assert self.process.poll() is None, f"rxdb has ended: {''.join(self.said)[-3000:]}"

    def finish(self, last):
        """Waits for its copy, which must have this task."""
        self.check()
        self.tell(last=last)
        try:
            self.process.wait(2 * PATIENCE)
        except subprocess.TimeoutExpired:
            self.tell(tell=True)
            self.reader.join(1)
            raise AssertionError(f"rxdb has not come to the end: {''.join(self.said)[-3000:]}") from None
        self.reader.join()
        assert self.process.returncode == 0 and self.objects is not None, "".join(self.said)[-3000:]

    def compare(self, wanted):
        found = self.objects
        differing = [key for key in {**wanted, **found} if wanted.get(key) != found.get(key)]
        assert not differing, f"rxdb: {len(differing)} of {len(wanted)} objects differ: " + str(
            [(key, found.get(key), wanted.get(key)) for key in differing[:3]]
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def object_key(text):
    kind, _, number = text.partition("/")
    return int(number) if kind == "task" else text
