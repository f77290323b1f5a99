"""Large answers that nobody reads."""

import json

from .attack import ADDRESS, Attack, Lines, request

# The longest texts that there are in JSON: six bytes for each character.
TITLE, DESCRIPTION = "a" + "\u0001" * 254, "\u0001" * 2000


class LongTasks(Attack):
    """An account with 200 of the longest tasks."""

    def prepare(self, stage):
        super().prepare(stage)
        self.task = self.fill(stage.connect(self.token), 200)

    def fill(self, connection, count):
        """Makes so many, and says which one was the last."""
        task = {"op": "create", "task": {"title": TITLE, "description": DESCRIPTION}}
        made = 0
        while made < count:
            more = min(18, count - made)
            connection.expect(200, "POST", "/tasks/batch", {"operations": [task] * more})
            made += more
        return connection.expect(200, "GET", "/tasks?limit=1")[0]["id"]


class Unread(LongTasks):
    """One request on each of many connections."""

    def __init__(self, name, count, paths, per_address=127):
        self.name = f"{count} unread {name}"
        self.count, self.paths, self.per_address = count, paths, per_address

    def addresses(self):
        return [f"127.0.10.{number // self.per_address + 1}" for number in range(self.count)]

    def openings(self):
        return [request("GET", path, self.token) for path in self.paths]

    def rage(self, fight):
        Lines(fight, self.port, self.addresses(), self.openings()).run()


class UnreadFailures(Unread):
    """Batches that fail at each operation, and name a long task each time."""

    def __init__(self, count):
        super().__init__("failed batches", count, [])

    def openings(self):
        operation = {"op": "delete", "id": self.task, "if_match": '"99"'}
        body = json.dumps({"operations": [operation] * 500, "atomic": True}).encode()
        return [request("POST", "/api/v1/tasks/batch", self.token, body)]

    def rage(self, fight):
        Lines(fight, self.port, self.addresses(), self.openings(), keep=("412",)).run()


class UnreadExports(Unread):
    """One export of each of a few accounts, again and again."""

    EXPORT = "/api/v1/auth/me/export"
    also = EXPORT

    def __init__(self, accounts):
        super().__init__(f"exports of {accounts} accounts", 2 * accounts, [])
        self.accounts = accounts

    def prepare(self, stage):
        super().prepare(stage)
        self.tokens = [self.token]
        for number in range(1, self.accounts):
            self.tokens.append(stage.account(f"attacker{number}@example.com", ADDRESS))
            self.fill(stage.connect(self.tokens[-1]), 200)

    def openings(self):
        return [request("GET", self.EXPORT, token) for token in self.tokens]


# When there is no room for a long one, shorter ones take the rest of it.
LISTS = [f"/api/v1/tasks?limit={limit}" for limit in (200, 20, 3)]
ATTACKS = [
    Unread("lists", 128, LISTS, per_address=128),
    Unread("lists", 508, LISTS),
    UnreadFailures(32),
    UnreadFailures(128),
    UnreadExports(8),
]
