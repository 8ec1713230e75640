"""Data: a named set or an array file, fitted to what a spec's input states."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aespec.data.files import read_array
from aespec.data.fitting import fit
from aespec.data.sets import DATASETS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aespec.data.files import Split
    from aespec.shapes import Shape

__all__ = ["DATASETS", "Dataset", "load"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples that a spec's model can take as they are."""

    name: str
    """The name or the path that it was loaded by."""
    inputs: NDArray[Any]
    """The samples along the first axis; C-contiguous floats."""
    labels: NDArray[Any] | None
    """What each sample shows, where that is known."""
    notes: tuple[str, ...]
    """What was done to the data on the way, for the user to read: ``resized 8x8 -> 28x28``."""
    path: Path | None = None
    """The file, from the root; None for a named set."""
    whole: bool = False
    """Whether the file has no such part as was asked for, so that these are all of its samples."""

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the inputs' type, shape and bytes, in hexadecimal."""
        digest = sha256(f"{self.inputs.dtype.str} {self.inputs.shape} ".encode())
        digest.update(self.inputs.data)
        return digest.hexdigest()


def load(
    name_or_path: str,
    *,
    shape: Shape,
    range: tuple[float, float] | None,
    split: Split = "train",
    cache: Path | None = None,
    download: bool = True,
    dtype: str = "float32",
    within_unit: bool = False,
) -> Dataset:
    """Load a named set (see `DATASETS`) or a ``.npy`` or ``.npz`` file, fitted to a spec's input.

    A channel axis of 1 is added or removed and samples are flattened where the shape asks for it. Images of a named
    set are also resized, given three equal channels, and scaled to the range (to 0..1 where there is none). Bytes of
    a file (uint8) are scaled to the range that is stated. Other numbers are taken as they are, or refused. The notes
    tell what was done.

    Args:
        name_or_path: A name of `DATASETS`, else the path of a file.
        shape: The shape of a sample, without the batch axis; None accepts any length.
        range: The smallest and the largest value that the model takes, where the spec states them.
        split: The part to load, where the data has parts.
        cache: The folder that downloads are kept in; the platform's cache folder by default.
        download: Whether a named set that is not on this machine may be downloaded.
        dtype: ``float32`` or ``float64``.
        within_unit: Whether the loss takes values from 0 to 1 only, as `Loss.within_unit` says.

    Raises:
        AespecError: The data is not found, cannot be read, or does not fit (rules E401 to E405).
    """
    named = DATASETS.get(name_or_path)
    raw = named.read(split, cache, download) if named else read_array(name_or_path, split, tuple(DATASETS))
    inputs, notes = fit(raw, name_or_path, shape, range, dtype, within_unit=within_unit)
    path = None if named else Path(name_or_path).expanduser().absolute()
    return Dataset(name_or_path, inputs, raw.labels, (*raw.notes, *notes), path, raw.whole)
