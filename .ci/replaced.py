#!/usr/bin/env -S python3 -B
"""Plays requests of clients of the service that Duly replaces, and holds every answer against what that service gave.

    .ci/replaced.py BINARY          # against a new server
    .ci/replaced.py --table         # prints .ci/contract/replaced.md
    .ci/replaced.py --record URL    # writes what the replaced service answers into .ci/contract/replaced.json

The requests are one story, in order. `as` names whose token is sent, `keep` takes members of an answer, `${name}` puts
them into later requests, and `${x*3}` stands for `xxx`. Of each answer are kept the status, the JSON types of its
members, and the headers that say how to log in and what pages of which origin may do (`told`). `true`, `false` and
`null` are types of their own, and so is a text that is the one that was sent; a list is how many and what the first one
is like.

Duly must give the same, and may have more members, unless `duly` states another answer and the name of the reason
(`why`). Reasons that hold for a member wherever it appears name it themselves. Whatever Duly refuses has a `detail`.

To record again, start the replaced service with an empty database (Python 3.11 or 3.12):

    git clone https://github.com/Gilberthoughton/fastapi-task-api && cd fastapi-task-api
    git checkout aaf043a008723d69a24cb4fec7e52426c7ef3aab
    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    SECRET_KEY=0123456789abcdef0123456789abcdef venv/bin/uvicorn app.main:app --port 8137
"""

import argparse
import collections
import contextlib
import http.client
import json
import os
import pathlib
import re
import sys
import tempfile
import time
import urllib.parse

from load import PATIENCE, Home

CONTRACT = pathlib.Path(__file__).resolve().parent / "contract"
DATA, TABLE = CONTRACT / "replaced.json", CONTRACT / "replaced.md"
HOLE = re.compile(r"\$\{([^{}]+?)(?:\*(\d+))?\}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(Z|[+-]\d\d:\d\d)?")
BOUNDARY = "a-line-that-is-in-no-field"
# Recorded members, in this order.
RECORDED = ["status", "answer", "told"]
ALLOWED = "Access-Control-Allow-Origin"
# Longest request that is shown as an example, in characters.
EXAMPLE = 72
HEAD = """\
# Requests that Duly answers differently from the service that it replaces

`.ci/replaced.py --table` writes this file from `replaced.json`, and `.ci/replaced.py BINARY` fails unless each of the
{total} requests there gets the answer of the replaced service, or one of these:

| Difference | Before and now | Requests | Reason | For example |
|---|---|---|---|---|
"""


