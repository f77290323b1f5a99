"""Reads that take long, and more of them than an account may have."""

from .attack import ADDRESS, Attack, Clients, some_accounts

# A word that every task has: all of them are looked at.
SEARCH = "/api/v1/tasks?q=common&sort=title&limit=1"


def fill(connection, count):
    """Tasks that all have a word in common."""
    for begin in range(0, count, 500):
        titles = (f"common {number * 7919 % count}" for number in range(begin, begin + 500))
        operations = [{"op": "create", "task": {"title": title}} for title in titles]
        connection.expect(200, "POST", "/tasks/batch", {"operations": operations})


class Searches(Attack):
    """Long searches, while another account searches too."""

    also = SEARCH
    THEIRS = 3_000

    def __init__(self, count, accounts, tasks):
        owners = f" of {accounts} accounts" if accounts > 1 else ""
        self.name = f"{count} clients with long searches{owners}"
        self.count, self.accounts, self.tasks = count, accounts, tasks

    def prepare(self, stage):
        super().prepare(stage)
        self.tokens = [self.token] + some_accounts(stage, self.accounts - 1)
        for token in self.tokens:
            fill(stage.connect(token), self.tasks)
        fill(stage.connect(stage.ordinary.token), self.THEIRS)

    def rage(self, fight):
        clients = Clients(self.port, ADDRESS)
        fight.threads(self.count, lambda number: clients.send(number, "GET", SEARCH, None, {
            "Authorization": f"Bearer {self.tokens[number % self.accounts]}",
        }))


class Credentials(Attack):
    """One account with many tokens, each of which asks as much as an account may."""

    name = "30 credentials of one account"
    MINUTE = 600
    TOKENS = 30
    settings = {"RATE_LIMIT_PER_MINUTE": str(MINUTE)}
    pace = 0.3

    def prepare(self, stage):
        super().prepare(stage)
        connection = stage.connect(self.token)
        self.tokens = [
            connection.expect(201, "POST", "/auth/tokens", {"name": f"token {n}", "scopes": ["tasks:write"]})["token"]
            for n in range(self.TOKENS)
        ]

    def rage(self, fight):
        clients = Clients(self.port, ADDRESS)
        fight.threads(self.TOKENS, lambda number: clients.send(number, "POST", "/api/v1/tasks", b'{"title":"more"}', {
            "Content-Type": "application/json", "Authorization": f"Bearer {self.tokens[number]}",
        }))

    def judge(self, stage, counts):
        # What comes again within the attack is far less than as much once more.
        made = counts.get("201", 0)
        return [f"{made} creations, at {self.MINUTE} a minute"] if made > 2 * self.MINUTE else []


ATTACKS = [Searches(8, 1, 12_000), Searches(64, 16, 3_000), Credentials()]
