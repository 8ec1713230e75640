"""What a model makes of all samples, as a file, in the units of the data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aespec.apply import need_samples
from aespec.data.export import write_samples
from aespec.data.streams import batches
from aespec.uses.anomaly import part_names
from aespec.uses.encoding import known_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.backend import Model
    from aespec.data import Dataset

    Array = NDArray[np.floating[Any]]

__all__ = ["restored", "write_restored"]


def restored(model: Model, data: Dataset) -> Iterator[Array]:
    """The reconstruction of each sample, some at a time, in the units that the data had before it was scaled.

    Windows that were cut from a series are put together again: each step has the mean over the windows that cover it,
    (steps, features), NaN where none does.
    """
    found = (model.reconstruct(batch) for batch in batches(data.inputs))
    if data.windows is not None:
        series = data.windows.together(found, data.inputs.shape[2:])
        found = (batch.astype(data.inputs.dtype) for batch in batches(series))
    yield from found if data.scaling is None else map(data.scaling.undo, found)


def write_restored(model: Model, data: Dataset, path: Path, *, images: bool = False) -> tuple[int, ...]:
    """Write what `restored` gives, and in a table what is known of each sample beside it.

    Args:
        model: The model.
        data: The samples, fitted and scaled for it.
        path: A ``.npy``, which holds the samples in their own shape, or a ``.csv`` or ``.parquet``, a table with a row
            for each sample, or step of a series, and a column for each of its numbers.
        images: Whether samples of two axes are images, and their numbers pixels.

    Returns:
        The shape of what was written.

    Raises:
        AespecError: There are no samples, or a package that the format needs is missing.
    """
    x, windows = data.inputs, data.windows
    need_samples(x, "restore")
    shape = x.shape if windows is None else (windows.steps, *x.shape[2:])
    sample = shape[1:]
    by: Any = {1: "feature", 2: "pixel" if images else "step,feature"}.get(len(sample), "pixel")
    names = part_names(by, sample, data.columns)
    write_samples(path, shape, str(x.dtype), names, restored(model, data), known_of(data, steps=windows is not None))
    return shape
