"""Where a YAML parser gives up, what is said of that, and of what the way to read on depends."""

import re
from dataclasses import dataclass

from aespec.diagnostics import Place
from aespec.source.items import ITEMS
from aespec.source.text import Text, clipped


@dataclass(frozen=True)
class Trouble:
    """Where the parser gave up, and where that construct began; lines and columns from 0."""

    text: Text
    line: int
    column: int
    start: tuple[int, int] | None

    @property
    def before(self) -> str:
        """What stands before the place in its line."""
        return self.text.lines[self.line][: self.column]

    @property
    def character(self) -> str:
        """What stands there; empty at the end of a line."""
        return self.text.lines[self.line][self.column : self.column + 1]

    @property
    def last(self) -> int:
        """The line before that says something; the line itself where none does."""
        return next((each for each in reversed(range(self.line)) if self.text.lines[each].strip()), self.line)

    @property
    def here(self) -> Place:
        """The place itself."""
        return self.text.place(self.line, self.column)

    @property
    def opening(self) -> Place:
        """Where the construct began."""
        return self.text.place(*self.start) if self.start else self.here


CLOSING = {"[": "]", "{": "}"}
Explanation = tuple[Place, str, str | None]
NEAR = 200
"""Characters around a place that are looked at."""
ABOVE = 50
"""Lines above one that are looked at."""
LINE = 1000
"""Characters of a line that is looked at whole."""
WRITTEN = 300
"""Characters of a line that is to be written which are shown."""

# What is said; the way to read on is found by it.
NO_SPACE_AFTER_DASH = "no space after the dash"
FIELD_BESIDE = "a field in the column of the dashes"
NO_FIRST_DASH = "a list begins here, but not with `- `"
NO_DASH = "a list goes on here, but not with `- `"
BELOW_BRACES = "a field below braces that are closed"
SEMICOLON = "`;` where YAML wants a comma"
PARENTHESIS = "`)` where YAML wants a bracket"
BELOW_VALUE = "fields below a value"
FIELDS_AND_NO_COLON = " has fields below it, and no colon"
NO_COMMA = "a comma is missing before this line"
OTHER_QUOTE = "a quote that is closed by another one"
NO_ITEM = "a field of the spec with a dash"
NO_SECTION = "no section above "
NOT_INDENTED = "a field of a section in the column of its name"
NO_FIELD = "a list that belongs to no field"
COLON_WITHOUT_SPACE = r"(?<=\w):(?=[^\s:/])"
NO_COLON_AFTER = "no colon after "
NO_SPACE_AFTER_COLON = "no space after the colon"


def is_joined(key: str) -> bool:
    """Whether a key is a dash and a layer, between which a space lacks."""
    from aespec.registry import known_kind

    return key.startswith("-") and (key[1:] in ITEMS or known_kind(key[1:], "layer") is not None)


def joined_dash(text: Text, line: int, *, like_others: bool = False) -> Explanation | None:
    """Where a line is an item such as ``-dense: 8``, which YAML takes for a key; what that is, and what to write."""
    joined = re.match(r"(\s*)(-\w+)(.*)", text.lines[line])
    if joined is None or not (like_others or is_joined(joined[2])):
        return None
    written = clipped(f"- {joined[2][1:]}{joined[3]}".rstrip(), WRITTEN)
    return text.place(line, joined.end(1), len(joined[2])), NO_SPACE_AFTER_DASH, f"write `{written}`, and so each item"
