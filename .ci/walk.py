#!/usr/bin/env -S python3 -B
"""Types every command of README.md and of the pages, in order, as a reader does on an empty folder.

    .ci/walk.py BINARY          # all of them
    .ci/walk.py BINARY tasks    # one page

Each page gets a folder, a shell and a port of its own. A paragraph that begins with `Set-up:` links to the sections
whose commands are typed first. The info string of a fenced block says what is done with it:

    sh            commands, typed one after another
    sh server     a command that runs in another terminal while the rest of the page is typed
    sh stopped    commands that are typed after that server was stopped
    sh WORD       commands that are not typed; SKIPPED has the reason
    python, js    a program, run with what the shell has exported
    others        shown only

`duly` is BINARY. Where a command asks for a password, it gets one. A comment at the end of a command says what must come
of it: `# 412: why` a number, `# "count":2` a member of the answer, `# prints ok` a text, `# exits 78` an exit code. So
does one at the end of a program. A command that fails, and an error of HTTP, is a failure unless a comment announces it.

Besides, README.md has at most 900 words outside of code, each page is in index.md and has neither HTML nor images, and
each relative link leads somewhere.
"""

import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = ROOT / "src/http/docs/pages"
README_WORDS = 900
PATIENCE = 30
PASSWORD = "correct horse battery staple\n"
# Commands that are replaced by another one.
TYPED_AS = {"cargo run --release": "duly serve"}
SKIPPED = {
    "root": "needs root on a machine of its own",
    "docker": "needs Docker",
    "source": "needs the source and a Rust toolchain",
    "tools": "needs programs that are installed from elsewhere",
}
FENCE = re.compile(r"^(`{3,}|~{3,})\s*(.*?)\s*$")
HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*$")
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(<?([^)\s>]+)>?\)")
CODE_SPAN = re.compile(r"(`+)(?:(?!\1).|\1`+)+?\1(?!`)")
HTML = re.compile(r"<(?!https?://)[A-Za-z/!]")
COMMENT = re.compile(r"(?:^|\s)#\s+(.*)$")
PROGRAM_COMMENT = re.compile(r"\s(?:#|//)\s+(.*)$")


class Failure(Exception):
    """Something that is not as the page says."""


class Block:
    """A fenced block: where it begins, the headings that it stands under, its info string and its lines."""

    def __init__(self, path, line, section, info):
        self.path, self.line, self.section, self.lines = path, line, section, []
        self.language, _, self.word = info.partition(" ")

    def place(self, offset=0):
        return f"{self.path.relative_to(ROOT)}:{self.line + offset}"


class Page:
    """A file of Markdown, taken apart: blocks of code, headings and prose."""

    def __init__(self, path):
        self.path, self.blocks, self.prose, self.anchors = path, [], [], []
        block, closing, section = None, None, ()
        for number, line in enumerate(path.read_text().splitlines(), 1):
            fence = FENCE.match(line)
            if block is None and fence:
                block, closing = Block(path, number, section, fence[2]), fence[1]
                self.blocks.append(block)
            elif block is not None and fence and fence[1] == closing and not fence[2]:
                block = None
            elif block is not None:
                block.lines.append(line)
            else:
                if heading := HEADING.match(line):
                    section = self.enter(section, len(heading[1]), heading[2])
                self.prose.append((number, line))
        assert block is None, f"{block.place()}: this block does not end"

    def enter(self, section, level, title):
        """The headings that the lines below this one stand under."""
        text = LINK.sub(r"\2", title).replace("`", "").lower()
        slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        if same := sum(re.fullmatch(rf"{re.escape(slug)}(-\d+)?", it) is not None for it in self.anchors):
            slug = f"{slug}-{same}"
        self.anchors.append(slug)
        return (*(it for it in section if it[0] < level), (level, slug))

    def words(self):
        """Words outside of code blocks; signs alone are none."""
        return sum(bool(re.search(r"\w", word)) for _, line in self.prose for word in line.split())

    def of_section(self, slug):
        return [it for it in self.blocks if slug in (name for _, name in it.section)]

    def set_up(self):
        """The blocks of the sections that a paragraph beginning with `Set-up:` links to."""
        text = "\n".join(line for _, line in self.prose)
        for paragraph in re.findall(r"^Set-up:.*(?:\n.+)*", text, re.MULTILINE):
            for _, _, target in LINK.findall(paragraph):
                name, _, slug = target.partition("#")
                yield from Page(self.path.parent / name).of_section(slug)


