"""Lays a YAML text out anew: each line with its usual indentation, spaces and quotes. Lines stay lines."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate, groupby, pairwise
from typing import Any, NamedTuple

from aespec.source.scalar import ambiguity, plain_value

__all__ = ["Line", "comments", "laid_out", "margins"]

CLOSING = ("FlowSequenceEnd", "FlowMappingEnd")
STEP = 2
"""How much further in what a key or a dash holds begins."""


@dataclass(slots=True)
class Line:
    """A line in its usual form. A text of several lines is one."""

    code: str
    comment: str
    column: int
    """Where its comment was; -1 without one."""
    blank: bool
    """Whether a blank line is before it."""
    key: str | None
    """The key of the outermost mapping that it begins with."""


def laid_out(text: str) -> list[Line]:
    """The lines of a YAML text, each in its usual form.

    Raises:
        yaml.YAMLError: The text is no YAML.
    """
    pieces = _Walk(text).pieces()
    _indent_comments(pieces)
    return [_line(list(group)) for _, group in groupby(pieces, key=lambda piece: piece.line)]


def margins(lines: list[Line]) -> list[int]:
    """The spaces before the comment of each line that align those which were aligned and stand below each other."""
    stretches = accumulate(line.blank for line in lines)  # a blank line ends one
    found: list[int] = []
    for (_, column), group in groupby(zip(stretches, lines, strict=True), key=lambda each: (each[0], each[1].column)):
        widths = [len(line.code.rpartition("\n")[2]) for _, line in group]
        found += [max(widths) - width if column >= 0 else 0 for width in widths]
    return found


def comments(text: str) -> list[str]:
    """The comments in a YAML text.

    Raises:
        yaml.YAMLError: The text is no YAML.
    """
    return [piece.text for piece in _Walk(text).pieces() if piece.kind == "Comment"]


class _Context(NamedTuple):
    """A block collection that is open: its column, and the one that it gets."""

    kind: str
    old: int
    new: int


@dataclass(slots=True)
class _Piece:
    """A token that is written, or a comment."""

    kind: str
    text: str
    end: int
    line: int
    column: int
    indent: int
    """The column that it gets where it begins a line."""
    blank: bool = False
    """Whether a blank line is before it."""
    key: str | None = None
    """Of a key of the outermost mapping, its name."""
    contexts: tuple[_Context, ...] | None = None
    """Of a comment outside of brackets, what is open before it."""


_PLAIN = re.compile(r"[^\W\d](?:[\w.,;()/+=<>-]| (?=\S))*")
"""Text that is certainly the same without quotes, unless it is a value of another type or a comma ends it."""


@dataclass(slots=True)
class _Walk:
    """Goes through the tokens of a text, with the collections that are open."""

    text: str
    contexts: list[_Context] = field(default_factory=list)
    depth: int = 0
    """How many brackets are open."""
    starts: list[int] = field(default_factory=list)
    found: list[_Piece] = field(default_factory=list)
    key: bool = False
    """Whether a key comes next."""

    def pieces(self) -> list[_Piece]:
        """All that is written, in its order."""
        import yaml

        self.starts = [0, *(match.end() for match in re.finditer("\n", self.text))]
        veiled = re.sub(r"\$\{[^{}\n]*\}", lambda variable: "$" + "_" * (len(variable[0]) - 1), self.text)
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        for token in yaml.scan(veiled, Loader=loader):
            self._take(type(token).__name__.removesuffix("Token"), token)
        return self.found

    def _take(self, kind: str, token: Any) -> None:
        start, end = token.start_mark.index, token.end_mark.index
        after = self.found[-1].end if self.found else 0
        for comment in re.finditer(r"#[^\n]*", self.text[after:start]):
            self._add("Comment", after + comment.start(), comment[0].rstrip(), self._inner)
        match kind:
            case "BlockMappingStart" | "BlockSequenceStart":
                self.contexts.append(_Context(kind, self._column(start), self._outer + STEP))
            case "BlockEnd":
                self._leave_list()
                self.contexts.pop()
            case "Key":
                self._leave_list()
                self.key = True
            case "BlockEntry" if self.contexts[-1].kind == "BlockMappingStart":  # a list as far left as its key
                self.contexts.append(_Context("list", self._column(start), self._outer + STEP))
            case "FlowSequenceStart" | "FlowMappingStart":
                self._add(kind, start, self.text[start:end], self._inner)
                self.depth += 1
                return
            case "FlowSequenceEnd" | "FlowMappingEnd":
                self.depth -= 1
                self._add(kind, start, self.text[start:end], self._outer + STEP * max(self.depth, 1))
                return
        if kind == "Scalar":
            self._add_scalar(start, end, token)
        elif end > start:
            first = kind in ("BlockEntry", "Key", "Value") or self.key
            self._add(kind, start, self.text[start:end], self._outer if first and not self.depth else self._inner)
        self.key &= kind in ("Key", "Anchor", "Tag")

    @property
    def _outer(self) -> int:
        """The new column of the block collection that is open."""
        return self.contexts[-1].new if self.contexts else -STEP

    @property
    def _inner(self) -> int:
        """The new column of what begins a line inside."""
        return self._outer + STEP * max(self.depth, 1)

    def _leave_list(self) -> None:
        if self.contexts and self.contexts[-1].kind == "list" and not self.depth:
            self.contexts.pop()

    def _column(self, start: int) -> int:
        return start - self.starts[bisect_right(self.starts, start) - 1]

    def _add(self, kind: str, start: int, text: str, indent: int, name: str | None = None) -> None:
        before = self.found[-1] if self.found else None
        breaks = self.text.count("\n", before.end, start) if before else 0
        line = before.line + (breaks > 0) if before else 0
        piece = _Piece(kind, text, start + len(text), line, self._column(start), max(indent, 0), breaks > 1, name)
        if kind == "Comment" and not self.depth:
            piece.contexts = tuple(self.contexts)
        self.found.append(piece)

    def _add_scalar(self, start: int, end: int, token: Any) -> None:
        written = self.text[start:end]
        indent = self._outer if self.key and not self.depth else self._inner
        name = token.value if self.key and len(self.contexts) == 1 and not self.depth else None
        if token.style in ("|", ">"):
            kept = written[:-1] if re.match(r".\d?\+", written) else written.rstrip()
            self._add("Block", start, kept, indent)
            self.found[-1].text = self._block_text(kept)
        else:
            self._add("Scalar", start, written, indent, name)
            self.found[-1].text = self._flow_text(written)

    def _block_text(self, written: str) -> str:
        """A text of several lines below its key, all moved as far as the first."""
        head, *rest = written.split("\n")
        old = self.contexts[-1].old if self.contexts else -STEP
        if re.match(r".[-+]?\d", head):
            shift = self._outer - old
        else:
            shift = self._inner - min((len(line) - len(line.lstrip(" ")) for line in rest if line.strip()), default=0)
        moved = [" " * (len(line) - len(line.lstrip(" ")) + shift) + line.lstrip(" ") for line in rest]
        return "\n".join([head, *(line if line.strip() else "" for line in moved)])

    def _flow_text(self, written: str) -> str:
        """A text without quotes where it needs none; where it has several lines, they begin where it would."""
        if "\n" in written:
            head, *rest = written.split("\n")
            return "\n".join([head, *(" " * self._inner * bool(line.strip()) + line.strip() for line in rest)])
        inside = written[1:-1]
        quoted = written[0] in "'\"" and _PLAIN.fullmatch(inside) and not ("," in inside and self.depth)
        return inside if quoted and not ambiguity(inside) and isinstance(plain_value(inside), str) else written


def _indent_comments(pieces: list[_Piece]) -> None:
    """Put each comment that has a line to itself beside what it was beside: what follows it, or what it ends."""
    follows: _Piece | None = None
    for before, piece in reversed(list(pairwise([None, *pieces]))):
        assert piece
        begins = before is None or before.line < piece.line
        if piece.contexts is not None and begins:
            outer = [context for context in piece.contexts if context.old <= piece.column]
            nested = follows and follows.column > (piece.contexts[-1].old if piece.contexts else -1)
            if follows and (piece.column == follows.column or nested or not outer):
                piece.indent = follows.indent
            elif outer:
                further = outer == [*piece.contexts] and piece.column > outer[-1].old
                goes_on = before is not None and before.kind == "Block"  # a text that would take the comment in
                piece.indent = outer[-1].new + STEP * (further and not goes_on)
            else:
                piece.indent = 0
        elif begins:
            follows = piece


def _line(pieces: list[_Piece]) -> Line:
    shown = [a for a, b in pairwise([*pieces, None]) if a and not (a.kind == "FlowEntry" and b and b.kind in CLOSING)]
    first, last = shown[0], shown[-1]
    comment = last if last.kind == "Comment" and last is not first else None
    return Line(
        code=" " * first.indent + "".join(_spaced(shown[:-1] if comment else shown)),
        comment=f"  {comment.text}" if comment else "",
        column=comment.column if comment else -1,
        blank=pieces[0].blank,
        key=first.key,
    )


def _spaced(pieces: list[_Piece]) -> Iterator[str]:
    """What is on a line, with a space or none between any two."""
    for before, piece in pairwise([None, *pieces]):
        assert piece
        if before:
            opened = before.kind in ("FlowSequenceStart", "FlowMappingStart")
            joined = piece.kind in (*CLOSING, "FlowEntry") and before.kind != "Value"
            named = piece.kind == "Value" and before.kind != "Alias"
            yield "" if opened or joined or named else " "
        yield piece.text
