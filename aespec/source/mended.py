"""How a text that is no YAML is read on: with a line as it is meant or without it, so that what else is wrong is told.

Each way takes the lines, which it changes, where the one with the fault stands, and what is told of it. It gives how
many lines are read otherwise than they are written, up to that one; None where it is none for that fault.
"""

import re
from collections.abc import Callable
from itertools import takewhile

from aespec.diagnostics import Diagnostic
from aespec.source.second_colon import second_field
from aespec.source.text import AT_THE_TOP, LOST, Text, indent_of
from aespec.source.trouble import (
    BELOW_BRACES,
    BELOW_VALUE,
    COLON_WITHOUT_SPACE,
    FIELD_BESIDE,
    FIELDS_AND_NO_COLON,
    NO_COLON_AFTER,
    NO_COMMA,
    NO_DASH,
    NO_FIELD,
    NO_FIRST_DASH,
    NO_ITEM,
    NO_SECTION,
    NO_SPACE_AFTER_COLON,
    NO_SPACE_AFTER_DASH,
    NOT_INDENTED,
    OTHER_QUOTE,
    PARENTHESIS,
    SEMICOLON,
    is_joined,
)

__all__ = ["mended"]

_LINE = re.compile(r"(\s*)((?:-\s+)*)(?:([A-Za-z_]\w*)\s*:(?=\s|$))?")
_SAYS_ALL = re.compile(r"\s*\w+: +[^\s#]")
_SPACES = {
    NO_SPACE_AFTER_DASH: (r"^(\s*)-(?=\w)", r"\1- "),
    NO_SPACE_AFTER_COLON: (COLON_WITHOUT_SPACE, ": "),
}
_ABOUT_COLUMNS = re.compile(
    r"indentation|begins in column|cannot follow the line above|a tab where|in a list of layers"
)


def mended(text: Text, problem: Diagnostic) -> tuple[Text, int] | None:
    """A text that reads on where a problem ends reading, and the last line about which no more is to be told.

    None where a text cannot be read on.
    """
    if problem.place is None or problem.place.name != text.name:
        return None
    lines, at = [*text.lines], problem.place.line - 1
    if LOST in lines[at] or lines[at].startswith(("{", "[")):  # of a text in braces nothing is known then
        return None
    last = next((found for way in _WAYS if (found := way(lines, at, problem)) is not None), None)
    return None if last is None or lines == text.lines else (Text("\n".join(lines), text.name, shown=text.shown), last)


def _with_a_space(lines: list[str], at: int, problem: Diagnostic) -> int | None:
    """Behind a dash or a colon, or with the colon."""
    if problem.message.startswith(NO_COLON_AFTER) and lines[at].strip() in AT_THE_TOP:
        lines[at] = f"{lines[at].strip()}:"
        return at + 1
    if problem.message.startswith(NO_COLON_AFTER):
        lines[at] = re.sub(r"(?<=\w) *(?=[\[{])", ": ", lines[at], count=1)
        return at + 1
    joined = NO_SPACE_AFTER_DASH if re.match(r"\s*-[A-Za-z]", lines[at]) else problem.message
    if joined not in _SPACES:
        return None
    wrong, right = _SPACES[joined]
    lines[at] = re.sub(wrong, right, lines[at])
    return at + 1


def _without_it(lines: list[str], at: int, problem: Diagnostic) -> int | None:
    """Of a line that is no part of a spec: a comment or a directive of elsewhere, a fence."""
    if not re.match(r"a comment begins|a fence of|a directive that|a conflict of", problem.message):
        return None
    lines[at] = ""
    return at + 1


def _with_another_sign(lines: list[str], at: int, problem: Diagnostic) -> int | None:
    """With a comma for a semicolon, a bracket for a parenthesis, a dash for a star, a quote for another, or no dash."""
    if problem.message == OTHER_QUOTE and problem.place:
        begin = problem.place.column - 1
        lines[at] = lines[at][:begin] + re.sub(r"""(['"])([^'"]*)['"]""", r"\1\2\1", lines[at][begin:], count=1)
        return at + 1
    if problem.message == NO_ITEM:
        lines[at] = lines[at].replace("- ", "", 1)
        return at + 1
    if re.match(r"\s*\* ", lines[at]) and "write `- " in (problem.help or ""):
        lines[at] = lines[at].replace("*", "-", 1)
        return at + 1
    if problem.message not in (SEMICOLON, PARENTHESIS) or problem.place is None:
        return None
    sign = "," if problem.message == SEMICOLON else (problem.help or "")[-2]
    lines[at] = f"{lines[at][: problem.place.column - 1]}{sign}{lines[at][problem.place.column :]}"
    return at + 1


