"""Shapes, and the arithmetic of sliding windows that every backend shares.

A shape leaves the batch axis out and puts channels last; ``None`` is an axis of unknown length.
"""

from __future__ import annotations

from math import prod
from typing import Literal

__all__ = [
    "Padding",
    "Shape",
    "ShapeError",
    "channels_last",
    "counted",
    "elements",
    "fill",
    "need_rank",
    "same_padding",
    "scatter_start",
    "show_shape",
    "transposed_length",
    "unit_name",
    "window_length",
]

Shape = tuple[int | None, ...]
Padding = Literal["same", "valid"]


class ShapeError(Exception):
    """A layer cannot take, or cannot undo, the shape that reaches it."""

    def __init__(self, message: str, *, wanted: str, got: str, help: str | None = None) -> None:
        super().__init__(message)
        self.message, self.wanted, self.got, self.help = message, wanted, got, help


def show_shape(shape: Shape) -> str:
    """A shape as the tables print it.

    >>> show_shape((None, 28))
    '(None, 28)'
    """
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def elements(shape: Shape) -> int | None:
    """How many numbers a sample of this shape holds; None where an axis is unknown."""
    return None if None in shape else prod(n for n in shape if n is not None)


def unit_name(unit: int, shape: tuple[int, ...]) -> int | str:
    """What a unit of a code is called: its number, or its index where the code has several axes, the last the fastest.

    >>> unit_name(24, (30,)), unit_name(56, (4, 4, 32))
    (24, '0,1,24')
    """
    if len(shape) == 1:
        return unit
    index: list[str] = []
    for length in reversed(shape):
        unit, place = divmod(unit, length)
        index.insert(0, str(place))
    return ",".join(index)


def fill(shape: Shape, length: int) -> Shape:
    """A shape with a length in place of each unknown one.

    >>> fill((None, 28), 5)
    (5, 28)
    """
    return tuple(length if n is None else n for n in shape)


def need_rank(shape: Shape, axes: str, *, help: str | None = None) -> None:
    """Refuse a shape that has not exactly these axes, named in words such as ``"height, width, channels"``."""
    if len(shape) != len(names := axes.split(", ")):
        help = help or _rearranged(shape, names)
        raise ShapeError("the input has the wrong number of axes", wanted=f"({axes})", got=show_shape(shape), help=help)


def _rearranged(shape: Shape, names: list[str]) -> str | None:
    """What to put before a layer that takes other axes."""
    lengths = [n for n in shape if n is not None]
    lacking = len(names) - len(lengths)
    if len(lengths) < len(shape):
        return None
    if lacking == 1 and names[-1] == "channels":
        return f"put `- reshape: {[*lengths, 1]}` before it to give each position one channel"
    values = counted(lengths[0], "value") if lengths else ""
    if names == ["steps", "features"] and len(lengths) == 1:
        return f"put `- reshape: [steps, features]` before it, {values} in all, or `- repeat_vector: steps`"
    if len(lengths) == 1:
        return f"put `- reshape: [{', '.join(names)}]` before it, {values} in all"
    if lacking < 0:
        merged = [*lengths[: len(names) - 1], prod(lengths[len(names) - 1 :])]
        batch = f"if the first is the batch, leave it out: `{lengths[1:]}`; else " if lacking == -1 else ""
        return f"{batch}put `- reshape: {merged}` before it to make one axis of the last {1 - lacking}"
    return None


def channels_last(shape: Shape) -> Shape | None:
    """A sample's shape with its channels last, where they seem to stand first.

    Those of an image are one or three, before more rows and columns; of a series they are few beside the others, which
    then are its steps: a dozen times as many, as in 9 signals of 128 steps, not in 10 words of 100 numbers each.

    >>> channels_last((3, 32, 32)), channels_last((9, 128)), channels_last((28, 28, 1)), channels_last((10, 100))
    ((32, 32, 3), (128, 9), None, None)
    """
    first, *others = shape or (None,)
    if first is None or len(others) not in (1, 2):
        return None
    few = first in (1, 3) if len(others) == 2 else others[0] is not None and 12 * first <= others[0]
    return (*others, first) if few and all(n is None or n >= 8 for n in others) else None


def window_length(n: int | None, size: int, stride: int, padding: Padding, dilation: int = 1) -> int | None:
    """The number of windows that a convolution or a pooling places on an axis.

    >>> window_length(7, 2, 2, "valid"), window_length(7, 2, 2, "same")
    (3, 4)
    """
    if n is None:
        return None
    reach = (size - 1) * dilation + 1
    if padding == "same":
        return -(-n // stride)
    if n < reach:
        raise ShapeError(
            "the window is longer than the axis it slides over",
            wanted=f"an axis of at least {reach}",
            got=f"an axis of {n}",
            help="use a smaller window, or `padding: same`",
        )
    return (n - reach) // stride + 1


def same_padding(n: int, size: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """What ``same`` adds before and after an axis: half of what lacks, the odd one after.

    >>> same_padding(28, 3, 2)
    (0, 1)
    """
    lacking = max((-(-n // stride) - 1) * stride + (size - 1) * dilation + 1 - n, 0)
    return lacking // 2, lacking - lacking // 2


def transposed_length(
    n: int | None, size: int, stride: int, padding: Padding, dilation: int = 1, output_padding: int = 0
) -> int | None:
    """How much of the full scatter, ``(n - 1) * stride + reach`` long, a transposed convolution keeps.

    >>> transposed_length(3, 3, 2, "valid"), transposed_length(7, 3, 2, "same")
    (7, 14)
    """
    if n is None:
        return None
    if padding == "same":
        return n * stride
    return (n - 1) * stride + max((size - 1) * dilation + 1, stride) + output_padding


def scatter_start(size: int, stride: int, padding: Padding, dilation: int = 1) -> int:
    """Where, in the full scatter of a transposed convolution, the part that is kept begins."""
    return max((size - 1) * dilation + 1 - stride, 0) // 2 if padding == "same" else 0


def counted(n: int, what: str = "sample") -> str:
    """A number of things, in words.

    >>> counted(1), counted(1797)
    ('1 sample', '1,797 samples')
    """
    return f"{n:,} {what}{'s' * (n != 1)}"
