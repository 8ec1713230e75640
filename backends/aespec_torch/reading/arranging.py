"""Operations of a program that move values, repeat them, or add and drop them at the ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aespec.importing import Unsaid
from aespec_torch.reading.pieces import Piece
from aespec_torch.reading.program import Step
from aespec_torch.reading.recurrent import last_step

if TYPE_CHECKING:
    from aespec_torch.reading import Reading

__all__ = ["ARRANGING", "of_zeros"]

LAST = 2**63 - 1
"""The end of a slice that has none."""


def of_zeros(args: Mapping[str, Any]) -> bool:
    """Whether a padding is of zeros."""
    return args.get("mode", "constant") == "constant" and not args.get("value")


def _flatten(reading: Reading, step: Step) -> Iterator[Piece]:
    if step.mixes:
        yield from _reshape(reading, step)
        return
    lacking = None in reading.order
    reading.order = tuple(axis for axis in reading.order if axis is not None)
    yield from reading.arranged(tuple(range(len(reading.order))))
    if len(step.shape) > 1:
        yield from _reshape(reading, step)
    elif len(reading.order) > 1 or not lacking:
        yield Piece("flatten")
    reading.order = tuple(range(len(step.shape)))


def _reshape(reading: Reading, step: Step) -> Iterator[Piece]:
    """Other axes; where the first one is another, its steps count as samples from here on, or no longer do."""
    yield from reading.as_written()
    if step.mixes:
        folds = reading.steps is None and step.given[1:] == step.shape
        if not folds and (reading.steps is None or step.shape != (*reading.steps, *step.given)):
            raise Unsaid("a reshape that mixes samples", "one of each sample")
        reading.steps = (step.given[0],) if folds else None
    else:
        if sum(n is None for n in step.shape) > 1:
            raise Unsaid("a shape with several unknown lengths", "one at most")
        yield Piece("reshape", {"target_shape": [-1 if n is None else n for n in step.shape]})
    reading.order = tuple(range(len(step.shape)))


def _permute(reading: Reading, step: Step) -> Iterator[Piece]:
    yield from ()
    args, axes = step.args, list(range(len(step.shape) + 1))
    if "dims" in args:
        axes = [axis % len(axes) for axis in args["dims"]]
    elif "dim0" in args:
        one, other = args["dim0"] % len(axes), args["dim1"] % len(axes)
        axes[one], axes[other] = axes[other], axes[one]
    else:
        axes.insert(args["destination"] % len(axes), axes.pop(args["source"] % len(axes)))
    if axes[0] != 0:
        raise Unsaid("a permutation of the batch axis", "one of the others")
    reading.order = tuple(reading.order[axis - 1] for axis in axes[1:])


def _unsqueeze(reading: Reading, step: Step) -> Iterator[Piece]:
    yield from ()
    at = step.args["dim"] % (len(step.shape) + 1)
    if at == 0:
        raise Unsaid("an axis before that of the batch", "one after it")
    reading.order = (*reading.order[: at - 1], None, *reading.order[at - 1 :])


def _squeeze(reading: Reading, step: Step) -> Iterator[Piece]:
    if reading.last_of is not None:
        yield from last_step(reading, step)
        return
    dims = step.args.get("dim")
    at = dims % (len(step.given) + 1) if isinstance(dims, int) else 0
    if at == 0:
        raise Unsaid("`squeeze` of other axes than one of a sample", "of one, by its number")
    if reading.order[at - 1] is None:
        reading.order = (*reading.order[: at - 1], *reading.order[at:])
    elif step.shape != step.given:
        yield from reading.as_written()
        yield Piece("reshape", {"target_shape": [-1 if n is None else n for n in step.shape]})
        reading.order = tuple(range(len(step.shape)))


def _expand(reading: Reading, step: Step) -> Iterator[Piece]:
    """A vector at several steps."""
    if step.shape == step.given:
        return
    if reading.order != (None, 0) or step.shape[0] is None or step.shape[1:] != step.given[1:]:
        raise Unsaid(f"`{step.operation.name}`", "a vector that is repeated along an axis of its own")
    yield Piece("repeat_vector", {"n": step.shape[0]})
    reading.order = (0, 1)


def _slice(reading: Reading, step: Step) -> Iterator[Piece]:
    """A crop of one spatial axis."""
    dim, start, end = step.args.get("dim", 0), step.args.get("start") or 0, step.args.get("end", LAST)
    end = 0 if end is None or end >= LAST else -end
    if not start and not end:
        return
    if dim <= 0 or start < 0 or end < 0 or step.args.get("step", 1) != 1:
        raise Unsaid("a slice", "one that crops a spatial axis")
    yield from _at_axes(reading, "cropping", "cropping", {dim - 1: [start, end]}, [0, 0])


def _pad(reading: Reading, step: Step) -> Iterator[Piece]:
    """Zeros at the ends of spatial axes."""
    ends, rank = step.args["pad"], len(step.shape)
    pairs = {rank - 1 - i // 2: [ends[i], ends[i + 1]] for i in range(0, len(ends), 2)}
    pairs = {axis: pair for axis, pair in pairs.items() if any(pair)}
    if not of_zeros(step.args) or any(axis < 0 or min(pair) < 0 for axis, pair in pairs.items()):
        raise Unsaid("a padding", "zeros at the ends of spatial axes")
    yield from _at_axes(reading, "zero_padding", "padding", pairs, [0, 0])


def _repeat_interleave(reading: Reading, step: Step) -> Iterator[Piece]:
    """Each position several times, along one axis."""
    dim, times = step.args.get("dim"), step.args["repeats"]
    if not isinstance(dim, int) or not isinstance(times, int) or dim % (len(step.shape) + 1) == 0:
        raise Unsaid("`repeat_interleave`", "a number of times, along a spatial axis")
    yield from _at_axes(reading, "upsampling", "size", {dim % (len(step.shape) + 1) - 1: times}, 1)


def _upsample(reading: Reading, step: Step) -> Iterator[Piece]:
    """Each position several times, along all spatial axes."""
    yield from reading.channels_last()
    times = step.args.get("scale_factors") or [
        m / n if n and m else 0.0 for n, m in zip(step.given[1:], step.shape[1:], strict=True)
    ]
    if any(n != int(n) or n < 1 for n in times):
        raise Unsaid("an upsampling that is not by whole numbers", "whole numbers")
    yield Piece(f"upsampling{len(times)}d", {"size": [int(n) for n in times]})


def _at_axes(reading: Reading, kind: str, field: str, values: dict[int, Any], usual: Any) -> Iterator[Piece]:
    """A layer with a value for each spatial axis, some of them by their number in the program."""
    rank = len(reading.order) - 1
    if not values:
        return
    if any(reading.order[axis] == rank for axis in values) and 0 not in values:
        yield from reading.channels_last()
    by_axis = {reading.order[axis]: value for axis, value in values.items()}
    if rank not in (1, 2) or rank in by_axis:
        raise Unsaid(f"`{reading.at.operation.name}` of other axes than spatial ones", "one or two spatial axes")
    yield Piece(f"{kind}{rank}d", {field: [by_axis.get(axis, usual) for axis in range(rank)]})


ARRANGING: dict[str, Callable[[Reading, Step], Iterator[Piece]]] = {
    "flatten": _flatten,
    **dict.fromkeys(("reshape", "view", "unflatten"), _reshape),
    **dict.fromkeys(("permute", "transpose", "movedim"), _permute),
    "unsqueeze": _unsqueeze,
    "squeeze": _squeeze,
    **dict.fromkeys(("expand", "repeat"), _expand),
    "select": last_step,
    "slice": _slice,
    **dict.fromkeys(("pad", "constant_pad_nd"), _pad),
    "repeat_interleave": _repeat_interleave,
    **dict.fromkeys(("upsample_nearest1d", "upsample_nearest2d"), _upsample),
}
"""The operations that change no value."""
