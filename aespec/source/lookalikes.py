"""Characters that look like the signs of YAML and are none, as word processors, web pages and keyboards make them."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["SIGNS", "SPACES", "Lookalike", "lookalike", "parted_word"]

SPACES = "\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000"
_DASHES = "\u2010-\u2015\u2022\u2043\u2219\u2212\u00b7\u30fb"
SIGNS = {
    "\uff1a": (": ", "colon"),
    "\uff0c": (", ", "comma"),
    "\u3001": (", ", "comma"),
    "\uff3b": ("[", "bracket"),
    "\uff3d": ("]", "bracket"),
    "\uff5b": ("{", "brace"),
    "\uff5d": ("}", "brace"),
    "\uff03": ("#", "number sign"),
}
"""What each looks like, as it is to be written, and what that is called."""

_DASH = re.compile(rf"\s*([{_DASHES}])(?=[\s{SPACES}])")
_SIGN = re.compile(rf"[{SPACES}{''.join(SIGNS)}]")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|(?:^|(?<=\s))#.*")
_PLAIN = re.compile(r"\s*(?:- )?[\w-]+: +(?=[^\s\[{\"'])")
_WORD = re.compile(rf"[\s{SPACES}]*(?:[-{_DASHES}][\s{SPACES}]+)?(\w+)(?:\uff1a|:[\s{SPACES}]|$)")
_ANY = re.compile(rf"[{SPACES}{_DASHES}\uff1a]")


class Lookalike(NamedTuple):
    """Such a character in a line."""

    column: int
    """From 0."""
    message: str
    instead: str
    """The line as it is to be written."""


def lookalike(line: str) -> Lookalike | None:
    r"""The first such character in a line that stands where a sign can: not in quotes, in a comment or in a plain text.

    >>> lookalike("  \u2013 dense\uff1a64").instead, lookalike("- dense: {units: 3\uff0cname: a}").instead
    ('- dense: 64', '- dense: {units: 3, name: a}')
    >>> lookalike("name:\u00a0x").message, lookalike("name: 'a\u00a0b'"), lookalike("name: a\uff1ab")
    ('U+00A0 is not the space of YAML', None, None)
    >>> lookalike('- dense\uff1a3  # a \u2013 b').instead == '- dense: 3 # a \u2013 b'
    True
    """
    bare = _QUOTED.sub(lambda part: "x" * len(part[0]), line)
    found = _DASH.match(bare) or _SIGN.search(bare)
    if found is None or ((plain := _PLAIN.match(bare)) and found.start() >= plain.end()):
        return None
    column = found.end() - 1
    character = line[column]
    invisible = re.fullmatch(f"[{SPACES}]", character)
    what = "space" if invisible else SIGNS[character][1] if character in SIGNS else "dash"
    shown = f"U+{ord(character):04X}" if invisible else f"`{character}` (U+{ord(character):04X})"
    return Lookalike(column, f"{shown} is not the {what} of YAML", _put_right(line))


def parted_word(text: str) -> str | None:
    r"""The word that begins an unquoted text, where a lookalike of a dash, a space or a colon stands beside it.

    >>> parted_word("\u2013 dense"), parted_word("dense\uff1a64"), parted_word("dense: 64")
    ('dense', 'dense', None)
    """
    found = _WORD.match(text)
    return found[1] if found and _ANY.search(found[0]) else None


def _put_right(line: str) -> str:
    """The line with YAML's signs, its quotes and comments left as they are."""
    parts, end = [], 0
    for quoted in _QUOTED.finditer(line):
        parts += [_with_signs(line[end : quoted.start()]), quoted[0]]
        end = quoted.end()
    text = "".join([*parts, _with_signs(line[end:])]).strip()
    dash = _DASH.match(text)
    return f"-{text[dash.end() :]}" if dash else text


def _with_signs(text: str) -> str:
    """An unquoted stretch of a line with YAML's signs, a space behind each that wants one."""
    return re.sub(r"\s+", " ", _SIGN.sub(lambda found: SIGNS.get(found[0], (" ", ""))[0], text))
