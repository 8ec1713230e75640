"""Scores as a file: a row for each sample, with its score, its label, and the errors of its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aespec.data.export import array_file, beside, table_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.uses.anomaly import By

    Columns = Mapping[str, NDArray[Any]]
    Write = Callable[[Columns, NDArray[np.float64]], None]
    """Adds rows: the columns, and the error of each part, (rows, parts)."""

__all__ = ["score_file"]


@contextmanager
def score_file(path: Path, columns: Columns, by: By, names: Sequence[str], shape: Sequence[int]) -> Iterator[Write]:
    """A file of scores that is written some rows at a time, whole or not at all.

    A ``.csv`` or ``.parquet`` has a column for each part of a sample. A ``.npy`` has records, in which the errors of
    the parts are a field of their shape: ``numpy.load(path)["pixel"]`` is (n, 28, 28).

    Args:
        path: The file; its ending says the format.
        columns: All rows of what comes first.
        by: What the parts are.
        names: Of the parts; none where there are no parts.
        shape: In which the errors of a sample's parts are arranged.

    Raises:
        AespecError: A package that the format needs is missing.
    """
    import numpy as np

    if path.suffix.lower() != ".npy":
        with table_file(path) as write_table:
            yield lambda rows, errors: write_table(beside(rows, names, errors))
        return
    fields: list[Any] = [(name, values.dtype) for name, values in columns.items()]
    if names:
        fields.append((by, np.float64, tuple(shape)))
    with array_file(path, (len(next(iter(columns.values()))),), np.dtype(fields)) as write_array:

        def write(rows: Columns, errors: NDArray[np.float64]) -> None:
            records = np.empty(len(errors), fields)
            for name, values in rows.items():
                records[name] = values
            if names:
                records[by] = errors.reshape(-1, *shape)
            write_array(records)

        yield write