def _without_a_sign(lines: list[str], at: int, problem: Diagnostic) -> int | None:
    """Without the comma at the end of a line, or a quote that is never closed."""
    begin = problem.place.column - 1 if problem.place else 0
    if lines[at].rstrip().endswith((",", ";")) and "remove the" in (problem.help or ""):
        begin = len(lines[at].rstrip()) - 1
    elif not problem.message.endswith("is never closed") or lines[at][begin : begin + 1] not in ("'", '"'):
        return None
    lines[at] = lines[at][:begin] + lines[at][begin + 1 :]
    return at + 1


def _with_a_comma(lines: list[str], at: int, problem: Diagnostic) -> int | None:
    """Behind the line before."""
    above = next((line for line in reversed(range(at)) if lines[line].strip()), None)
    if problem.message != NO_COMMA or above is None or "#" in lines[above]:
        return None
    lines[above] += ","
    return at


def _without_what_is_below(lines: list[str], at: int, problem: Diagnostic) -> int | None:
    """Of fields below a value that is complete: without them, and as the shape that the value is meant as."""
    if problem.message != BELOW_VALUE:
        return None
    first = at
    if re.search(r": [\w.+-]+:$", lines[at].rstrip()):
        lines[at], first = lines[at].rstrip()[:-1], at + 1
    above = next((line for line in reversed(range(first)) if lines[line].strip()), 0)
    lines[above] = re.sub(r"^input: ([0-9]+)\s*$", r"input: [\1]", lines[above])
    return _without_block(lines, first)


def _with_its_colon(lines: list[str], at: int, problem: Diagnostic) -> int | None:
    """Of a layer that lacks it, and has fields below."""
    if not problem.message.endswith(FIELDS_AND_NO_COLON):
        return None
    own, lines[at] = indent_of(lines[at]), f"{lines[at].rstrip()}:"
    below = next((indent_of(line) for line in lines[at + 1 :] if line.strip()), 0)
    for line in range(at + 1, len(lines) if below == own + 2 else 0):
        if lines[line].strip() and indent_of(lines[line]) <= own:
            break
        lines[line] = f"  {lines[line]}"
    return at + 1


def _in_its_braces(lines: list[str], at: int, problem: Diagnostic) -> int | None:
    """Of fields below braces that are closed: with one in them of which nothing is known."""
    if problem.message != BELOW_BRACES:
        return None
    above = next(line for line in reversed(range(at)) if lines[line].strip())
    lines[above] = f"{lines[above].rstrip()[:-1]}, {LOST}: {LOST}}}"
    return _without_block(lines, at)


def _without_two_fields(lines: list[str], at: int, problem: Diagnostic) -> int | None:
    """Of two fields of the spec in one line, or of what belongs to none: without all up to the next field."""
    if problem.message.startswith(NO_SECTION):
        above = next((line for line in reversed(lines[:at]) if line.strip()), "")
        column = indent_of(above) if "`layers:`" in (problem.help or "") else 0
        below = range(at + 1, len(lines))
        beside = [line for line in below if lines[line].strip() and indent_of(lines[line]) <= column]
        ends = (line for line in beside if indent_of(lines[line]) < column or not lines[line].lstrip().startswith("- "))
        return _lose(lines, at, column, next(ends, len(lines)) - 1)
    if not second_field(lines[at]) and problem.message != NO_FIELD:
        return None
    begins = (line for line in range(at + 1, len(lines)) if re.match(r"\w", lines[line]))
    return _lose(lines, at, 0, next(begins, len(lines)) - 1)


def _with_a_dash(lines: list[str], at: int, problem: Diagnostic) -> int | None:
    """Of a layer that lacks its dash; without any other line that stands among items."""
    said, own = lines[at].strip(), indent_of(lines[at])
    if is_joined(f"-{said}"):
        below = next((line for line in lines[at + 1 :] if line.strip()), "")
        lines[at] = f"{' ' * (indent_of(below) if below.lstrip().startswith('- ') else own)}- {said}"
        return at + 1
    if problem.message not in (NO_DASH, NO_FIRST_DASH):
        return None
    last = _below(lines, at)
    if is_joined(f"-{said.partition(':')[0]}"):
        lines[at : last + 1] = [f"{' ' * own}- {said}", *("  " + line for line in lines[at + 1 : last + 1])]
        return at + 1
    lines[at : last + 1] = [f"{' ' * own}- {LOST}", *[""] * (last - at)]
    return last + 1


