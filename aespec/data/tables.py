"""Tables: files of text with a row for each sample, and which of a table's columns are features."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import compress, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TextIO, cast

from aespec.data.files import BROKEN, Raw, reason, unreadable
from aespec.diagnostics import AespecError, Diagnostic, nearest, show
from aespec.rules import DataNotFinite, DataShape, DataUnreadable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "LABELS",
    "SUFFIXES",
    "Columns",
    "Head",
    "columns_field",
    "is_gap",
    "is_number",
    "is_table",
    "listed",
    "opened",
    "pick",
    "read_head",
    "read_labels",
    "read_spans",
    "read_table",
    "rows",
]

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")

LABELS = ("label", "labels", "y")
"""Names of a column that labels samples, where nothing else is said: those that an ``.npz`` gives them."""

GAPS = ("", "nan", "na", "n/a", "null", "none", "?")
"""How tables write that a value is missing."""


class Columns(NamedTuple):
    """Which columns of a table are what, as indices."""

    features: list[int]
    label: int | None


class Head(NamedTuple):
    """How a table begins."""

    delimiter: str
    names: list[str] | None
    """Of the columns; None where its first line holds a sample."""
    first: list[str]
    """The first line."""
    row: list[str]
    """The first sample."""


def is_table(path: Path) -> bool:
    """Whether a file is a table of text, by its name."""
    return path.name.lower().endswith(SUFFIXES)


def pick(
    path: Path, names: Sequence[str] | None, numeric: Sequence[bool], columns: Sequence[str] | None, label: str | None
) -> Columns:
    """Which columns are features, and which one labels samples.

    Args:
        path: The table's file, for messages.
        names: What its columns are called, where that is known.
        numeric: Whether each holds numbers.
        columns: The features that are wanted, in this order; by default all columns but the label.
        label: The label's column; by default one that is named as one of `LABELS`, if there is any. It may be missing
            where the features are named.

    Raises:
        AespecError: A column is not there, or a feature is no number.
    """
    if names is None:
        if columns or label:
            _refuse(path, "has no header to find columns by", "the names of its columns in the first line", "numbers")
        names = [str(i) for i in range(len(numeric))]
    if columns and label not in names:
        label = None  # it is not needed to find the features
    for name in (*(columns or ()), *([label] if label else [])):
        if name not in names:
            near = nearest(name, names)
            help = (
                f"did you mean `{near}`?"
                if near
                else "look at its first line, and at `columns` and `label` in the spec"
            )
            _refuse(path, f"has no column `{name}`", f"a column `{name}`", listed(names), help)
    wanted = label or next((each for each in LABELS if each in names and each not in (columns or ())), None)
    labelled = None if wanted is None else names.index(wanted)
    features = [names.index(name) for name in columns] if columns else [i for i in range(len(names)) if i != labelled]
    if any(not names[i] for i in features):
        help = "save it without its index (`to_csv(index=False)`), or name the features in the spec (`columns: [...]`)"
        _refuse(path, "has a column without a name", "a name for each column", listed(names), help)
    text = [names[i] for i in features if not numeric[i]]
    if text:
        numbers = [names[i] for i in features if numeric[i]]
        named = f"leave them out by naming the features (`{columns_field(numbers)}` under `input` in the spec), "
        _refuse(
            path,
            "has columns that are no numbers",
            "features that are numbers",
            f"text in {listed(text)}",
            f"{named if numbers else ''}make numbers of them, "
            "or name the one that labels samples (`label: NAME` under `input`)",
        )
    if not features:
        _refuse(path, "has no features", "a column of numbers beside the label", listed(names))
    return Columns(features, labelled)


def read_table(path: Path, columns: Sequence[str] | None = None, label: str | None = None) -> Raw:
    """Read a table of text: comma, semicolon or tab between the values, with or without a line of names.

    Raises:
        AespecError: It cannot be read, it has gaps, or a feature is no number.
    """
    import numpy as np
    from numpy.lib.recfunctions import structured_to_unstructured

    head = read_head(path)
    _, names, first, row = head
    _need_rows(path, head)
    if names is not None and len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        _refuse(path, "has two columns of one name", "a name for each column", f"`{twice}` twice")
    numeric = [is_gap(cell) or is_number(cell) for cell in row]
    numeric += [True] * (len(first) - len(row))
    chosen = pick(path, names, numeric, columns, label)
    numbers = _columns(path, head, dict.fromkeys(chosen.features, "f8"))
    values = np.ascontiguousarray(structured_to_unstructured(numbers[[str(i) for i in chosen.features]]))
    if np.isnan(values).any():
        _explain(path, head, chosen.features, "NaN")
    labels = None if chosen.label is None else _labels(path, head, chosen.label)
    found = None if names is None else tuple(names[i] for i in chosen.features)
    by_name = None if label or names is None or chosen.label is None else names[chosen.label]
    return Raw(values, labels, whole=True, columns=found, label=by_name)


def read_labels(path: Path, column: str | None = None) -> NDArray[Any]:
    """Read the labels of a table of text: the column of that name, or its only one, or one that is named in `LABELS`.

    Raises:
        AespecError: It cannot be read, or no column is known to be the one.
    """
    head = read_head(path)
    _need_rows(path, head)
    named = [i for i, name in enumerate(head.names or ()) if (name == column if column else name in LABELS)]
    if len(head.first) > 1 and not named:
        got = listed(head.names) if head.names else f"{len(head.first)} columns without names"
        help = "name the column `label` in its first line, or those of where anomalies begin and end `start` and `end`"
        _refuse(
            path,
            "does not say which column labels samples",
            "one column, or one named `label`, or `start` and `end`",
            got,
            help,
        )
    return _labels(path, head, named[0] if named else 0)


def read_spans(path: Path, count: int, index: NDArray[Any] | None = None) -> NDArray[np.int64] | None:
    """Read where anomalies are, from a table with the columns ``start`` and ``end``: for each of so many 1 or 0.

    Args:
        path: The table. None is given where it has no such columns.
        count: How many there are.
        index: What each is called, (count,): numbers, times in ISO 8601, or other text. ``start`` and ``end`` are such;
            without it they are counted from 0. Both are themselves of the anomaly, and so is all of a day.

    Raises:
        AespecError: They are nothing of that kind, not in order, or there is nothing between them.
    """
    import numpy as np

    head = read_head(path)
    names = [name.lower() for name in head.names or ()]
    if not {"start", "end"} <= {*names}:
        return None
    if not head.row:  # there are no anomalies
        return np.zeros(count, np.int64)
    first, last = (_labels(path, head, names.index(name)).tolist() for name in ("start", "end"))
    places, place = _places(np.arange(count) if index is None else index)
    flags = np.zeros(count, np.int64)
    for line, ends in enumerate(zip(first, last, strict=True), 2):
        try:
            start, end = place(ends[0], False), place(ends[1], True)
            inside = (places >= start) & (places <= end)
            within = index is not None or 0 <= start <= end < count
        except (OverflowError, TypeError, ValueError):  # nothing of that kind, or of zones some have and some lack
            within = False
        if not within or not inside.any():
            wanted = f"whole numbers from 0 to {count - 1:,}, `start` not above `end`"
            help = "count steps of the series, or samples, from 0, or name the column of its times by `--index`"
            if index is not None:
                wanted = f"`start` and `end` as `--index` has them, {index[0]} to {index[-1]}, `start` not above `end`"
                help = "times that are to be compared are written as 2026-05-01T12:00:00; other text has to be equal"
            _refuse(path, f"does not say where an anomaly is, in line {line}", wanted, f"{ends[0]} and {ends[1]}", help)
        flags[inside] = 1
    return flags


def _places(index: NDArray[Any]) -> tuple[NDArray[Any], Callable[[Any, bool], Any]]:
    """What rows are called, as it can be compared, and what makes such of a value that begins or ends something."""
    import numpy as np

    def number(value: Any, end: bool) -> float:
        return float(value) if index.dtype.kind == "f" or float(value) == int(value) else float("nan")

    def time(value: Any, end: bool) -> datetime:
        day = end and len(value.strip()) == len("2026-05-01")
        return datetime.fromisoformat(value.strip()) + (timedelta(days=1, microseconds=-1) if day else timedelta())

    if index.dtype.kind != "U":
        return index, number
    texts = [text.strip() for text in index.tolist()]
    try:
        return np.array([datetime.fromisoformat(text) for text in texts], object), time
    except ValueError:
        return np.arange(len(texts)), lambda value, end: texts.index(str(value).strip())


def read_head(path: Path) -> Head:
    """Read the first lines of a table.

    Raises:
        AespecError: It cannot be read, or its first line is neither of names nor of numbers.
    """
    try:
        with opened(path) as file:
            line = file.readline()
            delimiter = max(",;\t", key=line.count)
            file.seek(0)
            first, row = [*islice(csv.reader(file, delimiter=delimiter), 2), [], []][:2]
    except (*BROKEN, csv.Error) as error:
        unreadable(path, reason(error), "write it again as text, in UTF-8")
    names = _header(path, first, row)
    return Head(delimiter, names, first, first if names is None else row)


def _header(path: Path, first: list[str], row: list[str]) -> list[str] | None:
    """The names in a table's first line; None where it holds a sample.

    Some of the names may be whole numbers, such as years, if another stands above a number.
    """
    numbers = list(map(is_number, first))
    text = [i for i, cell in enumerate(first) if not (numbers[i] or is_gap(cell))]
    above_numbers = any(is_number(row[i]) for i in text if i < len(row))
    whole = all(cell.strip().isdecimal() for cell in compress(first, numbers))
    if not any(numbers) or (above_numbers and whole):
        return [name.strip() for name in first]
    if text:
        what = "has no first line of names, and one column or more of text"
        got = f"`{first[text[0]]}` beside `{first[numbers.index(True)]}`"
        _refuse(path, what, "names", got, "add a line of names, each with a letter in it")
    return None


def _need_rows(path: Path, head: Head) -> None:
    if not head.row:
        got = "no rows" if head.first else "nothing"
        _refuse(path, "holds no samples", "a row for each sample", got, rule=DataShape)


def _columns(path: Path, head: Head, forms: Mapping[int, str]) -> NDArray[Any]:
    """The columns of a table that are wanted, by their numbers as text, each of the type of NumPy that is stated.

    The others are read too, of each value a character: so a row of another length is no row of this table.

    Raises:
        AespecError: It cannot be read, or its rows have different lengths.
    """
    import numpy as np

    try:
        return np.loadtxt(
            path,
            dtype=[(str(i), forms.get(i, "U1")) for i in range(len(head.first))],
            delimiter=head.delimiter,
            skiprows=int(head.names is not None),
            comments=None,
            quotechar='"',
            ndmin=1,
            encoding="utf-8-sig",
        )
    except BROKEN as error:
        _explain(path, head, [i for i, form in forms.items() if form == "f8"], reason(error))


def _labels(path: Path, head: Head, column: int) -> NDArray[Any]:
    """The labels of all rows, as numbers where they are such."""
    import numpy as np

    text = _columns(path, head, {column: "O"})[str(column)].astype(str)
    try:
        numbers = np.where(np.char.strip(text) == "", "nan", text).astype("float64")
    except ValueError:
        return cast("NDArray[np.str_]", text)
    whole = np.abs(numbers) < 2**53  # NaN is none
    return numbers.astype("int64") if whole.all() and (numbers == np.trunc(numbers)).all() else numbers


def _explain(path: Path, head: Head, features: Sequence[int], otherwise: str) -> NoReturn:
    """Refuse the first value of a table that is no number: NumPy counts rows, not lines, and knows no names.

    Args:
        path: The table.
        head: How it begins.
        features: The columns that have to be numbers.
        otherwise: What is wrong with it if there is no such value.

    Raises:
        AespecError: There is one, or a row has another number of values, or else it cannot be read.
    """
    names, width = head.names, len(head.first)
    with suppress(*BROKEN, csv.Error), opened(path) as file:
        for number, row in rows(file, head.delimiter, skip=names is not None):
            if len(row) != width:
                got = f"{len(row)} in line {number}"
                _refuse(path, "has rows of different lengths", f"{width} values in each", got, "mend that line")
            for i in features:
                column = f"column `{names[i]}`" if names else f"column {i + 1}"
                if is_gap(row[i]):
                    _refuse(
                        path,
                        "has gaps",
                        "a number in every row",
                        f"{f'`{row[i]}`' if row[i] else 'nothing'} in line {number}, {column}",
                        "fill the gaps, or drop these rows if they are not steps of a series, and save the table again",
                        DataNotFinite,
                    )
                if not is_number(row[i]):
                    got = f"`{row[i]}` in line {number}, {column}"
                    _refuse(path, "holds what is no number", "numbers", got, "mend that line, or leave the column out")
    unreadable(path, otherwise, "write it again, a line for each sample")


def rows(file: TextIO, delimiter: str, *, skip: bool) -> Iterator[tuple[int, list[str]]]:
    """The rows of an open table that hold anything, each with its line; the first is left out where it has names."""
    reader = csv.reader(file, delimiter=delimiter)
    for row in islice(reader, int(skip), None):
        if row:
            yield reader.line_num, row


def opened(path: Path) -> TextIO:
    """Open a table of text, packed with gzip or not."""
    if path.suffix == ".gz":
        return cast(TextIO, gzip.open(path, "rt", encoding="utf-8-sig", newline=""))
    return path.open(encoding="utf-8-sig", newline="")


def is_gap(cell: str) -> bool:
    """Whether a cell says that its value is missing."""
    return cell.strip().lower() in GAPS


def is_number(cell: str) -> bool:
    """Whether a cell holds a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def columns_field(names: Sequence[str]) -> str:
    """How a spec names the features, the first of many.

    >>> columns_field(["x", "y"])
    'columns: ["x", "y"]'
    """
    return show({"columns": list(names)}, 100)[1:-1]


def listed(names: Sequence[str]) -> str:
    """The names of columns, the first of many, for messages."""
    more = f", ... ({len(names)} in all)" if len(names) > 8 else ""
    return ", ".join(f"`{name}`" for name in names[:8]) + more


def _refuse(
    path: Path, what: str, wanted: str, got: str, help: str = "write the file again", rule: Any = DataUnreadable
) -> NoReturn:
    raise AespecError(Diagnostic(rule, f"{path} {what}", wanted=wanted, got=got, help=help))
