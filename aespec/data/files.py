"""Files of samples: NumPy's ``.npy`` and ``.npz``, and the IDX files of the MNIST family."""

from __future__ import annotations

import gzip
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from aespec.diagnostics import AespecError, Diagnostic, nearest
from aespec.rules import DataNotFound, DataShape, DataUnreadable

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "BROKEN",
    "Raw",
    "Split",
    "choose",
    "is_numpy",
    "natural",
    "not_found",
    "read_array",
    "read_idx",
    "reason",
    "unreadable",
]

Split = Literal["train", "test"]

BROKEN = (
    *(OSError, EOFError, ValueError, KeyError, RuntimeError, MemoryError),
    *(zlib.error, zipfile.BadZipFile, tokenize.TokenError, SyntaxError),
)
"""What the readers of NumPy, gzip and zip raise on a file that is damaged or of another kind."""

RESERVED = frozenset({"x_train", "x_test", "y_train", "y_test", "y", "labels"})
"""Names in an ``.npz`` that never mean "its only array, so the inputs"."""


@dataclass(frozen=True, eq=False)
class Raw:
    """Samples as their source holds them, before they are fitted to a spec."""

    inputs: NDArray[Any]
    labels: NDArray[Any] | None = None
    natural: tuple[float, float] | None = None
    """The range that the values are measured in, where the source settles it."""
    image: bool = False
    """Whether a sample is a picture (height, width), which may be resized."""
    whole: bool = False
    """Whether the source has no such part as was asked for, so that these are all of its samples."""
    columns: tuple[str, ...] | None = None
    """What each feature is called, where the source says so."""
    label: str | None = None
    """The column that labels samples, where its name alone says that it does."""
    names: tuple[str, ...] | None = None
    """What each sample is called, where the source says so."""
    series: bool = False
    """Whether a sample is a step of one long series (steps, features)."""
    files: tuple[tuple[str, int], ...] = ()
    """The files that it is in, if several, and how many samples each has."""
    notes: tuple[str, ...] = ()


def is_numpy(path: Path) -> bool:
    """Whether a file begins as ``numpy.save`` or ``numpy.savez`` begin theirs, or cannot be opened."""
    try:
        with path.open("rb") as file:
            return file.read(6) == b"\x93NUMPY" or any(n.endswith(".npy") for n in zipfile.ZipFile(path).namelist())
    except zipfile.BadZipFile:
        return False
    except OSError:
        return True


def natural(x: NDArray[Any]) -> tuple[float, float] | None:
    """The range that the values of a file are measured in: that of bytes, if they are such."""
    return (0.0, 255.0) if x.dtype.str == "|u1" else None


def read_array(path: str | Path, split: Split) -> Raw:
    """Read a ``.npy`` or ``.npz`` file; nothing in it is ever unpickled.

    Args:
        path: The file.
        split: The part to read: of an ``.npz``, ``x_train`` or ``x_test`` if it has them, else ``x``,
            ``inputs`` or its only array, with labels ``y_train`` or ``y_test``, ``y`` or ``labels``. Without a part
            for testing, what there is for training is read.
    """
    import numpy as np

    try:
        with Path(path).expanduser().open("rb") as file:
            content = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                inputs, labels, own_split = content, None, False
            else:
                first, second = choose(path, content.files, split)
                inputs, labels = content[first], content[second] if second else None
                own_split = first == f"x_{split}"
    except FileNotFoundError:
        raise AespecError(
            Diagnostic(
                DataNotFound,
                f"there is no file `{path}`",
                wanted="the path of a .npy or .npz file",
                help="check the path, which starts from the current folder",
            )
        ) from None
    except IsADirectoryError:
        unreadable(path, "a folder", "name a file in it")
    except BROKEN as error:
        unreadable(path, reason(error), "write it again with `numpy.save` or `numpy.savez`", "an array of numbers")

    if inputs.ndim == 0 or (labels is not None and labels.shape[:1] != inputs.shape[:1]):
        raise AespecError(
            Diagnostic(
                DataShape,
                f"{path} does not hold one row a sample",
                wanted="as many labels as samples" if labels is not None else "an array of samples",
                got=f"an array of shape {inputs.shape}"
                + (f", labels of shape {labels.shape}" if labels is not None else ""),
                help="put the samples, and their labels, along the first axis",
            )
        )
    note = f"{path} has no test part of its own: all of it is taken as the test set"
    return Raw(
        inputs,
        labels,
        natural=natural(inputs),
        whole=not own_split,
        notes=(note,) if split == "test" and not own_split else (),
    )


