"""A client's own copy of an account, and what its changes must not do."""

import collections
import threading

# An object whose last event is not covered by the client's cursor: the same event may come again, or also an older one.
AGAIN, OLDER = "again", "older"
# Name of the last task of a run.
LAST = "the-last-task-of-all"


def key_of(change):
    kind = change["kind"]
    if kind == "account":
        return kind
    number = change[kind]["id"] if change["op"] == "put" else change["id"]
    return number if kind == "task" else f"{kind}/{number}"


class Replica:
    """A copy, the cursor that is stored with it, and earlier cursors."""

    def __init__(self, run, name):
        self.run, self.name = run, name
        self.counts = collections.Counter()
        # Last changes, for the report of a failure.
        self.trace = collections.deque(maxlen=20_000)
        self.lock = threading.Lock()
        self.irregular = collections.Counter()
        self.drop()

    def drop(self):
        """Begins anew."""
        with self.lock:
            self.objects = {}
            # Times of the deletions of objects. A restored object may be deleted again.
            self.gone = {}
            # By object: the number of its last event, or AGAIN, or OLDER.
            self.told = {}
            self.cursor = None
            self.number = 0
            # Whether all changes of the run are applied.
            self.has_last = self.is_complete = False
            # Cursors that were stored, each with the number of its event.
            self.cursors = collections.deque(maxlen=30)

    def store(self, cursor):
        """Stores the cursor behind all that is applied."""
        self.cursor = cursor
        self.cursors.append((cursor, self.number))
        self.is_complete = self.has_last

    def apply(self, changes):
        """Applies changes that one cursor will cover."""
        self.number += 1
        for change in changes:
            self.apply_one(change)

    def forget_cursor(self):
        """Ends before the cursor of the last changes is stored."""
        if self.cursor is None:
            self.drop()
        else:
            self.uncover(self.cursors[-1][1])

    def go_back(self, dice):
        """Takes one of the earlier cursors."""
        steps = dice.randrange(1, 10)
        while steps and len(self.cursors) > 1:
            self.cursors.pop()
            steps -= 1
        self.cursor, number = self.cursors[-1]
        self.uncover(number)

    def uncover(self, number):
        """Notes that events behind this one may come again."""
        for key, told in self.told.items():
            if told not in (AGAIN, OLDER) and told > number:
                self.told[key] = AGAIN

    def uncover_all(self):
        """Notes that what comes next may be older than the copy."""
        self.told = dict.fromkeys(self.told, OLDER)

    def apply_one(self, change):
        key = key_of(change)
        if change["op"] == "put":
            new = change[change["kind"]]
        else:
            assert change["op"] == "delete", change
            new = None
        self.run.check_owner(self.name, key, new)
        self.check(key, new, change.get("at"))
        self.counts["changes"] += 1
        self.trace.append((key, self.number, new and (new.get("rev"), new.get("title")), self.told.get(key)))
        with self.lock:
            self.told[key] = self.number
            if new is None:
                self.objects.pop(key, None)
                self.gone[key] = change["at"]
            else:
                self.objects[key] = new
                self.has_last |= new.get("uid") == LAST

    def check(self, key, new, at):
        """No event comes twice without its cursor saying so, and none is older than what is known."""
        told = self.told.get(key)
        if told in (None, OLDER):
            return
        old = self.objects.get(key)
        fault = None
        if new == old and told != AGAIN and (new or at == self.gone.get(key)):
            fault = "comes again"
        elif new and old and new.get("rev", 0) < old.get("rev", 0):
            fault = "goes back"
        if fault and self.run.may_be_restored(key) and self.irregular[key] < self.run.restores_begun:
            # It was deleted and restored meanwhile.
            self.irregular[key] += 1
            self.counts["excused"] += 1
        elif fault:
            raise AssertionError(f"{self.name}: {key} {fault} (told: {told}): {old} -> {new}\n{self.history(key)}")

    def compare(self, wanted):
        """Fails unless the copy is the state of the server."""
        with self.lock:
            differing = [key for key in {**wanted, **self.objects} if wanted.get(key) != self.objects.get(key)]
        if differing:
            key = differing[0]
            raise AssertionError(
                f"{self.name}: {len(differing)} of {len(wanted)} objects differ; {key} is {self.objects.get(key)} and "
                f"must be {wanted.get(key)}; the others: {differing[1:20]}\n{self.history(key)}"
            )

    def history(self, key):
        told = [entry for entry in self.trace if entry[0] == key]
        lines = [f"  event {number}: {what} (told before: {before})" for _, number, what, before in told]
        return "\n".join(["  its events:", *lines[-20:]])
