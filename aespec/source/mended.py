"""How a text that is no YAML is read on: without what one line says, so that what is wrong elsewhere is told too."""

import re

from aespec.diagnostics import Diagnostic
from aespec.source.text import AT_THE_TOP, LOST, Text
from aespec.source.yaml_errors import (
    FIELD_BESIDE,
    NO_DASH,
    NO_FIELD,
    NO_SPACE_AFTER_COLON,
    NO_SPACE_AFTER_DASH,
    is_joined,
)

__all__ = ["mended"]

_LINE = re.compile(r"(\s*)((?:-\s+)*)(?:([A-Za-z_]\w*)\s*:(?=\s|$))?")
_SAYS_ALL = re.compile(r"\s*\w+: +[^\s#]")
_SPACES = {
    NO_SPACE_AFTER_DASH: (r"^(\s*)-(?=\w)", r"\1- "),
    NO_SPACE_AFTER_COLON: (r"(?<=\w):(?=[^\s:/])", ": "),
}
_ABOUT_COLUMNS = re.compile(r"indentation|begins in column|cannot follow the line above|a tab where")


def mended(text: Text, problem: Diagnostic) -> tuple[Text, int] | None:
    """A text without what the line of a problem says, or with that line where it belongs; and the last line changed.

    None where a text cannot be read on.
    """
    if problem.place is None or problem.place.name != text.name:
        return None
    lines, at = [*text.lines], problem.place.line - 1
    if LOST in lines[at] or lines[at].startswith(("{", "[")):  # of a text in braces nothing is known then
        return None
    wrong, right = _SPACES.get(problem.message, _SPACES[NO_SPACE_AFTER_DASH])
    if problem.message in _SPACES or re.match(r"\s*-[A-Za-z]", lines[at]):
        lines[at] = re.sub(wrong, right, lines[at], count=1)
        return _of(lines, text), at + 1
    if lines[at].rstrip().endswith((",", ";")) and "remove the" in (problem.help or ""):
        lines[at] = lines[at].rstrip()[:-1]
        return _of(lines, text), at + 1
    if problem.message.endswith("is never closed") and lines[at][problem.place.column - 1 :][:1] in ("'", '"'):
        lines[at] = lines[at][: problem.place.column - 1] + lines[at][problem.place.column :]
        return _of(lines, text), at + 1
    if re.search(rf"\S\s*\b({'|'.join(AT_THE_TOP[2:])}):(\s|$)", lines[at]) and not _depth(lines[at]):  # two of them
        return _lost(text, at, 0, _below(lines, at, beside=True))
    if is_joined(f"-{lines[at].strip()}"):
        below = next((line for line in lines[at + 1 :] if line.strip()), "")
        lines[at] = " " * _depth(below if below.lstrip().startswith("- ") else lines[at]) + f"- {lines[at].strip()}"
        return _of(lines, text), at + 1
    if problem.message == FIELD_BESIDE:
        own = _depth(lines[at])
        last = next((n for n in range(at + 1, len(lines)) if re.match(rf"\s{{0,{own}}}(-\s|\S)", lines[n])), len(lines))
        while last < len(lines) and re.match(rf"\s{{{own}}}\w", lines[last]):
            last += 1
        lines[at:last] = ["    " + line for line in lines[at:last]]
        return _of(lines, text), at + 1
    if problem.message == NO_DASH:
        last = _below(lines, at)
        if not is_joined(f"-{lines[at].strip().partition(':')[0]}"):
            lines[at : last + 1] = [lines[at][: _depth(lines[at])] + f"- {LOST}", *[""] * (last - at)]
            return _of(lines, text), last + 1
        indent = lines[at][: _depth(lines[at])]
        lines[at : last + 1] = [f"{indent}- {lines[at].strip()}", *("  " + line for line in lines[at + 1 : last + 1])]
        return _of(lines, text), at + 1
    if problem.message == NO_FIELD:
        return _lost(text, at, 0, _below(lines, at, beside=True))
    if _ABOUT_COLUMNS.search(problem.message):
        return _in_its_column(text, at)
    return _without(text, at)


def _without(text: Text, at: int) -> tuple[Text, int]:
    """A text without what a line says: all but its dash and the name of its field, and what its brackets hold below."""
    lines = [*text.lines]
    indent, dashes, field = _LINE.match(lines[at]).groups(default="")  # type: ignore[union-attr]
    last = at
    if len(re.findall(r"[\[{]", lines[at])) > len(re.findall(r"[\]}]", lines[at])):
        last = _below(lines, at, brackets=True)
    lines[at + 1 : last + 1] = [""] * (last - at)
    holds = last == at and _holds_more(lines, at, len(indent) + len(dashes))  # a section, or a layer with its fields
    said = f"{field or LOST}:" + f" {LOST}" * (not holds) if field or not dashes else LOST
    lines[at] = indent + dashes + said
    return _of(lines, text), last + 1


