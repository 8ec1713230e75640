"""The layers that slide a window over one or two spatial axes: convolutions and poolings."""

# mypy: disable-error-code=no-any-return
# (NumPy's stubs say Any for the arithmetic of two arrays whose precision is open.)
from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from aespec.layers.conv import Conv1D, Conv1DTranspose, Conv2D, Conv2DTranspose
from aespec.layers.pool import (
    AveragePool1D,
    AveragePool2D,
    GlobalAveragePool1D,
    GlobalAveragePool2D,
    MaxPool1D,
    MaxPool2D,
)
from aespec.shapes import same_padding, scatter_start, transposed_length
from aespec_numpy.table import Array, activate, lowerings

__all__: list[str] = []

Params = Mapping[str, Array]


@lowerings(Conv1D, Conv2D)
def _conv(layer: Conv1D | Conv2D, params: Params, x: Array) -> Array:
    if layer.padding == "same":
        x = _pad_same(x, layer.kernel_size, layer.strides, layer.dilation_rate)
    seen = _windows(x, layer.kernel_size, layer.strides, layer.dilation_rate)
    # The last axes of what is seen, (size..., channels), are the first of the kernel.
    y = np.tensordot(seen, params["kernel"], axes=layer.rank + 1)
    return activate(layer.activation, y + params.get("bias", 0))


@lowerings(Conv1DTranspose, Conv2DTranspose)
def _conv_transpose(layer: Conv1DTranspose | Conv2DTranspose, params: Params, x: Array) -> Array:
    y = _scatter(x, params["kernel"], layer.strides, layer.dilation_rate)
    fields = layer.kernel_size, layer.strides, layer.dilation_rate, layer.output_padding
    for axis, (n, k, s, d, extra) in enumerate(zip(x.shape[1:-1], *fields, strict=True), start=1):
        length = transposed_length(n, k, s, layer.padding, d, extra)
        assert length is not None  # only that of an unknown n is
        y = _keep(y, axis, scatter_start(k, s, layer.padding, d), length)
    return activate(layer.activation, y + params.get("bias", 0))


@lowerings(MaxPool1D, MaxPool2D)
def _max_pool(layer: MaxPool1D | MaxPool2D, params: Params, x: Array) -> Array:
    if layer.padding == "same":
        x = _pad_same(x, layer.pool_size, layer.steps, fill=-np.inf)
    return _windows(x, layer.pool_size, layer.steps).max(axis=_size_axes(layer.rank))


@lowerings(AveragePool1D, AveragePool2D)
def _average_pool(layer: AveragePool1D | AveragePool2D, params: Params, x: Array) -> Array:
    counts = np.ones_like(x)
    if layer.padding == "same":
        x = _pad_same(x, layer.pool_size, layer.steps)
        counts = _pad_same(counts, layer.pool_size, layer.steps)
    total, count = (
        _windows(values, layer.pool_size, layer.steps).sum(axis=_size_axes(layer.rank)) for values in (x, counts)
    )
    return total / count


@lowerings(GlobalAveragePool1D, GlobalAveragePool2D)
def _global_average_pool(layer: GlobalAveragePool1D | GlobalAveragePool2D, params: Params, x: Array) -> Array:
    return x.mean(axis=tuple(range(1, x.ndim - 1)))


def _windows(x: Array, size: Sequence[int], strides: Sequence[int], dilation: Sequence[int] | None = None) -> Array:
    """Every window of x: (batch, spatial..., channels) -> (batch, windows..., size..., channels)."""
    dilation = dilation or [1] * len(size)
    reach = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    seen = np.moveaxis(sliding_window_view(x, reach, axis=tuple(range(1, 1 + len(size)))), 1 + len(size), -1)
    return seen[:, *(slice(None, None, s) for s in strides), *(slice(None, None, d) for d in dilation)]


def _scatter(x: Array, kernel: Array, strides: Sequence[int], dilation: Sequence[int]) -> Array:
    """Every position's copy of the kernel, added where they overlap: ``(n - 1) * stride + reach`` long."""
    batch, *lengths, _ = x.shape
    *size, filters, _ = kernel.shape
    reach = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    full = [(n - 1) * s + r for n, s, r in zip(lengths, strides, reach, strict=True)]
    canvas = np.zeros((batch, *full, filters), x.dtype)
    for position in np.ndindex(*lengths):
        lands = (slice(i * s, i * s + r, d) for i, s, r, d in zip(position, strides, reach, dilation, strict=True))
        # (batch, channels) by (size..., filters, channels) gives (batch, size..., filters)
        canvas[:, *lands] += np.tensordot(x[:, *position], kernel, axes=(-1, -1))
    return canvas


def _keep(y: Array, axis: int, start: int, length: int) -> Array:
    """Part of an axis; beyond its end are zeros."""
    lacking = max(start + length - y.shape[axis], 0)
    y = np.pad(y, [(0, lacking if other == axis else 0) for other in range(y.ndim)])
    return np.take(y, np.arange(start, start + length), axis)


def _size_axes(rank: int) -> tuple[int, ...]:
    """The axes of a window among those of all windows."""
    return tuple(range(-rank - 1, -1))


def _pad_same(
    x: Array, size: Sequence[int], strides: Sequence[int], dilation: Sequence[int] | None = None, fill: float = 0.0
) -> Array:
    dilation = dilation or [1] * len(size)
    margins = map(same_padding, x.shape[1:-1], size, strides, dilation)
    return np.pad(x, ((0, 0), *margins, (0, 0)), constant_values=fill)
