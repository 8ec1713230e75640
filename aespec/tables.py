"""Tables of text: for a terminal of 100 columns, for Markdown, and for other programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Sequence
from textwrap import wrap
from typing import Any

__all__ = ["WIDTH", "as_csv", "number", "table"]

WIDTH = 100
"""Columns of the terminal that output is made for."""

Row = Sequence[str]


def number(value: int | None) -> str:
    """A count with its thousands apart; ``?`` where it is unknown.

    >>> number(23233), number(None)
    ('23,233', '?')
    """
    return "?" if value is None else f"{value:,}"


def table(columns: Sequence[str], *groups: Sequence[Row], numbers: Collection[str] = (), markdown: bool = False) -> str:
    """Rows in groups, a line between the groups; the last column is wrapped where a row would be too long.

    Args:
        columns: The columns' heads.
        groups: Rows, one cell for each column.
        numbers: The columns that are right-aligned.
        markdown: Write a Markdown table, without lines between groups and without wrapping.

    >>> print(table(["Name", "Count"], [["a", "1"]], [["sum", "1"]], numbers=["Count"]))
    Name  Count
    ----  -----
    a         1
    ----  -----
    sum       1
    """
    from tabulate import SEPARATING_LINE, DataRow, Line, TableFormat, tabulate

    align = ["right" if column in numbers else "left" for column in columns]
    everything = [row for group in groups for row in group]
    if markdown:
        return tabulate(everything, headers=columns, tablefmt="pipe", disable_numparse=True, colalign=align)
    taken = sum(max(len(row[i]) for row in (columns, *everything)) + 2 for i in range(len(columns) - 1))
    rows: list[Row | str] = [columns]
    for group in groups:
        rows += [SEPARATING_LINE, *(line for row in group for line in _lines(row, max(WIDTH - taken, 20)))]
    # tabulate makes columns wider for its own headers, so the heads are a row like the others.
    cells, line = DataRow("", "  ", ""), Line("", "-", "  ", "")
    plain = TableFormat(None, line, None, None, cells, cells, 0, None)
    return tabulate(rows, tablefmt=plain, disable_numparse=True, colalign=align)


def as_csv(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    r"""Rows as comma-separated values, below the names of their columns.

    >>> as_csv(["name", "loss"], [["a, b", 0.5]])
    'name,loss\n"a, b",0.5\n'
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    return text.getvalue()


def _lines(row: Row, room: int) -> list[Row]:
    """A row, its last cell wrapped into as many lines as it takes."""
    first, *others = wrap(row[-1], room) or [""]
    return [[*row[:-1], first], *([*([""] * (len(row) - 1)), other] for other in others)]
