"""The picture of the README: Swagger UI, having made a task.

A mark inside the file says what it shows, without times and ids. So a picture of something that has changed since is found
out, whatever fonts and browser it was made with.
"""

import hashlib
import re
import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEYWORD = b"Comment\0"
OPERATION = "#operations-Tasks-task_create"
SIZE = {"width": 1180, "height": 1240}
# Files that the page loads, by addresses that change with the content, and the text of the page.
SHOWN = """
const files = [...document.querySelectorAll("script[src], link[href]")].map(it => it.src || it.href);
const paths = files.map(it => new URL(it)).map(it => it.pathname + it.search);
return [paths.join("\\n"), document.querySelector(arguments[0]).innerText];
"""


def take(browser):
    """The request and the answer, which fit on one screen once the field for the body is smaller."""
    script = "arguments[0].style.minHeight = arguments[0].style.height = '90px'"
    browser.driver.execute_script(script, browser.find(f"{OPERATION} textarea"))
    browser.resize(**SIZE)
    script = "arguments[0].scrollIntoView({block: 'start'})"
    browser.driver.execute_script(script, browser.find(f"{OPERATION} .opblock-section-request-body"))
    png = browser.driver.get_screenshot_as_png()
    browser.resize()
    return marked(png, mark(browser))


def mark(browser):
    """Changes with what is shown."""
    files, text = browser.driver.execute_script(SHOWN, OPERATION)
    # The address of the server, credentials, ids and times differ each time.
    text = re.sub(r"127\.0\.0\.1:\d+|Bearer [\w.-]+|\bdate: .*", "", text)
    text = re.sub(r"[0-9a-f]*[0-9][0-9a-f]*", "0", text)
    return hashlib.sha256(f"{files}\n{text}".encode()).hexdigest().encode()


def chunks(png):
    at = len(SIGNATURE)
    while at < len(png):
        size = struct.unpack(">I", png[at:at + 4])[0] + 12
        yield png[at + 4:at + 8], png[at:at + size]
        at += size


def marked(png, text):
    data = b"tEXt" + KEYWORD + text
    chunk = struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
    parts = [SIGNATURE]
    for kind, whole in chunks(png):
        parts += [chunk, whole] if kind == b"IEND" else [whole]
    return b"".join(parts)


def shows(png, text):
    """Whether a picture has this mark."""
    return any(kind == b"tEXt" and whole[8:-4] == KEYWORD + text for kind, whole in chunks(png))