def commands(block):
    """Lines that belong together, with the number of the first, counted from the block's fence."""
    whole, start = [], 0
    for number, line in enumerate(block.lines, 1):
        if not whole:
            start = number
        whole.append(line)
        text = "\n".join(whole)
        if not text.strip() or (len(whole) == 1 and line.lstrip().startswith("#")):
            whole = []
            continue
        seen = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
        if seen.returncode == 0 and not seen.stderr and not line.endswith("\\"):
            yield start, text
            whole = []
    if whole:
        raise Failure(f"{block.place(start)}: this command does not end")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Terminal:
    """A shell in a folder of its own, and perhaps a server beside it."""

    def __init__(self, folder, tools):
        self.folder, self.tools, self.port = folder, tools, free_port()
        self.server, self.said = None, tools / "server.log"
        environment = {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "LISTEN": f"127.0.0.1:{self.port}",
        }
        self.options = {"cwd": folder, "env": environment, "start_new_session": True}
        self.shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **self.options,
        )
        self.run(f"set -o pipefail; umask 077; cd {folder}")

    def run(self, text):
        """Exit code and output of a command."""
        mark = "---- this command has ended with"
        typed = f"{{ {text}\n}} <{self.tools}/password 2>&1; printf '\\n{mark} %d\\n' $?\n"
        self.shell.stdin.write(typed.encode())
        self.shell.stdin.flush()
        output, deadline = b"", time.monotonic() + PATIENCE
        while not (end := re.search(rf"\n{mark} (\d+)\n".encode(), output)):
            ready, _, _ = select.select([self.shell.stdout], [], [], max(0, deadline - time.monotonic()))
            part = os.read(self.shell.stdout.fileno(), 65536) if ready else b""
            if not part:
                raise Failure(f"no end within {PATIENCE} s:\n{output.decode(errors='replace')}")
            output += part
        return int(end[1]), output[: end.start()].decode(errors="replace")

    def serve(self, text):
        self.stop()
        with self.said.open("wb") as said:
            self.server = subprocess.Popen(["bash", "-c", text], stdout=said, stderr=said, **self.options)
        deadline = time.monotonic() + PATIENCE
        while '"listening"' not in (said := self.said.read_text(errors="replace")):
            if self.server.poll() is not None or time.monotonic() > deadline:
                raise Failure(f"no server:\n{said}")
            time.sleep(0.01)

    def stop(self):
        if self.server and self.server.poll() is None:
            os.killpg(self.server.pid, signal.SIGTERM)
            self.server.wait(PATIENCE)
        self.server = None

    def end(self):
        self.stop()
        self.shell.stdin.close()
        self.shell.wait(PATIENCE)
        self.shell.stdout.close()

    def typed(self, text):
        """The command with the port of this terminal."""
        return re.sub(r"\b(localhost|127\.0\.0\.1):8000\b", rf"\1:{self.port}", text)


def compact(text):
    return re.sub(r"\s+", "", text)


def judge(text, code, output):
    """Holds what came of a command against its comment."""
    comment = COMMENT.search(text.splitlines()[-1])
    comment = comment[1] if comment else ""
    wanted = 0
    if told := re.match(r"exits (\d+)", comment):
        wanted = int(told[1])
    if code != wanted:
        raise Failure(f"exit code {code} instead of {wanted}")
    if number := re.match(r"(\d+)\b", comment):
        if not re.search(rf"\b{number[1]}\b", output):
            raise Failure(f"no {number[1]} in the output")
    elif member := re.match(r'"\w+":\s*(?:"[^"]*"|[^\s,:]+)', comment):
        if compact(member[0]) not in compact(output):
            raise Failure(f"no {member[0]} in the output")
    elif (prints := re.match(r"prints (.+)", comment)) and prints[1] not in output:
        raise Failure(f"the output is without: {prints[1]}")
    problem = re.search(r'"status":\s*([45]\d\d)\b', output)
    if problem and not comment.startswith(problem[1]):
        raise Failure(f"an answer with {problem[1]}")


