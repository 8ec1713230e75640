"""Layers that change lengths without weights: upsampling, zero padding, cropping."""

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from aespec.layers.axes import MARGIN, Axes, Margins, per_axis
from aespec.layers.base import Example, Layer
from aespec.shapes import Shape, ShapeError, need_rank, show_shape

AXES = {1: "steps, channels", 2: "height, width, channels"}
"""What a shape of each spatial rank is made of."""


class _UpSampling(Layer):
    rank: ClassVar[int]

    size: Axes = Field(default=2, validate_default=True)
    """How often each position is repeated: one number, or one for each spatial axis."""

    @field_validator("size", mode="before")
    @classmethod
    def _for_each_axis(cls, value: Any) -> Any:
        return per_axis(value, cls.rank)

    def infer(self, x: Shape) -> Shape:
        """(spatial..., channels) -> (more..., channels)."""
        need_rank(x, AXES[self.rank])
        return (*(n and n * s for n, s in zip(x[:-1], self.size, strict=True)), x[-1])

    def note(self, x: Shape) -> str:
        """How often positions are repeated."""
        return per_length(x, self.infer(x), [f"each position {s} times" for s in self.size])

    def mirror(self, x: Shape, *, pool: Layer | None = None, output: bool = False) -> tuple[Layer, ...]:
        """The mean of what was repeated."""
        from aespec.layers.pool import AveragePool1D, AveragePool2D

        return ((AveragePool1D if self.rank == 1 else AveragePool2D)(pool_size=self.size),)


class UpSampling1D(_UpSampling):
    """Each step repeated."""

    kind = "upsampling1d"
    main = "size"
    rank = 1
    moves_only = True
    examples = (Example({"size": 3}, input=(4, 2)), Example({"size": 2}, input=(None, 2)))


class UpSampling2D(_UpSampling):
    """Each pixel repeated (nearest neighbour)."""

    kind = "upsampling2d"
    elsewhere = ("Upsample", "Interpolate")
    main = "size"
    rank = 2
    moves_only = True
    examples = (Example({"size": 2}, input=(2, 3, 2)), Example({"size": [3, 1]}, input=(2, 3, 2)))


class _Margin(Layer):
    rank: ClassVar[int]

    @classmethod
    def _for_each_side(cls, value: Any) -> Any:
        pairs = [
            tuple(pair) if isinstance(pair, (list, tuple)) else (pair, pair)
            for pair in per_axis((value,) if cls.rank == 1 and _is_pair(value) else value, cls.rank)
        ]
        if any(len(pair) != 2 or any(isinstance(n, int) and not 0 <= n <= MARGIN for n in pair) for pair in pairs):
            raise PydanticCustomError(
                "axes", "a margin is out of bounds", {"wanted": f"0 to {MARGIN}, as `n` or as `[before, after]`"}
            )
        return tuple(pairs)


class _ZeroPadding(_Margin):
    padding: Margins = Field(default=1, validate_default=True)
    """Zeros to add: one number for all sides, one for each spatial axis, or ``[before, after]`` for each."""

    @field_validator("padding", mode="before")
    @classmethod
    def _each_side(cls, value: Any) -> Any:
        return cls._for_each_side(value)

    def infer(self, x: Shape) -> Shape:
        """(spatial..., channels) -> (more..., channels)."""
        need_rank(x, AXES[self.rank])
        return (*(n and n + sum(margin) for n, margin in zip(x[:-1], self.padding, strict=True)), x[-1])

    def note(self, x: Shape) -> str:
        """What is added."""
        return per_length(x, self.infer(x), _margins("zeros added", self.padding))

    def mirror(self, x: Shape, *, pool: Layer | None = None, output: bool = False) -> tuple[Layer, ...]:
        """A cropping of the same margins."""
        return ((Cropping1D if self.rank == 1 else Cropping2D)(cropping=self.padding),)


class ZeroPadding1D(_ZeroPadding):
    """Zeros before the first and after the last step."""

    kind = "zero_padding1d"
    main = "padding"
    rank = 1
    examples = (Example({"padding": 1}, input=(3, 2)), Example({"padding": [[2, 0]]}, input=(3, 2)))


