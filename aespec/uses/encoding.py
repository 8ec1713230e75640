"""Feature extraction: the codes of samples, as many as there are, as a file."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aespec.data.export import array_file, table_file
from aespec.data.streams import batches
from aespec.diagnostics import AespecError, Diagnostic
from aespec.rules import DataShape
from aespec.shapes import unit_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aespec.backend import Model
    from aespec.data.streams import Samples

__all__ = ["names", "write_codes"]


def names(shape: tuple[int, ...]) -> list[str]:
    """What the numbers of a code are called in a table: ``code_7``, or ``code_0_2_1`` where it has more axes.

    That is the name of the unit, without the comma, which separates columns.
    """
    return [f"code_{unit_name(i, shape)}".replace(",", "_") for i in range(prod(shape))]


def write_codes(model: Model, x: Samples, path: Path, beside: Mapping[str, NDArray[Any]]) -> tuple[int, ...]:
    """Write the code of each sample; of a Gaussian one its mean. The whole is never in memory.

    Args:
        model: The model.
        x: The samples, (n, ...).
        path: A ``.npy``, which holds the codes in their own shape, (n, ...), or a ``.csv`` or ``.parquet``, a table
            with a row for each sample and a column for each number of its code.
        beside: Further columns of a table, in front, each of n values.

    Returns:
        The shape of the codes, (n, ...).

    Raises:
        AespecError: There are no samples, or a package that the format needs is missing.
    """
    import numpy as np

    if not len(x):
        raise AespecError(
            Diagnostic(
                DataShape,
                "there are no samples to encode",
                wanted="one sample or more",
                got="none",
                help="give other data with `--data`",
            )
        )
    first = model.encode(np.asarray(x[:1]))
    shape = (len(x), *first.shape[1:])
    if path.suffix.lower() == ".npy":
        with array_file(path, shape, str(first.dtype)) as write_rows:
            for batch in batches(x):
                write_rows(model.encode(batch))
        return shape
    columns, at = names(first.shape[1:]), 0
    with table_file(path) as write:
        for batch in batches(x):
            code = model.encode(batch).reshape(len(batch), -1)
            given = {name: values[at : at + len(batch)] for name, values in beside.items()}
            write({**given, **dict(zip(columns, code.T, strict=True))})
            at += len(batch)
    return shape
