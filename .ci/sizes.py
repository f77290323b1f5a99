"""Looks at every page as wide as a phone and as wide as a laptop: nothing makes it scroll sideways."""

import base64

from chromium import say
from load import EMAIL, PASSWORD

SIZES = {390: 844, 1366: 768}
SIDEWAYS = """
const page = document.scrollingElement;
if (page.scrollWidth <= window.innerWidth) return "";
const wide = [...document.querySelectorAll("body *")].filter(it => it.getBoundingClientRect().right > window.innerWidth);
return `${page.scrollWidth} px wide: ` + wide.slice(0, 8).map(it => `${it.tagName}.${it.className}`).join(", ");
"""
LINKS = "return [...document.querySelectorAll('.pages a')].map(it => it.getAttribute('href'))"
OPERATIONS = ["Tasks-task_create", "Tasks-task_list", "Tasks-task_patch", "Tasks-task_batch", "Auth-session_login"]
# Longest page that a screenshot shows in full, in pixels. For a longer page it shows the window.
WHOLE = 8000
NEED_ID = {"Tasks-task_patch"}


class Look:
    """What is found, and where screenshots go."""

    def __init__(self, browser, screens):
        self.browser, self.screens, self.faults = browser, screens, []

    def at(self, name):
        """Holds the page that is there against the width of the window."""
        if said := self.browser.driver.execute_script(SIDEWAYS):
            self.faults.append(f"{name} at {self.browser.width}: {said}")
        if self.screens:
            height = self.browser.driver.execute_script("return document.scrollingElement.scrollHeight")
            options = {"captureBeyondViewport": height <= WHOLE}
            shot = self.browser.driver.execute_cdp_cmd("Page.captureScreenshot", options)
            path = self.screens / f"{name.replace('/', '-')}-{self.browser.width}.png"
            path.write_bytes(base64.b64decode(shot["data"]))

    def guide(self):
        self.browser.open("/docs/guide/")
        names = ["", *self.browser.driver.execute_script(LINKS)]
        for name in names:
            self.browser.open(f"/docs/guide/{name}")
            self.at(f"guide-{name or 'index'}")
        return len(names)

    def reference(self):
        browser = self.browser
        browser.open("/docs")
        browser.find(".opblock")
        self.at("docs")
        browser.driver.execute_script("document.querySelectorAll('.info details').forEach(it => it.open = true)")
        browser.find(".info details table")
        self.at("docs-guides")
        browser.driver.execute_script("document.querySelectorAll('.info details').forEach(it => it.open = false)")
        # The log-in is the first scheme in the dialog.
        browser.click(".auth-wrapper .authorize")
        first = browser.find(".modal-ux .auth-container")
        assert first.find_elements("css selector", "#oauth_username"), "the log-in is not the first"
        focus = browser.driver.switch_to.active_element.get_attribute("id")
        assert focus == "oauth_username", f"Authorize opens at {focus}, and not at the log-in"
        self.at("docs-authorize")
        browser.click(".modal-ux .close-modal")
        browser.authorize(EMAIL, PASSWORD)
        for operation in OPERATIONS:
            block = f"#operations-{operation}"
            browser.reveal(f"{block} .opblock-summary-control", f"{block} .samples")
            browser.click(f"{block} .samples summary")
            self.at(operation)
            browser.reveal(f"{block} .try-out__btn", f"{block} button.execute")
            if operation in NEED_ID:
                browser.fill(f"{block} [data-param-name='id'] input", "1")
            browser.click(f"{block} button.execute")
            browser.find(f"{block} .live-responses-table")
            self.at(f"{operation}-done")
            browser.click(f"{block} .opblock-summary-control")
        browser.open("/redoc")
        browser.read("#ui", "Create a task")
        self.at("redoc")


def every_size(browser, home, screens):
    with home.serve() as server:
        browser.visit(server.listens())
        server.connect().expect(201, "POST", "/auth/register", {"email": EMAIL, "password": PASSWORD})
        look = Look(browser, screens)
        for width, height in SIZES.items():
            browser.resize(width, height)
            count = look.guide()
            browser.check_logs(f"{count} pages of the guide at {width}")
            look.reference()
            browser.check_logs(f"/docs and /redoc at {width}")
        browser.resize()
        assert not look.faults, "\n".join(look.faults)
        assert server.stop() == 0
    say(f"nothing scrolls sideways at {' and '.join(map(str, SIZES))} px")
