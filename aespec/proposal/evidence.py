"""What data is, as far as it can be seen: images, a series, or a table, and how its values lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from aespec.data import DATASETS, load, place
from aespec.data.columns import survey
from aespec.data.parts import find_parts, holds_arrays
from aespec.data.pictures import find_pictures
from aespec.data.streams import batches, chosen, take
from aespec.data.tables import is_table
from aespec.diagnostics import AespecError, Diagnostic, missing
from aespec.rules import DataShape
from aespec.shapes import channels_last, counted, show_shape

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.data.streams import Samples

    Array = NDArray[np.floating[Any]]
    Kind = Literal["images", "series", "table", "arrays"]

__all__ = ["Evidence", "look"]

SAMPLES = 1_000
"""So many samples are looked at closely, fewer of large ones."""

SMOOTH = 0.5
"""Values are in an order if neighbours differ by less than this, measured by what two values drawn at random do."""

LONG, WINDOW = 1_000, 64
"""A table of so many rows or more may be a series; into windows of what length that is cut."""

SIDE = 64
"""Pixels of a picture's longer side, at most."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What was seen of data."""

    name: str
    """The named set, the file or the folder."""
    kind: Kind
    shape: tuple[int, ...]
    """Of a sample."""
    samples: int
    why: str
    """How the kind was told, in a few words."""
    sample: Array
    """Some of the samples, (n, *shape)."""
    low: float
    high: float
    """The least and the largest value of all."""
    known_range: bool
    """Whether the range of the values is that of pixels, whatever the data at hand has of it."""
    stride: int | None = None
    """Where samples are windows of a series: how many steps lie between the starts of two."""
    features: Sequence[str] | None = None
    """Of a table those columns that can be learnt, where that is not all."""
    label: str | None = None
    """Of a table the column that labels samples, where that must be stated."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Why other columns are not learnt."""
    notes: Sequence[str] = ()
    """How its pictures were read."""

    @property
    def extremes(self) -> float:
        """The share of values that lie at either end of [0, 1], as far as a twentieth of it."""
        return float(((self.sample < 0.05) | (self.sample > 0.95)).mean())


