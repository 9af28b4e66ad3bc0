"""Pages of documentation as scripts.

Fenced blocks marked ``sh`` (a script) and ``console`` (commands after ``$``, each followed by what it prints) are run,
those of one page in order and in one folder that looks like a fresh clone. Commands must end with 0 and print what the
page says; a line ``...`` stands for any lines. A comment on the line before a block changes this, or several, with
commas between them:

    <!-- run by make TARGET -->  it needs more than Python: this target runs it, in place of ``make test``
    <!-- keeps running -->       a terminal of its own until the next ## heading; Ctrl-C ends it
    <!-- exits with 2 -->        the last command's exit code
    <!-- as NAME -->             the block, of whatever language, is the content of this file

Ids, times and ports differ from run to run and are not compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(\w*)\s*$")
_COMMENT = re.compile(r"^<!--\s*(.*?)\s*-->$")
_RUN = {"sh", "console"}
_VARIES = [
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "ID"),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+Z)?"), "TIME"),
    (re.compile(r"\w{3}, \d+ \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}"), "DATE"),
    (re.compile(r"\b\d+ ms\b"), "N ms"),
    (re.compile(r" --server \d+"), ""),
    (re.compile(r"(127\.0\.0\.1:|localhost:|127\.0\.0\.1', |ports? |and )\d+"), r"\1PORT"),
]


@dataclass(frozen=True)
class Block:
    """One fenced block that may be run."""

    line: int
    section: str
    language: str
    text: str
    note: str = ""

    @property
    def target(self) -> str:
        """The make target that runs it; empty for ``make test``."""
        return self._noted("run by make ")

    @property
    def keeps_running(self) -> bool:
        return "keeps running" in self.note.split(", ")

    @property
    def exit_code(self) -> int:
        return int(self._noted("exits with ") or 0)

    @property
    def file(self) -> str:
        """What it is to be called if it is a file."""
        return self._noted("as ")

    def _noted(self, what: str) -> str:
        return next((said.removeprefix(what) for said in self.note.split(", ") if said.startswith(what)), "")

    def commands(self) -> list[tuple[str, list[str]]]:
        """Each command and the lines it prints; a script is one command that may print anything."""
        if self.language == "sh":
            return [(self.text, [])]
        found: list[tuple[str, list[str]]] = []
        for line in self.text.splitlines():
            if found and found[-1][0].endswith("\\") and not found[-1][1]:
                found[-1] = (f"{found[-1][0]}\n{line.removeprefix('> ')}", [])
            elif line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
        return found


def blocks(page: str) -> Iterator[Block]:
    """The blocks of a page that are scripts, in order."""
    section, note, opened, language, lines = "", "", 0, "", list[str]()
    for number, line in enumerate(page.splitlines(), 1):
        fence = _FENCE.match(line)
        if opened and fence:
            if language in _RUN or note.startswith("as "):
                yield Block(opened, section, language, "\n".join(lines), note)
            opened, note = 0, ""
        elif opened:
            lines.append(line)
        elif fence:
            opened, language, lines = number, fence[1], []
        elif line.startswith("## "):
            section = line
        elif line.strip():
            comment = _COMMENT.match(line)
            note = comment[1] if comment else ""


def same(expected: list[str], printed: str) -> bool:
    """Whether a page tells the truth: these lines, but for what varies and what ``...`` leaves out.

    No lines claim nothing.
    """
    if not expected:
        return True
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else re.escape(_steady(line)) + r"\n" for line in expected)
    return re.fullmatch(pattern, "".join(f"{_steady(line)}\n" for line in printed.splitlines())) is not None


def within(expected: list[str], printed: str) -> bool:
    """Whether the lines are among those printed, in this order; logs may come between."""
    got = iter([_steady(line) for line in printed.splitlines()])
    return all(line in got for line in map(_steady, expected) if line not in ("", "..."))


def _steady(line: str) -> str:
    for pattern, name in _VARIES:
        line = pattern.sub(name, line)
    return line.rstrip()


def pages() -> list[Path]:
    """The README and every page under docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks_by(target: str) -> dict[str, list[Block]]:
    """What one make target runs, empty for ``make test``: blocks in order, by the name of their page."""
    found = {str(page.relative_to(ROOT)): [*blocks(page.read_text(encoding="utf-8"))] for page in pages()}
    by_page = {name: [block for block in page if block.target == target] for name, page in found.items()}
    return {name: page for name, page in by_page.items() if page}
