"""A real Chromium, driven as a person would."""

import json
import pathlib
import time
import urllib.parse

from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as when
from selenium.webdriver.support.ui import WebDriverWait

PAGES = pathlib.Path(__file__).resolve().parent / "pages"
PATIENCE = 60
# Seconds after which a click without effect is made again.
AGAIN = 10
# Pause between two polls, in seconds.
PAUSE = 0.02
QUIET = 2
SIZE = {"width": 1280, "height": 1000}


def say(text):
    print(f"browser: {text}", flush=True)


class Browser:
    """One window. `address` is the server that pages may talk to."""

    def __init__(self, profile):
        self.address = self.width = None
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
        self.resize()
        self.driver.set_page_load_timeout(PATIENCE)
        self.driver.set_script_timeout(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            for complaint in self.complaints():
                say(complaint)
        self.driver.quit()

    def resize(self, width=SIZE["width"], height=SIZE["height"]):
        self.width = width
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)

    def visit(self, server):
        self.address = f"127.0.0.1:{server.port}"

    def open(self, path):
        self.driver.get(f"http://{self.address}{path}")

    def wait(self, condition):
        return WebDriverWait(self.driver, PATIENCE, PAUSE).until(condition)

    def find(self, selector):
        return self.wait(when.visibility_of_element_located((By.CSS_SELECTOR, selector)))

    def click(self, selector):
        target = (By.CSS_SELECTOR, selector)
        element = self.wait(when.element_to_be_clickable(target))
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        self.wait(when.element_to_be_clickable(target)).click()

    def reveal(self, control, shown):
        """Clicks a control that opens a part of the page, until that part shows.

        A page that is redrawn between press and release drops the click. A person clicks again.
        """
        until = time.monotonic() + PATIENCE
        while True:
            self.click(control)
            try:
                condition = when.visibility_of_element_located((By.CSS_SELECTOR, shown))
                return WebDriverWait(self.driver, AGAIN, PAUSE).until(condition)
            except TimeoutException:
                if time.monotonic() > until:
                    raise AssertionError(f"{control} does not open {shown}") from None

    def fill(self, selector, text):
        element = self.find(selector)
        element.clear()
        element.click()
        # Inserts all at once, as pasting does: the page is redrawn after each key.
        self.driver.execute_cdp_cmd("Input.insertText", {"text": text})

    def read(self, selector, text):
        """Waits until an element shows a text."""
        self.wait(when.text_to_be_present_in_element((By.CSS_SELECTOR, selector), text))

    def authorize(self, email, password):
        """Logs in to Swagger UI, out of what was there before."""
        buttons = ".modal-ux .auth-btn-wrapper"
        self.click(".auth-wrapper .authorize")
        if "Logout" in self.find(buttons).text:
            self.click(f"{buttons} button")
        self.fill("#oauth_username", email)
        self.fill("#oauth_password", password)
        self.click(f"{buttons} button.authorize")
        # The button turns into one that ends the session.
        self.read(buttons, "Logout")
        self.click(".modal-ux .btn-done")

    def before_pages(self, script):
        """Runs a script of `.ci/pages` in every page from now on, before those of the page."""
        source = {"source": (PAGES / script).read_text()}
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", source)

    def run(self, script):
        """Runs a script of `.ci/pages` in the page that is there."""
        self.driver.execute_script((PAGES / script).read_text())

    def call(self, function, *arguments):
        """The result of an asynchronous function of the page."""
        script = f"""
            const [done, ...given] = [...arguments].reverse();
            {function}(...given.reverse()).then(result => done({{result}}), error => done({{error: `${{error}}`}}));
        """
        done = self.driver.execute_async_script(script, *arguments)
        assert "error" not in done, f"{arguments}: {done['error']}"
        return done["result"]

    def complaints(self):
        """Messages of the console since the last call that should not be there."""
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
