"""Fitting: samples take the shape, the range and the type that a spec's input states, or are refused."""

from __future__ import annotations

from math import isqrt, prod
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from aespec.data.labels import as_a_feature
from aespec.data.sets import DATASETS
from aespec.diagnostics import AespecError, Diagnostic
from aespec.rules import DataNotFinite, DataRange, DataShape, DataUnreadable
from aespec.shapes import counted, show_shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aespec.data.files import Raw
    from aespec.shapes import Shape

__all__ = ["fit"]


def fit(
    raw: Raw, name: str, shape: Shape, range: tuple[float, float] | None, dtype: str, *, within_unit: bool
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Fit samples to a spec's input; the array, and what was done to them. `aespec.data.load` says what the rest means.

    Raises:
        AespecError: They are no real numbers or none at all, or shape, values or range do not fit.
    """
    import numpy as np

    _check_type(raw.inputs, name)
    steps = _steps(raw.inputs.shape[1:], shape, raw.image)
    if steps is None:
        _refuse_shape(raw, name, shape)
    _check_values(raw, name, raw.natural or range, dtype, within_unit)

    x, notes = raw.inputs, []
    for step in steps:
        notes.append(f"{step.verb} {_by(x.shape[1:])} -> {_by(step.shape)}")
        x = _take(step, x, dtype)

    # A picture without a stated range goes to 0..1; bytes of a file are then left alone.
    target = range or ((0.0, 1.0) if raw.image else raw.natural)
    if raw.natural and target and target != raw.natural:
        notes.append(f"scaled {_span(raw.natural)} to {_span(target)}")
        if not raw.image and x.max() <= 1:
            notes.append("no byte is above 1: if they mean 0 and 1, save them as bool or float instead")
        x = _scale(x, raw.natural, target, dtype)
    elif x.dtype != dtype and dtype != "float64":  # which holds whatever they were
        notes.append(f"converted {x.dtype} -> {dtype}")
    return np.ascontiguousarray(x, dtype), tuple(notes)


def resize(images: NDArray[Any], size: tuple[int, ...], dtype: str = "float32") -> NDArray[Any]:
    """Resize pictures (samples, height, width) to another height and width.

    The filter is a triangle as wide as the coarser of the two grids: bilinear interpolation where a picture
    grows, an average over all pixels where it shrinks.
    """
    rows, columns = (_weights(old, new).astype(dtype) for old, new in zip(images.shape[1:], size, strict=True))
    resized: NDArray[Any] = rows @ images.astype(dtype) @ columns.T
    # Rows of weights sum to 1 but for rounding, which must not push a pixel out of its range.
    return resized.clip(images.min(), images.max(), out=resized)


RESIZED, REPEATED = "resized", "repeated the gray channel"
"""What a step does to the values; every other one only arranges them."""


class Step(NamedTuple):
    """One change of a sample's shape."""

    verb: str
    shape: tuple[int, ...]


def _take(step: Step, x: NDArray[Any], dtype: str) -> NDArray[Any]:
    if step.verb == RESIZED:
        return resize(x, step.shape, dtype)
    if step.verb == REPEATED:
        return x[..., None].repeat(step.shape[-1], axis=-1)
    return x.reshape(-1, *step.shape)


def _steps(got: tuple[int, ...], wanted: Shape, image: bool) -> list[Step] | None:
    """What leads from one sample shape to another; None if nothing does."""
    if _fits(got, wanted):
        return []
    if got[-1:] == (1,) and _fits(got[:-1], wanted):
        return [Step("removed the channel axis", got[:-1])]
    if len(got) > 1 and wanted == (prod(got),):
        return [Step("flattened", (prod(got),))]
    if wanted[-1:] == (1,):
        return _then("added a channel axis", 1, _steps(got, wanted[:-1], image), got)
    if not image:
        return None
    if len(wanted) == 3 and wanted[-1] == 3:
        return _then(REPEATED, 3, _steps(got, wanted[:-1], image), got)
    if len(wanted) == 1 and wanted[0] is not None and (side := isqrt(wanted[0])) ** 2 == wanted[0]:
        return [Step(RESIZED, (side, side)), Step("flattened", (wanted[0],))]
    if len(got) == len(wanted) == 2:
        return [Step(RESIZED, tuple(n if n is not None else old for n, old in zip(wanted, got, strict=True)))]
    return None


def _then(verb: str, channels: int, steps: list[Step] | None, got: tuple[int, ...]) -> list[Step] | None:
    """The steps, and one more that gives the sample channels."""
    return None if steps is None else [*steps, Step(verb, (*(steps[-1].shape if steps else got), channels))]


def _fits(got: tuple[int, ...], wanted: Shape) -> bool:
    return len(got) == len(wanted) and all(n in (None, old) for old, n in zip(got, wanted, strict=True))


def _scale(x: NDArray[Any], natural: tuple[float, float], target: tuple[float, float], dtype: str) -> NDArray[Any]:
    scaled = x.astype(dtype)
    scaled -= natural[0]
    scaled /= natural[1] - natural[0]
    scaled *= target[1] - target[0]
    scaled += target[0]
    return scaled.clip(*target, out=scaled)


def _weights(old: int, new: int) -> NDArray[Any]:
    """How much each of the old pixels of a line (columns) gives to each of the new ones (rows)."""
    import numpy as np

    step = old / new
    centres = (np.arange(new) + 0.5) * step - 0.5
    distances = np.abs(centres[:, None] - np.arange(old))
    weights = np.maximum(1 - distances / max(step, 1), 0)
    normalized: NDArray[Any] = weights / weights.sum(axis=1, keepdims=True)
    return normalized


def _check_type(x: NDArray[Any], name: str) -> None:
    if x.dtype.kind not in "buif":
        raise AespecError(
            Diagnostic(
                DataUnreadable,
                f"{name} is not made of real numbers",
                wanted="floats, integers or booleans",
                got=f"values of type {x.dtype}",
                help="convert it with `x.astype('float32')` and save it again",
            )
        )
    if not x.size:
        raise AespecError(
            Diagnostic(
                DataShape,
                f"there are no samples in {name}",
                wanted="one sample or more, along the first axis",
                got=f"an array of shape {x.shape}",
                help="check the code that selected and saved them",
            )
        )


def _refuse_shape(raw: Raw, name: str, wanted: Shape) -> NoReturn:
    got = raw.inputs.shape
    sample = got[1:]
    sizes = ", ".join("any" if n is None else str(n) for n in wanted)
    if raw.image:
        named = [f"`--data {name}`" for name, each in DATASETS.items() if _fits(each.sample, wanted)]
        own = f"data of your own, such as `--data points.npy`, an array of shape (n, {sizes})"
        help = f"these are pictures: give {', or '.join([*named, own])}"
    elif len(wanted) == len(sample) == 1 and (advice := as_a_feature(raw, wanted[0])):
        help = advice
    elif _fits(got, wanted):
        help = "this looks like a single sample: save `x[None]`, so that samples are along the first axis"
    elif len(wanted) == 2 and _fits(sample, wanted[1:]):
        stride = max((wanted[0] or 1) // 2, 1)
        stated = f"`input: {{shape: [{sizes}], stride: {stride}, scaling: standard}}`"
        help = f"have windows of {wanted[0]} steps cut of a long series, and its features scaled: {stated}"
    elif len(sample) > 1 and _fits((*sample[1:], sample[0]), wanted):
        help = "channels come last: save `numpy.moveaxis(x, 1, -1)`"
    elif None not in wanted and prod(sample) == prod(n for n in wanted if n is not None):
        help = f"the sizes agree: save `x.reshape(-1, {sizes})`, if that is the order of the values"
    else:
        help = f"give data of that shape, or train a model with `input: {list(sample)}`"
    raise AespecError(
        Diagnostic(
            DataShape,
            f"{name} does not have the shape that the spec's input states",
            wanted=f"samples of shape {show_shape(wanted)}",
            got=f"samples of shape {show_shape(sample)}, in an array of shape {got}",
            help=help,
        )
    )


def _check_values(raw: Raw, name: str, range: tuple[float, float] | None, dtype: str, within_unit: bool) -> None:
    """Refuse the first value, named by its place in the array as it was given, that a model cannot take."""
    import numpy as np

    x = raw.inputs
    wrong = ~np.isfinite(x)
    if wrong.any():
        raise AespecError(
            Diagnostic(
                DataNotFinite,
                f"{(count := int(wrong.sum())):,} of the {x.size:,} values of {name} "
                f"{'is' if count == 1 else 'are'} not finite",
                wanted="numbers, without NaN or infinity",
                got=_first(raw, wrong),
                help=f"{'' if raw.series else 'drop these samples, or '}fill the gaps, and save the data again",
            )
        )
    held = np.finfo(dtype)
    low, high = range or (float(held.min), float(held.max))
    if x.dtype.kind == "f":  # compare in the data's own precision: a float32 0.1 is not above 0.1
        with np.errstate(over="ignore"):
            low, high = np.array((low, high)).astype(x.dtype)
    wrong = (x < low) | (x > high)
    if wrong.any():
        raise AespecError(
            Diagnostic(
                DataRange,
                f"{name} has values outside {'the range that the spec states' if range else dtype}",
                wanted=f"values from {low} to {high}",
                got=f"values from {x.min()} to {x.max()}; {_first(raw, wrong)}",
                help="scale the values and save them again (bytes, of dtype uint8, are scaled for you)"
                + (_stating(min(low, x.min()), max(high, x.max()), within_unit) if range else ""),
            )
        )


def _stating(low: float, high: float, within_unit: bool) -> str:
    """The other way out of values that the stated range cannot hold: a wider range, and a loss that takes it."""
    loss = "`loss: mse` and " if within_unit and (low < 0 or high > 1) else ""
    return f", or train a model with {loss}`range: [{low}, {high}]`"


def _first(raw: Raw, wrong: NDArray[Any]) -> str:
    """The first value that is wrong, and where it stands: by its index, in a series or a table by its column too."""
    import numpy as np

    index = tuple(int(i) for i in np.unravel_index(wrong.argmax(), wrong.shape))
    place = f"index {list(index)}"
    if raw.series:
        (steps, columns), (step, column) = wrong.shape, index
        named = f"`{raw.columns[column]}`" if raw.columns else f"{column}"
        place = f"step {step}, column {named}, of {counted(steps, 'step')} and {counted(columns, 'column')}"
        place += ", counted from 0"
    elif raw.columns and wrong.shape[1:] == (len(raw.columns),):
        row, column = index
        place = f"row {row:,}, counted from 0, column `{raw.columns[column]}`"
    return f"first {raw.inputs[index]}, at {place}"


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _span(range: tuple[float, float]) -> str:
    return f"{range[0]:g}..{range[1]:g}"