def _below_its_name(lines: list[str], at: int, problem: Diagnostic) -> int | None:
    """Of a value, or a first field, that begins in the column of its name."""
    if problem.message == NOT_INDENTED:
        below = next(line for line in lines[at + 1 :] if line.strip())
        lines[at] = " " * indent_of(below) + lines[at].strip()
        return at + 1
    if not problem.message.endswith("begins in the column of its name"):
        return None
    lines[at] = f"  {lines[at]}"
    return at + 1


def _without_first_dash(lines: list[str], at: int, problem: Diagnostic) -> int | None:
    """Of fields of the spec with a dash before the first."""
    if not problem.message.endswith("in a list"):
        return None
    for line in range(at):
        if lines[line].startswith("- "):
            lines[line] = lines[line][2:]
    return at


def _in_its_brackets(lines: list[str], at: int, problem: Diagnostic) -> int | None:
    """Of items with dashes inside brackets: with commas in their place."""
    if not problem.message.startswith("an item with a dash inside"):
        return None
    for line in range(at, len(lines)):
        if not lines[line].lstrip().startswith("- "):
            break
        lines[line] = f"{lines[line].replace('- ', '  ', 1).rstrip().rstrip(',')},"
    return at + 1


def _below_its_layer(lines: list[str], at: int, problem: Diagnostic) -> int | None:
    """Of fields that stand in the column of the dashes, and all below them."""
    if problem.message != FIELD_BESIDE:
        return None
    own = indent_of(lines[at])
    for line in range(at, len(lines)):
        if lines[line].strip() and (indent_of(lines[line]) < own or re.match(rf"\s{{{own}}}-\s", lines[line])):
            break
        lines[line] = "    " + lines[line]
    return at + 1


def _in_its_column(lines: list[str], at: int, problem: Diagnostic) -> int | None:
    """Where its neighbors begin.

    Of a field that is none of the spec itself it is not known to which of those above it belongs: it is left out.
    """
    if not _ABOUT_COLUMNS.search(problem.message):
        return None
    indent, dashes, field = _LINE.match(lines[at]).groups(default="")  # type: ignore[union-attr]
    if "\t" in lines[at].lstrip():
        lines[at] = indent + lines[at].lstrip().replace("\t", " ")
        return at + 1
    if dashes:
        return _move(lines, at, _column_of_items(lines[:at]))
    if field in AT_THE_TOP and (field != "name" or len(indent) <= 2):  # which layers have too
        return _move(lines, at, 0)
    if "\t" in indent:
        return _move(lines, at, _column_below(lines[:at]))
    column = _column_of_fields(lines[:at], len(indent))
    if field and "cannot follow" in problem.message:
        return _move(lines, at, column)
    if _next_depth(lines, at) == len(indent) and _is_alone(lines, at):
        return _move_above(lines, at, len(indent) - 1)
    if _next_depth(lines, at) == len(indent) < column:
        return _move_above(lines, at, column)
    return _lose(lines, at, column, at if _SAYS_ALL.match(lines[at]) else _below(lines, at))


def _without(lines: list[str], at: int, problem: Diagnostic) -> int | None:
    """Without all but its dash and the name of its field, and without what its brackets hold below it."""
    if _ABOUT_COLUMNS.search(problem.message):
        return None
    indent, dashes, field = _LINE.match(lines[at]).groups(default="")  # type: ignore[union-attr]
    last = at
    if len(re.findall(r"[\[{]", lines[at])) > len(re.findall(r"[\]}]", lines[at])):
        last = _below(lines, at, brackets=True)
    lines[at + 1 : last + 1] = [""] * (last - at)
    holds = last == at and _holds_more(lines, at, len(indent) + len(dashes))  # a section, or a layer with its fields
    said = f"{field or LOST}:" + f" {LOST}" * (not holds) if field or not dashes else LOST
    lines[at] = indent + dashes + said
    return last + 1


