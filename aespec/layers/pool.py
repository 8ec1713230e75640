"""Poolings: the largest or the mean value of a window."""

from typing import Any, ClassVar

from pydantic import Field, field_validator

from aespec.layers.arrange import Reshape
from aespec.layers.axes import Axes, per_axis
from aespec.layers.base import Example, Layer, known
from aespec.layers.resize import AXES, per_length, stretch, windows
from aespec.shapes import Padding, Shape, need_rank, window_length


class Pooling(Layer):
    """The fields and rules that poolings share."""

    main = "pool_size"
    rank: ClassVar[int]
    """Number of spatial axes."""

    pool_size: Axes = Field(default=2, validate_default=True)
    """Extent of the window: one number, or one for each spatial axis."""
    strides: Axes | None = None
    """Step between windows; the window's own extent where not stated."""
    padding: Padding = "valid"
    """``valid``: windows stay inside. ``same``: windows may reach beyond the end, where nothing counts."""

    @field_validator("pool_size", "strides", mode="before")
    @classmethod
    def _for_each_axis(cls, value: Any) -> Any:
        return None if value is None else per_axis(value, cls.rank)

    @property
    def window(self) -> tuple[int, ...]:
        """What is pooled."""
        return self.pool_size

    @property
    def steps(self) -> tuple[int, ...]:
        """The stride on each spatial axis."""
        return self.strides or self.pool_size

    def infer(self, x: Shape) -> Shape:
        """(spatial..., channels) -> (fewer..., channels)."""
        need_rank(x, AXES[self.rank])
        lengths = zip(x[:-1], self.pool_size, self.steps, strict=True)
        return (*(window_length(n, k, s, self.padding) for n, k, s in lengths), x[-1])

    def note(self, x: Shape) -> str:
        """What the windows are."""
        return per_length(x, self.infer(x), windows(self.pool_size, self.steps))

    def mirror(self, x: Shape, *, pool: Layer | None = None, output: bool = False) -> tuple[Layer, ...]:
        """An upsampling, cropped or filled with zeros at the end to the lengths before."""
        sizes = self.infer(x)[:-1]
        lengths = [known(x, axis, "positions") for axis in range(self.rank)]
        gaps = [t - (n or 0) * s for t, n, s in zip(lengths, sizes, self.steps, strict=True)]
        return stretch(self.steps, gaps)


_OVER_TIME = (
    Example({"pool_size": 2}, input=(7, 2)),
    Example({"pool_size": 3, "strides": 2, "padding": "same"}, input=(8, 2)),
)
_OVER_IMAGES = (
    Example({"pool_size": 2}, input=(5, 4, 2)),
    Example({"pool_size": [3, 2], "strides": 2, "padding": "same"}, input=(6, 5, 2)),
)


class MaxPool1D(Pooling):
    """The largest value of each window, over time."""

    kind = "max_pool1d"
    rank = 1
    examples = _OVER_TIME


class MaxPool2D(Pooling):
    """The largest value of each window, over images."""

    kind = "max_pool2d"
    rank = 2
    examples = _OVER_IMAGES


class AveragePool1D(Pooling):
    """The mean of each window, over time; positions beyond the end do not count."""

    kind = "average_pool1d"
    rank = 1
    examples = _OVER_TIME


class AveragePool2D(Pooling):
    """The mean of each window, over images; positions beyond the end do not count."""

    kind = "average_pool2d"
    rank = 2
    examples = _OVER_IMAGES


class _GlobalAveragePool(Layer):
    rank: ClassVar[int]

    def infer(self, x: Shape) -> Shape:
        """(spatial..., channels) -> (channels,)."""
        need_rank(x, AXES[self.rank])
        return x[-1:]

    def mirror(self, x: Shape, *, pool: Layer | None = None, output: bool = False) -> tuple[Layer, ...]:
        """The same value at every position."""
        lengths = tuple(known(x, axis, "positions") for axis in range(self.rank))
        ones = Reshape(target_shape=(*(1 for _ in lengths), known(x, -1, "channels")))
        return (ones, *stretch(lengths, [0] * self.rank))


class GlobalAveragePool1D(_GlobalAveragePool):
    """The mean of each channel over all steps."""

    kind = "global_average_pool1d"
    elsewhere = ("AdaptiveAvgPool1d",)
    rank = 1
    examples = (Example(input=(4, 3)), Example(input=(None, 2)))


class GlobalAveragePool2D(_GlobalAveragePool):
    """The mean of each channel over the whole image."""

    kind = "global_average_pool2d"
    elsewhere = ("AdaptiveAvgPool2d",)
    rank = 2
    examples = (Example(input=(4, 3, 2)),)
