"""Feature extraction: the codes of samples, as many as there are, as a file."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aespec.apply import need_samples
from aespec.data.export import write_samples
from aespec.data.streams import batches
from aespec.shapes import unit_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aespec.backend import Model
    from aespec.data import Dataset
    from aespec.data.streams import Samples

__all__ = ["known_of", "names", "write_codes"]


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

    need_samples(x, "encode")
    first = model.encode(np.asarray(x[:1]))
    shape = (len(x), *first.shape[1:])
    found = (model.encode(batch) for batch in batches(x))
    write_samples(path, shape, str(first.dtype), names(shape[1:]), found, beside)
    return shape


def known_of(data: Dataset, *, steps: bool = False) -> dict[str, NDArray[Any]]:
    """What is known of each sample of data, to stand in front in a table: its file, its label, where it begins.

    Args:
        data: The data.
        steps: It is a series again, so that it is what is known of each step.
    """
    import numpy as np

    windows = data.windows
    found: dict[str, NDArray[Any]] = {}
    if steps and windows is not None:
        found["step"] = np.arange(windows.steps)
        return found if windows.labels is None else {**found, "label": windows.labels}
    if data.names is not None:
        found["file"] = np.asarray(data.names)
    if data.labels is not None:
        found["label"] = data.labels
    if windows is not None:
        found["start"] = windows.starts
    return found
