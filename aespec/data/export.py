"""Tables that are written some rows at a time: as text, as parquet, or, of one array, as a ``.npy``."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from aespec.diagnostics import missing
from aespec.files import whole

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    Rows: TypeAlias = Mapping[str, NDArray[Any]]

__all__ = ["array_file", "beside", "table_file", "write_samples"]


@contextmanager
def table_file(path: Path) -> Iterator[Callable[[Rows], None]]:
    """A table that is written as a ``.csv`` or a ``.parquet``, whole or not at all; rows are given as columns by name.

    Raises:
        AespecError: pyarrow, which writes parquet, is missing.
    """
    with whole(path) as temporary, (_parquet if path.suffix.lower() == ".parquet" else _text)(temporary) as write:
        yield write


@contextmanager
def array_file(path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> Iterator[Callable[[NDArray[Any]], None]]:
    """An array that is written as a ``.npy``, whole or not at all, some rows at a time."""
    import numpy as np

    head = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    with whole(path) as temporary, temporary.open("wb") as file:
        np.lib.format.write_array_header_2_0(file, head)

        def write(rows: NDArray[Any]) -> None:
            file.write(np.ascontiguousarray(rows, dtype).tobytes())

        yield write


def beside(first: Rows, names: Sequence[str], values: NDArray[Any]) -> Rows:
    """Columns, and after them one for each number of a sample.

    A number that has the name of one of the first, as a feature may that is called ``step``, is ``feature_step``.

    Args:
        first: What comes first, each of n values.
        names: Of the numbers.
        values: They themselves, (n, numbers).
    """
    taken, columns = {*first, *names}, dict(first)
    for name, column in zip(names, values.T, strict=True):
        free = name
        while free in first or (free != name and free in taken):
            free = f"feature_{free}"
        columns[free] = column
    return columns


def write_samples(
    path: Path,
    shape: tuple[int, ...],
    dtype: DTypeLike,
    names: Sequence[str],
    found: Iterable[NDArray[Any]],
    first: Rows,
) -> None:
    """Write samples: a ``.npy`` holds them in their own shape, a table has a row for each and a column for a number.

    Args:
        path: The file; its ending says the format.
        shape: Of all samples together, (n, ...).
        dtype: Their type.
        names: Of the columns of a table, one for each number of a sample.
        found: The samples, some at a time.
        first: Further columns of a table, in front, each of n values.

    Raises:
        AespecError: pyarrow, which writes parquet, is missing.
    """
    if path.suffix.lower() == ".npy":
        with array_file(path, shape, dtype) as write_array:
            for samples in found:
                write_array(samples)
        return
    at = 0
    with table_file(path) as write:
        for samples in found:
            rows = slice(at, at := at + len(samples))
            given = {name: values[rows] for name, values in first.items()}
            write(beside(given, names, samples.reshape(len(samples), -1)))


@contextmanager
def _text(path: Path) -> Iterator[Callable[[Rows], None]]:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")

        def write(rows: Rows) -> None:
            if not file.tell():
                writer.writerow(rows)
            writer.writerows(zip(*(column.tolist() for column in map(_short, rows.values())), strict=True))

        yield write


def _short(column: NDArray[Any]) -> NDArray[Any]:
    """Numbers as their shortest text: those of float32 in the digits that they have."""
    return column.astype(str) if column.dtype == "float32" else column


@contextmanager
def _parquet(path: Path) -> Iterator[Callable[[Rows], None]]:
    try:
        from pyarrow import parquet, table
    except ImportError:
        raise missing("pyarrow", "parquet", "to write parquet", instead="name a .csv or .npy") from None
    writer: Any = None

    def write(rows: Rows) -> None:
        nonlocal writer
        found = table(dict(rows))
        writer = writer or parquet.ParquetWriter(path, found.schema)
        writer.write_table(found)

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()
