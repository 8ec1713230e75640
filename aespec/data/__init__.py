"""Data: a named set or files, fitted to what a spec's input states."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from math import prod
from os import fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from aespec.data.files import Raw, is_numpy, natural, not_found, read_array, reason, unreadable
from aespec.data.fitting import fit
from aespec.data.parts import SUFFIXES as ARRAYS
from aespec.data.parts import find_parts, holds_arrays
from aespec.data.pictures import SUFFIXES as PICTURES
from aespec.data.pictures import find_pictures, read_pictures
from aespec.data.scaling import Scaling
from aespec.data.series import Windows, as_series, cut
from aespec.data.sets import DATASETS
from aespec.data.streams import Part, Stream
from aespec.data.tables import SUFFIXES as TABLES
from aespec.data.tables import is_table, read_table
from aespec.shapes import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from aespec.data.files import Split
    from aespec.data.streams import Samples
    from aespec.files import StrPath
    from aespec.graph import Graph
    from aespec.shapes import Shape
    from aespec.spec import Spec

    Range = tuple[float, float] | None

__all__ = ["DATASETS", "Dataset", "Scaling", "Stream", "Windows", "load", "load_for", "place"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples that a spec's model can take as they are."""

    name: str
    """The name or the path that it was loaded by."""
    inputs: Samples
    """The samples along the first axis: C-contiguous floats, or a stream of such."""
    labels: NDArray[Any] | None
    """What each sample shows, where that is known."""
    notes: tuple[str, ...]
    """What was done to the data on the way, for the user to read: ``resized 8x8 -> 28x28``."""
    path: Path | None = None
    """The file, from the root; None for a named set."""
    window: int | None = None
    """How many samples are to be in memory at a time, where they stream."""
    whole: bool = False
    """Whether the file has no such part as was asked for, so that these are all of its samples."""
    limited: bool = False
    """Whether these are only the first of its samples."""
    columns: tuple[str, ...] | None = None
    """What each feature, an index of the last axis, is called, where the file says so."""
    names: tuple[str, ...] | None = None
    """What each sample is called, where the data says so: the file of a picture."""
    windows: Windows | None = None
    """Where the samples lie in the series that they were cut from, if they were."""
    scaling: Scaling | None = None
    """How the features were scaled, if they were."""

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of the inputs' type, shape and bytes, in hexadecimal; of a stream see `Stream.fingerprint`."""
        if isinstance(self.inputs, Stream):
            return self.inputs.fingerprint
        digest = sha256(f"{self.inputs.dtype.str} {self.inputs.shape} ".encode())
        digest.update(self.inputs.data)
        return digest.hexdigest()


