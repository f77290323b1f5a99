#!/usr/bin/env -S python3 -B
"""Runs every sample of the OpenAPI document: curl, Python and JavaScript.

    .ci/samples.py BINARY

Each gets a server of its own with four tasks, an access token in `TOKEN` and the address of the API in `BASE`. An answer
that is an error is a failure. Samples of what cannot be answered as it is written down are told below.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from load import EMAIL, PASSWORD, PATIENCE, Home

# Fails on an error response, which the programs by themselves do not.
STRICT = {
    "curl": 'curl() { command curl --fail-with-body --silent --show-error "$@"; }\n',
    "Python": "",
    "JavaScript": """const asked = fetch;
globalThis.fetch = async (...request) => {
  const answer = await asked(...request);
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer;
};
""",
}
PROGRAMS = {"curl": ["bash", "-e"], "Python": [sys.executable, "-"], "JavaScript": ["node", "--input-type=module", "-"]}
# Samples that are refused: status and reason.
REFUSED = {"session_refresh": ("400", "no refresh token that is written down is good")}


def samples(document):
    for methods in document["paths"].values():
        for operation in methods.values():
            for sample in operation.get("x-codeSamples", []):
                yield operation["operationId"], sample["label"], sample["source"]


def run(home, operation, language, source):
    with home.serve() as server:
        if operation != "user_register":
            server.listens().connect().expect(201, "POST", "/auth/register", {"email": EMAIL, "password": PASSWORD})
            token = server.connect().log_in()
            for title in ["Pack", "Move", "Unpack", "Rest"]:
                # An occurrence can be skipped only of a task that comes back.
                task = {"title": title, "due": "2099-12-01", "recurrence": "FREQ=DAILY"}
                server.connect(token).expect(201, "POST", "/tasks", task)
        else:
            token = ""
        environment = {
            "PATH": os.environ["PATH"], "BASE": f"http://127.0.0.1:{server.listens().port}/api/v1", "TOKEN": token,
        }
        done = subprocess.run(
            PROGRAMS[language], input=STRICT[language] + source + "\n", env=environment, cwd=home.folder,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE, check=False,
        )
        assert server.stop() == 0
    said = f"{operation}: {language}: {done.returncode}\n{source}\n{done.stdout}"
    if operation in REFUSED:
        assert done.returncode != 0 and REFUSED[operation][0] in done.stdout, said
    else:
        assert done.returncode == 0, said


def main():
    binary, count = pathlib.Path(sys.argv[1]).resolve(), 0
    document = json.loads(subprocess.run([binary, "openapi"], stdout=subprocess.PIPE, check=True).stdout)
    for operation, language, source in samples(document):
        with tempfile.TemporaryDirectory() as folder:
            run(Home(binary, folder), operation, language, source)
        count += 1
    assert count >= 40, f"only {count} samples"
    print(f"samples: {count} run")


if __name__ == "__main__":
    main()
