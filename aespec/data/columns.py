"""The columns of a table: which can be learnt, and which one labels samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from math import isclose
from pathlib import Path
from typing import Any

from aespec.data.tables import LABELS, is_gap, is_number, opened, read_head, rows
from aespec.shapes import counted

__all__ = ["Survey", "survey"]

ROWS = 100_000
"""How many rows are looked at."""

FEW = 20
"""The most values that a column of text has which labels samples."""

REGULAR = 0.9
"""Of the steps between times so many are alike."""

STAMPS, EVENLY = "timestamps", "goes up evenly, as times do"
"""Why columns of times cannot be learnt."""

TARGETS = (*LABELS, "class", "target", "species", "category")
"""What columns are called that label samples."""


@dataclass(frozen=True)
class Survey:
    """What is to be stated of a table's columns."""

    features: Sequence[str] | None
    """Those that can be learnt, if any; None where that is all, or all but the label."""
    label: str | None
    """The column that labels samples, where it would not be found without being named."""
    left_out: Mapping[str, str]
    """Why others cannot be learnt, by their names."""
    width: int
    """How many can be learnt."""
    time: str | None = None
    """The column of times, none before the last, if there is one."""
    taken: str | None = None
    """The column that its name alone makes the label, where it could be learnt as well."""


class _Seen:
    """What the values of a column have been so far."""

    def __init__(self) -> None:
        self.lists, self.text, self.gaps, self.values = False, False, 0, set[str]()
        self.even = True
        """Whether each value is the one before and as much more as that was."""
        self._step: float | None = None
        self.times = True
        """Whether each is a time, such as ``2026-05-01 12:00``, and none lies before the last."""
        self.between = Counter[timedelta]()
        """How often the times are so far apart."""
        self._last: float | datetime | None = None

    def add(self, cell: str) -> None:
        """Look at a value."""
        if is_gap(cell):
            self.gaps += 1
            return
        if len(self.values) <= FEW:
            self.values.add(cell)
        self.text = self.text or not is_number(cell)
        if not self.text:
            number = float(cell)
            if isinstance(self._last, float):
                step = number - self._last
                self._step = step if self._step is None else self._step
                self.even = self.even and step > 0 and isclose(step, self._step, rel_tol=1e-6)
            self._last = number
        elif self.times:
            try:
                time = datetime.fromisoformat(cell)
                if isinstance(self._last, datetime):
                    self.times = self._last <= time
                    self.between[time - self._last] += 1
                self._last = time
            except (ValueError, TypeError):  # TypeError: one has a time zone, the other none
                self.times = False

    @property
    def _regular(self) -> bool:
        """Whether times are mostly as far apart as is usual, as those of a recording are, and not those of events."""
        ((step, count),) = self.between.most_common(1) or [(timedelta(), 1)]
        return step > timedelta() and count >= REGULAR * self.between.total()

    @property
    def fault(self) -> str:
        """Why it cannot be learnt; empty where it can."""
        if self.lists:
            return ""
        if self.text:
            return STAMPS if self.times and self._regular else "text"
        if self.gaps:
            return counted(self.gaps, "gap")
        if not self.values:
            return "no rows"
        if len(self.values) < 2:
            return "the same in every row"
        if not self.even or len(self.values) < 3:
            return ""
        return "counts the rows" if self._step == 1 else EVENLY


def survey(path: Path) -> Survey:
    """Look at the columns of a table of text, or of a parquet file.

    A column of text, or with gaps, cannot be learnt; one that is constant or goes up evenly has nothing to learn. The
    label is a column that is called so, else the only one of text that has few values.

    Raises:
        AespecError: It cannot be read.
    """
    seen = _parquet(path) if path.suffix == ".parquet" else _text(path)
    if seen is None:
        return Survey(None, None, {}, len(read_head(path).first))
    classes = [name for name, column in seen.items() if column.text and 2 <= len(column.values) <= FEW]
    named = next((name for name in seen if name.lower() in TARGETS), None)
    label = named or (classes[0] if len(classes) == 1 else None)
    told = {name: column.fault if name else "no name" for name, column in seen.items() if name != label}
    faults = {name: fault for name, fault in told.items() if fault}
    if lists := [name for name, column in seen.items() if column.lists]:
        faults |= {name: f"beside the lists of {lists[0]}" for name in seen if name not in (label, *lists)}
    features = [name for name in seen if name != label and name not in faults]
    if not features:
        whys = {name: faults.get(name) or column.fault or "the label" for name, column in seen.items()}
        return Survey((), None, whys, 0)
    taken = named if named and not seen[named].fault else None
    label = None if label in LABELS else label
    time = next((name for name, fault in faults.items() if fault in (STAMPS, EVENLY)), None)
    return Survey(features if faults else None, label, faults, len(features), time, taken)


def _text(path: Path) -> dict[str, _Seen] | None:
    """What the columns of a table of text hold; None where they have no names."""
    head = read_head(path)
    if head.names is None:
        return None
    seen = {name: _Seen() for name in head.names}
    with opened(path) as file:
        for _, row in islice(rows(file, head.delimiter, skip=True), ROWS):
            for column, cell in zip(
                seen.values(), row, strict=False
            ):  # a row too long or short is the reader's to tell
                column.add(cell)
    return seen


def _parquet(path: Path) -> dict[str, _Seen]:
    from aespec.data.parts import is_list, open_parquet

    file = open_parquet(path)
    seen = {field.name: _Seen() for field in file.schema_arrow}
    for field in file.schema_arrow:
        seen[field.name].lists = is_list(field.type)
    single = {name: column for name, column in seen.items() if not column.lists}
    for batch in islice(file.iter_batches(batch_size=ROWS, columns=[*single]), 1):
        for name, column in single.items():
            for value in batch.column(name).to_pylist():
                column.add(_cell(value))
    return seen


def _cell(value: Any) -> str:
    return "" if value is None else str(int(value)) if isinstance(value, bool) else str(value)
