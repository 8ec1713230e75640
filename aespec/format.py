"""The usual form of a spec's text: spaces, quotes, blank lines, and the order of what stands at its top."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import accumulate, pairwise
from typing import Any

from aespec.diagnostics import AespecError, Diagnostic
from aespec.layout import Line, comments, laid_out, margins
from aespec.rules import UnsupportedYaml
from aespec.source.file import is_json
from aespec.source.json_text import read_json
from aespec.source.text import Node, Text
from aespec.source.yaml_text import BREAKS, read_yaml
from aespec.spec import Spec

__all__ = ["formatted"]


def formatted(text: str, name: str = "<string>") -> str:
    """The text of a spec in its usual form, which holds the same values and comments.

    A spec may have errors in its fields, as long as its text can be read.

    Args:
        text: YAML, or JSON where the name ends in ``.json``.
        name: What messages call it.

    Raises:
        AespecError: It cannot be read, or not be put into another form without a change of what it says.
    """
    text = re.sub(r"\r\n?", "\n", text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}"))
    said = _said(text, name)
    for candidate in _candidates(text, name):
        with suppress(AespecError):  # where what repeats a value is above it now
            if _said(candidate, name) == said:
                return candidate
    what = f"`{name}` is left as it is: in its usual form it would not say the same"
    raise AespecError(Diagnostic(UnsupportedYaml, what, help=_PLAINER[is_json(name)]))


_PLAINER = (
    "write in a plainer way what is unusual in it: a key after `?`, or `|` and a text without a line end",
    "write in a plainer way what is unusual in it: a number above 1.8e308 is read as infinite, which JSON cannot say",
)


def _candidates(text: str, name: str) -> Iterator[str]:
    if is_json(name):
        yield _json(_by_rank(json.loads(text))) + "\n" if text.strip() else ""
        return
    lines = laid_out(text)
    yield _joined(_in_order(lines))
    yield _joined(lines)


_WIDTH = 100
"""Columns of a line of JSON."""


def _by_rank(data: Any) -> Any:
    """The parts of a spec in the order of its fields; what is no field stays behind what it follows."""
    if not isinstance(data, dict):
        return data
    ranks = {name: rank for rank, name in enumerate(Spec.model_fields)}
    behind = accumulate(data, lambda rank, name: ranks.get(name, rank), initial=-1)
    ranked = sorted(zip(list(behind)[1:], data, strict=True), key=lambda part: part[0])
    return {name: data[name] for _, name in ranked}


def _json(value: Any, indent: int = 0, before: int = 0) -> str:
    """Data as JSON: a layer with its fields in a line, as a list of numbers is, where they fit; else a line each.

    Args:
        value: The data.
        indent: The column of the line that it begins on.
        before: How much of that line stands before it.
    """
    line = json.dumps(value, ensure_ascii=False)
    fits = _is_flat(value) and indent and indent + before + len(line) < _WIDTH
    if fits or not isinstance(value, dict | list) or not value:
        return line
    if isinstance(value, dict):
        entries = [(f"{json.dumps(name, ensure_ascii=False)}: ", each) for name, each in value.items()]
    else:
        entries = [("", each) for each in value]
    items = [name + _json(each, indent + 2, len(name)) for name, each in entries]
    margin = "\n" + " " * indent
    inside = f",{margin}  ".join(items)
    return f"{line[0]}{margin}  {inside}{margin}{line[-1]}"


def _is_flat(value: Any) -> bool:
    """Whether a collection holds no collections, but for those of mappings with one key."""
    if isinstance(value, dict) and len(value) == 1:
        return _is_flat(next(iter(value.values())))
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(not isinstance(item, dict | list) for item in inner)


def _said(text: str, name: str) -> tuple[Any, Counter[str]]:
    """The values and the comments in a text."""
    problems: list[Diagnostic] = []
    if not is_json(name):
        return _values(read_yaml(Text(text, name, BREAKS), problems)), Counter(comments(text))
    node = read_json(Text(text, name), problems)
    if problems:  # a key that is there twice would be there once
        raise AespecError(*problems)
    return _values(node), Counter()


def _values(node: Node | None) -> Any:
    """Values with their types, so that 1 is neither 1.0 nor true."""
    if node is None:
        return None
    match node.value:
        case list(items):
            return [_values(item) for item in items]
        case dict(entries):
            return {key: _values(entry.node) for key, entry in entries.items()}
    return type(node.value), repr(node.value)


def _in_order(lines: list[Line]) -> list[Line]:
    """The parts of a spec in the order of its fields, each with the comments above it.

    The comments above the first part stay where they are, but for those that a blank line sets apart from the others.
    """
    ranks = {name: rank for rank, name in enumerate(Spec.model_fields)}
    starts = [i for i, line in enumerate(lines) if line.key is not None]
    if not starts:
        return lines
    head = next((i for i in range(starts[0], 0, -1) if lines[i].blank), starts[0])
    tail = next(i for i in range(len(lines), 0, -1) if not lines[i - 1].code.startswith("#"))
    cuts = [head, *(_above(lines, start) for start in starts[1:]), tail]
    rank, parts = -1, []
    for start, (begin, end) in zip(starts, pairwise(cuts), strict=True):
        rank = ranks.get(lines[start].key or "", rank)  # what is no field stays behind what it follows
        parts.append((rank, lines[begin:end]))
    parts.sort(key=lambda part: part[0])
    return [*lines[:head], *(line for _, part in parts for line in part), *lines[tail:]]


def _above(lines: list[Line], start: int) -> int:
    """Where the comments above a line begin that go with it: those right above it, and those that stand apart."""
    while lines[start - 1].code.startswith("#"):
        top = start - 1
        while lines[top - 1].code.startswith("#") and not lines[top].blank:
            top -= 1
        if lines[start].blank and not lines[top].blank:  # they hang on what is above them
            break
        start = top
    return start


def _joined(lines: list[Line]) -> str:
    """One text, no two blank lines after each other, its comments aligned as they were."""
    return "".join(
        "\n" * (line.blank and i > 0) + line.code + " " * margin + line.comment + "\n"
        for i, (line, margin) in enumerate(zip(lines, margins(lines), strict=True))
    )
