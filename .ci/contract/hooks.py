"""Who asks, and what no schema can say, for schemathesis.

Some of what is tried ends sessions, deletes tokens and accounts, and takes the role from administrators. After
the first refusal because of that there is another credential, of another account if it must be.
"""

import atexit
import collections
import datetime
import http.client
import itertools
import json
import os
import pathlib
import subprocess
import urllib.parse

import schemathesis
from hypothesis import strategies

ADDRESS = os.environ["CLIENTS_ADDRESS"]
BINARY = os.environ["CLIENTS_BINARY"]
HOME = os.environ["CLIENTS_HOME"]
# `user`, `admin`, a scope, or whoever has the token below.
WHO = os.environ["CLIENTS_WHO"]
# Instead of others, where nobody can log in.
TOKEN = os.environ["CLIENTS_TOKEN"]
COUNTS = pathlib.Path(os.environ["CLIENTS_COUNTS"])
PASSWORD = "correct horse battery"
PATIENCE = 60

# Requests after a change of the account in which something of the old one may be missed: more than one scenario.
SCENARIO = 50

# Codes of problems after which a credential is not what it was.
SPOILED = {"invalid_token", "password_change_required", *(["insufficient_role"] if WHO == "admin" else [])}
OWN_PASSWORD = {"user_leave": "password", "user_update": "password", "user_change_password": "current_password"}
ZONES = ["Europe/Berlin", "america/new_york", "UTC"]
NEW_EMAIL = ["user_register", "account_create"]
FORMS = ["session_login", "session_refresh", "session_revoke"]
ON_A_TASK = ["task_patch", "task_delete"]
# Members that have to be those of the account or of the task.
FIXED = {
    "task_patch": ["id", "owner_id", "created_at"],
    "user_update": ["id", "role", "created_at", "must_change_password"],
    "account_patch": ["id", "email", "created_at", "display_name"],
}
# Booleans of clients of the replaced service, which the document does not show.
OLD_WORDS = {"true", "false", "1", "0", "on", "off", "yes", "no", "t", "f", "y", "n", "1.0", "0.0", "-0.0"}
YEAR = 365 * 24 * 3600


class Account:
    """Who asks at the moment."""

    numbers = itertools.count(1)

    def __init__(self):
        self.email = None
        self.password = None
        # What is sent, unless it has turned out to be good no longer.
        self.token = None
        self.made = 0
        self.requests_since = 0

    def make(self):
        self.email = f"{WHO.replace(':', '.')}.{os.getpid()}.{next(self.numbers)}@example.com"
        self.password = PASSWORD
        self.made += 1
        self.requests_since = 0
        if WHO == "admin":
            # Through the control socket: the only way to the first one.
            subprocess.run(
                [BINARY, "user", "add", "--admin", self.email], cwd=HOME, input=f"{self.password}\n", text=True,
                stdout=subprocess.DEVNULL, check=True, timeout=PATIENCE,
            )
        else:
            body = {"email": self.email, "password": self.password}
            assert ask("POST", "/auth/register", body)[0] == 201
        token = self.grant()["access_token"]
        # Something to be found.
        assert ask("POST", "/tasks", {"title": "Ship portfolio"}, token)[0] == 201
        return token

    def grant(self):
        """What a log-in gives; nothing if the account is gone or changed, or was never there."""
        form = urllib.parse.urlencode({"username": self.email, "password": self.password})
        status, body = ask("POST", "/auth/login", form)
        return body if status == 200 else {"access_token": None, "refresh_token": "none"}

    def is_whole(self, token):
        """Whether it still is what it was made as."""
        status, me = ask("GET", "/auth/me", token=token)
        if status != 200 or "must_change_password" in me:
            return False
        return WHO != "admin" or me["role"] == "admin"

    def credential(self):
        if TOKEN:
            return TOKEN
        token = self.grant()["access_token"] if self.email else None
        if token is None or not self.is_whole(token):
            token = self.make()
        if WHO in ("user", "admin"):
            return token
        status, body = ask("POST", "/auth/tokens", {"name": "script", "scopes": [WHO]}, token)
        if status == 409:
            # As many as there may be.
            status, body = ask("POST", "/auth/tokens", {"name": "script", "scopes": [WHO]}, self.make())
        assert status == 201, body
        return body["token"]


