"""Writes that cost much."""

import json
import socket

from .answers import DESCRIPTION, TITLE
from .attack import ADDRESS, Attack, Clients, request, some_accounts

BODY = 256 * 1024
BATCH = "/api/v1/tasks/batch"
JSON = {"Content-Type": "application/json"}


def full_batch(operations):
    """The longest body that is taken, of operations like these."""
    return body_of(parts_of(operations))


def costly_batch(connection, operations):
    """The longest batch of operations like these that one request may do."""
    parts, path, headers = parts_of(operations), f"{BATCH}?dry_run=true", {**JSON, **connection.headers}
    while (status := connection.send("POST", path, body_of(parts), headers)[0]) == 422:
        parts = parts[:len(parts) * 9 // 10]
    assert status == 200 and parts, status
    return body_of(parts)


def parts_of(operations):
    parts, length = [], len('{"operations":[]}')
    for operation in operations:
        part = json.dumps(operation, ensure_ascii=False, separators=(",", ":")).encode()
        length += len(part) + 1
        if length > BODY or len(parts) == 500:
            break
        parts.append(part)
    return parts


def body_of(parts):
    return b'{"operations":[' + b",".join(parts) + b"]}"


def han_tasks():
    """Tasks of which every character is a word of its own, of three bytes."""
    words = "".join(map(chr, range(0x4E00, 0x9FA0)))
    for number in range(500):
        begin = number * 41 % (len(words) - 2300)
        task = {"title": words[begin:begin + 255], "description": words[begin + 255:begin + 2255]}
        yield {"op": "create", "task": task}


class Batches(Attack):
    """Clients that send the same batch again and again."""

    path = BATCH

    def __init__(self, name, count, accounts=1):
        owners = f" of {accounts} accounts" if accounts > 1 else ""
        self.name, self.count, self.accounts = f"{count} {name}{owners}", count, accounts

    def prepare(self, stage):
        super().prepare(stage)
        self.tokens = [self.token] + some_accounts(stage, self.accounts - 1)
        self.body = self.batch(stage.connect(self.token))
        self.bodies = [self.body]

    def batch(self, connection):
        return costly_batch(connection, han_tasks())

    def body_of(self, number):
        return self.bodies[number % len(self.bodies)]

    def rage(self, fight):
        clients = Clients(self.port, ADDRESS)
        fight.threads(self.count, lambda number: clients.send(number, "POST", self.path, self.body_of(number), {
            **JSON, "Authorization": f"Bearer {self.tokens[number % self.accounts]}",
        }))


class Moves(Batches):
    """Moves of a task with a thousand below it, from one place to another and back."""

    def __init__(self, name, count, query=""):
        super().__init__(name, count)
        self.path = BATCH + query

    def batch(self, connection):
        root, first, second = (
            connection.expect(201, "POST", "/tasks", {"title": title})["id"] for title in ("root", "first", "second")
        )
        for count in (499, 498):
            below = {"op": "create", "task": {"title": "below", "parent_id": root}}
            connection.expect(200, "POST", "/tasks/batch", {"operations": [below] * count})
        return full_batch(
            {"op": "move", "id": root, "to": "first", "parent_id": (first, second)[number % 2]} for number in range(500)
        )


class Patches(Batches):
    """Changes of one long task of each account, whose answers hold it 500 times."""

    def prepare(self, stage):
        super().prepare(stage)
        self.bodies += [self.batch(stage.connect(token)) for token in self.tokens[1:]]

    def batch(self, connection):
        task = connection.expect(201, "POST", "/tasks", {"title": TITLE, "description": DESCRIPTION})["id"]
        return full_batch({"op": "patch", "id": task, "task": {"priority": ("low", "high")[turn % 2]}} for turn in range(500))


class Abandoned(Batches):
    """Batches that are sent whole, by clients that leave at once."""

    MOST = 2000

    def rage(self, fight):
        data = request("POST", self.path, self.token, self.body)

        def turn(number):
            if fight.begun > self.MOST:
                fight.pause(1)
                return "none"
            with socket.create_connection(("127.0.0.1", self.port), 10, (ADDRESS, 0)) as line:
                line.sendall(data)
                # So that the server has read it.
                fight.pause(0.05)
            return "abandoned"

        fight.threads(self.count, turn)


class Creations(Batches):
    """The smallest writes, as fast as they are answered."""

    path = "/api/v1/tasks"

    def batch(self, _):
        return b'{"title":"small"}'


ATTACKS = [
    Batches("batches of Han", 16),
    Batches("batches of Han", 80),
    Batches("batches of Han", 80, accounts=20),
    Moves("dry runs of 500 moves", 8, "?dry_run=true"),
    Moves("batches of 500 moves", 8),
    Patches("batches of 500 patches", 240, accounts=120),
    Abandoned("clients that abandon batches", 40),
    Creations("clients that create", 100),
]
