"""Convolutions and transposed convolutions over one or two spatial axes."""

from math import prod
from typing import Any, ClassVar

from pydantic import Field, field_validator

from aespec.activations import Activation, Linear
from aespec.kind import Objections, combination, together
from aespec.layers.axes import Axes, Extras, per_axis
from aespec.layers.base import Example, Layer, Param, Weighted, known
from aespec.layers.dense import Units
from aespec.layers.pool import Pooling
from aespec.layers.resize import AXES, Cropping1D, Cropping2D, per_length, windows
from aespec.shapes import (
    Padding,
    Shape,
    ShapeError,
    elements,
    need_rank,
    same_padding,
    scatter_start,
    show_shape,
    transposed_length,
    window_length,
)

MAX_REACH = 65536
"""The longest stretch that a kernel with its dilation may span: what is padded has to fit in memory."""


class _Convolution(Weighted):
    """The fields that plain and transposed convolutions share."""

    rank: ClassVar[int]
    """Number of spatial axes."""

    filters: Units
    """Number of output channels."""
    kernel_size: Axes
    """Extent of the kernel: one number, or one for each spatial axis."""
    strides: Axes = Field(default=1, validate_default=True)
    """Step between windows: one number, or one for each spatial axis."""
    padding: Padding = "valid"
    """``valid``: windows stay inside. ``same``: the length is that of the input, divided (or multiplied) by the
    stride and rounded up; what lacks is zeros, the odd one after the end."""
    dilation_rate: Axes = Field(default=1, validate_default=True)
    """Distance between the kernel's elements; above 1 only where the stride is 1."""
    activation: Activation = Linear()
    """What the output goes through."""
    tied_to: str | None = Field(default=None, examples=["encoder/conv2d_1"])
    """The layer whose kernel this one uses instead of its own, as ``encoder/conv2d_1``: a convolution for a
    transposed one, a transposed one for a convolution."""

    @field_validator("kernel_size", "strides", "dilation_rate", mode="before")
    @classmethod
    def _for_each_axis(cls, value: Any) -> Any:
        return per_axis(value, cls.rank)

    @together("strides", "dilation_rate")
    def _strides_or_dilation(self) -> Objections:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            yield combination(
                "`strides` and `dilation_rate` are both above 1",
                field="dilation_rate",
                wanted="at most one of them above 1",
                help="not all frameworks have a meaning for both; drop one",
            )

    @together("kernel_size", "dilation_rate")
    def _within_reach(self) -> Objections:
        if max(self.reach) > MAX_REACH:
            yield combination(
                f"the kernel reaches over {max(self.reach):,} positions",
                field="dilation_rate",
                wanted=f"at most {MAX_REACH:,}",
                help="use a smaller `kernel_size` or `dilation_rate`",
            )

    @property
    def reach(self) -> tuple[int, ...]:
        """How far the kernel extends on each spatial axis, its dilation counted."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel_size, self.dilation_rate, strict=True))

    @property
    def window(self) -> tuple[int, ...]:
        """The kernel's reach."""
        return self.reach