def ask(method, path, body=None, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if isinstance(body, str):
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    elif body is not None:
        body = json.dumps(body)
    connection = http.client.HTTPConnection(ADDRESS, timeout=PATIENCE)
    connection.request(method, f"/api/v1{path}", body, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text) if text else None


account = Account()
counts = collections.Counter()
turns = itertools.count()


# Not kept there, where a sequence of requests goes on with a token that is dead.
@schemathesis.auth(refresh_interval=None)
class Credential:
    def get(self, case, context):
        account.token = account.token or account.credential()
        return account.token

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


def operation_of(case):
    return case.operation.definition.raw["operationId"]


def later(seconds, offset=0):
    zone = datetime.timezone(datetime.timedelta(hours=offset))
    time = datetime.datetime.now(zone) + datetime.timedelta(seconds=seconds)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_over(text):
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=5)
    try:
        return datetime.datetime.fromisoformat(text) < soon
    except ValueError:  # Python does not read all that is a time.
        return False


# All times in requests say when something ends.
schemathesis.openapi.format(
    "date-time",
    strategies.builds(later, strategies.integers(3600, 1000 * YEAR), strategies.integers(-12, 14)),
)


@schemathesis.hook
def before_call(context, case, kwargs):
    """Makes good what fits the schema and still could not be good."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if operation_of(case) in ON_A_TASK and next(turns) % 2 == 0:
        # Else hardly any would be there.
        status, task = ask("POST", "/tasks", {"title": "To be changed or deleted"}, account.token)
        if status == 201:
            case.path_parameters["id"] = task["id"]
    if "wait" in (case.query or {}):
        # Nothing changes meanwhile.
        case.query["wait"] = 0
    if not isinstance(case.body, dict):
        return
    operation, body = operation_of(case), case.body
    if operation in FORMS:
        # A list would become a field that is given twice, which RFC 6749 forbids.
        case.body = body = {name: value for name, value in body.items() if isinstance(value, str)}
    for name in FIXED.get(operation, []):
        body.pop(name, None)
    if operation == "session_login" and account.email and "username" in body and "password" in body:
        body |= {"username": account.email, "password": account.password}
    if operation == "session_refresh":
        body["refresh_token"] = account.grant()["refresh_token"]
    if OWN_PASSWORD.get(operation) in body or (operation == "user_update" and "email" in body):
        body[OWN_PASSWORD[operation]] = account.password
    if isinstance(body.get("time_zone"), str):
        body["time_zone"] = ZONES[len(body["time_zone"]) % len(ZONES)]
    if operation == "user_register":
        body.pop("invitation", None)
    if operation in NEW_EMAIL and len(body["email"]) < 40:
        # Else most would be taken.
        body["email"] = f"{next(account.numbers)}.{body['email']}"
    # It is learned from answers that a time must be later than now, but not how long a request takes.
    if isinstance(body.get("expires_at"), str) and is_over(body["expires_at"]):
        body["expires_at"] = later(3600)


@schemathesis.hook
def after_call(context, case, response):
    """Keeps the books: of what was answered, and of what the account is now."""
    operation, status = operation_of(case), response.status_code
    counts[operation, status] += 1
    account.requests_since += 1
    sent = response.request.headers.get("Authorization")
    if status in (401, 403) and sent == f"Bearer {account.token}" and response.json()["code"] in SPOILED:
        account.token = None
    if operation == "user_change_password" and status == 200:
        account.password = case.body["new_password"]
    if operation == "user_update" and status == 200:
        account.email = response.json()["email"]


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """What an account had made is gone with it, and `completed` is taken in words of old clients."""
    kind = type(failure).__name__
    gone = kind == "EnsureResourceAvailability" and account.requests_since < SCENARIO
    old = kind == "AcceptedNegativeData" and has_old_word(case)
    return not gone and not old


def has_old_word(case):
    parts = [part for part in (case.body, case.query) if isinstance(part, dict) and "completed" in part]
    return any(str(part["completed"]).lower() in OLD_WORDS for part in parts)


@atexit.register
def write_counts():
    """How often each operation was answered in each way, for the caller to look at."""
    rows = [[operation, status, count] for (operation, status), count in counts.items()]
    COUNTS.write_text(json.dumps({"answers": rows, "accounts": account.made}))
