"""Reads JSON into nodes. Python's parser says whether it is JSON; a second walk finds each value's place."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from aespec.diagnostics import AespecError, Diagnostic, Place, nearest
from aespec.rules import SyntaxProblem
from aespec.source.scalar import Scalar
from aespec.source.text import (
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_NODES,
    SURROGATES,
    Entry,
    Node,
    Text,
    clipped,
    refuse_characters,
    repeated,
    too_deep,
    too_long,
    too_many,
    writable,
)


def read_json(text: Text, problems: list[Diagnostic]) -> Node | None:
    """Read one JSON text; None where there is none. Adds to ``problems`` and reads on where it can.

    Raises:
        AespecError: where reading cannot go on.
    """
    if not text.text.strip():
        return None
    refuse_characters(text, SURROGATES)
    try:
        json.loads(text.text, parse_int=len, parse_float=len)  # len: numbers of any length pass here
    except json.JSONDecodeError as error:
        raise AespecError(_explain(error, text)) from None
    except RecursionError:
        pass  # the walk stops at a depth far below Python's, and knows the place
    return _Walk(text, problems, _tokens(text.text)).value(0)


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    start: int
    end: int


def _tokens(text: str) -> Iterator[_Token]:
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[\]{}:,]|[^\s\[\]{}:,"]+', text):
        yield _Token(match[0], *match.span())


@dataclass(slots=True)
class _Walk:
    """Goes through the tokens of a text that is known to be JSON."""

    text: Text
    problems: list[Diagnostic]
    tokens: Iterator[_Token]
    count: int = 0

    def value(self, depth: int) -> Node:
        return self._value(next(self.tokens), depth)

    def _value(self, token: _Token, depth: int) -> Node:
        place = self._place(token)
        self.count += 1
        if self.count > MAX_NODES:
            too_many(place)
        if token.text not in ("[", "{"):
            return Node(self._scalar(token.text, place), place)
        if depth == MAX_DEPTH:
            too_deep(place)
        value, end = self._list(depth + 1) if token.text == "[" else self._mapping(depth + 1)
        return Node(value, self.text.place_at(token.start, end))

    def _list(self, depth: int) -> tuple[list[Node], int]:
        items: list[Node] = []
        while (token := next(self.tokens)).text != "]":
            if token.text != ",":
                items.append(self._value(token, depth))
        return items, token.end

    def _mapping(self, depth: int) -> tuple[dict[str, Entry], int]:
        entries: dict[str, Entry] = {}
        while (token := next(self.tokens)).text != "}":
            if token.text == ",":
                continue
            place = self._place(token)
            key = writable(json.loads(token.text), place, self.problems)
            next(self.tokens)  # the colon
            node = self.value(depth)
            if key in entries:
                self.problems.append(repeated(key, place, entries[key]))
            entries[key] = Entry(place, node)
        return entries, token.end

    def _scalar(self, token: str, place: Place) -> Scalar:
        if token[0] != '"' and len(token) > MAX_DIGITS:
            self.problems.append(too_long(place, len(token)))
            return None
        if token in ("NaN", "Infinity", "-Infinity"):
            help = "write `null` or a large number; a YAML spec can say `.inf` and `.nan`"
            self.problems.append(Diagnostic(SyntaxProblem, f"JSON has no `{token}`", place, help=help))
            return None
        value: Scalar = json.loads(token)
        return writable(value, place, self.problems) if isinstance(value, str) else value

    def _place(self, token: _Token) -> Place:
        return self.text.place_at(token.start, token.end)


# What Python's parser says, what that means, and what to do.
_CAUSES = (
    ("Expecting property name", "a key in double quotes is missing here", "quote every key; no comma after the last"),
    ("Expecting value", "a value is missing here", "text stands in double quotes; no comma after the last item"),
    ("Open bracket", "a bracket is not closed before this", "close every bracket, the last that was opened first"),
    ("Expecting ','", "a comma is missing before this", "put commas between items, and close every bracket"),
    ("Expecting ':'", "a colon is missing before this", 'write `"key": value`'),
    ("Unterminated string", "the quote is never closed", 'end the text with `"`, on the line where it began'),
    ("Invalid control character", "a line break or a tab inside a text", r"write it as `\n` or `\t`"),
    ("Extra data", "text after the end of the spec", "a file holds one JSON value; remove what follows it"),
    ("Illegal trailing comma", "a comma after the last item", "remove it"),
    ("Invalid \\", "an escape that JSON does not know", r"write a backslash as `\\`"),
)


def _explain(error: json.JSONDecodeError, text: Text) -> Diagnostic:
    at, character, before = error.pos, text.text[error.pos : error.pos + 1], text.text[: error.pos].rstrip()
    said = error.msg
    if character and character in "]}" and before.endswith(","):  # Python knows this cause from 3.13 on
        at, said = len(before) - 1, "Illegal trailing comma"
    elif said.startswith("Expecting value") and (word := _WORD.match(text.text, at)):
        return _no_value(word, text)
    elif said.startswith("Expecting ','") and (not character or character in "]}"):
        said = "Open bracket"
    place = text.place_at(at, at + 1)
    for start, message, help in _CAUSES:
        if said.startswith(start):
            if character in ("#", "/"):
                message, help = "JSON has no comments", "remove it, or name the file `.yaml`"
            elif character == "'":
                message, help = "JSON has no single quotes", 'write `"`'
            return Diagnostic(SyntaxProblem, message, place, help=help)
    return Diagnostic(SyntaxProblem, f"not JSON: {error.msg}", place)


_WORD = re.compile(r"""[^\s\[\]{}:,"'#/]+""")


def _no_value(word: re.Match[str], text: Text) -> Diagnostic:
    """Say of a bare word that it is no value, and what is likely meant."""
    meant = "null" if word[0] == "None" else nearest(word[0], ("true", "false", "null"))
    if not text.text[: word.start()].strip():
        help = "a spec in JSON begins with `{`; if this is YAML, name the file `.yaml`"
    elif meant:
        help = f"write `{meant}`"
    else:
        help = "text stands in double quotes; a number begins with a digit or `-`"
    what = f"`{clipped(word[0])}` is no value of JSON"
    return Diagnostic(SyntaxProblem, what, text.place_at(*word.span()), help=help)
