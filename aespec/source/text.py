"""A text by its lines, and the tree of nodes that reading it gives: each value beside its place."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, NoReturn

from aespec.diagnostics import AespecError, Diagnostic, Place
from aespec.rules import DuplicateKey, SyntaxProblem, TooLarge
from aespec.source.scalar import Scalar

SURROGATES = "[\ud800-\udfff]"
"""Halves of pairs that no encoding can write."""

LOST = "__lost__"
"""Stands for what a text that is wrong says, and for a field of it that is not known."""

MAX_CHARACTERS = 2**20
MAX_NODES = 20_000
MAX_DEPTH = 64
MAX_DIGITS = 1_000


class Entry(NamedTuple):
    """One entry of a mapping: where its key is written, and its value."""

    key: Place
    node: "Node"


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it is written. It never changes, so that an anchor and its aliases can share one."""

    value: "Scalar | list[Node] | dict[str, Entry]"
    place: Place

    @property
    def data(self) -> Any:
        """The value without its places."""
        if isinstance(self.value, list):
            return [item.data for item in self.value]
        return {key: item.data for key, (_, item) in self.value.items()} if isinstance(self.value, dict) else self.value


class Text:
    """A text and its lines, which find the Place of a stretch of it.

    The first ``blank`` characters are shown in places, but read as spaces; the lines ``shown``, where there are any,
    in the place of those that are read.
    """

    def __init__(
        self,
        text: str,
        name: str,
        breaks: str = r"\r\n|[\n\r]",
        blank: int = 0,
        shown: Sequence[str] | None = None,
    ) -> None:
        self.text = " " * blank + text[blank:]
        self.name = name
        gaps = [match.span() for match in re.finditer(breaks, text)]
        self._starts = [0, *(end for _, end in gaps)]
        stops = [*(start for start, _ in gaps), len(text)]
        self.lines = [text[start:stop] for start, stop in zip(self._starts, stops, strict=True)]
        self.shown = self.lines if shown is None else shown

    def place(self, line: int, column: int, width: int = 1) -> Place:
        """Give the place that starts at a line and column, counted from 0."""
        read, shown = self.lines[line], self.shown[line]
        if shown is not read and shown.lstrip() == read.lstrip():  # moved
            column += len(shown) - len(read)
        return Place(self.name, line + 1, max(column, 0) + 1, max(width, 1), shown)

    def place_at(self, start: int, end: int) -> Place:
        """Give the place of ``text[start:end]``, as far as it is on one line."""
        line = bisect_right(self._starts, start) - 1
        column = start - self._starts[line]
        width, content = end - start, self.lines[line]
        return self.place(line, column, width if column + width <= len(content) else len(content.rstrip()) - column)


def refuse_characters(text: Text, pattern: str) -> None:
    """Refuse a text that holds characters of ``pattern``.

    Raises:
        AespecError: at the first of them.
    """
    found = re.search(pattern, text.text)
    if found:
        code = ord(found[0])
        raise AespecError(
            Diagnostic(
                SyntaxProblem,
                "a lone half of a surrogate pair" if 0xD800 <= code < 0xE000 else "a control character",
                text.place_at(found.start(), found.end()),
                wanted="printable text",
                got=f"U+{code:04X}",
                help="remove it; if it is meant, write an escape in double quotes" if code < 0xD800 else "remove it",
            )
        )


def as_the_last(problem: Diagnostic) -> Diagnostic:
    """The problem at which reading ends, since there are too many before it."""
    return replace(problem, help=f"{problem.help}; the text is read further once these are mended")


def halves(text: str, place: Place | None = None) -> list[Diagnostic]:
    """Say that an escape gave half of a surrogate pair; nothing if there is none."""
    if text.isascii() or not re.search(SURROGATES, text):
        return []
    help = "write both halves, or the character itself"
    return [Diagnostic(SyntaxProblem, "half of a surrogate pair, which is no character", place, help=help)]