def type_block(terminal, block, skipped):
    """Types a block, and says how many commands that were."""
    if block.language in ("python", "js"):
        program = "python3" if block.language == "python" else "node"
        if not shutil.which(program):
            skipped.append((block.place(), f"there is no {program} here"))
            return 0
        path = terminal.tools / f"program.{'py' if program == 'python3' else 'mjs'}"
        path.write_text(terminal.typed("\n".join(block.lines) + "\n"))
        comment = PROGRAM_COMMENT.search(block.lines[-1])
        attempt(terminal, block.place(), f"{program} {path}" + (f"  # {comment[1]}" if comment else ""))
        return 1
    if block.language != "sh":
        return 0
    if block.word in SKIPPED:
        skipped.append((block.place(), SKIPPED[block.word]))
        return 0
    if block.word not in ("", "server", "stopped"):
        raise Failure(f"{block.place()}: sh {block.word} is not known")
    if block.word == "stopped":
        terminal.stop()
    count = 0
    for offset, text in commands(block):
        if block.word == "server":
            text = COMMENT.sub("", text).strip()
            try:
                terminal.serve(terminal.typed(TYPED_AS.get(text, text)))
            except Failure as failure:
                raise Failure(f"{block.place(offset)}: {text}\n{failure}") from None
        else:
            attempt(terminal, block.place(offset), text)
        count += 1
    return count


def attempt(terminal, place, text):
    output = ""
    try:
        code, output = terminal.run(terminal.typed(text))
        judge(text, code, output)
    except Failure as failure:
        raise Failure(f"{place}: {text}\n{failure}\n{output}") from None


def walk(page, binary):
    """Types a page."""
    skipped, count = [], 0
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as tools:
        folder, tools = pathlib.Path(folder), pathlib.Path(tools)
        (tools / "duly").symlink_to(binary)
        (tools / "password").write_text(PASSWORD)
        terminal = Terminal(folder, tools)
        try:
            for block in (*page.set_up(), *page.blocks):
                count += type_block(terminal, block, skipped)
        finally:
            terminal.end()
    name = page.path.relative_to(ROOT).name
    print(f"{name}: {page.words()} words, {count} commands typed", flush=True)
    for place, reason in skipped:
        print(f"    {place} not typed: {reason}")


def faults(page, pages):
    """What is wrong with a page as it stands."""
    is_page = page.path.parent == PAGES
    for number, line in page.prose:
        # A tag or a link in a code span is plain text.
        line = CODE_SPAN.sub("code", line)
        if HTML.search(line):
            yield number, "HTML"
        for image, _, target in LINK.findall(line):
            name, _, anchor = target.partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            path = (page.path.parent / name).resolve() if name else page.path
            if image and is_page:
                yield number, "an image"
            elif not path.exists():
                yield number, f"a link to {name}, which is not there"
            elif is_page and path not in pages:
                yield number, f"a link to {name}, which the binary does not serve"
            elif anchor and anchor not in (pages[path] if path in pages else Page(path)).anchors:
                yield number, f"a link to {target}, where there is no such heading"


def read_pages():
    paths = [ROOT / "README.md", *sorted(PAGES.glob("*.md"))]
    return {path.resolve(): Page(path) for path in paths}


def look(pages):
    """Every fault that shows without a binary."""
    found = []
    for page in pages.values():
        name = page.path.relative_to(ROOT)
        found += [f"{name}:{number}: {fault}" for number, fault in faults(page, pages)]
    readme = pages[ROOT / "README.md"]
    if readme.words() > README_WORDS:
        found.append(f"README.md has {readme.words()} words outside of code, and at most {README_WORDS} are possible")
    index = "\n".join(line for _, line in pages[PAGES / "index.md"].prose)
    for path in pages:
        if path.parent == PAGES and path.name != "index.md" and f"({path.name})" not in index:
            found.append(f"{path.relative_to(ROOT)} is not in index.md")
    return found


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    binary = pathlib.Path(sys.argv[1]).resolve()
    assert os.access(binary, os.X_OK), f"{binary} cannot be run"
    pages = read_pages()
    found = look(pages)
    for page in pages.values():
        if len(sys.argv) == 3 and page.path.stem != sys.argv[2]:
            continue
        try:
            walk(page, binary)
        except Failure as failure:
            found.append(str(failure))
    for fault in found:
        print(fault, file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