def _lost(text: Text, at: int, column: int, last: int) -> tuple[Text, int]:
    """A text with a field of which nothing is known in the place of some lines."""
    lines = [*text.lines]
    lines[at : last + 1] = [f"{' ' * column}{LOST}: {LOST}", *[""] * (last - at)]
    return _of(lines, text), last + 1


def _in_its_column(text: Text, at: int) -> tuple[Text, int] | None:
    """A text with a line where its neighbors begin.

    Of a field that is none of the spec itself it is not known to which of those above it belongs: it is left out.
    """
    lines = text.lines
    indent, dashes, field = _LINE.match(lines[at]).groups(default="")  # type: ignore[union-attr]
    if dashes:
        return _moved(text, at, _column_of_items(lines[:at]))
    if field in AT_THE_TOP:
        return _moved(text, at, 0)
    if "\t" in indent:
        return _moved(text, at, _column_below(lines[:at]))
    column = _column_of_fields(lines[:at], len(indent))
    if _next_depth(lines, at) == len(indent):
        return _moved_above(text, at, column)
    return _lost(text, at, column, at if _SAYS_ALL.match(lines[at]) else _below(lines, at))


def _next_depth(lines: list[str], at: int) -> int:
    """How deep the next line stands that does not stand below one."""
    own = _depth(lines[at])
    return next((_depth(line) for line in lines[at + 1 :] if line.strip() and _depth(line) <= own), 0)


def _moved_above(text: Text, at: int, column: int) -> tuple[Text, int]:
    """A text with the lines before one, which begin at a column or behind it, where that one begins."""
    lines, own = [*text.lines], _depth(text.lines[at])
    for line in reversed(range(at)):
        if lines[line].strip() and _depth(lines[line]) < column:
            break
        lines[line] = lines[line][column - own :]
    return _of(lines, text), at


def _column_below(above: list[str]) -> int:
    """Where a field begins that stands in the line below these, whether beside the last or below it."""
    last = next((line for line in reversed(above) if line.strip()), "")
    return _depth(last) + (2 if last.rstrip().endswith(":") else 0) + (2 if last.lstrip().startswith("- ") else 0)


def _of(lines: list[str], text: Text) -> Text:
    """A text of these lines, which shows those of another."""
    return Text("\n".join(lines), text.name, shown=text.shown)


def _holds_more(lines: list[str], at: int, column: int) -> bool:
    """Whether the next line that says something stands below what begins at a column of a line."""
    below = next((line for line in lines[at + 1 :] if line.strip()), "")
    return _depth(below) > column or (_depth(below) == column and below.lstrip().startswith("- "))


def _below(lines: list[str], at: int, *, brackets: bool = False, beside: bool = False) -> int:
    """The last of the lines that stand deeper than one, or close a bracket, or are items beside it."""
    last, own = at, _depth(lines[at])
    for line in range(at + 1, len(lines)):
        item = beside and lines[line].lstrip().startswith("- ") and _depth(lines[line]) == own
        if lines[line].strip(" ]}" if brackets else None) and _depth(lines[line]) <= own and not item:
            break
        last = line
    return last


def _column_of_items(above: list[str]) -> int:
    """Where an item begins that stands below these lines in the wrong column."""
    items = (_depth(line) for line in reversed(above) if line.lstrip().startswith("- "))
    return next(items, _depth(next((line for line in reversed(above) if line.strip()), "")) + 2)


def _column_of_fields(above: list[str], column: int) -> int:
    """Where fields begin that a field stands beside, below these lines, in a wrong column."""
    found = 0
    for line in reversed(above):
        begin = len(_LINE.match(line)[1]) + len(_LINE.match(line)[2])  # type: ignore[index]
        if line.strip() and not line.lstrip().startswith("#"):
            if begin <= column:
                return found or begin
            found = begin if not found else min(found, begin)
    return found


def _moved(text: Text, at: int, column: int) -> tuple[Text, int] | None:
    """A text with a line, and what stands beside and below it, in another column; None where that changes nothing."""
    lines, own = [*text.lines], _depth(text.lines[at])
    if lines[at] == " " * column + lines[at].strip():
        above = [_depth(line) for line in lines[:at] if line.strip() and not line.lstrip().startswith("#")]
        if column or not above or not min(above):
            return None
        lines[:at] = [line[min(min(above), _depth(line)) :] for line in lines[:at]]
        return _of(lines, text), at
    for line in range(at, at + 1 if "\t" in lines[at][:own] else len(lines)):
        begin = _depth(lines[line])
        if line > at and lines[line].strip() and (begin < own or begin == column):
            break
        if line == at or "\t" not in lines[line][:begin]:
            lines[line] = " " * (column + max(begin - own, 0)) + lines[line].strip()
    return _of(lines, text), at + 1


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