class _Conv(_Convolution):
    tied_transposed = False

    def infer(self, x: Shape) -> Shape:
        """(spatial..., channels) -> (spatial..., filters)."""
        need_rank(x, AXES[self.rank])
        known(x, -1, "channels")
        lengths = zip(x[:-1], self.kernel_size, self.strides, self.dilation_rate, strict=True)
        return (*(window_length(n, k, s, self.padding, d) for n, k, s, d in lengths), self.filters)

    def params(self, x: Shape) -> dict[str, Param]:
        """Kernel (size..., channels, filters), bias (filters,)."""
        return {**self.kernel(*self.kernel_size, known(x, -1, "channels"), self.filters), **self.bias(self.filters)}

    def multiply_adds(self, x: Shape) -> int | None:
        """The kernel's elements at each output position."""
        positions = elements(self.infer(x)[:-1])
        return positions and positions * prod(self.kernel_size) * known(x, -1, "channels") * self.filters

    def folds(self, pool: Layer) -> bool:
        """A pooling over the same axes folds into the stride of the transposed convolution."""
        return isinstance(pool, Pooling) and pool.rank == self.rank and max(self.dilation_rate) == 1

    def note(self, x: Shape) -> str:
        """What the windows are."""
        return per_length(x, self.infer(x), windows(self.reach, self.strides))

    def mirror(self, x: Shape, *, pool: Layer | None = None, output: bool = False) -> tuple[Layer, ...]:
        """A transposed convolution of the same kernel size, whose padding brings the lengths back."""
        y, strides = self.infer(x), self.strides
        if isinstance(pool, Pooling):
            y, strides = pool.infer(y), tuple(s * p for s, p in zip(strides, pool.steps, strict=True))
        padding, extra, excess = self._fit(y[:-1], x[:-1], strides, folded=pool is not None)
        back = _TRANSPOSED[self.rank](
            filters=known(x, -1, "channels"),
            kernel_size=self.kernel_size,
            strides=strides,
            padding=padding,
            output_padding=extra,
            dilation_rate=self.dilation_rate,
            **self.alike(),
        )
        if not any(excess):
            return (back,)
        return back, _CROPPING[self.rank](
            cropping=tuple(
                self._split(axis, n, cut, padding, strides[axis], folded=pool is not None)
                for axis, (n, cut) in enumerate(zip(x[:-1], excess, strict=True))
            )
        )

    def _fit(
        self, y: Shape, x: Shape, strides: tuple[int, ...], *, folded: bool
    ) -> tuple[Padding, tuple[int, ...], tuple[int, ...]]:
        """The padding that comes nearest to ``x``, what it needs added at the end and what it has too much."""
        fits: list[tuple[int, Padding, tuple[int, ...], tuple[int, ...]]] = []
        for padding in ("same", "valid"):
            lacks = [
                self._lack(axis, n, t, strides[axis], padding, folded=folded)
                for axis, (n, t) in enumerate(zip(y, x, strict=True))
            ]
            if any(lack is None for lack in lacks):
                continue
            gaps = [lack for lack in lacks if lack is not None]
            extra, excess = tuple(max(gap, 0) for gap in gaps), tuple(max(-gap, 0) for gap in gaps)
            fits.append((sum(extra) + sum(excess), padding, extra, excess))
        if not fits:
            raise ShapeError(
                "no transposed convolution brings the lengths back",
                wanted=f"a way from {show_shape(y)} to {show_shape(x)}",
                got=f"kernel {list(self.kernel_size)}, strides {list(strides)}",
                help="state the lengths in `input`, or write the decoder out",
            )
        _, padding, extra, excess = min(fits, key=lambda fit: fit[0])
        return padding, extra, excess

    def _lack(
        self, axis: int, n: int | None, target: int | None, stride: int, padding: Padding, *, folded: bool
    ) -> int | None:
        """What one axis lacks to reach its target, negative for an excess, None where nothing can help."""
        length = transposed_length(n, self.kernel_size[axis], stride, padding, self.dilation_rate[axis])
        if length is None or target is None:
            return 0 if stride == 1 and padding == self.padding and not folded else None
        gap = target - length
        possible = gap <= 0 or (padding == "valid" and gap < min(stride, self.reach[axis]))
        return gap if possible else None

    def _split(
        self, axis: int, n: int | None, cut: int, padding: Padding, stride: int, *, folded: bool
    ) -> tuple[int, int]:
        """What to crop before and after, so that each window lands where the convolution took it from."""
        k, d = self.kernel_size[axis], self.dilation_rate[axis]
        taken = same_padding(n, k, stride, d)[0] if self.padding == "same" and n is not None and not folded else 0
        before = min(max(taken - scatter_start(k, stride, padding, d), 0), cut)
        return before, cut - before


class _ConvTranspose(_Convolution):
    tied_transposed = False

    output_padding: Extras = Field(default=0, validate_default=True)
    """Positions added at the end of each spatial axis, which only the bias reaches; with ``padding: valid`` only,
    and below the stride."""

    @field_validator("output_padding", mode="before")
    @classmethod
    def _for_each_axis_too(cls, value: Any) -> Any:
        return per_axis(value, cls.rank)

    @together("output_padding", "padding", "strides", "kernel_size", "dilation_rate")
    def _padding_within_bounds(self) -> Objections:
        limits = [min(s, r) for s, r in zip(self.strides, self.reach, strict=True)]
        if any(self.output_padding) and self.padding == "same":
            yield combination(
                "`output_padding` needs `padding: valid`",
                field="output_padding",
                wanted="`padding: valid`",
                help="remove `output_padding`: with `same` the length comes out times the strides",
            )
        elif any(not 0 <= p < limit for p, limit in zip(self.output_padding, limits, strict=True)):
            yield combination(
                f"`output_padding` {list(self.output_padding)} reaches beyond the stride or the kernel",
                field="output_padding",
                wanted=f"from 0 to {[limit - 1 for limit in limits]}",
                help="remove `output_padding`, which is for strides above 1" if max(limits) == 1 else None,
            )

    def infer(self, x: Shape) -> Shape:
        """(spatial..., channels) -> (spatial..., filters)."""
        need_rank(x, AXES[self.rank])
        known(x, -1, "channels")
        lengths = zip(x[:-1], self.kernel_size, self.strides, self.dilation_rate, self.output_padding, strict=True)
        return (*(transposed_length(n, k, s, self.padding, d, p) for n, k, s, d, p in lengths), self.filters)

    def params(self, x: Shape) -> dict[str, Param]:
        """Kernel (size..., filters, channels), bias (filters,)."""
        return {**self.kernel(*self.kernel_size, self.filters, known(x, -1, "channels")), **self.bias(self.filters)}

    def multiply_adds(self, x: Shape) -> int | None:
        """The kernel's elements at each input position."""
        n = elements(x)
        return n and n * prod(self.kernel_size) * self.filters

    def mirror(self, x: Shape, *, pool: Layer | None = None, output: bool = False) -> tuple[Layer, ...]:
        """A convolution of the same window."""
        return (
            _PLAIN[self.rank](
                filters=known(x, -1, "channels"),
                kernel_size=self.kernel_size,
                strides=self.strides,
                padding=self.padding,
                dilation_rate=self.dilation_rate,
                **self.alike(),
            ),
        )

    def note(self, x: Shape) -> str:
        """What each padding would give, for each spatial axis, and where kernels lie apart."""
        axes = zip(x[:-1], self.reach, self.strides, self.output_padding, strict=True)
        ways = [_what_paddings_give(*axis) + _what_is_reached(*axis[1:3]) for axis in axes]
        return per_length(x, self.infer(x), ways)


