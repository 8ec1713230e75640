"""Characters that look like the signs of YAML and are none, as word processors, web pages and keyboards make them."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Lookalike", "begins_with_lookalike", "lookalike"]

_SPACES = "\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000"
_DASHES = "\u2010-\u2015\u2022\u2043\u2219\u2212\u00b7\u30fb"
_SIGNS = {
    "\uff1a": (":", "colon"),
    "\uff0c": (",", "comma"),
    "\u3001": (",", "comma"),
    "\uff3b": ("[", "bracket"),
    "\uff3d": ("]", "bracket"),
    "\uff5b": ("{", "brace"),
    "\uff5d": ("}", "brace"),
    "\uff03": ("#", "number sign"),
}
_DASH = re.compile(rf"\s*([{_DASHES}])(?=[\s{_SPACES}])")
_SIGN = re.compile(rf"[{_SPACES}{''.join(_SIGNS)}]")
_AT_START = re.compile(rf"[{_SPACES}]|[{_DASHES}][\s{_SPACES}]|\w+(\uff1a|:[{_SPACES}])")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|(?<=\s)#.*")


class Lookalike(NamedTuple):
    """Such a character in a line."""

    column: int
    """From 0."""
    message: str
    instead: str
    """The line as it is to be written."""


def lookalike(line: str) -> Lookalike | None:
    r"""The first such character in a line, outside of quotes and comments.

    >>> lookalike("  \u2013 dense\uff1a64").instead
    '- dense: 64'
    >>> lookalike("name:\u00a0x").message, lookalike("name: 'a\u00a0b'")
    ('U+00A0 is not the space of YAML', None)
    """
    bare = _QUOTED.sub(lambda part: "x" * len(part[0]), line)
    found = _DASH.match(bare) or _SIGN.search(bare)
    if found is None:
        return None
    column = found.end() - 1
    character = line[column]
    invisible = re.fullmatch(f"[{_SPACES}]", character)
    what = "space" if invisible else _SIGNS[character][1] if character in _SIGNS else "dash"
    shown = f"U+{ord(character):04X}" if invisible else f"`{character}` (U+{ord(character):04X})"
    return Lookalike(column, f"{shown} is not the {what} of YAML", _put_right(line, bare))


def begins_with_lookalike(text: str) -> bool:
    """Whether an unquoted key, or item of a list, begins as if such a character were a sign of YAML."""
    return _AT_START.match(text) is not None


def _put_right(line: str, bare: str) -> str:
    found = "".join(_SIGN.sub(_sign, each) if each == own else each for each, own in zip(line, bare, strict=True))
    found = re.sub(r"([:,])(?=\S)", r"\1 ", _DASH.sub("-", found)) if found != line else _DASH.sub("-", found)
    return re.sub(r"\s+", " ", found).strip()


def _sign(found: re.Match[str]) -> str:
    return _SIGNS.get(found[0], (" ", ""))[0]
