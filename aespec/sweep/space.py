"""The search space of a sweep: what each ``--vary PATH=VALUES`` lets a value of the spec be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, inf, isfinite, log
from random import Random
from typing import Any

from aespec.diagnostics import AespecError, Diagnostic, Place
from aespec.rules import BadSweep
from aespec.source import Source

__all__ = ["Choices", "Dimension", "Point", "Range", "assignments", "read", "value"]

NAME = "--vary"
"""The name of the Place of whatever is said of a dimension."""

Point = Mapping[str, str]
"""A value for each path that is varied, as it would be written."""


@dataclass(frozen=True)
class Choices:
    """One of some values, each as it is written."""

    path: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.path}={','.join(self.values)}"

    @property
    def size(self) -> float:
        """How many different values there are."""
        return len(self.values)

    @property
    def ends(self) -> tuple[str, ...]:
        """The values that are checked before any is tried: all."""
        return self.values

    def draw(self, random: Random) -> str:
        """Any of the values, each as likely."""
        return self.values[int(random.random() * len(self.values))]


@dataclass(frozen=True)
class Range:
    """A number from ``low`` to ``high``, both included."""

    path: str
    low: float
    high: float
    log: bool
    """Whether each power of ten is as likely, not each number."""

    def __str__(self) -> str:
        return f"{self.path}={self.low}..{self.high}{':log' if self.log else ''}"

    @property
    def whole(self) -> bool:
        """Whether it is of whole numbers."""
        return isinstance(self.low, int)

    @property
    def size(self) -> float:
        """How many different values there are."""
        return self.high - self.low + 1 if self.whole else inf

    @property
    def ends(self) -> tuple[str, ...]:
        """The values that are checked before any is tried: the least and the largest."""
        return repr(self.low), repr(self.high)

    def draw(self, random: Random) -> str:
        """Any of the numbers; only ``Random.random`` is used, which no version of Python changes."""
        half = 0.5 if self.whole else 0.0
        low, high = self.low - half, self.high + half
        if self.log:
            low, high = log(low), log(high)
        drawn = low + (high - low) * random.random()
        number = exp(drawn) if self.log else drawn
        return repr(min(max(round(number) if self.whole else number, self.low), self.high))


Dimension = Choices | Range


def read(text: str) -> Dimension:
    """A dimension as it is written: ``PATH=1,2,3``, ``PATH=LOW..HIGH`` or ``PATH=LOW..HIGH:log``.

    >>> read("encoder.1.dense.units=8, 16,[1, 2]").values
    ('8', '16', '[1, 2]')
    >>> read("training.optimizer.sgd.learning_rate=1e-3..1:log")
    Range(path='training.optimizer.sgd.learning_rate', low=0.001, high=1.0, log=True)

    Raises:
        AespecError: It is not of that form.
    """
    path, equals, values = (part.strip() for part in text.partition("="))
    form = "`PATH=1,2,3`, `PATH=LOW..HIGH` or `PATH=LOW..HIGH:log`"
    if not (path and equals and values):
        missing = "path" if not path else "`=`" if not equals else "value"
        raise _bad(f"`--vary` without a {missing}", text, wanted=form, help="as in `--vary training.batch_size=16,32`")
    if found := _RANGE.fullmatch(values):
        return _range(path, *found.groups(), text=text)
    choices = [part.strip() for part in _split(values)]
    if "" in choices:
        help = 'leave the comma out, or write `""` or `null` if one of them is meant'
        raise _bad("`--vary` with a comma and no value beside it", text, wanted=form, help=help)
    return Choices(path, tuple(dict.fromkeys(choices)))


def assignments(point: Point) -> list[str]:
    """What ``--set`` would be given for a point."""
    return [f"{path}={written}" for path, written in point.items()]


def value(written: str) -> Any:
    """The data that a value stands for; the text itself where it holds a variable."""
    try:
        return Source.parse("value: null", overrides=[f"value={written}"]).data["value"]
    except AespecError:
        return written


_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\s*\.\.\s*({_NUMBER})\s*(:.*)?")
_TOKEN = re.compile(r""" "(?:\\.|[^"\\])*" | '[^']*' | [^"',\[\]{}]+ | . """, re.VERBOSE | re.DOTALL)


def _split(text: str) -> list[str]:
    """What stands between the commas that are in no brackets and no quotes."""
    parts, depth = [""], 0
    for token in _TOKEN.findall(text):
        depth += (token in ("[", "{")) - (token in ("]", "}"))
        if token == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += token
    return parts


def _range(path: str, low: str, high: str, scale: str | None, *, text: str) -> Range:
    if scale not in (None, ":log"):
        raise _bad(f"a range with `{scale}` behind it", text, wanted="`:log`, or nothing", help=f"`{low}..{high}:log`")
    whole = all(re.fullmatch(r"[-+]?\d{1,18}", end) for end in (low, high))
    least, largest = (int(low), int(high)) if whole else (float(low), float(high))
    if not isfinite(largest - least) or least >= largest:
        help = "the least number stands first"
        raise _bad("a range that holds nothing", text, wanted="two finite numbers, the second larger", help=help)
    if scale and least <= 0:
        help = f"begin above zero, or leave `:log` out: `{path}={low}..{high}`"
        raise _bad("a logarithmic range that begins at zero or below", text, wanted="numbers above zero", help=help)
    return Range(path, least, largest, bool(scale))


def _bad(what: str, text: str, *, wanted: str, help: str) -> AespecError:
    line = " ".join(text.split("\n"))
    place = Place(NAME, 1, 1, max(len(line), 1), line)
    return AespecError(Diagnostic(BadSweep, what, place, wanted=wanted, help=help))