def look(name: str, window: int | None = None) -> Evidence:
    """Look at data.

    Args:
        name: A named set, a file or a folder.
        window: It is a series, to be cut into windows of so many steps; a quarter as many lie between their starts.

    Raises:
        AespecError: It is not found, cannot be read, holds nothing to learn, or cannot be cut into such windows.
    """
    import numpy as np

    length = window or WINDOW
    source, step = _source(name, length), max(length // 4, 1)
    if window and (len(source.shape) > 1 or not source.ordered):
        raise AespecError(
            Diagnostic(
                DataShape,
                f"{name} cannot be cut into windows",
                wanted="one long series: a file with a row for each step",
                got=f"samples of shape {show_shape(source.shape)}, each by itself",
                help="leave `--window` out",
            )
        )
    data = load(
        name,
        shape=source.shape or (length, 1),
        range=(0.0, 1.0) if source.pixels else None,
        columns=source.features,
        label=source.label,
        stride=None if source.shape else step,
    )
    found = data.inputs
    kind, why, cut = _kind(source, found, asked=window is not None)
    stride = step if cut else None
    if cut and source.shape:  # rows that turned out to be steps
        shape = (length, *source.shape)
        found = load(name, shape=shape, range=None, columns=source.features, label=source.label, stride=stride).inputs
    sample = take(found, chosen(found, SAMPLES, np.random.default_rng(0))).astype("float64")
    ends = [(float(part.min()), float(part.max())) for part in batches(found)]
    low, high = min(least for least, _ in ends), max(most for _, most in ends)
    poor = {
        f"the same number, {low:g}, everywhere": low == high,
        "one number a sample": sample[0].size < 2,
        f"{counted(len(found), 'sample')}, all alike": not np.ptp(sample, axis=0).any(),
    }
    if got := next((what for what, is_so in poor.items() if is_so), None):
        _refuse(name, got, source.left_out, source.taken)
    return Evidence(
        name,
        kind,
        found.shape[1:],
        len(found),
        why,
        sample,
        low,
        high,
        source.pixels,
        stride,
        source.features,
        source.label,
        {**source.left_out, **({source.taken: "taken for the label"} if source.taken and not source.label else {})},
        data.notes if source.pictures and name not in DATASETS else (),
    )


@dataclass(frozen=True)
class _Source:
    """What can be known of data before it is loaded."""

    shape: tuple[int, ...]
    """Of a sample; () where the data is a series of single numbers."""
    pixels: bool = False
    """Whether its values are those of pixels."""
    pictures: bool = False
    """Whether it is sure to be images."""
    ordered: bool = False
    """Whether its samples may be the steps of a series."""
    features: Sequence[str] | None = None
    label: str | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    time: str | None = None
    """The column of times that go on from row to row, if there is one."""
    taken: str | None = None
    """The column that its name alone makes the label, where it could be learnt as well."""


def _source(name: str, length: int) -> _Source:
    if name in DATASETS:
        images = len(DATASETS[name].sample) > 1
        return _Source(DATASETS[name].sample, pixels=images, pictures=images)
    path = place(name)
    if path.is_dir() and not holds_arrays(path) and (pictures := find_pictures(path)):
        return _Source(_picture_shape(pictures), pixels=True, pictures=True)
    if not is_table(path) and path.suffix != ".parquet":
        first, *others = find_parts(path, "train")
        steps = sum(part.rows for part in (first, *others))
        if not first.sample and steps < length:
            got, help = f"{counted(steps, 'number')} in one row", f"name a series of {length} numbers or more"
            _refuse(name, got, help=f"{help}, or save each sample as a row of its own")
        return _Source(first.sample, pixels=first.kind == "uint8", ordered=True)
    found = survey(path)
    if not found.width:
        _refuse(name, "no number a sample", found.left_out)
    shape = (found.width,) if is_table(path) else find_parts(path, "train", found.features, found.label)[0].sample
    return _Source(shape, False, False, True, found.features, found.label, found.left_out, found.time, found.taken)


def _refuse(
    name: str, got: str, left_out: Mapping[str, str] = MappingProxyType({}), taken: str | None = None, *, help: str = ""
) -> NoReturn:
    """Say that there is nothing to learn, and of a table which columns could not be, and which is taken for the label.

    Raises:
        AespecError: Always.
    """
    faults = left_out.values()
    mend = ["make numbers of the text, with a point before decimals"] * ("text" in faults)
    mend += ["fill the gaps"] * any("gap" in fault for fault in faults)
    ways = [", and ".join(mend)] * bool(mend)
    if taken:
        ways.insert(0, f"call `{taken}` otherwise in the table: by its name it is taken for the label")
        left_out = {**left_out, taken: "the label"}
    columns = [f"`{column}` ({fault})" for column, fault in left_out.items()]
    more = f", ... ({len(columns)} in all)" if len(columns) > 8 else ""
    raise AespecError(
        Diagnostic(
            DataShape,
            f"there is nothing to learn in {name}",
            wanted="samples of two numbers or more, which differ",
            got=f"{got}, without {', '.join(columns[:8])}{more}" if columns else got,
            help=help or ", or ".join(ways) or "name data with more in it",
        )
    )


def _picture_shape(paths: Sequence[Path]) -> tuple[int, ...]:
    """The usual size of pictures, made smaller where they are large, and three channels where one is in color."""
    try:
        from PIL import Image
    except ImportError:
        raise missing("Pillow", "data", "to look at pictures") from None
    sizes, color = [], False
    for path in paths[:SAMPLES]:
        with suppress(OSError, ValueError, SyntaxError, Image.DecompressionBombError), Image.open(path) as picture:
            sizes.append(picture.size)
            color = color or len(picture.convert().getbands()) > 2
    width, height = (median(lengths) for lengths in zip(*sizes or [(SIDE, SIDE)], strict=True))
    scale = min(1.0, SIDE / max(width, height))
    even = (max(8, round(length * scale / 8) * 8) if scale < 1 else round(length) for length in (height, width))
    return (*even, 3) if color else tuple(even)


def _kind(source: _Source, x: Samples, *, asked: bool) -> tuple[Kind, str, bool]:
    """What samples are, how that was told, and whether they are steps, to be cut into windows."""
    import numpy as np

    axes = x.shape[1:]
    if asked:
        return "series", "as long as was asked for", True
    if not source.shape:
        return "series", "one long row of numbers", True
    if len(axes) == 1:
        if source.time and len(x) >= 4 * WINDOW:
            return "series", f"`{source.time}` goes on from row to row", True
        if source.ordered and not source.pixels and len(x) >= LONG:
            rows = take(x, np.arange(min(len(x), 4096) // 32 * 32)).reshape(-1, 32, *axes)
            if np.median([_roughness(rows[..., i], axis=1) for i in range(axes[0])]) < SMOOTH:
                return "series", "rows that follow each other are alike", True
        return "table", f"{counted(axes[0], 'number')} a row", False
    if source.pictures:
        return "images", "in color" if len(axes) > 2 else "in gray", False
    if len(axes) == 3 and axes[0] <= 4 < min(axes[1:]):
        return "arrays", "channels first, it seems; images have them last, as x.transpose(0, 2, 3, 1) gives them", False
    if len(axes) == 3:
        return "images", "height, width, channels", False
    if len(axes) > 3:
        return "arrays", f"{len(axes)} axes", False
    sample = take(x, chosen(x, SAMPLES, np.random.default_rng(0)))
    square = min(axes) >= 8 and max(axes) <= 3 * min(axes)
    if square and all(_roughness(sample, axis) < SMOOTH for axis in (1, 2)):
        return "images", "neighbours are alike along both axes", False
    if channels_last(axes):
        return "series", f"steps, channels; if the {axes[0]} are channels, save `numpy.moveaxis(x, 1, -1)`", False
    return "series", "steps, channels", False


def _roughness(x: Array, axis: int) -> float:
    """How much neighbours along an axis differ: near 0 where values move slowly, 1 where their order means nothing."""
    import numpy as np

    spread = 2 * float(x.var(axis=axis).mean())
    return float((np.diff(x, axis=axis) ** 2).mean()) / spread if spread else 1.0
