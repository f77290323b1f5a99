#!/usr/bin/python3
"""Uses the pages /docs and /redoc in a real browser, as a person would.

    .ci/browser.py BINARY [SCREENSHOT.png]

Authorizes in Swagger UI, creates a task with "Try it out", and sees that no page breaks its
Content-Security-Policy or asks another host for anything. Needs Debian's chromium, chromium-driver
and python3-selenium.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as when
from selenium.webdriver.support.ui import WebDriverWait

EMAIL, PASSWORD = "jane@example.com", "password123"
TITLE = "Ship portfolio"
PATIENCE = 60
QUIET = 2
SIZE = {"width": 1280, "height": 1000}


def say(text):
    print(f"browser: {text}", flush=True)


class Server:
    """A new installation in a folder of its own."""

    def __init__(self, binary, folder):
        environment = {"LISTEN": "127.0.0.1:0", "LOG_FORMAT": "json"}
        self.process = subprocess.Popen(
            [os.path.abspath(binary), "serve"],
            cwd=folder, env=environment, stderr=subprocess.PIPE, text=True,
        )
        for line in self.process.stderr:
            entry = json.loads(line)
            if entry["message"] == "listening":
                self.address = entry["address"]
                break
        else:
            sys.exit("the server has not started")
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def ask(self, path, body=None, token=None, content_type="application/json"):
        headers = {"Content-Type": content_type} if body is not None else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        url = f"http://{self.address}/api/v1{path}"
        request = urllib.request.Request(url, data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def register(self):
        self.ask("/auth/register", json.dumps({"email": EMAIL, "password": PASSWORD}).encode())

    def tasks(self):
        form = urllib.parse.urlencode({"username": EMAIL, "password": PASSWORD}).encode()
        tokens = self.ask("/auth/login", form, content_type="application/x-www-form-urlencoded")
        return self.ask("/tasks", token=tokens["access_token"])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0


class Browser:
    def __init__(self, address, profile):
        self.address = address
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", f"--user-data-dir={profile}",
        ]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        screen = {**SIZE, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        self.driver.set_page_load_timeout(PATIENCE)

    def open(self, path):
        self.driver.get(f"http://{self.address}{path}")

    def wait(self, condition):
        return WebDriverWait(self.driver, PATIENCE).until(condition)

    def find(self, selector):
        return self.wait(when.visibility_of_element_located((By.CSS_SELECTOR, selector)))

    def click(self, selector):
        target = (By.CSS_SELECTOR, selector)
        element = self.wait(when.element_to_be_clickable(target))
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        self.wait(when.element_to_be_clickable(target)).click()

    def fill(self, selector, text):
        element = self.find(selector)
        element.clear()
        element.send_keys(text)

    def complaints(self):
        """What the console says since the last call that it should not."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] == "SEVERE" or "Content Security Policy" in entry["message"]
        ]

    def requests(self):
        """Every address asked for since the last call, once the page has asked for nothing for a while."""
        asked, quiet_since = [], time.monotonic()
        while time.monotonic() < quiet_since + QUIET:
            for entry in self.driver.get_log("performance"):
                message = json.loads(entry["message"])["message"]
                if message["method"] == "Network.requestWillBeSent":
                    asked.append(message["params"]["request"]["url"])
                    quiet_since = time.monotonic()
            time.sleep(0.05)
        return asked

    def check_logs(self, page):
        """Fails on errors in the console and on requests to other hosts."""
        asked = self.requests()
        complaints = self.complaints()
        assert not complaints, f"{page}: {complaints}"
        parts = [urllib.parse.urlsplit(url) for url in asked]
        network = [part for part in parts if part.scheme not in ("data", "blob", "chrome")]
        assert len(network) >= 3, f"{page}: the log of requests is empty"
        strangers = [part.geturl() for part in network if part.netloc != self.address]
        assert not strangers, f"{page}: {strangers}"
        say(f"{page}: {len(network)} requests, none to another host; nothing in the console")


def create_task(browser):
    """Does in Swagger UI what its two buttons promise."""
    browser.open("/docs")
    browser.click(".auth-wrapper .authorize")
    browser.fill("#oauth_username", EMAIL)
    browser.fill("#oauth_password", PASSWORD)
    browser.click(".modal-ux .auth-btn-wrapper button.authorize")
    # It turns into a button that ends the session.
    browser.wait(
        when.text_to_be_present_in_element((By.CSS_SELECTOR, ".modal-ux .auth-btn-wrapper"), "Logout")
    )
    browser.click(".modal-ux .btn-done")
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


def main():
    binary, screenshot = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as profile:
        server = Server(binary, folder)
        try:
            server.register()
            browser = Browser(server.address, profile)
            try:
                create_task(browser)
                if screenshot:
                    take_picture(browser, screenshot)
                browser.check_logs("/docs")
                assert [task["title"] for task in server.tasks()] == [TITLE]

                browser.open("/redoc")
                browser.wait(
                    when.text_to_be_present_in_element((By.CSS_SELECTOR, "#ui"), "Make a task")
                )
                browser.check_logs("/redoc")
            except Exception:
                for complaint in browser.complaints():
                    say(complaint)
                raise
            finally:
                browser.driver.quit()
            server.stop()
        finally:
            server.process.kill()
            server.process.wait()
    say("ok")


if __name__ == "__main__":
    main()