def writable(text: str, place: Place, problems: list[Diagnostic]) -> str:
    """Give a text that can be written in any encoding, and add to ``problems`` if that is not the text itself."""
    problems.extend(halves(text, place))
    return re.sub(SURROGATES, "\N{REPLACEMENT CHARACTER}", text)


def used_in(text: str, name: str) -> bool:
    """Whether a text has a variable of a name.

    >>> used_in("dense: ${2 * width}", "width"), used_in("dense: ${widths}", "width")
    (True, False)
    """
    return re.search(rf"\$\{{[^{{}}\n]{{0,200}}\b{re.escape(name)}\b", text) is not None


def indent_of(line: str) -> int:
    """The column in which a line begins, from 0."""
    return len(line) - len(line.lstrip())


AT_THE_TOP = ("name", "description", "input", "encoder", "decoder", "loss", "training", "classifier", "vars")
"""The fields of a spec."""


def assigned(line: str) -> tuple[str, str] | None:
    """A field that a line gives its value as Python does, by ``=``, and that value as it is written.

    >>> assigned("encoder = [dense: 3]"), assigned("a == b")
    (('encoder', '[dense: 3]'), None)
    """
    name, sign, value = (part.strip() for part in line.partition("="))
    name = name.removeprefix("- ").strip()
    return (name, value) if sign and name.isidentifier() and value and value[0] != "=" else None


_DOUBLED = re.compile(r"\$?\{\{([^{}]*)\}\}")


def doubled(text: str, at: int) -> str | None:
    """The variable that is used in two pairs of braces at a place of a text, as other tools have it.

    >>> doubled("${{ vars.width }}", 0)
    'width'
    """
    found = _DOUBLED.match(text, at)
    return (found[1].strip().removeprefix("vars.") or None) if found else None


def clipped(text: str, limit: int = 40) -> str:
    """Shorten a text that a message quotes."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def repeated(
    key: str,
    place: Place,
    before: Entry,
    *,
    layers: bool = False,
    apart: str = "each layer is an item of a list: put `- ` before each",
) -> Diagnostic:
    """Say that a key is written once more, and where a mapping may hold ``layers``, how they are written ``apart``."""
    from aespec.registry import known_kind

    return Diagnostic(
        DuplicateKey,
        f"`{clipped(key)}` is written twice in one mapping",
        place,
        wanted="each key once",
        got=f"another `{clipped(key)}`; there is one on line {before.key.line}",
        help=apart
        if layers and known_kind(key, "layer") and before.key.line != place.line
        else "write what both hold under one of the two"
        if isinstance(before.node.value, dict)
        else "keep one of the two; to use a layer twice, write two items of a list"
        if layers
        else "keep one of the two",
    )


def too_long(place: Place, characters: int) -> Diagnostic:
    """Say that a number has more digits than Python reads."""
    return Diagnostic(
        TooLarge,
        f"a number of {characters:,} characters",
        place,
        wanted=f"at most {MAX_DIGITS:,}",
        help="quote it if it is text",
    )


def too_deep(place: Place) -> NoReturn:
    """Refuse a value nested deeper than any spec needs."""
    raise AespecError(
        Diagnostic(
            TooLarge,
            f"values are nested more than {MAX_DEPTH} levels deep",
            place,
            wanted=f"at most {MAX_DEPTH} levels",
            help="a spec needs about ten; look for brackets that open again and again",
        )
    )


def too_many(place: Place) -> NoReturn:
    """Refuse more values than any spec needs, written out or multiplied by aliases, variables and repeats."""
    raise AespecError(
        Diagnostic(
            TooLarge,
            f"more than {MAX_NODES:,} values, with each use of an alias or a variable and each turn of a `repeat`",
            place,
            wanted=f"at most {MAX_NODES:,} values",
            help="let the `repeat` have fewer turns"
            if place.turns
            else "a spec describes layers; data and weights go into files of their own",
        )
    )
