"""Log-ins from very many networks, each within its quota."""

import itertools
import time

from load import form

from .attack import Attack, Clients

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Strangers(Attack):
    """All networks of an IPv6 /56: each may log in 60 times at once, and once a second from then on."""

    name = "log-ins of an IPv6 /56"
    proxy = "127.0.0.9"
    settings = {"TRUSTED_PROXIES": "127.0.0.9/32"}
    NETWORKS = 256
    AT_ONCE = 60
    CLIENTS = 64

    def rage(self, fight):
        clients, numbers, began = Clients(self.port, self.proxy), itertools.count(), time.monotonic()

        def turn(client):
            number = next(numbers)
            while number > self.NETWORKS * (self.AT_ONCE + time.monotonic() - began) and not fight.over():
                fight.pause(0.1)
            body = form(f"nobody{number}@example.com", "password123")
            network = f"2001:db8:0:{number % self.NETWORKS:x}::1"
            return clients.send(client, "POST", "/api/v1/auth/login", body, {**FORM, "X-Forwarded-For": network})

        fight.threads(self.CLIENTS, turn)


ATTACKS = [Strangers()]