def kind(value, sent=None):
    """A JSON type, with times told apart from other texts, and texts that are what was sent from those that are not."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        if time := TIME.fullmatch(value):
            return "time" if time[1] else "time without a zone"
        return "as sent" if value == sent else "string"
    return {int: "number", float: "number", list: "array", dict: "object"}[type(value)]


def shape(body, sent=None):
    """An object becomes the types of its members, a list its length and the shape of the first one in it."""
    if isinstance(body, dict):
        sent = sent if isinstance(sent, dict) else {}
        return {name: kind(value, sent.get(name)) for name, value in body.items()}
    if isinstance(body, list):
        return [len(body), *map(shape, body[:1])]
    return kind(body)


def fill(value, kept):
    """What was kept, in the places that ask for it."""
    if isinstance(value, dict):
        return {name: fill(one, kept) for name, one in value.items()}
    if isinstance(value, list):
        return [fill(one, kept) for one in value]
    if not isinstance(value, str):
        return value
    whole = HOLE.fullmatch(value)
    if whole and not whole[2]:
        return kept[whole[1]]
    return HOLE.sub(lambda hole: hole[1] * int(hole[2]) if hole[2] else str(kept[hole[1]]), value)


def encode(request):
    """The body of a request, and the headers that tell of it."""
    if "json" in request:
        return json.dumps(request["json"]), {"Content-Type": "application/json"}
    if "form" in request:
        return urllib.parse.urlencode(request["form"]), {"Content-Type": "application/x-www-form-urlencoded"}
    if "multipart" in request:
        parts = [
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in request["multipart"].items()
        ]
        return f"{''.join(parts)}--{BOUNDARY}--\r\n", {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return request.get("raw"), {}


def headers_told(asked, headers):
    """Headers that clients act upon, and whether a page may send what it asks for."""
    told = {}
    if scheme := headers.get("WWW-Authenticate"):
        told["WWW-Authenticate"] = scheme.split()[0]
    if ALLOWED in headers:
        names = [ALLOWED, "Access-Control-Allow-Credentials"]
        told |= {name: headers[name] for name in names if name in headers}
    if (method := asked.get("Access-Control-Request-Method")) and ALLOWED in headers:
        names = words(asked.get("Access-Control-Request-Headers"))
        is_let = method in headers.get("Access-Control-Allow-Methods", "").split(", ")
        told["may"] = is_let and names <= words(headers.get("Access-Control-Allow-Headers"))
    return told


def words(header):
    """The items of a list in a header."""
    return {word.strip().lower() for word in (header or "").split(",")} - {""}


class Player:
    """Sends requests to one server, each on a connection of its own, and keeps what later ones need."""

    def __init__(self, address):
        self.address = address
        self.kept = {}

    def play(self, request):
        """What is recorded of the answer."""
        keep = request.get("keep", {})
        request = {name: fill(request[name], self.kept) for name in request if name not in [*RECORDED, "keep", "duly"]}
        body, headers = encode(request)
        if "as" in request:
            headers["Authorization"] = f"Bearer {self.kept[request['as']]}"
        headers |= request.get("headers", {})
        with contextlib.closing(http.client.HTTPConnection(self.address, timeout=PATIENCE)) as connection:
            # A body that is too large may be refused before it has been sent.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(request["method"], request["path"], body and body.encode(), headers)
            answer = connection.getresponse()
            text = answer.read()
        found = {"status": answer.status}
        if text and answer.headers.get_content_type() in ("application/json", "application/problem+json"):
            told = json.loads(text)
            found["answer"] = shape(told, request.get("json"))
            if keep and answer.status < 300:
                self.kept |= {name: told[member] for name, member in keep.items()}
        if told := headers_told(headers, answer.headers):
            found["told"] = told
        missing = keep.keys() - self.kept.keys()
        assert not missing, f"{request['name']}: {answer.status}, and nothing to keep; is the server new?"
        return found


class Contract:
    """The requests, what the replaced service gave to them, and the reasons for other answers."""

    def __init__(self, data):
        self.commit = data["commit"]
        self.differences = data["differences"]
        self.requests = data["requests"]
        names = collections.Counter(request["name"] for request in self.requests)
        assert not names or max(names.values()) == 1, f"twice: {names.most_common(1)}"

    @classmethod
    def read(cls):
        return cls(json.loads(DATA.read_text()))

    def text(self):
        """The file, each request on a line."""
        differences = ",\n".join(f"{dump(why)}: {dump(difference)}" for why, difference in self.differences.items())
        requests = ",\n".join(map(dump, self.requests))
        return (
            f'{{\n"commit": {dump(self.commit)},\n"differences": {{\n{differences}\n}},\n'
            f'"requests": [\n{requests}\n]\n}}\n'
        )

    def record(self, player):
        for request in self.requests:
            stated = request.pop("duly", None)
            for name in RECORDED:
                request.pop(name, None)
            request |= player.play(request)
            if stated:
                request["duly"] = stated

    def rule(self, member, before, now):
        """The reason that holds for a member wherever it appears."""
        for why, difference in self.differences.items():
            was, becomes = difference.get("members", {}).get(member, (None, None))
            if was in (before, "*") and becomes == now:
                return why
        return None

    def complaints(self, request, found):
        """What is neither as recorded nor as stated."""
        stated = request.get("duly", {})
        status = stated.get("status", request["status"])
        if found["status"] != status:
            return [f"{found['status']} instead of {status}"]
        said = []
        before, now = (one.get("told", {}) for one in (request, found))
        for name in sorted(before.keys() | now.keys()):
            # Only a 401 has a challenge.
            is_same = name == "WWW-Authenticate" and status != request["status"]
            if before.get(name) != now.get(name) and not is_same:
                said.append(f"{name} is {now.get(name)} instead of {before.get(name)}")
        answer = found.get("answer")
        if status >= 400 and answer is not None and answer.get("detail") != "string":
            said.append("no detail")
        if status != request["status"]:
            return said
        before, now = request.get("answer"), answer
        if isinstance(before, list) and isinstance(now, list):
            count = stated.get("count", before[0])
            if now[0] != count:
                said.append(f"{now[0]} in the list instead of {count}")
            before, now = [(one + [{}])[1] if one[0] else {} for one in (before, now)]
            if not now or not before:
                return said
        if not isinstance(before, dict) or not isinstance(now, dict):
            return said + ([f"{now} instead of {before}"] if before not in (None, now) else [])
        for member, wanted in before.items():
            wanted = stated.get("members", {}).get(member, wanted)
            is_there = now.get(member, "absent")
            if is_there != wanted and not self.rule(member, wanted, is_there):
                said.append(f"{member} is {is_there} instead of {wanted}")
        return said

    def hold(self, player):
        """Plays everything. What is wrong, a line each."""
        return [
            f"{request['name']} ({request['method']} {request['path'][:80]}): {complaint}"
            for request in self.requests
            for complaint in self.complaints(request, player.play(request))
        ]

    def changes(self):
        """For each difference its requests, with what changes in words."""
        changes = {why: [] for why in self.differences}
        for request in self.requests:
            stated = request.get("duly")
            if stated:
                changes[stated["why"]].append((request, self.change(request, stated)))
            if stated and "status" in stated:
                continue
            answer = request.get("answer")
            members = answer[1] if isinstance(answer, list) and answer[0] else answer
            for member, before in members.items() if isinstance(members, dict) else ():
                for why, difference in self.differences.items():
                    was, becomes = difference.get("members", {}).get(member, (None, None))
                    if was in (before, "*"):
                        changes[why].append((request, f"`{member}`: {was} → {becomes}".replace("* →", "→")))
        return changes

    @staticmethod
    def change(request, stated):
        if "status" in stated:
            assert stated["status"] != request["status"], f"{request['name']}: no difference"
            return f"{request['status']} → {stated['status']}"
        if "count" in stated:
            assert stated["count"] != request["answer"][0], f"{request['name']}: no difference"
            return "other tasks in the list"
        wrong = [name for name, to in stated["members"].items() if request["answer"].get(name) in (None, to)]
        assert not wrong, f"{request['name']}: no difference in {wrong}"
        return ", ".join(f"`{name}`: {request['answer'][name]} → {to}" for name, to in stated["members"].items())

    def table(self):
        rows = []
        for why, changes in self.changes().items():
            assert changes, f"no request has the difference {why!r}"
            kinds = collections.Counter(change for _, change in changes).most_common()
            kinds = [f"{change} ({count})" if len(kinds) > 1 else change for change, count in kinds]
            requests = {request["name"]: request for request, _ in changes}
            examples = [example(request) for request in list(requests.values())[:2]]
            reason = self.differences[why]["reason"]
            rows.append(f"| {why} | {', '.join(kinds)} | {len(requests)} | {reason} | {'; '.join(examples)} |\n")
        return HEAD.format(total=len(self.requests)) + "".join(rows)


def dump(value):
    """JSON in which everything can be seen."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)


