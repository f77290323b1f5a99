"""The form of an attack, and ways to send many requests at once."""

import collections
import http.client
import os
import select
import socket
import threading
import time
import traceback

from load import Connection

EMAIL = "attacker@example.com"
ADDRESS = "127.0.10.1"
# No attack is longer than this, in seconds, or has more requests, whatever happens to it.
LONGEST = 150
MOST = 100_000


class Attack:
    """An attack on a server of its own. It goes on until it is told that it is over."""

    name = ""
    # Of the server, beyond the defaults.
    settings = {}
    # Whether all speak TLS.
    tls = False
    # The address of the trusted proxy through which all come, if they do.
    proxy = None
    # What else the ordinary account reads, and how fast it is in all.
    also = None
    pace = 1

    def prepare(self, stage):
        """Makes what the attack needs."""
        self.token = stage.account(EMAIL, ADDRESS)
        self.port = stage.server.port

    def rage(self, fight):
        """Attacks, in a process of its own."""
        raise NotImplementedError

    def judge(self, stage, counts):
        """Faults that only this attack can show."""
        return []


def some_accounts(stage, count):
    """Tokens of more accounts. One network may register few at once, so they are made from several."""
    return [
        stage.account(f"attacker{number}@example.com", f"127.0.10.{1 + number // 16}") for number in range(1, count + 1)
    ]


class Fight:
    """How an attack goes: what it has been answered, and whether it is over."""

    def __init__(self, over):
        self.event = over
        self.deadline = time.monotonic() + LONGEST
        self.counts = collections.Counter()
        self.begun = 0

    def over(self):
        return self.event.is_set() or time.monotonic() > self.deadline or self.begun > MOST

    def pause(self, seconds):
        self.event.wait(seconds)

    def threads(self, count, turn):
        """Takes turns in so many threads at once. Whatever they wait for, they are left when it is over."""

        def run(number):
            try:
                while not self.over():
                    self.begun += 1
                    try:
                        self.counts[turn(number)] += 1
                    except (OSError, http.client.HTTPException) as error:
                        self.counts[type(error).__name__] += 1
                        self.pause(0.1)
            except Exception:
                self.counts["a fault of the attack itself"] += 1
                traceback.print_exc()

        for number in range(count):
            threading.Thread(target=run, args=(number,), daemon=True).start()
        while not self.over():
            self.pause(0.1)


def rage(attack, over, results):
    """The process of an attack."""
    # The server comes first, whoever else is busy here.
    os.nice(5)
    fight = Fight(over)
    try:
        attack.rage(fight)
    except Exception:
        traceback.print_exc()
        fight.counts["a fault of the attack itself"] += 1
    counts = fight.counts.copy()
    # Many are, as long as they last: connections that are slow, answers that are waited for.
    if (unanswered := fight.begun - counts.total()) > 0:
        counts["unanswered"] = unanswered
    results.put({str(key): value for key, value in counts.items()})
    os._exit(0)


class Clients:
    """Connections of the threads of an attack, one each, made again when one has ended."""

    def __init__(self, port, address, **options):
        self.port, self.address, self.options = port, address, options
        self.kept = {}

    def send(self, number, *request):
        if number not in self.kept:
            address = self.address(number) if callable(self.address) else self.address
            self.kept[number] = Connection(self.port, None, address, **self.options)
        return self.kept[number].send(*request)[0]


def request(method, path, token=None, body=b"", headers=()):
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Line:
    """A connection that sends what it is given, from then on a little at a time, and reads at most a status."""

    def __init__(self, poll, port, address, opening, trickle):
        self.socket = socket.socket()
        # Small windows, and segments as on other networks than loopback, where one of 64 KiB makes the kernel take
        # megabytes out of the server's hands.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
        self.socket.setblocking(False)
        self.socket.bind((address, 0))
        self.left, self.trickle, self.status = opening, trickle, None
        try:
            self.socket.connect(("127.0.0.1", port))
        except BlockingIOError:
            pass
        poll.register(self.socket, select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP)

    def write(self):
        self.left = self.left[self.socket.send(self.left):]

    def peek(self):
        """The status, as far as there is one. None at the end of the connection."""
        head = self.socket.recv(12, socket.MSG_PEEK)
        if not head:
            return None
        return head[9:12].decode() if len(head) == 12 else ""


class Lines:
    """Many of them at once, each opened again when it has ended."""

    PAUSE = 0.3

    def __init__(self, fight, port, addresses, openings, trickle=b"", keep=("200",)):
        """An answer of `keep` is left unread. After another one the line is opened again, with the next opening."""
        self.fight, self.port, self.trickle = fight, port, trickle
        self.openings, self.tried = openings, 0
        self.keep = keep
        self.poll = select.epoll()
        self.lines = {}
        # When to open which address.
        self.due = collections.deque((0, address) for address in addresses)

    def run(self):
        last = time.monotonic()
        while not self.fight.over():
            self.open()
            for number, events in self.poll.poll(0.05):
                self.turn(number, events)
            if self.trickle and time.monotonic() - last > 1:
                last = time.monotonic()
                self.drip()

    def open(self):
        now = time.monotonic()
        while self.due and self.due[0][0] <= now:
            _, address = self.due.popleft()
            try:
                self.fight.begun += 1
                opening = self.openings[self.tried % len(self.openings)]
                line = Line(self.poll, self.port, address, opening, self.trickle)
                self.lines[line.socket.fileno()] = line, address
            except OSError as error:
                self.fight.counts[type(error).__name__] += 1
                self.due.append((now + self.PAUSE, address))

    def turn(self, number, events):
        line, _ = self.lines[number]
        try:
            if events & select.EPOLLOUT and line.left:
                line.write()
                if not line.left:
                    self.poll.modify(number, select.EPOLLIN | select.EPOLLRDHUP)
            if events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR | select.EPOLLRDHUP):
                self.listen(number, line, events)
        except OSError as error:
            self.drop(number, type(error).__name__)

    def listen(self, number, line, events):
        status = line.peek()
        if status and status not in self.keep:
            self.tried += 1
            self.drop(number, status)
        elif status is None or events & (select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR):
            # A status that was kept has been counted.
            self.drop(number, None if line.status else "closed")
        elif status and line.status is None:
            line.status = status
            self.fight.counts[f"{status} unread"] += 1
            self.poll.modify(number, select.EPOLLRDHUP)

    def drip(self):
        for number, (line, _) in list(self.lines.items()):
            if not line.left and line.status is None:
                try:
                    line.socket.send(line.trickle)
                except BlockingIOError:
                    pass
                except OSError as error:
                    self.drop(number, type(error).__name__)

    def drop(self, number, why):
        line, address = self.lines.pop(number)
        line.socket.close()
        if why:
            self.fight.counts[why] += 1
        self.due.append((time.monotonic() + self.PAUSE, address))
