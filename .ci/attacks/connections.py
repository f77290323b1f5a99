"""Connections that hold a place and do nothing."""

from .attack import Attack, Lines, request

SLOW_HEADER = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: "


class SlowHeaders(Attack):
    """Addresses with 128 connections each, on all of which a header comes byte by byte."""

    def __init__(self, networks):
        self.name = f"{networks} addresses x 128 slow headers"
        self.addresses = [f"127.0.20.{network + 1}" for network in range(networks) for _ in range(128)]

    def rage(self, fight):
        Lines(fight, self.port, self.addresses, [SLOW_HEADER], trickle=b"x", keep=()).run()


class SlowBodies(Attack):
    """One client behind a trusted proxy that hands on each byte as it comes."""

    proxy = "127.0.0.9"
    settings = {"TRUSTED_PROXIES": "127.0.0.9/32"}
    COUNT = 600

    def __init__(self):
        self.name = f"{self.COUNT} slow bodies through a proxy"

    def rage(self, fight):
        opening = request("POST", "/api/v1/auth/login", headers=[
            "X-Forwarded-For: 203.0.113.7", "Content-Length: 1000",
            "Content-Type: application/x-www-form-urlencoded",
        ])
        Lines(fight, self.port, [self.proxy] * self.COUNT, [opening], trickle=b"x", keep=()).run()


class Handshakes(Attack):
    """Connections that begin with TLS and go no further."""

    tls = True

    def __init__(self):
        self.name = "8 addresses x 128 slow handshakes"
        self.addresses = [f"127.0.20.{network + 1}" for network in range(8) for _ in range(128)]

    def rage(self, fight):
        # The head of a record of 512 bytes that come one by one.
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
        Lines(fight, self.port, self.addresses, [hello], trickle=b"x", keep=()).run()


ATTACKS = [SlowHeaders(4), SlowHeaders(8), SlowBodies(), Handshakes()]