def load(
    name_or_path: StrPath,
    *,
    shape: Shape,
    range: tuple[float, float] | None,
    split: Split = "train",
    cache: StrPath | None = None,
    download: bool = True,
    dtype: str = "float32",
    within_unit: bool = False,
    window: int | None = None,
    columns: Sequence[str] | None = None,
    label: str | None = None,
    stride: int | None = None,
) -> Dataset:
    """Load a named set (see `DATASETS`) or files of samples, fitted to a spec's input.

    Files are a ``.npy``, ``.npz`` or ``.parquet``, or a folder with such, a table of text (``.csv``, ``.tsv``, packed
    with gzip or not), or a folder of pictures. Arrays and parquet stream where a window is stated, and where they would
    take more than half of the memory.

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
        window: How many samples of a file are to be in memory at a time; by default all, where they fit.
        columns: Of a table, the columns that are features, by name; by default all but the label.
        label: Of a table, the column that labels samples; by default one that is called so: see `aespec.data.tables`.
        stride: The file is one long series (steps, features), to be cut into windows of the shape's length, one every
            so many steps; each file of a folder is a recording, and no window lies in two.

    Raises:
        AespecError: The data is not found, cannot be read, or does not fit (rules E401 to E405).
    """
    name_or_path = fspath(name_or_path)
    if name_or_path in DATASETS:
        raw, path = DATASETS[name_or_path].read(split, None if cache is None else Path(cache), download), None
    else:
        path = place(name_or_path)
        if path.is_dir() and not holds_arrays(path) and find_pictures(path):
            raw = read_pictures(Path(name_or_path).expanduser(), split, shape)
        elif is_table(path):
            raw = read_table(Path(name_or_path).expanduser(), columns, label)
        else:
            rows = _window(path, split, dtype, columns, label) if window is None and stride is None else window
            if rows is not None and stride is None:
                parts = find_parts(path, split, columns, label)
                return _streamed(name_or_path, path, parts, rows, shape, range, dtype, within_unit)
            raw = read_array(name_or_path, split) if _single(path) else _together(path, split, shape, columns, label)
    raw, sample = (raw, shape) if stride is None else (as_series(raw, shape, name_or_path), shape[1:])
    inputs, notes = fit(raw, name_or_path, sample, range, dtype, within_unit=within_unit)
    labels, windows = raw.labels, None
    if stride is not None:
        inputs, windows, note = cut(inputs, shape[0] or 1, stride, labels, [steps for _, steps in raw.files])
        labels, notes = windows.window_labels, (*notes, note)
    features = raw.columns if raw.columns and len(raw.columns) == inputs.shape[-1] else None
    return Dataset(
        name_or_path,
        inputs,
        labels,
        (*raw.notes, *notes),
        path,
        whole=raw.whole,
        columns=features,
        names=raw.names,
        windows=windows,
    )


def load_for(
    spec: Spec,
    graph: Graph,
    name: str,
    split: Split,
    dtype: str,
    columns: Sequence[str] | None = None,
    scaling: Scaling | None = None,
    stride: int | None = None,
) -> Dataset:
    """Load data, fitted to all that a spec's input states.

    Args:
        spec: The spec.
        graph: Its graph.
        name: A named set, a file or a folder.
        split: The part to load, where the data has parts.
        dtype: ``float32`` or ``float64``.
        columns: The features of a run's table, where the spec does not name them.
        scaling: How a run's features were scaled. Without it they are not, and are of float64 if they are to be.
        stride: How many steps lie between the starts of two windows of a series, instead of what the spec says.

    Raises:
        AespecError: The data is not found, cannot be read, or does not fit (rules E401 to E405).
    """
    given, scaled = spec.input, spec.input.scaling is not None
    found = load(
        name,
        shape=graph.sample_shape,
        range=None if scaled else given.range,
        split=split,
        dtype="float64" if scaled else dtype,
        within_unit=graph.unit_loss is not None and not scaled,
        window=spec.training.window,
        columns=given.columns or columns,
        label=given.label,
        stride=stride or given.stride,
    )
    return found if scaling is None else scaling.scaled(found, dtype)


def place(name: str) -> Path:
    """Where a file or a folder is, from the root.

    Raises:
        AespecError: There is none.
    """
    try:
        path = Path(name).expanduser().absolute()
        if ".." in path.parts:
            path = path.resolve()  # the folder that `..` leaves may be moved
        str(path).encode()
        there = path.exists()
    except UnicodeEncodeError:
        unreadable(name, "a path that is not UTF-8", "give the file or folder whose name is not UTF-8 another name")
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle, the home of nobody
        unreadable(name, reason(error), "check the path")
    if not name:
        unreadable("data", "an empty name", "name a data set, a file or a folder")
    if not there:
        not_found(name, tuple(DATASETS))
    if path.is_file() and not path.name.lower().endswith((*ARRAYS, *TABLES)) and not is_numpy(path):
        _not_data(name, path)
    return path