def example(request):
    """A request in few words."""
    body = next((request[name] for name in ("json", "form", "multipart", "raw") if name in request), "")
    # Formatted as in the file, without the quotes of a text.
    body = dump(body)[1:-1].replace('\\"', '"') if isinstance(body, str) else dump(body)
    text = f"{request['method']} {request['path']} {body}".strip().replace("|", "\\|")
    return f"{request['name']}: `{text if len(text) <= EXAMPLE else text[:EXAMPLE - 1] + '…'}`"


def hold(binary, folder):
    """Holds a new server against the record. Says how much was asked."""
    contract = Contract.read()
    assert TABLE.read_text() == contract.table(), f"{TABLE} is not what --table prints"
    began = time.monotonic()
    with Home(binary, folder).serve() as server:
        wrong = contract.hold(Player(f"127.0.0.1:{server.listens().port}"))
        assert server.stop() == 0
    if wrong:
        sys.exit("\n".join([*wrong, f"replaced: {len(wrong)} answers of {len(contract.requests)} are new"]))
    different = sum("duly" in request for request in contract.requests)
    return (
        f"{len(contract.requests)} requests of clients of the replaced service: {len(contract.requests) - different} "
        f"answered as before, {different} as stated, in {time.monotonic() - began:.1f} s"
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", type=os.path.abspath, nargs="?")
    parser.add_argument("--record", metavar="URL")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    if arguments.table:
        print(Contract.read().table(), end="")
    elif arguments.record:
        contract = Contract.read()
        contract.record(Player(urllib.parse.urlsplit(arguments.record).netloc))
        DATA.write_text(contract.text())
    elif arguments.binary:
        with tempfile.TemporaryDirectory() as folder:
            print(f"replaced: {hold(arguments.binary, folder)}")
    else:
        parser.error("a binary, --record or --table")


if __name__ == "__main__":
    main()
