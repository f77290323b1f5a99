#!/usr/bin/env -S /usr/bin/python3 -B
"""Uses Duly in a real browser, as people and their pages would.

    .ci/browser.py BINARY [--picture FILE] [--screens FOLDER]

- Authorizes in Swagger UI, creates a task with "Try it out", and sees that neither /docs nor /redoc breaks its
  Content-Security-Policy or asks another host for anything.
- Holds .github/swagger-ui.png, the picture of the README, against that page: a picture of something that has changed
  since is a failure. `--picture .github/swagger-ui.png` takes a new one.
- Looks at Swagger UI, ReDoc and every page of the guide at 390 and 1366 px: nothing scrolls sideways. `--screens` keeps a
  screenshot of each.
- Makes calls from a page of an origin that is on the list of those that may, and from two that are not.
- Follows changes from a page of the first with an EventSource and a ticket. Its connection is cut twice, once in the
  middle of an event, and it gets each change once and in order; after a log-out it ends.
- Executes every operation of the document in Swagger UI, twice.

Needs Debian's chromium, chromium-driver and python3-selenium.
"""

import argparse
import json
import pathlib
import tempfile
import time

import picture
from chromium import QUIET, Browser, say
from load import EMAIL, PASSWORD, Home
from origins import Site, friends_and_strangers
from sizes import every_size
from streams import Following, Person, Proxy
from tryout import everything

TITLE = "Ship portfolio"
README = pathlib.Path(__file__).resolve().parent.parent / ".github/swagger-ui.png"


def create_task(browser):
    """Does in Swagger UI what its two buttons promise."""
    browser.open("/docs")
    browser.authorize(EMAIL, PASSWORD)
    say("authorized")

    operation = "#operations-Tasks-task_create"
    browser.reveal(f"{operation} .opblock-summary-control", f"{operation} .try-out__btn")
    browser.reveal(f"{operation} .try-out__btn", f"{operation} button.execute")
    body = json.dumps({"title": TITLE, "description": "Polish the README"}, indent=2)
    browser.fill(f"{operation} textarea.body-param__text", body)
    browser.click(f"{operation} button.execute")
    status = browser.find(f"{operation} .live-responses-table tbody .response-col_status")
    assert status.text.split()[0] == "201", status.text
    shown = browser.find(f"{operation} .live-responses-table .highlight-code").text
    assert TITLE in shown, shown
    say("created a task: 201")


def hold_picture(browser, new):
    """Takes a new picture, or sees that the one of the README shows what is there."""
    if new:
        new.write_bytes(picture.take(browser))
    assert picture.shows(README.read_bytes(), picture.mark(browser)), (
        f"the README shows an old Swagger UI; take a new picture: .ci/browser.py BINARY --picture {README}"
    )
    say("the picture of the README is one of today")


def look_at_pages(browser, home, new_picture):
    with home.serve() as server:
        browser.visit(server.listens())
        server.connect().expect(201, "POST", "/auth/register", {"email": EMAIL, "password": PASSWORD})
        create_task(browser)
        hold_picture(browser, new_picture)
        browser.check_logs("/docs")
        jane = server.connect(server.connect().log_in())
        assert list(jane.tasks().values()) == [TITLE]

        browser.open("/redoc")
        browser.read("#ui", "Create a task")
        browser.check_logs("/redoc")
        assert server.stop() == 0


class Follower:
    """A page that follows the changes of a person from now on."""

    def __init__(self, browser, origin, proxy, person):
        self.driver = browser.driver
        self.driver.get(origin)
        browser.run("events.js")
        browser.call("followChanges", proxy.url, person.token, person.cursor)

    def told(self):
        return self.driver.execute_script("return followed.told")

    def has_ended(self):
        return self.driver.execute_script("return followed.events.readyState === EventSource.CLOSED")


def follow_changes(browser, home, friend):
    """Cuts the connection of an EventSource. `home` has the origin of `friend` on its list."""
    # Forgets the refusals of the calls before.
    browser.complaints()
    with home.serve() as server, Proxy(server.listens()) as proxy:
        person = Person(server, EMAIL)
        client = Follower(browser, friend.origin(), proxy, person)
        following = Following(proxy, person, client)
        following.run(204)
        # Longer than the browser waits before it opens a stream again.
        time.sleep(QUIET)
        following.check()
        # Each cut is an error in the console.
        complaints = [said for said in browser.complaints() if "net::ERR_" not in said]
        assert not complaints, complaints
        assert server.stop() == 0
    say("an EventSource gets each change once and in order, through two cuts, and ends with the access")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--picture", type=pathlib.Path)
    parser.add_argument("--screens", type=pathlib.Path)
    arguments = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Browser(f"{folder}/profile") as browser:

        def home(name, **settings):
            path = pathlib.Path(folder, name)
            path.mkdir()
            return Home(arguments.binary, path, **settings)

        look_at_pages(browser, home("pages"), arguments.picture)
        every_size(browser, home("sizes"), arguments.screens)
        with Site() as friend, Site() as stranger:
            settings = {"BACKEND_CORS_ORIGINS": friend.origin(), "AUTH_RATE_LIMIT": "on"}
            friends_and_strangers(browser, home("origins", **settings), friend, stranger)
            follow_changes(browser, home("streams", **settings), friend)
        everything(browser, home("operations"))
    say(f"ok, after {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