def _what_is_reached(reach: int, stride: int) -> str:
    return (
        f", and kernels of {reach}, one every {stride}, reach {reach} of {stride} positions" if reach < stride else ""
    )


def _what_paddings_give(n: int | None, reach: int, stride: int, extra: int) -> str:
    if n is None:
        longer, more = "n" if stride == 1 else f"{stride}n", max(reach - stride, 0)
        return f"of a length n `same` makes {longer}, `valid` makes {f'{longer} + {more}' if more else longer}"
    same, valid = (transposed_length(n, reach, stride, padding) for padding in ("same", "valid"))
    if extra:
        return f"`same` gives {same}, `valid` {valid}, and only `valid` takes an `output_padding`"
    return f"`same` and `valid` both give {same}" if same == valid else f"`same` gives {same}, `valid` gives {valid}"


class Conv1D(_Conv):
    """Convolution over time: ``y = activation(conv(x, kernel) + bias)`` (a cross-correlation, as everywhere)."""

    kind = "conv1d"
    rank = 1
    ties_with = ("conv1d_transpose",)
    examples = (
        Example({"filters": 2, "kernel_size": 3, "padding": "same", "activation": "relu"}, input=(7, 3)),
        Example({"filters": 2, "kernel_size": 2, "dilation_rate": 2, "use_bias": False}, input=(8, 2)),
        Example({"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same"}, input=(None, 2)),
    )


class Conv2D(_Conv):
    """Convolution over images: ``y = activation(conv(x, kernel) + bias)`` (a cross-correlation, as everywhere)."""

    kind = "conv2d"
    rank = 2
    ties_with = ("conv2d_transpose",)
    examples = (
        Example({"filters": 3, "kernel_size": 3, "padding": "same", "activation": "selu"}, input=(6, 5, 2)),
        Example({"filters": 2, "kernel_size": [3, 2], "strides": [2, 1]}, input=(7, 6, 1)),
        Example({"filters": 2, "kernel_size": 3, "dilation_rate": 2, "padding": "same"}, input=(7, 8, 2)),
    )


class Conv1DTranspose(_ConvTranspose):
    """Transposed convolution over time: each step scatters the kernel, and what overlaps is added."""

    kind = "conv1d_transpose"
    elsewhere = ("Deconv1d",)
    rank = 1
    ties_with = ("conv1d",)
    examples = (
        Example({"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same"}, input=(4, 3)),
        Example({"filters": 2, "kernel_size": 3, "strides": 2, "output_padding": 1}, input=(3, 2)),
        Example({"filters": 2, "kernel_size": 3, "dilation_rate": 2}, input=(5, 2)),
    )


class Conv2DTranspose(_ConvTranspose):
    """Transposed convolution over images: each position scatters the kernel, and what overlaps is added."""

    kind = "conv2d_transpose"
    elsewhere = ("Deconv2d", "deconv", "upconv")
    rank = 2
    ties_with = ("conv2d",)
    examples = (
        Example({"filters": 2, "kernel_size": 3, "strides": 2, "activation": "selu"}, input=(3, 3, 4)),
        Example({"filters": 1, "kernel_size": 3, "strides": 2, "padding": "same"}, input=(4, 5, 2)),
        Example({"filters": 2, "kernel_size": [3, 2], "strides": [3, 2], "output_padding": [2, 1]}, input=(2, 3, 2)),
    )


_PLAIN: dict[int, type[_Conv]] = {1: Conv1D, 2: Conv2D}
_TRANSPOSED: dict[int, type[_ConvTranspose]] = {1: Conv1DTranspose, 2: Conv2DTranspose}
_CROPPING: dict[int, type[Cropping1D] | type[Cropping2D]] = {1: Cropping1D, 2: Cropping2D}