class ZeroPadding2D(_ZeroPadding):
    """Zeros around the image."""

    kind = "zero_padding2d"
    main = "padding"
    rank = 2
    examples = (
        Example({"padding": 1}, input=(3, 2, 2)),
        Example({"padding": [2, 0]}, input=(3, 2, 2)),
        Example({"padding": [[0, 1], [2, 0]]}, input=(3, 2, 2)),
    )


class _Cropping(_Margin):
    cropping: Margins = Field(default=1, validate_default=True)
    """Positions to drop: one number for all sides, one for each spatial axis, or ``[before, after]`` for each."""

    @field_validator("cropping", mode="before")
    @classmethod
    def _each_side(cls, value: Any) -> Any:
        return cls._for_each_side(value)

    def infer(self, x: Shape) -> Shape:
        """(spatial..., channels) -> (fewer..., channels)."""
        need_rank(x, AXES[self.rank])
        for n, margin in zip(x[:-1], self.cropping, strict=True):
            if n is not None and n <= sum(margin):
                raise ShapeError(
                    "cropping leaves nothing",
                    wanted=f"an axis longer than {sum(margin)}",
                    got=show_shape(x),
                    help=f"crop fewer than {n} positions",
                )
        return (*(n and n - sum(margin) for n, margin in zip(x[:-1], self.cropping, strict=True)), x[-1])

    def note(self, x: Shape) -> str:
        """What is dropped."""
        return per_length(x, self.infer(x), _margins("dropped", self.cropping))

    def mirror(self, x: Shape, *, pool: Layer | None = None, output: bool = False) -> tuple[Layer, ...]:
        """Zeros where positions were dropped."""
        return ((ZeroPadding1D if self.rank == 1 else ZeroPadding2D)(padding=self.cropping),)


class Cropping1D(_Cropping):
    """The first and last steps dropped."""

    kind = "cropping1d"
    main = "cropping"
    rank = 1
    moves_only = True
    examples = (Example({"cropping": 1}, input=(5, 2)), Example({"cropping": [[2, 0]]}, input=(5, 2)))


class Cropping2D(_Cropping):
    """The border of the image dropped."""

    kind = "cropping2d"
    main = "cropping"
    rank = 2
    moves_only = True
    examples = (
        Example({"cropping": 1}, input=(5, 4, 2)),
        Example({"cropping": [[0, 1], [2, 0]]}, input=(5, 4, 2)),
    )


def per_length(x: Shape, y: Shape, ways: Sequence[str]) -> str:
    """What happens to each spatial axis, in words; axes to which the same happens are told once, an empty way never."""
    axes = zip(x[:-1], y[:-1], ways, strict=True)
    return "; ".join(dict.fromkeys(way if n is None else f"{n} -> {m}: {way}" for n, m, way in axes if way))


def _margins(what: str, margins: Sequence[tuple[int, int]]) -> list[str]:
    return [f"{what}: {a} before, {b} after" if a or b else "" for a, b in margins]


def windows(extents: Sequence[int], steps: Sequence[int]) -> list[str]:
    """What slides over each spatial axis, in words."""
    return [f"windows of {extent}, one every {step}" for extent, step in zip(extents, steps, strict=True)]


def stretch(sizes: tuple[int, ...], gaps: Sequence[int]) -> tuple[Layer, ...]:
    """Layers that repeat each position and then fill (gap above 0) or crop (below) the end of each axis."""
    upsampling, padding, cropping = (
        (UpSampling1D, ZeroPadding1D, Cropping1D) if len(sizes) == 1 else (UpSampling2D, ZeroPadding2D, Cropping2D)
    )
    layers: list[Layer] = [upsampling(size=sizes)]
    if any(gap > 0 for gap in gaps):
        layers.append(padding(padding=tuple((0, max(gap, 0)) for gap in gaps)))
    if any(gap < 0 for gap in gaps):
        layers.append(cropping(cropping=tuple((0, max(-gap, 0)) for gap in gaps)))
    return tuple(layers)


def _is_pair(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 2 and all(isinstance(n, int) for n in value)
