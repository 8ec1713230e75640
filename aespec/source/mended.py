"""How a text that is no YAML is read on: without what one line says, so that what is wrong elsewhere is told too."""

import re

from aespec.diagnostics import Diagnostic
from aespec.source.text import AT_THE_TOP, Text

__all__ = ["LOST", "mended"]

LOST = "__lost__"
"""Stands for what a line says, and for the field that it states where that is not known."""

_LINE = re.compile(r"(\s*)((?:-\s+)*)(?:([A-Za-z_]\w*)\s*:(?=\s|$))?")
_ABOUT_COLUMNS = re.compile(r"indentation|begins in column|cannot follow the line above|a tab where")


def mended(text: Text, problem: Diagnostic) -> Text | None:
    """A text with the line of a problem where its neighbors begin, or without what it says; None where neither helps.

    What a line says is all but the dash of an item and the name of a field, and what its brackets hold below it.
    Variables that are not known would be missed wherever they stand, so that a text with a fault in ``vars`` is not
    read on. Of lines in a wrong column items are moved, and the fields at the top: of others it is not known where to.
    """
    if problem.place is None or problem.place.name != text.name or LOST in text.text:
        return None
    lines, at = [*text.lines], problem.place.line - 1
    if any(line.startswith("vars") for line in _around(lines, at)):
        return None
    content = lines[at]
    indent, dashes, field = _LINE.match(content).groups(default="")  # type: ignore[union-attr]
    if _ABOUT_COLUMNS.search(problem.message):
        return _moved(text, at, _column_of_items(lines[:at]) if dashes else 0 if field in AT_THE_TOP else None)
    if not dashes and not field and re.match(r"\s*-\w", content):  # a dash without a space
        dashes = "- "
    lines[at] = indent + dashes + (f"{field}: {LOST}" if field else LOST if dashes else f"{LOST}: {LOST}")
    if len(re.findall(r"[\[{]", content)) != len(re.findall(r"[\]}]", content)):
        for behind in range(at + 1, len(lines)):
            if lines[behind].strip(" ]}") and _depth(lines[behind]) <= len(indent):
                break
            lines[behind] = ""
    return Text("\n".join(lines), text.name)


def _column_of_items(above: list[str]) -> int | None:
    """Where an item begins that stands below these lines in the wrong column."""
    return next((_depth(line) for line in reversed(above) if line.lstrip().startswith("- ")), None)


def _moved(text: Text, at: int, column: int | None) -> Text | None:
    """A text with a line, and what stands below it, in another column; None where that changes nothing."""
    lines, own = [*text.lines], _depth(text.lines[at])
    if column is None or lines[at] == " " * column + lines[at].strip():
        return None
    for line in range(at, len(lines)):
        if line > at and lines[line].strip() and (_depth(lines[line]) <= own or lines[line].lstrip()[:2] == "- "):
            break
        lines[line] = " " * (column + max(_depth(lines[line]) - own, 0)) + lines[line].strip()
    return Text("\n".join(lines), text.name)


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _around(lines: list[str], at: int) -> list[str]:
    """The line, and those above it that it stands below."""
    found, least = [lines[at]], _depth(lines[at])
    for line in reversed(lines[:at]):
        if line.strip() and _depth(line) < least:
            least = _depth(line)
            found.append(line)
    return found