def _not_data(name: str, path: Path) -> NoReturn:
    """Say what a file is that is none of samples."""
    suffix = path.suffix.lower()
    got = f"a file that ends in {suffix}" if suffix else "a file without an ending, and no array of NumPy"
    help = "save the samples with `numpy.save`, or as a table with commas"
    if suffix in PICTURES:
        got, help = "a picture", f"name the folder with the pictures: `{Path(name).parent}`"
    elif suffix == ".json":
        help = "save rows of JSON as .csv; a spec has no samples"
    elif suffix in (".yaml", ".yml"):
        help = "name the samples: this looks like a spec, which has none"
    elif suffix in (".xls", ".xlsx", ".ods"):
        help = "save the sheet as .csv"
    unreadable(
        name, got, help, f"a file that ends in {', '.join((*ARRAYS, *TABLES))}, or a folder of such or of pictures"
    )


def _single(path: Path) -> bool:
    """Whether a file is one that is read at once, with labels if it has them."""
    return not path.is_dir() and path.suffix != ".parquet"


def _together(path: Path, split: Split, shape: Shape, columns: Sequence[str] | None, label: str | None) -> Raw:
    """All samples of a file or of those in a folder, as one array."""
    import numpy as np

    parts = find_parts(path, split, columns, label)
    inputs = np.concatenate([_arranged(part.read(0, part.rows), part, shape) for part in parts])
    rows = {part.file: 0 for part in parts}
    for part in parts:
        rows[part.file] += part.rows
    return Raw(
        inputs,
        _labels(parts),
        natural=natural(inputs),
        whole=_whole(parts),
        columns=parts[0].columns,
        label=None if label else parts[0].label,
        files=tuple(rows.items()) if len(rows) > 1 else (),
    )


def _labels(parts: list[Part]) -> NDArray[Any] | None:
    """What each sample shows, where all parts say so."""
    import numpy as np

    found = [part.labels() for part in parts]
    known = [labels for labels in found if labels is not None]
    return np.concatenate(known) if len(known) == len(parts) else None


def _whole(parts: list[Part]) -> bool:
    """Whether the parts have no samples for training and for testing apart."""
    return not all(part.own_split for part in parts)


def _arranged(x: NDArray[Any], part: Part, shape: Shape) -> NDArray[Any]:
    """Samples that a part had to flatten, in the shape of the spec's input, where they have as many numbers."""
    sizes = [n for n in shape if n is not None]
    return x.reshape(-1, *sizes) if part.flat and len(sizes) == len(shape) and prod(sizes) == prod(part.sample) else x


def _window(path: Path, split: Split, dtype: str, columns: Sequence[str] | None, label: str | None) -> int | None:
    """How many samples may be in memory at a time, where all of them would take more than half of it."""
    import numpy as np

    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no such call
        return None
    files = path.rglob("*") if path.is_dir() else [path]
    if sum(file.stat().st_size for file in files if file.is_file()) < memory / 100:
        return None  # no number of bytes of a file becomes a hundred in memory
    parts = find_parts(path, split, columns, label)
    sample = prod(parts[0].sample) * np.dtype(dtype).itemsize
    return None if sum(part.rows for part in parts) * sample < memory / 2 else max(memory // 16 // sample, 1)


def _streamed(
    name: str,
    path: Path,
    parts: list[Part],
    window: int,
    shape: Shape,
    range: Range,
    dtype: str,
    within_unit: bool,
) -> Dataset:
    """The samples of files, to be read when they are wanted, and fitted then."""

    def fitted(x: NDArray[Any]) -> tuple[NDArray[Any], tuple[str, ...]]:
        x = _arranged(x, parts[0], shape)
        return fit(Raw(x, natural=natural(x)), name, shape, range, dtype, within_unit=within_unit)

    first, notes = fitted(parts[0].read(0, 1))
    samples = sum(part.rows for part in parts)
    stream = Stream(parts, (samples, *first.shape[1:]), dtype, lambda x: fitted(x)[0])
    notes = (*notes, f"streams from {counted(len(parts), 'part')}, {counted(min(window, samples))} in memory at a time")
    names = parts[0].columns if parts[0].columns and len(parts[0].columns) == first.shape[-1] else None
    return Dataset(name, stream, _labels(parts), notes, path, window, whole=_whole(parts), columns=names)
