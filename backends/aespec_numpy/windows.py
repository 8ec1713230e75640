"""The layers that slide a window over one or two spatial axes: convolutions and poolings."""

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
    # seen is (batch, windows..., channels, size...) and the kernel (size..., channels, filters)
    size_axes = list(range(layer.rank))
    y = np.tensordot(seen, params["kernel"], ([*range(-layer.rank, 0), -layer.rank - 1], [*size_axes, layer.rank]))
    return activate(layer.activation, y + params.get("bias", 0))


@lowerings(Conv1DTranspose, Conv2DTranspose)
def _conv_transpose(layer: Conv1DTranspose | Conv2DTranspose, params: Params, x: Array) -> Array:
    batch, *lengths, _ = x.shape
    kept = [
        transposed_length(n, k, s, layer.padding, d, p) or 0
        for n, k, s, d, p in zip(
            lengths, layer.kernel_size, layer.strides, layer.dilation_rate, layer.output_padding, strict=True
        )
    ]
    start = [
        scatter_start(k, s, layer.padding, d)
        for k, s, d in zip(layer.kernel_size, layer.strides, layer.dilation_rate, strict=True)
    ]
    full = [(n - 1) * s + reach for n, s, reach in zip(lengths, layer.strides, layer.reach, strict=True)]
    # What is kept may reach beyond the scatter, where nothing lands.
    canvas = np.zeros((batch, *map(max, full, map(sum, zip(start, kept, strict=True))), layer.filters), x.dtype)
    for element in np.ndindex(*layer.kernel_size):
        lands = (
            slice(e * d, e * d + (n - 1) * s + 1, s)
            for e, d, n, s in zip(element, layer.dilation_rate, lengths, layer.strides, strict=True)
        )
        canvas[:, *lands] += x @ params["kernel"][element].T  # (filters, channels), transposed
    y = canvas[:, *(slice(a, a + n) for a, n in zip(start, kept, strict=True))]
    return activate(layer.activation, y + params.get("bias", 0))


@lowerings(MaxPool1D, MaxPool2D)
def _max_pool(layer: MaxPool1D | MaxPool2D, params: Params, x: Array) -> Array:
    if layer.padding == "same":
        x = _pad_same(x, layer.pool_size, layer.steps, fill=-np.inf)
    return _windows(x, layer.pool_size, layer.steps).max(axis=tuple(range(-layer.rank, 0)))


@lowerings(AveragePool1D, AveragePool2D)
def _average_pool(layer: AveragePool1D | AveragePool2D, params: Params, x: Array) -> Array:
    counts = np.ones_like(x)
    if layer.padding == "same":
        x = _pad_same(x, layer.pool_size, layer.steps)
        counts = _pad_same(counts, layer.pool_size, layer.steps)
    window = tuple(range(-layer.rank, 0))
    total, count = (_windows(values, layer.pool_size, layer.steps).sum(axis=window) for values in (x, counts))
    return total / count


@lowerings(GlobalAveragePool1D, GlobalAveragePool2D)
def _global_average_pool(layer: GlobalAveragePool1D | GlobalAveragePool2D, params: Params, x: Array) -> Array:
    return x.mean(axis=tuple(range(1, x.ndim - 1)))


def _windows(x: Array, size: Sequence[int], strides: Sequence[int], dilation: Sequence[int] | None = None) -> Array:
    """Every window of x: (batch, spatial..., channels) -> (batch, windows..., channels, size...)."""
    dilation = dilation or [1] * len(size)
    reach = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    seen = sliding_window_view(x, reach, axis=tuple(range(1, 1 + len(size))))
    return seen[:, *(slice(None, None, s) for s in strides), :, *(slice(None, None, d) for d in dilation)]


def _pad_same(
    x: Array, size: Sequence[int], strides: Sequence[int], dilation: Sequence[int] | None = None, fill: float = 0.0
) -> Array:
    dilation = dilation or [1] * len(size)
    margins = map(same_padding, x.shape[1:-1], size, strides, dilation)
    return np.pad(x, ((0, 0), *margins, (0, 0)), constant_values=fill)