_WAYS: tuple[Callable[[list[str], int, Diagnostic], int | None], ...] = (
    _without_it,
    _with_a_space,
    _with_another_sign,
    _without_a_sign,
    _with_a_comma,
    _without_what_is_below,
    _with_its_colon,
    _in_its_braces,
    _without_two_fields,
    _with_a_dash,
    _below_its_name,
    _without_first_dash,
    _in_its_brackets,
    _below_its_layer,
    _in_its_column,
    _without,
)
"""The surest first."""


def _without_block(lines: list[str], first: int) -> int:
    """Leave out what begins on a line, in its column or further right; gives the line behind it."""
    column = next((indent_of(line) for line in lines[first:] if line.strip()), 0)
    ends = (line for line in range(first, len(lines)) if lines[line].strip() and indent_of(lines[line]) < column)
    end = next(ends, len(lines))
    lines[first:end] = [""] * (end - first)
    return end


def _lose(lines: list[str], at: int, column: int, last: int) -> int:
    """Put a field of which nothing is known in the place of some lines."""
    lines[at : last + 1] = [f"{' ' * column}{LOST}: {LOST}", *[""] * (last - at)]
    return last + 1


def _next_depth(lines: list[str], at: int) -> int:
    """How deep the next line stands that does not stand below one."""
    own = indent_of(lines[at])
    return next((indent_of(line) for line in lines[at + 1 :] if line.strip() and indent_of(line) <= own), 0)


def _is_alone(lines: list[str], at: int) -> bool:
    """Whether the field before one, the first beside it, is the one that begins a column too far to the left."""
    column = indent_of(lines[at]) - 1
    above = takewhile(lambda line: not line.strip() or indent_of(line) >= column, reversed(lines[:at]))
    return [indent_of(line) for line in above if line.strip()].count(column) == 1


def _move_above(lines: list[str], at: int, column: int) -> int:
    """Move the lines before one, which begin at a column or behind it, to where that one begins."""
    shift = indent_of(lines[at]) - column
    for line in reversed(range(at)):
        if lines[line].strip() and indent_of(lines[line]) < column:
            break
        lines[line] = " " * shift + lines[line][max(-shift, 0) :]
    return at


def _column_below(above: list[str]) -> int:
    """Where a field begins that stands in the line below these, whether beside the last or below it."""
    last = next((line for line in reversed(above) if line.strip()), "")
    return indent_of(last) + (2 if last.rstrip().endswith(":") else 0) + (2 if last.lstrip().startswith("- ") else 0)


def _holds_more(lines: list[str], at: int, column: int) -> bool:
    """Whether the next line that says something stands below what begins at a column of a line."""
    below = next((line for line in lines[at + 1 :] if line.strip()), "")
    return indent_of(below) > column or (indent_of(below) == column and below.lstrip().startswith("- "))


def _below(lines: list[str], at: int, *, brackets: bool = False) -> int:
    """The last of the lines that stand deeper than one, or close a bracket."""
    last, own = at, indent_of(lines[at])
    for line in range(at + 1, len(lines)):
        if lines[line].strip(" ]}" if brackets else None) and indent_of(lines[line]) <= own:
            break
        last = line
    return last


def _column_of_items(above: list[str]) -> int:
    """Where an item begins that stands below these lines in the wrong column."""
    items = (indent_of(line) for line in reversed(above) if line.lstrip().startswith("- "))
    return next(items, indent_of(next((line for line in reversed(above) if line.strip()), "")) + 2)


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


def _move(lines: list[str], at: int, column: int) -> int | None:
    """Move a line, and what stands beside and below it, to another column; None where that changes nothing."""
    own = indent_of(lines[at])
    if lines[at] == " " * column + lines[at].strip():
        above = [indent_of(line) for line in lines[:at] if line.strip() and not line.lstrip().startswith("#")]
        if column or not above or not min(above):
            return None
        lines[:at] = [line[min(min(above), indent_of(line)) :] for line in lines[:at]]
        return at
    item = lines[at].startswith("- ", own)
    for line in range(at, at + 1 if "\t" in lines[at][:own] else len(lines)):
        begin = indent_of(lines[line])
        ends = begin < own or begin == column or (begin == own and item and not lines[line].startswith("- ", begin))
        if line > at and lines[line].strip() and ends:
            break
        if line == at or "\t" not in lines[line][:begin]:
            lines[line] = " " * (column + max(begin - own, 0)) + lines[line].strip()
    return at + 1