def read_idx(path: Path, axes: int) -> NDArray[Any]:
    """Read an IDX file of bytes, packed with gzip or not, that must have this number of axes.

    The format is described at http://yann.lecun.com/exdb/mnist/: four bytes (0, 0, type, number of axes),
    each axis as a big-endian 32-bit number, the values.
    """
    import numpy as np

    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except BROKEN as error:
        unreadable(path, reason(error), "delete it and get it again")
    start = 4 + 4 * axes
    if content[:4] != bytes((0, 0, 8, axes)) or len(content) < start:
        unreadable(path, "no IDX header for that", "delete it and get it again", f"bytes along {axes} axes")
    shape = tuple(int(n) for n in np.frombuffer(content, ">u4", axes, offset=4))
    if len(content) != start + prod(shape):
        unreadable(
            path,
            f"{len(content)} bytes",
            "delete it and get it again",
            f"{start + prod(shape)} bytes, for the shape {shape} in its header",
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def unreadable(path: str | Path, got: str, help: str, wanted: str | None = None) -> NoReturn:
    """Refuse a file that does not hold what it should."""
    raise AespecError(Diagnostic(DataUnreadable, f"cannot read {path}", wanted=wanted, got=got, help=help))


def choose(path: str | Path, names: Sequence[str], split: Split) -> tuple[str, str | None]:
    """The names, in an ``.npz``, of its inputs and of its labels.

    Raises:
        AespecError: It has a test part alone and the training part is asked for (E401), or no such arrays (E404).
    """
    if split == "test" and "x_test" not in names and "x_train" in names:
        return choose(path, names, "train")
    labels = [name for name in (f"y_{split}", "y", "labels") if name in names]
    inputs = [name for name in (f"x_{split}", "x", "inputs") if name in names]
    inputs = inputs or [name for name in names if name not in RESERVED]
    if split == "train" and not inputs and "x_test" in names:
        raise AespecError(
            Diagnostic(
                DataNotFound,
                f"{path} has no training part",
                wanted="training samples, named `x_train` or `x`",
                got=f"the arrays {', '.join(names)}",
                help="ask for the test part (`--split test`, where the command has it), or add the training samples",
            )
        )
    if len(inputs) != 1 or len(labels) > 1:
        unreadable(
            path,
            f"the arrays {', '.join(names)}" if names else "no arrays",
            f"name the samples `x` (or `x_{split}`) and their labels `y` (or `y_{split}`)",
            f"one array of samples for the {split} split, and one of labels at most",
        )
    return inputs[0], labels[0] if labels else None


def not_found(path: str, names: Sequence[str]) -> NoReturn:
    """Say that there is no such data, and what could have been meant."""
    meant = nearest(path, names) or _beside(Path(path))
    raise AespecError(
        Diagnostic(
            DataNotFound,
            f"there is no data set and no file `{path}`",
            wanted=f"one of {', '.join(names)}, or the path of a .npy, .npz, .parquet, .csv or .tsv file, "
            "or of a folder of arrays or pictures",
            help=f"did you mean `{meant}`?"
            if meant
            else f"check the path{'' if path.startswith(('/', '~')) else ', which starts from the current folder'}, "
            "or name other data with `--data`",
        )
    )


def _beside(path: Path) -> str | None:
    """The file or folder of a name like this one that is in its folder."""
    with suppress(OSError, ValueError):  # no such folder, a NUL in the name
        near = nearest(path.name, (each.name for each in islice(path.parent.iterdir(), 1000)))
        return None if near is None else str(path.with_name(near))
    return None


def reason(error: BaseException) -> str:
    """What a reader found, in one line."""
    text = str(error).partition("\n")[0]
    if "pickle" in text or "Python objects" in text:
        return "Python objects, or no NumPy file at all"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
