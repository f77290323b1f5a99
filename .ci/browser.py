#!/usr/bin/env -S /usr/bin/python3 -B
"""Uses Duly in a real browser, as people and their pages would.

    .ci/browser.py BINARY [SCREENSHOT.png]

- Authorizes in Swagger UI, creates a task with "Try it out", and sees that neither /docs nor /redoc breaks its
  Content-Security-Policy or asks another host for anything.
- Makes calls from a page of an origin that is on the list of those that may, and from two that are not.
- Executes every operation of the document in Swagger UI, twice.

Needs Debian's chromium, chromium-driver and python3-selenium.
"""

import json
import pathlib
import sys
import tempfile
import time

from chromium import Browser, say
from load import EMAIL, PASSWORD, Home
from origins import Site, friends_and_strangers
from tryout import everything

TITLE = "Ship portfolio"


def create_task(browser):
    """Does in Swagger UI what its two buttons promise."""
    browser.open("/docs")
    browser.authorize(EMAIL, PASSWORD)
    say("authorized")

    operation = "#operations-Tasks-task_create"
    browser.click(f"{operation} .opblock-summary-control")
    browser.click(f"{operation} .try-out__btn")
    body = json.dumps({"title": TITLE, "description": "Polish the README"}, indent=2)
    browser.fill(f"{operation} textarea.body-param__text", body)
    browser.click(f"{operation} button.execute")
    status = browser.find(f"{operation} .live-responses-table tbody .response-col_status")
    assert status.text.split()[0] == "201", status.text
    shown = browser.find(f"{operation} .live-responses-table .highlight-code").text
    assert TITLE in shown, shown
    say("created a task: 201")


def take_picture(browser, path):
    """Of the request and the answer, which fit on one screen once the field for the body is smaller."""
    operation = "#operations-Tasks-task_create"
    script = "arguments[0].style.minHeight = arguments[0].style.height = '90px'"
    browser.driver.execute_script(script, browser.find(f"{operation} textarea"))
    script = "arguments[0].scrollIntoView({block: 'start'})"
    browser.driver.execute_script(script, browser.find(operation))
    browser.driver.save_screenshot(path)


def look_at_pages(browser, home, screenshot):
    with home.serve() as server:
        browser.visit(server.listens())
        server.connect().expect(201, "POST", "/auth/register", {"email": EMAIL, "password": PASSWORD})
        create_task(browser)
        if screenshot:
            take_picture(browser, screenshot)
        browser.check_logs("/docs")
        jane = server.connect(server.connect().log_in())
        assert list(jane.tasks().values()) == [TITLE]

        browser.open("/redoc")
        browser.read("#ui", "Make a task")
        browser.check_logs("/redoc")
        assert server.stop() == 0


def main():
    binary, screenshot = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2] if len(sys.argv) > 2 else None
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Browser(f"{folder}/profile") as browser:

        def home(name, **settings):
            path = pathlib.Path(folder, name)
            path.mkdir()
            return Home(binary, path, **settings)

        look_at_pages(browser, home("pages"), screenshot)
        with Site() as friend, Site() as stranger:
            settings = {"BACKEND_CORS_ORIGINS": friend.origin(), "AUTH_RATE_LIMIT": "on"}
            friends_and_strangers(browser, home("origins", **settings), friend, stranger)
        everything(browser, home("operations"))
    say(f"ok, after {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
