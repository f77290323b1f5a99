"""HTTP/2 over TLS with windows that let nothing through."""

import asyncio
import ssl
import struct

from .answers import LISTS, LongTasks

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, RESET, SETTINGS, PING, GOAWAY = 1, 3, 4, 6, 7
ACK, END_STREAM, END_HEADERS = 1, 1, 4
# No table of headers to keep, no pushes, and windows of so many bytes.
OURS = struct.pack(">HIHIHI", 1, 0, 2, 0, 4, 16)
# RFC 7541: statuses that are in the static table, and digits in Huffman's code.
KNOWN = {0x88: "200", 0x89: "204", 0x8A: "206", 0x8B: "304", 0x8C: "400", 0x8D: "404", 0x8E: "500"}
DIGITS = {
    "00000": "0", "00001": "1", "00010": "2", "011001": "3", "011010": "4", "011011": "5", "011100": "6",
    "011101": "7", "011110": "8", "011111": "9",
}


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def text(value):
    """A string of HPACK, as it is."""
    value, length = value.encode(), len(value)
    if length < 127:
        return bytes([length]) + value
    length -= 127
    head = [127]
    while length >= 128:
        head.append(length % 128 + 128)
        length //= 128
    return bytes([*head, length]) + value


def headers(path, token):
    """GET, https, and fields of which none goes into a table."""
    return b"".join([
        b"\x82\x87\x04", text(path), b"\x01", text("localhost"),
        b"\x00", text("authorization"), text(f"Bearer {token}"),
    ])


def status(block):
    """The status that a block of headers begins with."""
    while block[0] & 0xE0 == 0x20:
        # Another size of the table; none is more than a byte here.
        block = block[1:]
    if block[0] in KNOWN:
        return KNOWN[block[0]]
    value = block[2:2 + (block[1] & 0x7F)]
    if not block[1] & 0x80:
        return value.decode()
    bits, digits = "".join(f"{byte:08b}" for byte in value), ""
    while len(digits) < 3:
        length = next(length for length in (5, 6) if bits[:length] in DIGITS)
        digits, bits = digits + DIGITS[bits[:length]], bits[length:]
    return digits


class Streams(LongTasks):
    """As many streams as a connection may have, on each of many connections of one account."""

    tls = True
    STREAMS = 100
    PAUSE = 0.3

    def __init__(self, count):
        self.name = f"{count} HTTP/2 connections"
        self.count = count

    def rage(self, fight):
        asyncio.run(self.all(fight))

    async def all(self, fight):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        tasks = [asyncio.create_task(self.again(fight, context)) for _ in range(self.count)]
        while not fight.over():
            await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()

    async def again(self, fight, context):
        while not fight.over():
            try:
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", self.port, ssl=context, local_addr=("127.0.10.1", 0)
                )
                await self.hold(fight, reader, writer)
            except (OSError, EOFError) as error:
                fight.counts[type(error).__name__] += 1
            await asyncio.sleep(self.PAUSE)

    async def hold(self, fight, reader, writer):
        """Keeps the streams of one connection busy until it ends."""
        numbers, tried = iter(range(1, 1 << 20, 2)), 0

        def ask():
            fight.begun += 1
            flags = END_STREAM | END_HEADERS
            path = LISTS[tried % len(LISTS)]
            writer.write(frame(HEADERS, flags, next(numbers), headers(path, self.token)))

        writer.write(PREFACE + frame(SETTINGS, 0, 0, OURS))
        for _ in range(self.STREAMS):
            ask()
        while True:
            head = await reader.readexactly(9)
            payload = await reader.readexactly(int.from_bytes(head[:3], "big"))
            kind, flags = head[3], head[4]
            if kind == SETTINGS and not flags & ACK:
                writer.write(frame(SETTINGS, ACK, 0))
            elif kind == PING and not flags & ACK:
                writer.write(frame(PING, ACK, 0, payload))
            elif kind == HEADERS:
                found = status(payload)
                fight.counts[found] += 1
                if found != "200":
                    tried += 1
                    # The rest of a short answer does not fit either.
                    writer.write(frame(RESET, 0, int.from_bytes(head[5:], "big"), b"\x00\x00\x00\x08"))
                    await asyncio.sleep(self.PAUSE)
                    ask()
            elif kind == RESET:
                fight.counts["reset"] += 1
                # Refused, most likely.
                asyncio.get_running_loop().call_later(self.PAUSE, ask)
            elif kind == GOAWAY:
                fight.counts["sent away"] += 1
                return


ATTACKS = [Streams(78)]
